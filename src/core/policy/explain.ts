import { formatInstant, lastInstant } from '../approval/instant-text.ts'
import { dayMs, type Instant } from '../ids.ts'
import { reasonText } from './reason-codes.ts'
import type { Missing, Reason, Verdict } from './verdict.ts'

/** A verdict in words: one line for the check, and the whole tree, indented by two blanks per level. */
export interface Explanation {
  readonly title: string
  readonly lines: readonly string[]
  /** The minimal set of what would turn it into a pass, one line each; empty for a pass. */
  readonly missing: readonly string[]
}

/** How a reader shows the lines: `plain` for a terminal, `markdown` for a forge. */
export type ExplanationForm = 'plain' | 'markdown'

const marks: Readonly<Record<Reason['outcome'], string>> = {
  pass: '✓',
  pending: '…',
  fail: '✗',
  error: '!',
  info: '·',
}

/**
 * Makes text inert for a terminal or a log line: control characters and characters that change the direction or the
 * visibility of others are written as escapes.
 */
export const inertPlain = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )

/** Words and numbers that no forge turns into anything. Seven hex digits or more can be a reference to a commit. */
const isPlainWord = (text: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9 ,-]{0,80}$/.test(text) && !/[0-9a-fA-F]{7}|\bGH-/i.test(text)

/**
 * Makes text inert in Markdown as a forge renders it: a code span, in which neither markup, HTML, links, mentions nor
 * references are looked for, fenced by more backticks than the text holds in a row.
 *
 * Trust: the text is a stranger's (paths, names of checks, titles).
 */
