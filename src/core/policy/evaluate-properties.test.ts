import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  commit,
  day,
  facts,
  inForce,
  keyOf,
  keyring,
  nodeAcceleration,
  record,
  registry,
  registryKey,
} from '../../../test/fakes/governed-change.ts'
import type { AdmittedStatement, Decision } from '../approval/statement.ts'
import { canonicalize } from '../bytes/canonical-json.ts'
import { textDigest } from '../crypto/text-digest.ts'
import { asInstant, asLogIndex, dayMs, type Instant } from '../ids.ts'
import { applyRegistry } from '../keyring/registry.ts'
import { approvalsDigest, evaluate } from './evaluate.ts'
import type { Verdict } from './verdict.ts'

const change = facts({
  commits: ['head', 'second'].flatMap((label) => facts().commits.map((one) => ({ ...one, sha: commit(label) }))),
})
/** m1 to m3 hold two keys each. */
const ring = applyRegistry(
  keyring,
  [
    ...registry,
    ...['m1', 'm2', 'm3'].map((login) => registryKey('layer-4', login, { publicKey: keyOf(`${login} two`).publicKey })),
  ],
  asLogIndex(3),
  day(1),
)

/** Real, admitted statements of every kind by everybody, made once: properties draw from them. */
const pool: readonly AdmittedStatement[] = ['m1', 'm2', 'm3', 'm4', 'm5'].flatMap((login, i) => [
  record(change, login, 'approve', { entry: 100 + i, context: { keyring: ring } }),
  record(change, login, 'approve', {
    entry: 120 + i,
    expiresAt: day(70 + i),
    context: { keyring: ring },
    ...(i < 3 ? { key: `${login} two` } : {}),
  }),
  ...(['veto', 'withdraw'] as const satisfies readonly Decision[]).map((decision, k) =>
    record(change, login, decision, { entry: 140 + 10 * k + i, context: { keyring: ring } }),
  ),
  record(change, login, 'add-tier', { tier: '3', entry: 160 + i, context: { keyring: ring } }),
  record(change, login, 'remove-tier', { tier: '3', entry: 180 + i, context: { keyring: ring } }),
])

const judge = (approvals: readonly AdmittedStatement[], at: Instant = day(65)): Verdict =>
  evaluate({ policy: inForce(), facts: change, approvals, keyring: ring, at }, nodeAcceleration)
const everything = fc.subarray([...pool])
const approvalsOnly = fc.subarray(pool.filter(({ statement }) => statement.predicate.decision === 'approve'))
/** Often approvals alone, so that enough of the drawn worlds pass. */
const some = fc.oneof(everything, approvalsOnly)
const moment = fc.integer({ min: 0, max: 200 * dayMs }).map((ms) => asInstant(day(1) + ms))
const votes = (verdict: Verdict): number => verdict.counted.reduce((sum, { persons }) => sum + persons.length, 0)

test('the order of the statements changes nothing, the digest of the inputs included', () => {
  fc.assert(
    fc.property(
      some.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      moment,
      ([list, shuffled], at) => assert.deepEqual(judge(shuffled, at), judge(list, at)),
    ),
  )
})

test('T13 copies, re-encodings and second keys never raise the count above the number of persons', () => {
  fc.assert(
    fc.property(approvalsOnly, fc.array(fc.nat(pool.length - 1), { maxLength: 6 }), moment, (list, picks, at) => {
      const copies = picks.map((pick, i) => {
        const original = list[pick % Math.max(1, list.length)]
        return original === undefined ? [] : [{ ...original, entry: asLogIndex(300 + i), signature: 'AAAA' }]
      })
      const before = judge(list, at)
      const after = judge([...list, ...list, ...copies.flat()], at)
      const persons = new Set(list.map(({ statement }) => statement.predicate.signer.maintainer)).size
      assert.ok(votes(after) <= persons)
      assert.ok(votes(before) <= persons)
      if (before.outcome !== 'pass' && votes(before) === persons) assert.notEqual(after.outcome, 'pass')
    }),
  )
})

test('taking away a counted approval never makes a change pass', () => {
  fc.assert(
    fc.property(approvalsOnly, fc.nat(20), moment, (list, pick, at) => {
      const before = judge(list, at)
      const counted = list.filter(({ entry }) =>
        before.reason.children.some(({ children }) =>
          children.some(({ code, data }) => code === 'statement-counts' && data.entry === entry),
        ),
      )
      const gone = counted[pick % Math.max(1, counted.length)]
      if (gone === undefined || before.outcome === 'pass') return
      assert.notEqual(
        judge(
          list.filter((one) => one !== gone),
          at,
        ).outcome,
        'pass',
      )
    }),
  )
})

test('a veto, or an added tier, never makes a change pass', () => {
  const blocking = fc.constantFrom(
    ...pool.filter(({ statement }) => ['veto', 'add-tier'].includes(statement.predicate.decision)),
  )
  fc.assert(
    fc.property(some, blocking, moment, (list, extra, at) => {
      if (judge(list, at).outcome === 'pass') return
      assert.notEqual(judge([...list, extra], at).outcome, 'pass')
    }),
  )
})

test('a change that passes keeps passing until something lapses, and `nextChangeAt` says when', () => {
  fc.assert(
    fc.property(some, moment, fc.double({ min: 0, max: 1, noNaN: true }), (list, at, part) => {
      const now = judge(list, at)
      const next = now.nextChangeAt ?? asInstant(at + 1000 * dayMs)
      assert.ok(next > at)
      const between = asInstant(at + Math.floor((next - 1 - at) * part))
      const then = judge(list, between)
      assert.equal(then.outcome, now.outcome)
      assert.deepEqual(then.counted, now.counted)
      assert.equal(then.earliestMergeAt, now.earliestMergeAt)
    }),
  )
})

test('T24 what passes by time alone passes at `earliestMergeAt` and not a millisecond before', () => {
  fc.assert(
    fc.property(some, moment, (list, at) => {
      const now = judge(list, at)
      if (now.earliestMergeAt === null || now.outcome === 'pass') return
      assert.equal(judge(list, now.earliestMergeAt).outcome, 'pass')
      assert.notEqual(judge(list, asInstant(now.earliestMergeAt - 1)).outcome, 'pass')
    }),
  )
})

test('`missing` is empty exactly when the change passes', () => {
  fc.assert(
    fc.property(some, moment, (list, at) => {
      const verdict = judge(list, at)
      assert.equal(verdict.missing.length === 0, verdict.outcome === 'pass')
    }),
  )
})

test('with and without acceleration the verdict is the same, and its inputs are not touched', () => {
  const inputs = { policy: inForce(), facts: change, approvals: pool, keyring: ring, at: day(65) }
  const before = JSON.stringify(inputs)
  assert.deepEqual(evaluate(inputs), evaluate(inputs, nodeAcceleration))
  assert.equal(JSON.stringify(inputs), before)
})

test('the digest of the approvals is that of their canonical JSON', () => {
  fc.assert(
    fc.property(everything, (list) => {
      const rows = [...list]
        .sort((a, b) => a.entry - b.entry)
        .map(({ at, entry, payloadDigest, scheme, signature }) => ({
          at,
          entry,
          payload: payloadDigest,
          scheme,
          signature,
        }))
      assert.equal(approvalsDigest(list), textDigest(canonicalize(rows)))
    }),
  )
})
