import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asCommitId, asInstant, asLogIndex, asRepositoryId, asSha256, asTreeId, type Facts } from '../../core/index.ts'
import type { ChangeRecord } from '../ports.ts'
import { settleClock } from './decide.ts'
import type { Moment } from './recorder.ts'

const git = 'a'.repeat(40)
const moment = (at: number): Moment => ({
  at: asInstant(at),
  correctionMs: 0,
  indexOf: (position) => asLogIndex(100 + position),
})
type ClockFacts = Parameters<typeof settleClock>[1]
const facts = (more: Partial<ClockFacts> = {}): ClockFacts => ({
  repository: { id: asRepositoryId(1), name: 'acme/sdk', private: false },
  number: 7,
  state: 'open',
  draft: false,
  head: { sha: asCommitId(git), tree: asTreeId(git) },
  base: { ref: 'main', sha: asCommitId(git) },
  changeDigest: asSha256('1'.repeat(64)),
  ...more,
})
const started = (state: ReturnType<typeof settleClock>): ChangeRecord['clock'] => state.clock
const whyEnded = (state: ReturnType<typeof settleClock>): unknown[] =>
  state.entries.flatMap((entry) => (entry.type === 'clock-ended' ? [entry.data.why] : []))

test('a clock starts with its content and goes on through a rebase of equal content', () => {
  const first = settleClock(null, facts(), moment(1_000))
  assert.equal(started(first)?.startedAt, 1_000)
  assert.equal(started(first)?.entry, 100)
  const rebased = settleClock(
    started(first),
    facts({ head: { sha: asCommitId('b'.repeat(40)), tree: asTreeId(git) } }),
    moment(2_000),
  )
  assert.deepEqual([rebased.entries.length, started(rebased)?.startedAt], [0, 1_000])
})

test('T36 other content, another base, a draft or a close ends the clock; a return starts a new one', () => {
  const running = started(settleClock(null, facts(), moment(1_000)))
  const other: Partial<Facts> = { changeDigest: asSha256('2'.repeat(64)) }
  const pushed = settleClock(running, facts(other), moment(2_000))
  assert.deepEqual(whyEnded(pushed), ['content'])
  assert.equal(started(pushed)?.startedAt, 2_000)
  const back = settleClock(started(pushed), facts(), moment(3_000))
  assert.equal(started(back)?.startedAt, 3_000)
  const base = { ref: 'next', sha: asCommitId(git) }
  assert.deepEqual(whyEnded(settleClock(running, facts({ base }), moment(2_000))), ['retarget'])
  for (const [more, why] of [
    [{ draft: true }, 'draft'],
    [{ state: 'closed' }, 'closed'],
    [{ state: 'merged' }, 'merged'],
  ] as const) {
    const ended = settleClock(running, facts(more), moment(2_000))
    assert.deepEqual([whyEnded(ended), ended.clock], [[why], null])
    assert.equal(started(settleClock(ended.clock, facts(), moment(9_000)))?.startedAt, 9_000)
  }
})
