import {
  type Acceleration,
  appendLeaf,
  checkEntry,
  decodeBundle,
  decodeEntry,
  emptyFrontier,
  equalBytes,
  frontierRoot,
  type LogKeyCertificate,
  type LogKind,
  sha256,
  tilePath,
  tileWidth,
  treeHasher,
} from '../../core/index.ts'
import { wordsOfHex } from './digest-set.ts'
import { certificateOf } from './follow-log.ts'
import { factsOf } from './named-blobs.ts'
import { eventFault } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { LogFault, LogFaultCode } from './log-fault.ts'

/** A bundle and the tile over it as they were read; null where the place has none. */
export interface BundleJob {
  readonly kind: LogKind
  readonly index: number
  /** Entries that the log of the audited size has in it. */
  readonly width: number
  readonly bundle: { readonly bytes: Uint8Array; readonly width: number } | null
  readonly tile: { readonly bytes: Uint8Array; readonly width: number } | null
}

/** An entry of a type that the whole of the log has to be asked about. */
interface Marked {
  readonly index: number
  readonly digest: string
  /** Facts name a list of files in turn. */
  readonly isFacts: boolean
}

/** What one bundle says, and what is wrong with it as far as it alone can tell. */
export interface BundleReport {
  readonly index: number
  readonly faults: readonly LogFault[]
  /** Entries whose leaf hash is not the one in the tile; whether bundle or tile is wrong, the tree above decides. */
  readonly differing: readonly number[]
  /** Root over the entries' hashes, and over the tile's; null where there is no such thing. */
  readonly entriesRoot: Uint8Array | null
  readonly tileRoot: Uint8Array | null
  /** Ids of the entries that could be read, four words each, and where in the bundle those entries stand. */
  readonly ids: Uint32Array
  readonly places: readonly number[]
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly genesis: readonly number[]
  readonly certificates: readonly LogKeyCertificate[]
  /** Blobs that entries name, each once a bundle. */
  readonly blobs: readonly Marked[]
  readonly erased: readonly string[]
}

const hashBytes = 32
const leafPrefix = 0
const nodePrefix = 1
export const idWords = 4

type Hash = (bytes: Uint8Array) => Uint8Array

/** The root over the hashes of a full tile, row by row. `room` is a byte and the hashes after it; it is used up. */
function rootOfFull(room: Uint8Array, hash: Hash): Uint8Array {
  let row = room
  for (let count = tileWidth; count > 1; count /= 2) {
    const next = new Uint8Array(1 + (count / 2) * hashBytes)
    for (let i = 0; i < count / 2; i++) {
      // The byte before two hashes is the end of one that was hashed already: the prefix goes there, and nothing is copied.
      const start = 2 * i * hashBytes
      row[start] = nodePrefix
      next.set(hash(row.subarray(start, start + 1 + 2 * hashBytes)), 1 + i * hashBytes)
    }
    row = next
  }
  return row.slice(1)
}

function rootOf(leaves: Uint8Array, hash: Hash): Uint8Array {
  const room = new Uint8Array(1 + leaves.length)
  room.set(leaves, 1)
  if (leaves.length === tileWidth * hashBytes) return rootOfFull(room, hash)
  const hasher = treeHasher({ sha256: hash })
  let frontier = emptyFrontier
  for (let at = 0; at < leaves.length; at += hashBytes)
    frontier = appendLeaf(frontier, leaves.subarray(at, at + hashBytes), hasher)
  return frontierRoot(frontier, hasher)
}

/** The hash of an entry that lies in a bundle. The byte before it is the end of its length, which is read by then. */
function leafOf(entry: Uint8Array, hash: Hash): Uint8Array {
  const prefixed = new Uint8Array(entry.buffer, entry.byteOffset - 1, entry.length + 1)
  prefixed[0] = leafPrefix
  return hash(prefixed)
}

/**
 * Audits one bundle with its tile, away from everything else: the part of an audit that can be done by many at once.
 *
 * Trust: bundle and tile are an attacker's. The bytes of the bundle are used up.
 * Checks: bundle and tile have the width that the log's size asks for; every entry is canonical, of a known type and as its
 * type has it; every leaf hash against the tile; `at` never falls.
 */
