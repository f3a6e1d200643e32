import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'
import { cosignCheckpoint, formatWitnessKey, witnessKey } from './cosignature.ts'
import { quorumTime } from './quorum-time.ts'
import {
  meetsEveryQuorum,
  meetsQuorum,
  parseWitnessPolicy,
  type WitnessPolicy,
  withoutWitnesses,
} from './witness-policy.ts'

const lines = Array.from({ length: 6 }, (_, i) => {
  const key = witnessKey(`w.example/${i}`, ed25519PublicKey(sha256(encodeUtf8(`seed ${i}`))))
  return `witness w${i} ${formatWitnessKey(key)}\n`
})
const policyOf = (text: string): WitnessPolicy => {
  const parsed = parseWitnessPolicy(text)
  assert.ok(parsed.ok, text)
  return parsed.policy
}
const names = lines.map((_, i) => `w${i}`)
const kOf = (k: number, n: number): WitnessPolicy =>
  policyOf(`${lines.slice(0, n).join('')}group g ${k} ${names.slice(0, n).join(' ')}\nquorum g\n`)

test('for k of n witnesses exactly n - k + 1 of them are in every quorum, any of them', () => {
  for (let n = 1; n <= names.length; n++)
    for (let k = 1; k <= n; k++) {
      const policy = kOf(k, n)
      for (let asked = 0; asked <= n; asked++) {
        assert.equal(meetsQuorum(policy, names.slice(0, asked)), asked >= k)
        assert.equal(meetsEveryQuorum(policy, names.slice(n - asked, n)), asked >= n - k + 1, `${asked} of ${k}/${n}`)
      }
    }
})

test('a witness that can never cosign leaves fewer to ask', () => {
  const policy = kOf(2, 3)
  assert.equal(meetsEveryQuorum(policy, ['w1']), false)
  assert.equal(meetsEveryQuorum(policy, ['w1'], ['w0']), true)
})

test('more cosignatures never lose a quorum, copies and strangers never make one', () => {
  const policy = policyOf(`${lines.join('')}group a 2 w0 w1 w2\ngroup b any w3 w4\ngroup top 2 a b w5\nquorum top\n`)
  fc.assert(
    fc.property(fc.subarray(names), fc.subarray(names), (some, more) => {
      const met = meetsQuorum(policy, some)
      if (met) assert.ok(meetsQuorum(policy, [...some, ...more]))
      assert.equal(meetsQuorum(policy, [...some, ...some, 'a', 'top', 'stranger']), met)
      // Whoever asked a set without which no quorum is left has met every quorum, and the other way round.
      const rest = names.filter((name) => !some.includes(name))
      assert.equal(meetsEveryQuorum(policy, some), !meetsQuorum(policy, rest))
    }),
  )
})

test('a policy without some witnesses is met by what others met it with, and is none when nobody else could', () => {
  const groups = [
    'group g 2 w0 w1 w2\nquorum g\n',
    'group a all w0 w1\ngroup b any w2 w3\ngroup top 2 a b w4\nquorum top\n',
    'group a all w0 w1\n# w0 stays in words\ngroup b any w2 a\nquorum b\n',
    'quorum w0\n',
    'quorum none\n',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...groups), fc.subarray(names), fc.subarray(names), (rest, absent, some) => {
      const text = `${lines.join('')}${rest}`
      const without = withoutWitnesses(text, absent)
      const others = names.filter((name) => !absent.includes(name))
      assert.equal(without === null, !meetsQuorum(policyOf(text), others))
      if (absent.length === 0) assert.equal(without, text)
      if (without === null) return
      const policy = policyOf(without)
      assert.deepEqual(
        policy.witnesses.map(({ name }) => name),
        others,
      )
      const counted = some.filter((name) => !absent.includes(name))
      assert.equal(meetsQuorum(policy, some), meetsQuorum(policyOf(text), counted))
    }),
  )
})

test('any text is a policy or has faults with lines, and never throws', () => {
  const word = fc.constantFrom(
    'log',
    'witness',
    'group',
    'quorum',
    'none',
    'w0',
    'g',
    'any',
    'all',
    '2',
    '#',
    '\t',
    '\n',
    lines[0] as string,
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 30 }), (words) => {
      const text = words.join(' ')
      const parsed = parseWitnessPolicy(text)
      if (parsed.ok) return
      assert.ok(parsed.faults.length > 0)
      for (const { line } of parsed.faults) assert.ok(line >= 0 && line <= text.split('\n').length)
    }),
  )
})

test('a head is as old as its quorum: the cosignature that completed it, whoever came before or after', () => {
  const text = 'gov.example.org/decisions\n1\nroot\n'
  const note = (times: readonly number[]): string =>
    `${text}\n${times.map((time, i) => cosignCheckpoint(text, `w.example/${i}`, sha256(encodeUtf8(`seed ${i}`)), time)).join('')}`
  const policy = `${lines.slice(0, 3).join('')}group g 2 w0 w1 w2\nquorum g\n`
  assert.equal(quorumTime(note([30, 10, 20]), policy), 20_000)
  assert.equal(quorumTime(note([30, 10]), policy), 30_000)
  assert.equal(quorumTime(note([30]), policy), null)
  assert.equal(quorumTime(note([30, 10]).replace('\n1\n', '\n2\n'), policy), null)
  assert.equal(quorumTime(note([30, 10]), `${lines[0]}quorum none\n`), null)
  assert.equal(quorumTime(note([30, 10]), 'quorum\n'), null)
})
