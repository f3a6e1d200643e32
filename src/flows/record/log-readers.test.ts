import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asRepositoryId } from '../../core/index.ts'
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

test('a closed repository is private until it is reopened by an answer that is younger than its last closing', async () => {
  const [node, other] = [asRepositoryId(1), asRepositoryId(2)]
  let isPrivate = false
  const known = createKnownReaders({
    access: 'public',
    hasToken: false,
    registry: { repositories: async () => [{ id: node, private: isPrivate } as never] },
    telemetry: { event: () => {} },
  })
  known.close(other)
  assert.equal(known.now(), 'nobody', 'nobody before the store was asked')
  await known.refresh()
  assert.equal(known.now(), 'anybody', 'what is not governed closes nothing')
  const before = known.closings(node)
  known.close(node)
  assert.equal(known.now(), 'nobody')
  await known.refresh()
  assert.equal(known.now(), 'nobody', 'the store may not have heard')
  assert.equal(known.reopen(node, before), false)
  assert.equal(known.now(), 'nobody')
  isPrivate = true
  await known.refresh()
  assert.equal(known.reopen(node, known.closings(node)), true)
  assert.equal(known.now(), 'nobody', 'the word of the store counts again')
  isPrivate = false
  await known.refresh()
  assert.equal(known.now(), 'anybody')
})

test('an older answer of the store never takes the place of a newer one', async () => {
  const first = Promise.withResolvers<readonly never[]>()
  const answers = [first.promise, Promise.resolve([{ id: 1, private: true } as never])]
  const known = createKnownReaders({
    access: 'public',
    hasToken: false,
    registry: { repositories: async () => (await answers.shift()) ?? [] },
    telemetry: { event: () => {} },
  })
  const both = [known.refresh(), known.refresh()]
  first.resolve([])
  await Promise.all(both)
  assert.equal(known.now(), 'nobody')
})
