import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, equalBytes, formatVerifierKey, rootOfLeaves, sha256Hex, treeHasher } from '../../core/index.ts'
import { fileLog, type LogFileMap, mapSource, sampleEntry } from '../../../test/fixtures/log-files.ts'
import { type ClaimedHead, readClaimedHead } from './follow-log.ts'
import { entriesOf, logTrust } from './log-source.ts'
import { openLogTree } from './log-tree.ts'

const origin = 'gov.example.org/decisions'
const hasher = treeHasher()
const entries = Array.from({ length: 700 }, (_, i) => sampleEntry(i))
const logs = new Map([1, 255, 256, 257, 512, 600, 700].map((size) => [size, fileLog(origin, entries.slice(0, size))]))
const largest = logs.get(700)
assert.ok(largest)
const trust = logTrust([formatVerifierKey(largest.key)])
assert.ok(trust)

async function headOf(files: LogFileMap): Promise<ClaimedHead> {
  assert.ok(trust)
  const head = await readClaimedHead(mapSource(files), trust)
  assert.ok(head.ok)
  return head.value
}

/** Entries as one text: what differs is told without the differences of thousands of bytes. */
const textOf = (read: readonly Uint8Array[]): string => `${read.length}: ${sha256Hex(concatBytes(...read))}`

async function readAll(files: LogFileMap, from: number, to: number): Promise<string> {
  const { checkpoint } = await headOf(files)
  const read: Uint8Array[] = []
  for await (const range of entriesOf(mapSource(files), checkpoint, { from, to })) {
    if (!range.ok) return range.fault.code
    assert.equal(range.first, from + read.length)
    read.push(...range.entries)
  }
  return textOf(read)
}

test('any range of entries of any log reads as it was written', async () => {
  for (const [size, { files }] of logs)
    for (const [from, to] of [
      [0, size],
      [size - 1, size],
      [0, 1],
      [Math.min(200, size), Math.min(300, size)],
    ] as const)
      assert.equal(await readAll(files, from, to), textOf(entries.slice(from, to)), `${size}: ${from} to ${to}`)
})

test('T40 every root that the log had is computed from its tiles', async () => {
  const { checkpoint } = await headOf(largest.files)
  const tree = await openLogTree(mapSource(largest.files), checkpoint, hasher)
  assert.ok(tree.ok)
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 699, 700]) {
    const root = await tree.value.rootAt(size)
    assert.ok(
      root.ok && equalBytes(root.value, rootOfLeaves(entries.slice(0, size).map(hasher.leaf), hasher)),
      `${size}`,
    )
  }
})

test('T40 one changed byte in any file is found before an entry is handed out', async () => {
  const paths = [...largest.files.keys()].filter((path) => path !== 'checkpoint')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, place, change) => {
        const files = new Map(largest.files)
        const bytes = files.get(path) as Uint8Array
        const at = place % bytes.length
        files.set(path, new Uint8Array(bytes).with(at, (bytes[at] as number) ^ change))
        assert.doesNotMatch(await readAll(files, 0, 700), /:/, `${path} byte ${at}`)
      },
    ),
    { numRuns: 150 },
  )
})

test('T40 an entry that was changed together with its hash in the tile is found', async () => {
  const other = fileLog(origin, entries.with(300, sampleEntry(9_999))).files
  const files = new Map(largest.files)
  for (const path of ['tile/entries/001', 'tile/0/001']) files.set(path, other.get(path) as Uint8Array)
  assert.equal(await readAll(files, 0, 700), 'tile-mismatch')
})

test('a missing, cut or foreign file is named', async () => {
  const codeOf = async (path: string, bytes: Uint8Array | null): Promise<unknown> => {
    const files = new Map(largest.files)
    if (bytes === null) files.delete(path)
    else files.set(path, bytes)
    return readAll(files, 0, 700)
  }
  const file = (path: string): Uint8Array => largest.files.get(path) as Uint8Array
  assert.equal(await codeOf('tile/entries/001', null), 'bundle-missing')
  assert.equal(await codeOf('tile/entries/001', file('tile/entries/001').subarray(0, -1)), 'bundle-truncated')
  assert.equal(await codeOf('tile/entries/001', file('tile/entries/000')), 'entry-mismatch')
  assert.equal(await codeOf('tile/0/001', null), 'tile-missing')
  assert.equal(await codeOf('tile/0/001', file('tile/0/000')), 'tile-mismatch')
  assert.equal(await codeOf('tile/0/002.p/188', file('tile/0/000')), 'size-wrong')
  assert.equal(await codeOf('tile/0/002.p/188', file('tile/0/000').subarray(0, 188 * 32)), 'root-mismatch')
})

test('a partial file that is gone is cut out of the full one', async () => {
  const before = logs.get(600)?.files
  const grown = fileLog(origin, [...entries, ...Array.from({ length: 100 }, (_, i) => sampleEntry(700 + i))]).files
  for (const path of ['checkpoint', 'tile/1/000.p/2']) grown.set(path, before?.get(path) as Uint8Array)
  assert.ok(!grown.has('tile/0/002.p/88') && grown.has('tile/0/002'))
  assert.equal(await readAll(grown, 0, 600), textOf(entries.slice(0, 600)))
  grown.delete('tile/0/002')
  assert.equal(await readAll(grown, 0, 600), 'tile-missing')
})

test('heads that the trusted key did not sign are not read', async () => {
  assert.ok(trust)
  const codeOf = async (files: LogFileMap): Promise<string> => {
    const head = await readClaimedHead(mapSource(files), trust)
    return head.ok ? 'ok' : head.fault.code
  }
  assert.equal(await codeOf(new Map()), 'checkpoint-missing')
  const other = fileLog(origin, entries.slice(0, 3), new Uint8Array(32).fill(7))
  assert.equal(await codeOf(other.files), 'note-no-known-key')
  assert.equal(await codeOf(fileLog('gov.example.org/other', entries.slice(0, 3)).files), 'note-no-known-key')
  assert.equal(logTrust(['x']), undefined)
  assert.equal(logTrust([formatVerifierKey(largest.key), formatVerifierKey(fileLog('a/b', []).key)]), undefined)
})
