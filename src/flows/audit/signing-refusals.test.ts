import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualTime, createSeededRandom } from '../../../test/fakes/manual-time.ts'
import { AppError } from '../app-error.ts'
import type { EventDraft, Recorder } from '../gate/recorder.ts'
import type { JobData, Journal, LogEntryRow } from '../ports.ts'
import { createSigningRefusals } from './signing-refusals.ts'

const ahead = (size: number): AppError => new AppError('log-ahead', 'ahead', { data: { size } })
const away = new AppError('witness-unreachable', 'away', { data: { missing: 'w' } })

/** Refusals over a journal and a security log in memory; the journal takes what `isFull` lets it. */
function setUp() {
  const records: JobData[] = []
  const stored: EventDraft[] = []
  const lines: string[] = []
  let isFull = false
  let drops = true
  const journal: Journal = {
    append: async (record) => {
      if (isFull) throw new AppError('store-unavailable', 'no space left')
      records.push(structuredClone(record))
    },
    read: async () => [...records],
    drop: async (count) => {
      if (!drops) throw new AppError('store-unavailable', 'killed')
      records.splice(0, count)
    },
  }
  const recorder: Recorder = {
    async record(build) {
      const draft = await build({ at: 0 as never, correctionMs: 0, indexOf: () => 0 as never })
      stored.push(...(draft.events ?? []))
      return { ok: true, result: draft.result }
    },
  }
  const { clock } = createManualTime()
  const refusals = createSigningRefusals({
    journal,
    log: { head: async () => ({ size: 7, root: new Uint8Array(32), at: 0 as never }) },
    security: { find: async () => stored.map(({ id }) => ({ id }) as LogEntryRow) },
    userId: 'server',
    clock,
    random: createSeededRandom(),
    telemetry: { event: (name) => void lines.push(name) },
  })
  return {
    refusals,
    recorder,
    records,
    stored,
    lines,
    set: (full: boolean, dropping: boolean) => {
      isFull = full
      drops = dropping
    },
  }
}

test('T47 a refusal waits with what was known, and is one entry once the log may be signed', async () => {
  const { refusals, recorder, records, stored } = setUp()
  await refusals.keep(ahead(12))
  await refusals.keep(away)
  assert.deepEqual(
    (await refusals.waiting()).map(({ details: { code, known, size } }) => [code, known, size]),
    [
      ['log-ahead', 12, 7],
      ['witness-unreachable', null, 7],
    ],
  )
  await refusals.record(recorder)
  assert.equal(stored.length, 2)
  assert.equal(records.length, 0)
  await refusals.record(recorder)
  assert.equal(stored.length, 2)
})

test('T44 who dies between the entries and the end of their waiting leaves each of them once', async () => {
  const { refusals, recorder, stored, set } = setUp()
  await refusals.keep(ahead(12))
  set(false, false)
  await assert.rejects(refusals.record(recorder), { code: 'store-unavailable' })
  assert.equal(stored.length, 1)
  set(false, true)
  await refusals.keep(away)
  await refusals.record(recorder)
  assert.deepEqual(
    stored.map(({ details }) => details.code),
    ['log-ahead', 'witness-unreachable'],
  )
})

test('T08a starts that are refused again and again say nothing new, and never fill the disk', async () => {
  const { refusals, records } = setUp()
  for (let start = 0; start < 50; start++) {
    await refusals.keep(ahead(12))
    await refusals.keep(away)
  }
  assert.equal(records.length, 2)
  for (let size = 13; size < 500; size++) await refusals.keep(ahead(size))
  assert.equal(records.length, 100)
})

test('a refusal of the store or the key is told elsewhere, a full disk keeps nobody from being refused', async () => {
  const { refusals, records, lines, set } = setUp()
  for (const error of [new AppError('store-corrupt', 'a node is gone'), new AppError('custody-refused', 'locked'), 1])
    await refusals.keep(error)
  assert.deepEqual([records.length, lines.length], [0, 0])
  set(true, true)
  await refusals.keep(ahead(12))
  assert.deepEqual([records, lines], [[], ['log-signing-refused', 'journal-failed']])
})

test('what lies in the journal and is no refusal of ours is not made an entry', async () => {
  const { refusals, recorder, records, stored } = setUp()
  await refusals.keep(ahead(12))
  const [good] = records
  for (const change of [{ eventType: 'server-started' }, { details: {} }, { id: 7 }, { userId: 'nobody at all' }]) {
    records.splice(0, records.length, { ...good, ...change })
    await assert.rejects(refusals.record(recorder), { code: 'store-corrupt' })
  }
  assert.deepEqual(stored, [])
})
