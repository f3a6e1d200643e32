import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import {
  decodeBundle,
  encodeBundle,
  formatVerifierKey,
  parseCheckpointBody,
  parseSignedNote,
  signCheckpoint,
  type TileFile,
  tilePath,
  tilesBetween,
} from '../../src/core/index.ts'
import { scratch } from '../e2e/cli-process.ts'
import { recordLog } from '../e2e/recorded-log.ts'
import { fileLog, type LogFileMap, logSeed, sampleEntry, writeLogFiles } from '../fixtures/log-files.ts'
import { buildGo } from './go/build.ts'

const origin = 'gov.example.org/decisions'

/** The files that the log of the newest checkpoint consists of; narrower ones of its past lie beside them. */
function filesOf(files: LogFileMap): readonly TileFile[] {
  const note = parseSignedNote(files.get('checkpoint') ?? '')
  const head = note.ok ? parseCheckpointBody(note.text) : null
  assert.ok(head?.ok)
  return tilesBetween(0, head.checkpoint.size)
}

/** The last bundle, which every log has. */
function lastBundle(files: LogFileMap) {
  const file = filesOf(files).findLast(({ kind }) => kind === 'entries')
  assert.ok(file)
  const path = tilePath(file)
  const bytes = files.get(path)
  assert.ok(bytes)
  return { path, bytes, entries: decodeBundle(bytes, file.width) ?? [] }
}

test("Go's x/mod audits the log of a running server, and fails for one byte changed, a swapped entry, a truncated bundle and a wrong size", async (t) => {
  const built = buildGo('auditor', scratch(t))
  if ('missing' in built) {
    assert.ok(process.env['CI'] === undefined, built.missing)
    return t.skip(built.missing)
  }
  const audit = (
    files: LogFileMap,
    key: string,
  ): { readonly status: number | null; readonly out: string; readonly err: string } => {
    const folder = scratch(t)
    writeLogFiles(folder, files)
    const { status, stdout, stderr } = spawnSync(built.program, ['-proofs', folder, key], { encoding: 'utf8' })
    return { status, out: stdout, err: stderr }
  }
  const recorded = await recordLog(t)
  const server = { files: await recorded.files(), key: recorded.key }
  // Rows above the first, which a day's work does not fill.
  const large = fileLog(
    origin,
    Array.from({ length: 66_000 }, (_, i) => sampleEntry(i)),
  )
  const many = { files: large.files, key: formatVerifierKey(large.key) }

  for (const { files, key } of [server, many]) {
    const good = audit(files, key)
    assert.equal(good.status, 0, good.err)
    assert.equal((JSON.parse(good.out) as { proofs: boolean }).proofs, true)
    const { path, bytes, entries } = lastBundle(files)
    const [first, second, ...rest] = entries as [Uint8Array, Uint8Array, ...Uint8Array[]]
    const changes: Readonly<Record<string, (changed: LogFileMap) => unknown>> = {
      'one byte of an entry': (changed) => changed.set(path, new Uint8Array(bytes).with(20, (bytes[20] as number) ^ 1)),
      'two entries swapped': (changed) => changed.set(path, encodeBundle([second, first, ...rest])),
      'a bundle cut': (changed) => changed.set(path, bytes.slice(0, -1)),
      'an entry less': (changed) => changed.set(path, encodeBundle([first, second, ...rest].slice(0, -1))),
    }
    for (const tile of filesOf(files)
      .filter(({ kind }) => kind === 'hashes')
      .map(tilePath)
      .slice(-3))
      Object.assign(changes, {
        [`one byte of ${tile}`]: (changed: LogFileMap) => {
          const hashes = files.get(tile) as Uint8Array
          changed.set(tile, new Uint8Array(hashes).with(5, (hashes[5] as number) ^ 1))
        },
      })
    for (const [what, change] of Object.entries(changes)) {
      const changed = new Map(files)
      change(changed)
      assert.equal(audit(changed, key).status, 1, what)
    }
    assert.equal(audit(files, formatVerifierKey(fileLog(origin, [], new Uint8Array(32).fill(5)).key)).status, 1)
  }
  for (const size of [65_999, 66_001, 65_792]) {
    const note = signCheckpoint({ origin, size, root: large.root }, logSeed)
    assert.equal(audit(new Map(many.files).set('checkpoint', Buffer.from(note)), many.key).status, 1, `size ${size}`)
  }
})
