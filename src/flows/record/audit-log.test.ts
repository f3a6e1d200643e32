import assert from 'node:assert/strict'
import { createHash, hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeBundle, type JsonObject, signCheckpoint, sha256 } from '../../core/index.ts'
import { fileLog, type LogFileMap, logSeed, mapSource, sampleEntry } from '../../../test/fixtures/log-files.ts'
import { auditBundle, noneTold } from './audit-bundle.ts'
import { readBundle } from './audit-entries.ts'
import { auditLog, type AuditRequest } from './audit-log.ts'
import type { AuditProgress, AuditReport } from './audit-report.ts'

const origin = 'gov.example.org/decisions'
const acceleration = { sha256: (bytes: Uint8Array) => new Uint8Array(hash('sha256', bytes, 'buffer')) }
const blobs = Array.from({ length: 4 }, (_, i) => Buffer.from(`value ${i}`))
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const operator = { actor: { kind: 'operator' }, subject: { kind: 'deployment' } }
const genesisData: JsonObject = {
  origin,
  governanceRepository: 'acme/governance',
  policy: digestOf(blobs[0] as Uint8Array),
  commit: '1'.repeat(40),
  logKey: 'b'.repeat(64),
  accounts: [],
}
const genesis = (number: number): Uint8Array => sampleEntry(number, { ...operator, type: 'genesis', data: genesisData })
const regenesis = (number: number, blob: number): Uint8Array =>
  sampleEntry(number, {
    ...operator,
    type: 'policy-regenesis',
    data: {
      epoch: 2,
      policy: digestOf(blobs[blob] as Uint8Array),
      commit: '1'.repeat(40),
      reason: 'none',
      accounts: [],
    },
  })

const size = 700
const entries = Array.from({ length: size }, (_, i) =>
  i === 0 ? genesis(0) : i % 100 === 3 ? regenesis(i, 1 + (i % 3)) : sampleEntry(i),
)

function filed(list: readonly Uint8Array[]): LogFileMap {
  const { files } = fileLog(origin, list)
  for (const bytes of blobs) files.set(`blob/${digestOf(bytes)}`, bytes)
  return files
}

const good = filed(entries)
const { key } = fileLog(origin, [])

interface Saved {
  progress: AuditProgress | null
  ids: number[]
}

function audit(
  files: LogFileMap,
  request: Partial<AuditRequest> = {},
  saved: Saved = { progress: null, ids: [] },
  onProgress: (done: number) => void = () => {},
): Promise<AuditReport> {
  const source = mapSource(files)
  const told = noneTold()
  return auditLog(
    {
      source,
      trust: { origin, keys: [key], root: null },
      acceleration,
      auditBundle: async (place) => auditBundle(await readBundle(source, place), acceleration, told),
      atOnce: 4,
      onProgress,
      save: async (progress, ids) => {
        saved.progress = progress
        for (const words of ids) saved.ids.push(...words)
      },
    },
    { from: 0, known: null, followed: null, resume: null, ...request },
  )
}

const codesOf = (report: AuditReport): readonly string[] => [...new Set(report.faults.map(({ code }) => code))].sort()

async function codes(change: (files: LogFileMap) => void, files = good): Promise<readonly string[]> {
  const changed = new Map(files)
  change(changed)
  const report = await audit(changed)
  assert.equal(report.isGood, report.faultCount === 0)
  return codesOf(report)
}

const noteOf = (files: LogFileMap): string => Buffer.from(files.get('checkpoint') ?? []).toString()
const bytesAt = (path: string): Uint8Array => good.get(path) as Uint8Array

test('a whole log is good, with every size around a tile, an empty one but for its missing genesis', async () => {
  for (const count of [1, 2, 255, 256, 257, 511, 512, 513, size]) {
    const report = await audit(filed(entries.slice(0, count)))
    assert.deepEqual([codesOf(report), report.size, report.entries], [[], count, count])
  }
  assert.deepEqual(codesOf(await audit(filed([]))), [])
})

test('T40 one changed byte anywhere is found', async () => {
  const paths = [...good.keys()]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, place, change) => {
        const bytes = bytesAt(path)
        const at = place % bytes.length
        const found = await codes((files) =>
          files.set(path, new Uint8Array(bytes).with(at, (bytes[at] as number) ^ change)),
        )
        assert.notDeepEqual(found, [], `${path} byte ${at}`)
      },
    ),
    { numRuns: 100 },
  )
})

