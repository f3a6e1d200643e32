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
  type JsonObject,
  noteVerifierKey,
  signCheckpoint,
  tilePath,
  tileWidth,
  treeHasher,
} from '../src/core/index.ts'

const origin = 'bench.example.org/decisions'
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')
const digest = (text: string): string => hash('sha256', text)
const hasher = treeHasher({ sha256 })
const blobCount = 1_000
const blobText = (number: number): string => JSON.stringify({ blob: number, text: 'x'.repeat(500) })
const blobDigests = Array.from({ length: blobCount }, (_, i) => digest(blobText(i)))
const blob = (number: number): string => blobDigests[number % blobCount] as string

/** Entries as a governed repository makes them: clocks, statements and above all verdicts. */
function entryOf(number: number): Uint8Array {
  const commit = digest(`commit ${number}`).slice(0, 40)
  const common = { v: 1, id: digest(`id ${number}`).slice(0, 32), at: 1_700_000_000_000 + number * 10 }
  const change = { kind: 'change', repository: 7, number: 1 + (number % 5_000) }
  const server = { kind: 'server' }
  if (number === 0)
    return encode(
      common,
      'genesis',
      { kind: 'operator' },
      { kind: 'deployment' },
      {
        origin,
        governanceRepository: 'acme/governance',
        policy: blob(0),
        commit,
        logKey: 'b'.repeat(64),
        accounts: [],
      },
    )
  if (number % 4 === 1)
    return encode(common, 'clock-started', server, change, {
      baseRef: 'main',
      changeDigest: blob(number),
      head: commit,
    })
  if (number % 4 === 2)
    return encode(common, 'statement-refused', { kind: 'person', account: 11, keyid: digest('key') }, change, {
      payloadDigest: digest(`payload ${number}`),
      code: 'expired',
      commentId: number,
    })
  return encode(common, 'verdict', server, change, {
    outcome: 'pending',
    code: 'tiers',
    head: commit,
    baseRef: 'main',
    mergeTree: commit,
    policy: blob(0),
    epoch: 1,
    facts: blob(number),
    approvals: digest(`approvals ${number}`),
    keyring: blob(1),
    requirement: blob(2),
    verdict: blob(number + 1),
  })
}

const encode = (
  common: JsonObject,
  type: string,
  actor: JsonObject,
  subject: JsonObject,
  data: JsonObject,
): Uint8Array => canonicalBytes({ ...common, type, actor, subject, data })

/** Writes the log; resolves with its verifier key line. */
export function writeBenchLog(directory: string, size: number, onProgress: (done: number) => void): string {
  const write = (path: string, bytes: Uint8Array): void => {
    const file = join(directory, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }
  for (let i = 0; i < blobCount; i++) write(`blob/${blobDigests[i]}`, Buffer.from(blobText(i)))
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
