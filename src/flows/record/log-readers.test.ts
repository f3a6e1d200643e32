import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKnownReaders, readersOf } from './log-readers.ts'

test('a private repository closes a public log; a token opens it to its holders, and access "token" to nobody else', () => {
  const cases = [
    ['public', false, false, 'anybody'],
    ['public', true, false, 'anybody'],
    ['public', false, true, 'nobody'],
    ['public', true, true, 'token-holders'],
    ['token', true, false, 'token-holders'],
    ['token', true, true, 'token-holders'],
    ['token', false, false, 'nobody'],
  ] as const
  for (const [access, hasToken, isPrivate, readers] of cases)
    assert.equal(readersOf({ access, hasToken }, isPrivate), readers, `${access} ${hasToken} ${isPrivate}`)
})

test('nobody reads before the store was asked, nor after it could not answer; changes are told once', async () => {
  const told: unknown[] = []
  let answer: () => Promise<readonly never[]> = async () => []
  const known = createKnownReaders({
    access: 'public',
    hasToken: false,
    registry: { repositories: () => answer() },
    telemetry: { event: (_name, level, fields) => void told.push([level, fields?.readers]) },
  })
  assert.equal(known.now(), 'nobody')
  await known.refresh()
  await known.refresh()
  assert.equal(known.now(), 'anybody')
  answer = async () => Promise.reject(new Error('broken by the test'))
  await assert.rejects(known.refresh())
  assert.equal(known.now(), 'nobody')
  answer = async () => [{ private: true } as never]
  await known.refresh()
  await known.refresh()
  assert.deepEqual(told, [
    ['info', 'anybody'],
    ['warn', 'nobody'],
  ])
})