test('T40 what was done to the files is named, with its place and without its consequences', async () => {
  const bundle = 'tile/entries/001'
  const swapped = encodeBundle([entries[257] as Uint8Array, entries[256] as Uint8Array, ...entries.slice(258, 512)])
  assert.deepEqual(await codes((files) => files.set(bundle, swapped)), ['entry-mismatch', 'entry-time-reversed'])
  assert.deepEqual(await codes((files) => files.set(bundle, bytesAt(bundle).subarray(0, -1))), ['bundle-truncated'])
  assert.deepEqual(await codes((files) => files.set(bundle, encodeBundle(entries.slice(256, 511)))), ['size-wrong'])
  assert.deepEqual(await codes((files) => files.delete(bundle)), ['bundle-missing'])
  assert.deepEqual(await codes((files) => files.set('tile/0/001', bytesAt('tile/0/000'))), ['tile-mismatch'])
  assert.deepEqual(await codes((files) => files.set('tile/0/001', bytesAt('tile/0/001').subarray(1))), ['size-wrong'])
  assert.deepEqual(await codes((files) => files.delete('tile/0/001')), ['tile-missing'])
  assert.deepEqual(await codes((files) => files.delete('tile/1/000.p/2')), ['tile-missing'])
  assert.deepEqual(
    await codes((files) => files.set('tile/1/000.p/2', new Uint8Array(bytesAt('tile/1/000.p/2')).fill(1, 40))),
    ['tile-mismatch'],
  )
  assert.deepEqual(await codes((files) => files.delete('checkpoint')), ['checkpoint-missing'])
  const changed = new Uint8Array(bytesAt('tile/0/002.p/188')).fill(0, 64, 96)
  const report = await audit(new Map(good).set('tile/0/002.p/188', changed))
  assert.deepEqual(report.faults, [{ code: 'tile-mismatch', path: 'tile/0/002.p/188', index: 514 }])
  const last = encodeBundle([...entries.slice(512, size - 1), sampleEntry(9_999)])
  const other = await audit(new Map(good).set('tile/entries/002.p/188', last))
  assert.deepEqual(other.faults, [{ code: 'entry-mismatch', path: 'tile/entries/002.p/188', index: size - 1 }])
})

test('T40 an entry that was changed together with its hash in the tile is found', async () => {
  const forged = entries.with(300, sampleEntry(9_999, { at: 1_700_000_000_300 }))
  const other = filed(forged)
  const found = await codes((files) => {
    for (const path of ['tile/entries/001', 'tile/0/001']) files.set(path, other.get(path) as Uint8Array)
  })
  assert.deepEqual(found, ['root-mismatch', 'tile-mismatch'])
})

test('the list of files that facts name is looked at too, also where an entry before named the facts as something else', async () => {
  const list = Buffer.from('[]')
  const facts = Buffer.from(JSON.stringify({ changeDigest: digestOf(list) }))
  const policy = digestOf(blobs[0] as Uint8Array)
  const data: JsonObject = {
    outcome: 'fail',
    code: 'tiers',
    head: null,
    baseRef: null,
    mergeTree: null,
    policy,
    epoch: 1,
    facts: digestOf(facts),
    approvals: null,
    keyring: policy,
    requirement: null,
    verdict: policy,
  }
  const subject = { kind: 'change', repository: 7, number: 1 }
  const files = filed(entries.with(5, sampleEntry(5, { type: 'verdict', subject, data })))
  files.set(`blob/${digestOf(facts)}`, facts)
  assert.deepEqual(codesOf(await audit(files)), ['blob-missing'])
  files.set(`blob/${digestOf(list)}`, list)
  assert.deepEqual(codesOf(await audit(files)), [])
  for (const first of [4, 300]) {
    // In the same bundle, where the verdict stands too, and in one before.
    const verdict = sampleEntry(first + 1, { type: 'verdict', subject, data })
    const named = sampleEntry(3, {
      ...operator,
      type: 'policy-regenesis',
      data: { epoch: 2, policy: digestOf(facts), commit: '1'.repeat(40), reason: 'none', accounts: [] },
    })
    const hidden = filed(entries.with(3, named).with(first + 1, verdict))
    hidden.set(`blob/${digestOf(facts)}`, facts)
    assert.deepEqual(codesOf(await audit(hidden)), ['blob-missing'])
    const before = (await audit(hidden.set(`blob/${digestOf(list)}`, list))).blobs
    assert.equal(before, (await audit(files)).blobs)
  }
})

test('T40 a signed checkpoint of a wrong size or root is found', async () => {
  const sign = (count: number, root: Uint8Array) => (files: LogFileMap) =>
    files.set('checkpoint', Buffer.from(signCheckpoint({ origin, size: count, root }, logSeed)))
  const { root } = fileLog(origin, entries)
  assert.deepEqual(await codes(sign(size, sha256(root))), ['root-mismatch'])
  assert.deepEqual(await codes(sign(size - 1, root)), ['bundle-missing', 'root-mismatch', 'tile-missing'])
  assert.deepEqual(await codes(sign(512, root)), ['root-mismatch'])
  assert.deepEqual(await codes(sign(size + 1, root)), ['bundle-missing', 'root-mismatch', 'tile-missing'])
})

