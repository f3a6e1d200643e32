import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualTime } from '../../test/fakes/manual-time.ts'
import { createTurns } from './rationed-events.ts'

/** What is told, in order, by whoever hears `turned`. */
function listener(told: string | null) {
  const time = createManualTime()
  const turned = createTurns(time, told)
  const heard: string[] = []
  return { time, heard, turn: (state: string) => turned(state, () => heard.push(state)) }
}

test('what stays as it was told is not told again; what turns is, once', () => {
  const { heard, turn } = listener('met')
  for (const state of ['met', 'lost', 'lost', 'met', 'met']) turn(state)
  assert.deepEqual(heard, ['lost', 'met'])
})

test('where nothing was told before, the first is', () => {
  for (const state of ['met', 'lost']) {
    const { heard, turn } = listener(null)
    turn(state)
    turn(state)
    assert.deepEqual(heard, [state])
  }
})

test('T08a each way is told once a minute, and how it stands in the end always is', () => {
  const { time, heard, turn } = listener('met')
  for (let flap = 0; flap < 100; flap++) {
    turn('lost')
    turn('met')
  }
  assert.deepEqual(heard, ['lost', 'met'])
  turn('lost')
  assert.deepEqual(heard, ['lost', 'met'])
  time.advance(60_000)
  assert.deepEqual(heard, ['lost', 'met', 'lost'])
  assert.equal(time.nextTimerMs(), null)
})

test('a turn that was undone before its minute is not told', () => {
  const { time, heard, turn } = listener('met')
  for (const state of ['lost', 'met', 'lost', 'met']) turn(state)
  time.advance(600_000)
  assert.deepEqual(heard, ['lost', 'met'])
})
