/** A log of any length as files, written row by row: what a publisher leaves behind. */
import { hash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  appendLeaf,
  canonicalBytes,
  ed25519PublicKey,
  emptyFrontier,
  encodeBundle,
  formatVerifierKey,
  frontierRoot,
  noteVerifierKey,
  signCheckpoint,
  tilePath,
  tileWidth,
  treeHasher,
} from '../src/core/index.ts'
import { digestOf, origin, sampleBlobs, sampleDraft } from './sample-drafts.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')
const hasher = treeHasher({ sha256 })

/** The entry of that number at its place. */
function entryOf(number: number): Uint8Array {
  const { type, actor, subject, data } = sampleDraft(number)
  const id = digestOf(`id ${number}`).slice(0, 32)
  return canonicalBytes({ v: 1, id, at: 1_700_000_000_000 + number * 10, type, actor, subject, data })
}

/** Writes the log; resolves with its verifier key line. */
export function writeBenchLog(directory: string, size: number, onProgress: (done: number) => void): string {
  const write = (path: string, bytes: Uint8Array): void => {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }
  for (const { digest, text } of sampleBlobs()) write(`blob/${digest}`, Buffer.from(text))
  /** Hashes of each row that are not in a full tile yet, and how many full tiles it has. */
  const rows: { hashes: Uint8Array[]; full: number }[] = []
  const take = (level: number, _index: number, hashed: Uint8Array): void => {
    if (level % 8 !== 0) return
    const row = (rows[level / 8] ??= { hashes: [], full: 0 })
    row.hashes.push(hashed)
    if (row.hashes.length < tileWidth) return
    write(
      tilePath({ kind: 'hashes', level: level / 8, index: row.full++, width: tileWidth }),
      Buffer.concat(row.hashes),
    )
    row.hashes = []
  }
  let frontier = emptyFrontier
  let bundle: Uint8Array[] = []
  const flush = (): void => {
    const index = Math.floor((frontier.size - 1) / tileWidth)
    write(tilePath({ kind: 'entries', index, width: bundle.length }), encodeBundle(bundle))
    bundle = []
  }
  for (let number = 0; number < size; number++) {
    const entry = entryOf(number)
    bundle.push(entry)
    frontier = appendLeaf(frontier, hasher.leaf(entry), hasher, take)
    if (bundle.length === tileWidth) flush()
    if (number % 100_000 === 99_999) onProgress(number + 1)
  }
  if (bundle.length > 0) flush()
  for (const [level, { hashes, full }] of rows.entries())
    if (hashes.length > 0)
      write(tilePath({ kind: 'hashes', level, index: full, width: hashes.length }), Buffer.concat(hashes))
  const seed = sha256(Buffer.from('the log key of the bench'))
  write('checkpoint', Buffer.from(signCheckpoint({ origin, size, root: frontierRoot(frontier, hasher) }, seed)))
  return formatVerifierKey(noteVerifierKey(origin, ed25519PublicKey(seed)))
}
