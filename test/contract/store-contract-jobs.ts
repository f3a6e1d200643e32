import assert from 'node:assert/strict'
import { asInstant } from '../../src/core/index.ts'
import type { JobRecord, StorePorts, Write } from '../../src/flows/ports.ts'
import { committed, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import { job } from './store-rows.ts'

const due = async (ports: StorePorts, now: number, busy: readonly string[] = [], limit = 9): Promise<string[]> =>
  (await ports.jobs.due(asInstant(now), new Set(busy), limit)).map(({ id }) => id)

async function found(ports: StorePorts, id: string): Promise<JobRecord> {
  const record = await ports.jobs.find(id)
  assert.ok(record !== null)
  return record
}

const done = ({ id, version }: JobRecord): Write => ({ kind: 'job-done', id, version })
const retry = ({ id, version }: JobRecord, dueAt: number): Write => ({
  kind: 'job-retry',
  id,
  version,
  dueAt: asInstant(dueAt),
  error: 'forge-unavailable',
})
const dead = ({ id, version }: JobRecord): Write => ({ kind: 'job-dead', id, version, error: 'gave up' })

export function jobsContract(fixture: StoreFixture): void {
  storeTest(fixture, 'a lane yields its first job only, lanes the oldest first, at most the limit', async (ports) => {
    await committed(
      ports,
      job('a1', 'a', 5),
      job('b1', 'b', 1),
      job('a2', 'a', 1),
      job('c1', 'c', 1),
      job('b2', 'b', 1),
    )
    assert.deepEqual(await due(ports, 10), ['a1', 'b1', 'c1'])
    assert.deepEqual(await due(ports, 10, [], 2), ['a1', 'b1'])
    assert.deepEqual(await due(ports, 10, [], 0), [])
    assert.deepEqual(await due(ports, 10, ['b']), ['a1', 'c1'])
    await committed(ports, done(await found(ports, 'a1')))
    assert.deepEqual(await due(ports, 10), ['b1', 'a2', 'c1'])
  })

  storeTest(fixture, 'a job is due at its time and not a millisecond earlier', async (ports) => {
    await committed(ports, job('a', 'a', 1_000))
    assert.deepEqual(await due(ports, 999), [])
    assert.deepEqual(await due(ports, 1_000), ['a'])
  })

  storeTest(fixture, 'a job due later does not block its lane; one that waits for its retry does', async (ports) => {
    await committed(ports, job('timer', 'a', 1_000), job('now', 'a', 1), job('next', 'a', 1))
    assert.deepEqual(await due(ports, 10), ['now'])
    await committed(ports, retry(await found(ports, 'now'), 500))
    assert.deepEqual(await due(ports, 499), [])
    assert.deepEqual(await due(ports, 500), ['now'])
    // When the timer's time has come, it was there first.
    assert.deepEqual(await due(ports, 1_000), ['timer'])
  })

  storeTest(
    fixture,
    'a dead job does not block its lane, is listed, and can be written anew or dropped',
    async (ports) => {
      await committed(ports, job('a1', 'a', 1), job('a2', 'a', 1))
      await committed(ports, dead(await found(ports, 'a1')))
      assert.deepEqual(await due(ports, 10), ['a2'])
      assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 1 })
      const [record] = await ports.jobs.dead(9)
      assert.deepEqual([record?.id, record?.state, record?.attempts, record?.lastError], ['a1', 'dead', 1, 'gave up'])
      await committed(ports, job('a1', 'a', 1))
      assert.deepEqual(await ports.jobs.counts(), { queued: 2, dead: 0 })
      assert.deepEqual(await due(ports, 10), ['a1'])
      await committed(ports, dead(await found(ports, 'a2')), done(await found(ports, 'a2')))
      assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 0 })
      assert.deepEqual(await ports.jobs.dead(9), [])
    },
  )

  storeTest(
    fixture,
    'writing a queued job again replaces it, resets its attempts and keeps its place',
    async (ports) => {
      await committed(ports, job('a1', 'a', 1, { head: 'old' }), job('a2', 'a', 1))
      const first = await found(ports, 'a1')
      await committed(ports, retry(first, 700))
      assert.deepEqual(
        [(await found(ports, 'a1')).attempts, (await found(ports, 'a1')).lastError],
        [1, 'forge-unavailable'],
      )
      await committed(ports, job('a1', 'a', 2, { head: 'new' }))
      const second = await found(ports, 'a1')
      assert.ok(second.version > first.version)
      assert.deepEqual(
        { ...second, version: 0 },
        {
          id: 'a1',
          lane: 'a',
          kind: 'collect',
          data: { head: 'new' },
          dueAt: 2,
          attempts: 0,
          state: 'queued',
          lastError: null,
          version: 0,
        },
      )
      assert.deepEqual(await due(ports, 10), ['a1'])
    },
  )

  storeTest(fixture, 'a job that was written anew while it ran stays', async (ports) => {
    await committed(ports, job('a', 'a', 1))
    const running = await found(ports, 'a')
    await committed(ports, job('a', 'a', 5))
    await committed(ports, done(running), dead(running), retry(running, 900))
    const now = await found(ports, 'a')
    assert.deepEqual([now.state, now.attempts, now.dueAt], ['queued', 0, 5])
    await committed(ports, done(now))
    assert.equal(await ports.jobs.find('a'), null)
  })

  storeTest(fixture, 'a long backlog keeps the order in which jobs were first written', async (ports) => {
    const count = 1_200
    const ids = Array.from({ length: count }, (_, i) => `j${i}`)
    // Due in the reverse order, in lanes of three, behind a timer that is not due.
    await committed(ports, job('timer', 'l0', 10_000), ...ids.map((id, i) => job(id, `l${i % 400}`, count - i)))
    assert.deepEqual(await due(ports, count, ['l1'], 4), ['j0', 'j2', 'j3', 'j4'])
    assert.deepEqual(await due(ports, count, [], 1_000), ids.slice(0, 400))
    // Of what is due at 300, no lane has an older one.
    assert.deepEqual(await due(ports, 300, [], 2), ['j900', 'j901'])
    for (const id of ['j0', 'j2']) await committed(ports, done(await found(ports, id)))
    assert.deepEqual(await due(ports, count, [], 2), ['j1', 'j3'])
    assert.equal((await due(ports, count, [], 1_000)).includes('j400'), true)
  })

  storeTest(
    fixture,
    'a version is never used twice, so a late `done` cannot remove a later job of that id',
    async (ports) => {
      await committed(ports, job('a', 'a', 1))
      const running = await found(ports, 'a')
      await committed(ports, done(running))
      await committed(ports, job('a', 'a', 1))
      await committed(ports, done(running))
      assert.notEqual(await ports.jobs.find('a'), null)
    },
  )

  storeTest(fixture, 'the earliest due time is that of queued jobs', async (ports) => {
    assert.equal(await ports.jobs.nextDueAt(), null)
    await committed(ports, job('a', 'a', 30), job('b', 'b', 20), job('c', 'c', 10))
    await committed(ports, dead(await found(ports, 'c')))
    assert.equal(await ports.jobs.nextDueAt(), 20)
  })

  storeTest(fixture, 'failures of jobs that are not there change nothing', async (ports) => {
    await committed(ports, { kind: 'job-done', id: 'none', version: 1 })
    await committed(ports, { kind: 'job-dead', id: 'none', version: 1, error: 'x' })
    assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
  })
}
