import assert from 'node:assert/strict'
import fc from 'fast-check'
import { InvariantError } from '../../src/flows/app-error.ts'
import { asInstant } from '../../src/core/index.ts'
import type { EventFilter, LogEntryRow, Write } from '../../src/flows/ports.ts'
import { committed, refused, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import { blob, digest, eventEntry, logEntry } from './store-rows.ts'
import { auditLog, openTree } from './tree.ts'

const types = ['webhook-refused', 'key-used', 'server-started']
const users = ['server', 'account:1', 'account:2', null]
const resources = ['deployment', 'key:nonce', 'change:101/7']
const results = ['success', 'denied', 'error'] as const

/** Events in which every combination occurs, some of them at one moment. */
const events = (count: number): LogEntryRow[] =>
  Array.from({ length: count }, (_, index) =>
    eventEntry(index, {
      type: types[index % 3] ?? '',
      userId: users[(index * 7) % 4] ?? null,
      subject: resources[(index * 5 + (index >> 3)) % 3] ?? '',
      result: results[(index + (index >> 2)) % 3] ?? 'error',
      at: asInstant(1_000 + Math.floor(index / 3)),
    }),
  )

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

const filters = fc.record({
  from: maybe(fc.integer({ min: 990, max: 1_030 }).map(asInstant)),
  to: maybe(fc.integer({ min: 990, max: 1_030 }).map(asInstant)),
  before: maybe(fc.integer({ min: 0, max: 70 })),
  userId: maybe(fc.constantFrom('server', 'account:1', 'account:9')),
  eventType: maybe(fc.constantFrom(...types, 'unknown')),
  resource: maybe(fc.constantFrom(...resources)),
  result: maybe(fc.constantFrom(...results)),
  limit: fc.integer({ min: 1, max: 70 }),
})

const said = (filter: object): EventFilter =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as unknown as EventFilter

/** What a search means, word by word. */
const matches = ({ index, at, type, subject, event }: LogEntryRow, filter: EventFilter): boolean =>
  at >= (filter.from ?? 0) &&
  at < (filter.to ?? Infinity) &&
  index < (filter.before ?? Infinity) &&
  (filter.userId ?? event?.userId) === event?.userId &&
  (filter.eventType ?? type) === type &&
  (filter.resource ?? subject) === subject &&
  (filter.result ?? event?.result) === event?.result

export function securityContract(fixture: StoreFixture): void {
  storeTest(fixture, 'one commit appends to both logs, which stay apart', async (ports) => {
    const tree = openTree([], 'security')
    const decisions = openTree()
    await committed(ports, decisions.append([logEntry(0)]), tree.append([eventEntry(0), eventEntry(1)]))
    await committed(ports, tree.append([eventEntry(2)]))
    await committed(
      ports,
      { kind: 'checkpoint', size: 1, note: 'of decisions' },
      { kind: 'checkpoint', log: 'security', size: 3, note: 'of security' },
    )
    for (const [log, size] of [
      [ports.log, 1],
      [ports.security, 3],
    ] as const) {
      const audit = await auditLog(log)
      assert.deepEqual([audit.size, audit.faults], [size, []])
    }
    assert.deepEqual(await ports.log.checkpoint(), { size: 1, note: 'of decisions' })
    assert.deepEqual(await ports.security.checkpoint(), { size: 3, note: 'of security' })
    assert.deepEqual(
      (await ports.security.entries(0, 9)).map(({ bytes, ...row }) => ({ ...row, bytes: Buffer.from(bytes) })),
      [eventEntry(0), eventEntry(1), eventEntry(2)],
    )
  })

  storeTest(fixture, 'T43 a commit that one of the two logs refuses leaves nothing in the other', async (ports) => {
    await committed(ports, openTree([], 'security').append([eventEntry(0)]))
    const stale = openTree([], 'security').append([eventEntry(0)])
    await refused(ports, 'log-moved', blob('b'), openTree().append([logEntry(0)]), stale)
    assert.equal((await ports.log.head()).size, 0)
    assert.equal(await ports.memory.blob(digest('b')), null)
    await refused(ports, 'checkpoint-moved', blob('b'), { kind: 'checkpoint', log: 'security', size: 2, note: 'ahead' })
  })

  storeTest(fixture, 'what is no event is no entry of the security log, and the other way round', async (ports) => {
    const misplaced: readonly Write[] = [
      openTree([], 'security').append([logEntry(0)]),
      openTree().append([eventEntry(0)]),
    ]
    for (const write of misplaced) await assert.rejects(ports.store.commit([write]), InvariantError)
    assert.equal((await ports.security.head()).size, 0)
  })

  storeTest(fixture, 'a search finds exactly what its filters say, newest first', async (ports) => {
    const rows = events(60)
    await committed(ports, openTree([], 'security').append(rows))
    const found = async (filter: EventFilter) => (await ports.security.search(filter)).map(({ index }) => index)
    await fc.assert(
      fc.asyncProperty(filters, async (given) => {
        const filter = said(given)
        const wanted = rows
          .filter((row) => matches(row, filter))
          .map(({ index }) => index)
          .reverse()
        assert.deepEqual(await found(filter), wanted.slice(0, filter.limit))
      }),
    )
    const [newest] = await ports.security.search({ limit: 1 })
    assert.deepEqual(newest && { ...newest, bytes: Buffer.from(newest.bytes) }, rows.at(-1))
  })
}
