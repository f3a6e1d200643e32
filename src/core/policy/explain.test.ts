import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  commit,
  day,
  facts,
  file,
  inForce,
  keyring,
  nodeAcceleration,
  record,
} from '../../../test/fakes/governed-change.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import type { Facts } from '../facts/facts.ts'
import { asInstant, type Instant } from '../ids.ts'
import { evaluate } from './evaluate.ts'
import { explain, inertMarkdown, inertPlain } from './explain.ts'
import { reasonCodes, reasonText } from './reason-codes.ts'

const judge = (of: Facts, approvals: readonly AdmittedStatement[] = [], at: Instant = day(100)) =>
  evaluate({ policy: inForce(), facts: of, approvals, keyring, at }, nodeAcceleration)
const change = facts()
const signed = (count: number) => ['m1', 'm2', 'm3'].slice(0, count).map((login) => record(change, login))
const title = (of: Facts, approvals: readonly AdmittedStatement[] = [], at: Instant = day(100)) =>
  explain(judge(of, approvals, at)).title

test('the title says in one line what is there and what is missing', () => {
  assert.equal(title(change, signed(2), day(49)), '2 of 3 signatures, 12 days left')
  assert.equal(title(change, signed(3), asInstant(day(61) - 1)), '3 of 3 signatures, 1 minute left')
  assert.equal(title(change, signed(3), asInstant(day(60) + 1)), '3 of 3 signatures, 24 hours left')
  assert.equal(title(change, signed(3)), '3 of 3 signatures, review over')
  assert.equal(title(facts({ merge: { state: 'conflict' } }), signed(3)), 'Merge conflict, 3 of 3 signatures')
  assert.equal(title(change, [...signed(3), record(change, 'm5', 'veto')]), 'Vetoed, 3 of 3 signatures')
  assert.equal(title(facts({ clock: null })), '0 of 3 signatures, review clock not running')
  assert.equal(
    title(facts({ repository: { ...change.repository, name: 'evil/`x`' } })),
    'Cannot be judged: unknown-repository',
  )
})

test('what is missing is told line by line, persons by name where there is one', () => {
  const verdict = judge(change, signed(2), day(49))
  const name = keyring.persons.find(({ login }) => login === 'm1')
  const { missing } = explain(verdict, 'plain', (account) => (account === name?.account ? 'm1' : null))
  assert.match(missing[0] ?? '', /^1 signature from layer-4: /)
  assert.match(missing.at(-1) ?? '', /^review until /)
  assert.deepEqual(explain({ ...verdict, missing: [] }).missing, [])
})

test('a title of several quorums tells the one that lacks most', () => {
  const of = facts({
    repository: { ...change.repository, name: 'acme/governance' },
    governance: {
      inForceCommit: commit('in force'),
      inForceEpoch: 3,
      baseDiffers: [],
      mergeDiffers: [],
      proposedPolicy: null,
      proposedFaults: [],
    },
  })
  assert.match(title(of), /^0 of 5 signatures/)
  const five = ['m1', 'm2', 'm3', 'm4', 'm5'].map((login) => record(of, login))
  assert.match(title(of, five), /^0 of 2 signatures/)
})

test('the title of a pass leaves out none of its quorums', () => {
  const passed = judge(change, signed(3))
  const [one] = passed.counted
  assert.ok(one)
  const two = { ...one, set: 'emergency', required: 2, persons: one.persons.slice(0, 2) }
  assert.equal(explain({ ...passed, counted: [two, one] }).title, '3 of 3 + 2 of 2 signatures, review over')
})

