import assert from 'node:assert/strict'
import test, { mock } from 'node:test'
import { systemClock, systemRandom, systemTimers } from './system.ts'

test('a delay longer than a timer can hold is chained, and can be cancelled on the way', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const longest = 2 ** 31 - 1
    let ran = 0
    systemTimers.after(3 * longest + 5, () => void ran++)
    const cancel = systemTimers.after(2 * longest, () => void ran++)
    mock.timers.tick(longest)
    cancel()
    mock.timers.tick(longest)
    mock.timers.tick(longest)
    mock.timers.tick(4)
    assert.equal(ran, 0)
    mock.timers.tick(1)
    assert.equal(ran, 1)
  } finally {
    mock.timers.reset()
  }
})

test('clock and randomness are those of the machine', () => {
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1_000)
  assert.equal(systemRandom.bytes(32).length, 32)
  assert.notDeepEqual(systemRandom.bytes(32), systemRandom.bytes(32))
})
