import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asCommitId, asInstant, asLogIndex, asRepositoryId } from '../../core/index.ts'
import type { Write } from '../ports.ts'
import { createRecording, offHostHold } from './recording.ts'

const target = { repository: asRepositoryId(7), head: asCommitId('a'.repeat(40)), baseRef: 'main' }
const quiet = { event: () => {}, count: () => {}, observe: () => {} }

function scene() {
  const size = { copy: 0, quorum: 0 }
  const queued: Write[] = []
  const state = { isDown: false, wakes: 0 }
  const recording = createRecording({
    holds: [
      { name: 'the copy', coveredSize: () => size.copy },
      { name: 'the quorum', coveredSize: () => size.quorum },
    ],
    store: {
      commit: async (writes) => {
        if (state.isDown) throw new Error('down')
        queued.push(...writes)
        return { ok: true }
      },
    },
    clock: { now: () => asInstant(1) },
    telemetry: quiet,
    wake: () => {
      state.wakes += 1
    },
  })
  return { size, queued, state, recording }
}

test('an entry is recorded when every hold covers it, and not one entry before', () => {
  const { size, recording } = scene()
  assert.deepEqual(recording.missing(target, asLogIndex(4)), ['the copy', 'the quorum'])
  size.copy = 5
  size.quorum = 4
  assert.deepEqual(recording.missing(target, asLogIndex(4)), ['the quorum'])
  size.quorum = 5
  assert.deepEqual(recording.missing(target, asLogIndex(4)), [])
})

test('what waited is published once when the last hold moved on, also after a store that was down', async () => {
  const { size, queued, state, recording } = scene()
  recording.missing(target, asLogIndex(4))
  size.copy = 9
  await recording.progressed()
  assert.equal(queued.length, 0)
  size.quorum = 9
  state.isDown = true
  await recording.progressed()
  state.isDown = false
  await recording.progressed()
  await recording.progressed()
  assert.deepEqual(
    queued.map((write) => (write.kind === 'job' ? write.job.id : write.kind)),
    [`publish/7/${'a'.repeat(40)}/main`],
  )
  assert.equal(state.wakes, 1)
})

test('without holds nothing waits', () => {
  const recording = createRecording({
    holds: [],
    store: { commit: async () => ({ ok: true }) },
    clock: { now: () => asInstant(1) },
    telemetry: quiet,
    wake: () => {},
  })
  assert.deepEqual(recording.missing(target, asLogIndex(4)), [])
})

test('what the copy was once seen to hold counts also while it cannot be looked at', () => {
  let offHostSize = 7
  const hold = offHostHold({ published: () => ({ size: 9, offHostSize }) })
  assert.equal(hold.coveredSize(), 7)
  offHostSize = 0
  assert.equal(hold.coveredSize(), 7)
})