export function auditBundle(job: BundleJob, acceleration: Acceleration = {}): BundleReport {
  const hash = acceleration.sha256 ?? sha256
  const faults: LogFault[] = []
  const bundlePath = tilePath({ kind: 'entries', index: job.index, width: job.width })
  const path = tilePath({ kind: 'hashes', level: 0, index: job.index, width: job.width })
  const start = job.index * tileWidth
  const fault = (code: LogFaultCode, at: string, index: number | null = null): void => {
    faults.push({ code, path: at, index })
  }

  let tile: Uint8Array | null = null
  if (job.tile === null) fault('tile-missing', path)
  else if (job.tile.bytes.length !== job.tile.width * hashBytes) fault('size-wrong', path)
  else tile = job.tile.bytes.subarray(0, job.width * hashBytes)

  const entries = job.bundle === null ? null : readBundle(job.bundle.bytes, job.bundle.width, job.width)
  if (entries === null) fault('bundle-missing', bundlePath)
  else if (typeof entries === 'string') fault(entries, bundlePath)

  const ids = new Uint32Array(job.width * idWords)
  const places: number[] = []
  const genesis: number[] = []
  const certificates: LogKeyCertificate[] = []
  const erased: string[] = []
  const blobs = new Map<string, Marked>()
  const differing: number[] = []
  let firstAt: number | null = null
  let lastAt: number | null = null
  let leaves: Uint8Array | null = null
  if (entries !== null && typeof entries !== 'string') {
    leaves = new Uint8Array(job.width * hashBytes)
    for (const [i, bytes] of entries.entries()) {
      const index = start + i
      leaves.set(leafOf(bytes, hash), i * hashBytes)
      const decoded = decodeEntry(bytes, acceleration)
      if (!decoded.ok) {
        fault(decoded.code, bundlePath, index)
        continue
      }
      const { entry } = decoded
      const checked = checkEntry(entry, job.kind)
      const event = job.kind === 'security' && checked.ok ? eventFault(entry.data as unknown as SecurityEvent) : null
      if (event !== null) fault('entry-bad-data', bundlePath, index)
      if (entry.id.length === 8 * idWords && wordsOfHex(entry.id, ids, places.length * idWords)) places.push(i)
      const certificate = job.kind === 'security' ? null : certificateOf(entry, index)
      if (certificate !== null) certificates.push(certificate)
      if (!checked.ok) fault(checked.code, bundlePath, index)
      else {
        const facts = factsOf(entry)
        for (const digest of checked.blobs)
          if (!blobs.has(digest)) blobs.set(digest, { digest, index, isFacts: digest === facts })
        if (entry.type === 'genesis') genesis.push(index)
        const { digest } = entry.data
        if (entry.type === 'blob-erased' && typeof digest === 'string') erased.push(digest)
      }
      if (lastAt !== null && entry.at < lastAt) fault('entry-time-reversed', bundlePath, index)
      firstAt ??= entry.at
      lastAt = Math.max(lastAt ?? 0, entry.at)
    }
  }
  if (leaves !== null && tile !== null && !equalBytes(leaves, tile))
    for (let i = 0; i < job.width; i++) {
      const [from, to] = [i * hashBytes, (i + 1) * hashBytes]
      if (!equalBytes(leaves.subarray(from, to), tile.subarray(from, to))) differing.push(start + i)
    }
  const entriesRoot = leaves === null ? null : rootOf(leaves, hash)
  return {
    index: job.index,
    faults,
    differing,
    entriesRoot,
    tileRoot: tile === null ? null : differing.length === 0 && entriesRoot !== null ? entriesRoot : rootOf(tile, hash),
    ids: ids.slice(0, places.length * idWords),
    places,
    firstAt,
    lastAt,
    genesis,
    certificates,
    blobs: [...blobs.values()],
    erased,
  }
}

/** The entries, or what is wrong: a bundle that ends inside of an entry is cut, one of whole entries has another count. */
function readBundle(
  bytes: Uint8Array,
  width: number,
  wanted: number,
): readonly Uint8Array[] | 'bundle-truncated' | 'size-wrong' {
  const entries = decodeBundle(bytes, width)
  if (entries !== undefined) return entries.slice(0, wanted)
  for (let at = 0; ; ) {
    if (at === bytes.length) return 'size-wrong'
    if (at + 2 > bytes.length) return 'bundle-truncated'
    at += 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (at > bytes.length) return 'bundle-truncated'
  }
}
