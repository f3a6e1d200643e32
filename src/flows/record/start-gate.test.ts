import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../app-error.ts'
import type { Recorder } from '../gate/recorder.ts'
import { createStartGate, gatedRecorder } from './start-gate.ts'

test('every source is asked, once when it lets the log pass, again when one refused', async () => {
  const asked: string[] = []
  let isAway = true
  const gate = createStartGate([
    { name: 'one', ask: async () => void asked.push('one') },
    {
      name: 'two',
      ask: async () => {
        asked.push('two')
        if (isAway) throw new AppError('log-files-unavailable', 'away')
      },
    },
  ])
  assert.equal(gate.isWitnessed, true)
  await assert.rejects(Promise.all([gate.pass(), gate.pass()]), { code: 'log-files-unavailable' })
  assert.deepEqual(asked, ['one', 'two'])
  isAway = false
  await gate.pass()
  await gate.pass()
  assert.deepEqual(asked, ['one', 'two', 'one', 'two'])
})

test('T47 what was published here is asked last, and every refusal is told before it is thrown', async () => {
  const happened: string[] = []
  let isAhead = true
  const gate = createStartGate([{ name: 'copy', ask: async () => void happened.push('copy') }], {
    async ownFiles() {
      happened.push('own')
      if (isAhead) throw new AppError('log-ahead', 'ahead')
    },
    onRefused: async (error) => void happened.push((error as AppError).code),
  })
  await assert.rejects(gate.pass(), { code: 'log-ahead' })
  assert.deepEqual(happened, ['copy', 'own', 'log-ahead'])
  isAhead = false
  await gate.pass()
  await gate.pass()
  assert.deepEqual(happened.slice(3), ['copy', 'own'])
})

test('without a source the log passes unwitnessed', async () => {
  const gate = createStartGate([])
  await gate.pass()
  assert.equal(gate.isWitnessed, false)
})

test('T47 nothing is recorded before the gate is passed', async () => {
  let isAhead = true
  let recorded = 0
  const recorder: Recorder = {
    record: async () => {
      recorded += 1
      return { ok: false, conflict: 'delivery-known' as never }
    },
  }
  const gate = createStartGate([
    {
      name: 'copy',
      ask: async () => {
        if (isAhead) throw new AppError('log-ahead', 'ahead')
      },
    },
  ])
  const gated = gatedRecorder(recorder, gate)
  const draft = () => ({ entries: [], writes: [], result: null })
  await assert.rejects(gated.record(draft), { code: 'log-ahead' })
  assert.equal(recorded, 0)
  isAhead = false
  await gated.record(draft)
  assert.equal(recorded, 1)
})