test('entries that the log signed and that no log may hold are named', async () => {
  const withEntry = async (index: number, entry: Uint8Array): Promise<readonly string[]> =>
    codesOf(await audit(filed(entries.with(index, entry))))
  const text = Buffer.from(entries[300] as Uint8Array).toString()
  assert.deepEqual(await withEntry(300, Buffer.from(text.replace('{"actor"', '{ "actor"'))), ['entry-not-canonical'])
  assert.deepEqual(await withEntry(300, Buffer.from(text.slice(1))), ['entry-not-json'])
  assert.deepEqual(await withEntry(300, sampleEntry(300, { type: 'unheard-of' })), ['entry-unknown-type'])
  assert.deepEqual(await withEntry(300, sampleEntry(300, { data: { code: 'forced-push' } })), ['entry-bad-data'])
  assert.deepEqual(await withEntry(300, sampleEntry(300, { id: 'not hex' })), ['entry-bad-member'])
  assert.deepEqual(await withEntry(300, sampleEntry(10, { at: 1_700_000_000_300 })), ['entry-id-repeated'])
  assert.deepEqual(await withEntry(300, sampleEntry(300, { at: 1_700_000_000_290 })), ['entry-time-reversed'])
  assert.deepEqual(await withEntry(256, sampleEntry(256, { at: 1_700_000_000_200 })), ['entry-time-reversed'])
  assert.deepEqual(await withEntry(300, genesis(300)), ['genesis-repeated'])
  assert.deepEqual(await withEntry(0, sampleEntry(0)), ['genesis-missing'])
})

test('a blob that is gone is missing, one that a tombstone names is erased, another value under its name is wrong', async () => {
  const digest = digestOf(blobs[2] as Uint8Array)
  const path = `blob/${digest}`
  assert.deepEqual(await codes((files) => files.delete(path)), ['blob-missing'])
  assert.deepEqual(await codes((files) => files.set(path, Buffer.from('other'))), ['blob-mismatch'])
  const tombstone = sampleEntry(size, { ...operator, type: 'blob-erased', data: { digest, reason: 'a court' } })
  const files = filed([...entries, tombstone])
  files.delete(path)
  const report = await audit(files)
  assert.ok(report.isGood)
  assert.deepEqual(
    report.erased.map((blob) => blob.digest),
    [digest],
  )
})

test('T40 T41 a log that does not continue the checkpoint known before is named', async () => {
  const earlier = noteOf(filed(entries.slice(0, 400)))
  assert.deepEqual(codesOf(await audit(good, { known: earlier })), [])
  assert.deepEqual(codesOf(await audit(filed(entries.slice(0, 300)), { known: earlier })), ['log-rolled-back'])
  const forked = filed(entries.with(3, sampleEntry(3)))
  assert.deepEqual(codesOf(await audit(forked, { known: earlier })), ['log-inconsistent'])
  assert.deepEqual(codesOf(await audit(forked, { known: noteOf(good) })), ['split-view'])
  const stranger = signCheckpoint({ origin, size: 1, root: sha256(new Uint8Array(0)) }, new Uint8Array(32).fill(3))
  assert.deepEqual(codesOf(await audit(good, { known: stranger })), ['note-no-known-key'])
})

test('an audit from the middle looks at the rest and takes what stands before by its tiles', async () => {
  const report = await audit(good, { from: 300 })
  assert.deepEqual([report.isGood, report.from, report.entries], [true, 256, size - 256])
  const changed = new Map(good).set('tile/0/000', bytesAt('tile/0/001'))
  assert.ok((await audit(changed, { from: 256 })).isGood, 'row 0 of what stands before is not read')
  assert.deepEqual(codesOf(await audit(new Map(good).set('tile/1/000.p/2', new Uint8Array(64)), { from: 256 })), [
    'root-mismatch',
  ])
})

test('an interrupted audit goes on where it was, and finds what it would have found', async () => {
  const many = Array.from({ length: 70 * 256 }, (_, i) => entries[i] ?? sampleEntry(i))
  const repeated = filed(many.with(69 * 256, sampleEntry(5, { at: 1_700_000_000_000 + 69 * 256 })))
  const saved: Saved = { progress: null, ids: [] }
  class Interrupted extends Error {}
  const interrupted = audit(repeated, {}, saved, (done) => {
    if (done === 66 * 256) throw new Interrupted()
  })
  await assert.rejects(interrupted, Interrupted)
  assert.ok(saved.progress)
  assert.deepEqual([saved.progress.next, saved.ids.length], [64 * 256, 4 * 64 * 256])
  const resume = { progress: saved.progress, ids: Uint32Array.from(saved.ids) }
  const first: number[] = []
  const report = await audit(repeated, { resume }, { progress: null, ids: [] }, (done) => void first.push(done))
  assert.equal(first[0], 65 * 256)
  assert.deepEqual([codesOf(report), report.entries], [['entry-id-repeated'], many.length])
  const forked = filed(many.with(3, sampleEntry(3)))
  assert.ok(codesOf(await audit(forked, { resume })).includes('log-inconsistent'))
})
