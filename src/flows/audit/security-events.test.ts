import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualTime, createSeededRandom } from '../../../test/fakes/manual-time.ts'
import { createRecordedTelemetry } from '../../../test/fakes/recorded-telemetry.ts'
import { openMemoryStore } from '../../adapters/store/memory.ts'
import { decodeEntry, ed25519PublicKey } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { createRecorder } from '../gate/recorder.ts'
import { eventOf } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'
import { createSecurityEvents } from './security-events.ts'

type Fault = 'none' | 'not-stored' | 'but-stored'

function setUp() {
  const time = createManualTime()
  const telemetry = createRecordedTelemetry()
  const disk: { fault: Fault; commits: number } = { fault: 'none', commits: 0 }
  const fail = (when: Fault): void => {
    if (disk.fault === when) throw new AppError('store-unavailable', 'the disk refuses')
  }
  const ports = openMemoryStore({
    faults: {
      before() {
        fail('not-stored')
        disk.commits++
      },
      after: () => fail('but-stored'),
    },
  })
  const parts = { clock: time.clock, random: createSeededRandom() }
  const recorder = createRecorder({
    origin: 'log.example/decisions',
    store: ports.store,
    log: ports.log,
    security: ports.security,
    custody: { sign: async () => new Uint8Array(64), publicKey: async () => ed25519PublicKey(new Uint8Array(32)) },
    acceleration: {},
    ...parts,
  })
  const events = createSecurityEvents({
    origin: 'log.example/decisions',
    recorder,
    security: ports.security,
    takeKeyUse: () => [],
    timers: time.timers,
    telemetry,
    ...parts,
  })
  const written = async (): Promise<readonly SecurityEvent[]> =>
    (await ports.security.entries(0, 1_000)).map(({ bytes }) => {
      const decoded = decodeEntry(bytes)
      assert.ok(decoded.ok)
      return decoded.entry.data as unknown as SecurityEvent
    })
  const types = async (): Promise<readonly string[]> => (await written()).map(({ eventType }) => eventType)
  return { time, telemetry, disk, ports, events, written, types }
}

const jobs = (count: number): SecurityEvent =>
  eventOf('delivery-replayed', {
    userId: 'operator',
    resource: 'deployment',
    action: 'replay',
    details: { jobs: count },
  })

/** Lets everything that waits for nothing but promises run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('events of a tenth of a second are one commit, in their order, and noting waits for nothing', async () => {
  const { time, disk, events, written } = setUp()
  for (let n = 0; n < 20; n++) events.note(jobs(n))
  time.advance(99)
  await turn()
  assert.equal(disk.commits, 0)
  time.advance(1)
  await events.flush()
  assert.equal(disk.commits, 1)
  assert.deepEqual(
    (await written()).map(({ details }) => details.jobs),
    Array.from({ length: 20 }, (_, n) => n),
  )
  await events.flush()
  assert.equal(disk.commits, 1, 'nothing to write is no commit')
})

test('T43 what is noted while the log takes nothing is written when it does, each once, also when an answer was lost', async () => {
  for (const fault of ['not-stored', 'but-stored'] as const) {
    const { time, disk, events, types } = setUp()
    disk.fault = fault
    events.note(jobs(1))
    events.note(jobs(2))
    await assert.rejects(events.flush(), AppError)
    events.note(jobs(3))
    disk.fault = 'none'
    time.advance(60_000)
    await events.flush()
    await events.flush()
    const told = await types()
    assert.deepEqual(
      told.filter((type) => type === 'delivery-replayed'),
      ['delivery-replayed', 'delivery-replayed', 'delivery-replayed'],
      fault,
    )
    for (const once of ['store-failed', 'store-recovered'])
      assert.equal(told.filter((type) => type === once).length, 1, `${once} after ${fault}`)
  }
})

test('a failing log is tried again by itself, less and less often', async () => {
  const { time, disk, events, types } = setUp()
  disk.fault = 'not-stored'
  events.note(jobs(1))
  await assert.rejects(events.flush(), AppError)
  const first = time.nextTimerMs() ?? 0
  for (let n = 0; n < 12; n++) {
    time.advance(time.nextTimerMs() ?? 0)
    for (let wait = 0; wait < 20; wait++) await turn()
  }
  const later = time.nextTimerMs() ?? 0
  assert.ok(later > first && later <= 30_000, `${first} → ${later}`)
  disk.fault = 'none'
  time.advance(later)
  for (let wait = 0; wait < 20; wait++) await turn()
  assert.ok((await types()).includes('delivery-replayed'))
})

test('memory stays bounded while the log is down, and what it could not hold is counted', async () => {
  const { disk, events, ports } = setUp()
  disk.fault = 'not-stored'
  for (let n = 0; n < 10_005; n++) events.note(jobs(n))
  await assert.rejects(events.flush(), AppError)
  disk.fault = 'none'
  await events.flush()
  assert.equal((await ports.security.head()).size, 10_002)
  const [recovered] = await ports.security.search({ eventType: 'store-recovered', limit: 2 })
  assert.match(Buffer.from(recovered?.bytes ?? []).toString(), /"details":{"lost":5}/)
})

test('a stop that meets a log that is down does not hang and says what was lost', async () => {
  const { disk, events, telemetry } = setUp()
  disk.fault = 'not-stored'
  events.note(jobs(1))
  await events.stop()
  assert.ok(telemetry.events.some(({ name }) => name === 'security-events-lost'))
})

test('one key is said once a minute, and the next one counts what was left out', async () => {
  const { time, events, written } = setUp()
  for (let n = 0; n < 5; n++) events.noteRationed('a', (unsaidBefore) => jobs(unsaidBefore))
  time.advance(60_000)
  events.noteRationed('a', (unsaidBefore) => jobs(unsaidBefore))
  await events.flush()
  assert.deepEqual(
    (await written()).map(({ details }) => details.jobs),
    [0, 4],
  )
})