test('every node is told in words, in both forms', () => {
  const verdict = judge(change, [...signed(3), record(change, 'm5', 'veto')])
  for (const form of ['plain', 'markdown'] as const) {
    const { lines } = explain(verdict, form)
    const text = lines.join('\n')
    assert.match(text, /3 of 3 signatures from layer-4/)
    assert.match(text, /Vetoed by 105 on #7/)
    assert.doesNotMatch(text, /\{[a-z]+\}|undefined|unknown/)
    assert.ok(lines.every((line) => !line.includes('\n')))
  }
})

test('what to do next is told with its data, and a statement that does not count with its signer and entry', () => {
  const governance = {
    inForceCommit: commit('in force'),
    inForceEpoch: 3,
    baseDiffers: ['config/action-tiers.yml'],
    mergeDiffers: ['config/action-tiers.yml'],
    proposedPolicy: null,
    proposedFaults: [],
  }
  const of = facts({ repository: { ...change.repository, name: 'acme/governance' }, governance })
  const laundered = explain(judge(of), 'plain').lines.join('\n')
  assert.ok(laundered.includes(`Restore the files of commit ${commit('in force')};`), laundered)
  const pushed = facts({ head: { ...change.head, sha: commit('pushed later') } })
  const [one] = signed(1)
  assert.ok(one)
  const { lines } = explain(judge(pushed, [one]), 'plain', () => 'bob')
  assert.ok(
    lines.some((line) => line.includes(`bob (entry ${one.entry}): The statement is for other content`)),
    lines.join('\n'),
  )
})

test('who signs for one of two quorums is not explained as an outsider of the other', () => {
  const governance = {
    inForceCommit: commit('in force'),
    inForceEpoch: 3,
    baseDiffers: [],
    mergeDiffers: [],
    proposedPolicy: null,
    proposedFaults: [],
  }
  const of = facts({ repository: { ...change.repository, name: 'acme/governance' }, governance })
  const told = explain(judge(of, [record(of, 'm1')]), 'plain').lines.join('\n')
  assert.match(told, /1 of 5 signatures/)
  assert.doesNotMatch(told, /not one of those/)
})

const hostile = [
  '@everyone',
  '#1',
  'GH-1',
  'acme/node#1',
  `${'a'.repeat(40)}`,
  '![x](https://evil.example/x.png)',
  '[x](javascript:alert(1))',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  'https://evil.example',
  'www.evil.example',
  'a|b',
  '**b**',
  '`code`',
  '```\n# head',
  '``` ` ``',
  '- item',
  '1. item',
  '\u202eevil',
  '\u200b@x',
  '\r\n/governance-sign',
  ':tada:',
  '&lt;b&gt;',
  '$x$',
]

/** What CommonMark leaves of a line when its code spans are taken out. */
function outsideCode(line: string): string {
  let rest = line
  let text = ''
  for (;;) {
    const open = /`+/.exec(rest)
    if (open === null) return text + rest
    const after = rest.slice(open.index + open[0].length)
    const close = new RegExp(`(?<!\`)\`{${open[0].length}}(?!\`)`).exec(after)
    text += rest.slice(0, open.index)
    if (close === null) return `${text}UNCLOSED`
    rest = after.slice(close.index + close[0].length)
  }
}

test('T60 what strangers wrote comes out as text and nothing else', () => {
  for (const path of hostile) {
    const of = facts({
      files: [file(`docs/${path}`), file(path)].sort((a, b) => ((a.newPath ?? '') < (b.newPath ?? '') ? -1 : 1)),
    })
    const { lines } = explain(judge(of))
    const outside = lines.map(outsideCode).join('\n')
    assert.doesNotMatch(outside, /UNCLOSED|@|evil|alert|script|\p{Cf}|onerror|GH-|[0-9a-f]{7}|\*|\||\[|</u, path)
    for (const line of explain(judge(of), 'plain').lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u)
  }
})

test('any text is one code span, or letters and digits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      const outside = outsideCode(inertMarkdown(text))
      assert.match(outside, /^[A-Za-z0-9 ,-]*$/)
      assert.doesNotMatch(inertPlain(text), /[\p{Cc}\p{Cf}]/u)
    }),
  )
})

test('a node of a later version is shown by its code', () => {
  const verdict = judge(change)
  const later = { ...verdict, reason: { ...verdict.reason, code: 'something-new' } }
  assert.match(explain(later).lines[0] ?? '', /something-new/)
  assert.equal(reasonText('constructor'), undefined)
})

test('each code is told in a sentence whose holes its nodes can fill', () => {
  for (const [code, { text, next }] of Object.entries(reasonCodes)) {
    assert.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    assert.match(text, /\S[.:]?$/)
    assert.ok(next === null || next.endsWith('.'), code)
  }
})

test('every code that the sources of core name as a reason or a refusal is in the table', () => {
  const named = new Set<string>()
  for (const folder of ['.', '../approval', '../keyring']) {
    const where = new URL(`${folder}/`, import.meta.url)
    for (const name of readdirSync(where)) {
      if (!/^(evaluate|admit|stands|binding|key-status|command|statement-bytes|envelope)/.test(name)) continue
      if (name.endsWith('.test.ts')) continue
      const source = readFileSync(new URL(name, where), 'utf8')
      for (const pattern of [/\b(?:reason|refused|fallen|malformed|unmet)\('([a-z-]+)'/g, /code: '([a-z-]+)'/g]) {
        for (const match of source.matchAll(pattern)) named.add(match[1] ?? '')
      }
    }
  }
  assert.ok(named.size > 60, `${named.size} found`)
  for (const code of named) assert.ok(Object.hasOwn(reasonCodes, code), code)
})