export function inertMarkdown(text: string): string {
  const inert = inertPlain(text)
  if (inert === '' || isPlainWord(inert)) return inert
  const longest = Math.max(0, ...(inert.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  // Blanks at the ends are taken off again by the renderer, so that a backtick of the text never touches the fence.
  return longest > 0 || /^ | $/.test(inert) ? `${fence} ${inert} ${fence}` : `${fence}${inert}${fence}`
}

const shortTime = (instant: number): string =>
  instant >= 0 && instant <= lastInstant
    ? `${formatInstant(instant as Instant)
        .slice(0, 16)
        .replace('T', ' ')} UTC`
    : '?'

type Value = Reason['data'][string]

/** Shows a person; without it the numeric account id is shown. Trust: a name is a stranger's text and is made inert. */
export type NameOf = (account: number) => string | null

function shown(name: string, value: Value | undefined, nameOf: NameOf): string {
  if (value === undefined || value === null) return 'unknown'
  if (typeof value === 'number' && name === 'account') return nameOf(value) ?? String(value)
  if (typeof value === 'number' && (name === 'until' || name === 'startedAt')) return shortTime(value)
  return Array.isArray(value) ? (value.length === 0 ? 'none' : value.join(', ')) : String(value)
}

/** A template with the node's data in it. The template is ours; what is put into it is data and made inert. */
const filled = (template: string, data: Reason['data'], inert: (text: string) => string, nameOf: NameOf): string =>
  template.replace(/\{([a-zA-Z]+)\}/g, (_, name: string) => inert(shown(name, data[name], nameOf)))

/** One node in words. A statement that does not count is told with who signed it and where it is recorded. */
function sentence({ code, data }: Reason, inert: (text: string) => string, nameOf: NameOf): string {
  const words = reasonText(code)
  // A code of a later version is shown as it is rather than as nothing.
  if (words === undefined) return inert(code)
  const isUnnamed = typeof data.account === 'number' && !words.text.includes('{account}')
  const signer = isUnnamed ? filled('{account} (entry {entry}): ', data, inert, nameOf) : ''
  return signer + filled(words.text, data, inert, nameOf)
}

function write(node: Reason, depth: number, form: ExplanationForm, nameOf: NameOf, lines: string[]): void {
  const inert = form === 'markdown' ? inertMarkdown : inertPlain
  const indent = '  '.repeat(depth)
  const mark = marks[node.outcome]
  const next = node.outcome === 'pending' || node.outcome === 'fail' ? reasonText(node.code)?.next : null
  const then = next ? ` ${filled(next, node.data, inert, nameOf)}` : ''
  const denies = node.data.denies
  const denial =
    Array.isArray(denies) && denies.length > 0 ? ` ${inert(`denies authorship of ${denies.length} commits`)}.` : ''
  const told = `${sentence(node, inert, nameOf)}${denial}${then}`
  lines.push(form === 'markdown' ? `${indent}- ${mark} ${told}` : `${indent}${mark} ${told}`)
  for (const child of node.children) write(child, depth + 1, form, nameOf, lines)
}

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

function timeLeft(missing: readonly Missing[], at: Instant): string | null {
  let until = 0
  for (const one of missing) if (one.kind === 'time') until = Math.max(until, one.until)
  if (until === 0) return null
  const left = until - at
  // Rounded up: "0 days left" would read as done.
  if (left > dayMs) return `${plural(Math.ceil(left / dayMs), 'day', 'days')} left`
  if (left > 3_600_000) return `${plural(Math.ceil(left / 3_600_000), 'hour', 'hours')} left`
  return `${plural(Math.max(1, Math.ceil(left / 60_000)), 'minute', 'minutes')} left`
}

/** The quorum that lacks most; of those that lack equally, the largest. */
function worstQuorum(verdict: Verdict): string | null {
  const [found] = [...verdict.counted].sort(
    (a, b) => b.required - b.persons.length - (a.required - a.persons.length) || b.required - a.required,
  )
  if (found === undefined) return null
  const counted = Math.min(found.persons.length, found.required)
  return `${counted} of ${plural(found.required, 'signature', 'signatures')}`
}

/** Every quorum, the largest first: nothing that was asked for is left out of a pass. */
function allQuorums(verdict: Verdict): string | null {
  const met = [...verdict.counted].sort((a, b) => b.required - a.required)
  const told = met.map(({ persons, required }) => `${Math.min(persons.length, required)} of ${required}`).join(' + ')
  return told === '' ? null : `${told} ${met.length === 1 && met[0]?.required === 1 ? 'signature' : 'signatures'}`
}

const firstOf = (node: Reason, outcome: Reason['outcome']): Reason | undefined =>
  node.children.find((child) => child.outcome === outcome)

const titles: Readonly<Record<string, string>> = {
  vetoed: 'Vetoed',
  'merge-conflict': 'Merge conflict',
  'pull-request-closed': 'Closed',
  'base-not-in-force': 'Base branch is not the policy in force',
  'proposed-policy-faults': 'Proposed policy has faults',
  'proposed-policy-unreadable': 'Proposed policy cannot be read',
  'check-failed': 'A required check failed',
  draft: 'Draft',
  'merge-tree-unknown': 'test merge unknown',
  'clock-not-running': 'review clock not running',
}

function titleOf(verdict: Verdict): string {
  const { reason, missing, at } = verdict
  if (verdict.outcome === 'error') {
    const code = firstOf(reason, 'error')?.code ?? reason.code
    return `Cannot be judged: ${inertPlain(code)}`
  }
  if (verdict.outcome === 'pass') return [allQuorums(verdict), 'review over'].filter(Boolean).join(', ')
  const signatures = worstQuorum(verdict)
  const parts: string[] = []
  const failed = firstOf(reason, 'fail')
  if (failed !== undefined) parts.push(titles[failed.code] ?? failed.code)
  if (signatures !== null) parts.push(signatures)
  const left = timeLeft(missing, at)
  if (left !== null) parts.push(left)
  const conditions = missing.filter(({ kind }) => kind === 'condition' || kind === 'check').length
  if (conditions > 0) parts.push(`${plural(conditions, 'condition', 'conditions')} open`)
  for (const child of reason.children) {
    const words = child.outcome === 'pending' ? titles[child.code] : undefined
    if (words !== undefined) parts.push(words)
    else if (child.code === 'quorum-unreachable' || child.code === 'no-registry') parts.push('quorum out of reach')
  }
  return [...new Set(parts)].join(', ')
}

/** One thing that is missing, in words. */
function missingLine(one: Missing, form: ExplanationForm, nameOf: NameOf): string {
  const inert = form === 'markdown' ? inertMarkdown : inertPlain
  const person = (account: number): string => inert(nameOf(account) ?? String(account))
  switch (one.kind) {
    case 'signatures': {
      const from = one.from.length === 0 ? 'nobody can sign yet' : one.from.map(person).join(', ')
      return `${plural(one.count, 'signature', 'signatures')} from ${inert(one.set)}: ${from}`
    }
    case 'time':
      return `${one.what === 'review' ? 'review' : 'public comment'} until ${shortTime(one.until)}`
    case 'condition':
      return `an attestation of ${inert(one.condition)}`
    case 'check':
      return `check ${inert(one.name)} of App ${one.appId}`
    case 'veto-withdrawal':
      return `the veto of ${person(one.by)} withdrawn`
    case 'author-action':
      return `the author: ${inert(one.what)}`
    case 'operator-action':
      return `the operator: ${inert(one.what)}`
  }
}

/**
 * Tells a verdict in words: the same tree for check, comment, terminal and console.
 *
 * Trust: the data of the tree holds paths and names that strangers chose; in either form they come out as text and nothing
 * else. The title holds our words and numbers only.
 */
export function explain(
  verdict: Verdict,
  form: ExplanationForm = 'markdown',
  nameOf: NameOf = () => null,
): Explanation {
  const lines: string[] = []
  write(verdict.reason, 0, form, nameOf, lines)
  return { title: titleOf(verdict), lines, missing: verdict.missing.map((one) => missingLine(one, form, nameOf)) }
}
