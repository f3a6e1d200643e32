import {
  type Acceleration,
  appendLeaf,
  checkEntry,
  decodeEntry,
  emptyFrontier,
  equalBytes,
  frontierRoot,
  type LogKeyCertificate,
  type LogKind,
  sha256,
  skimEntry,
  type SkimmedEntry,
  tilePath,
  tileWidth,
  type TreeHasher,
  treeHasher,
} from '../../core/index.ts'
import { type DigestSet, digestSet, wordsOfHex, wordsOfHexBytes } from './digest-set.ts'
import { certificateOf } from './follow-log.ts'
import { factsOf } from './named-blobs.ts'
import { eventFault } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { LogFault, LogFaultCode } from './log-fault.ts'

/** Which bundle of a log. */
export interface BundlePlace {
  readonly kind: LogKind
  readonly index: number
  /** Entries that the log of the audited size has in it. */
  readonly width: number
}

/** A bundle and the tile over it as they were read; null where the place has none. */
export interface BundleJob extends BundlePlace {
  readonly bundle: { readonly bytes: Uint8Array; readonly width: number } | null
  readonly tile: { readonly bytes: Uint8Array; readonly width: number } | null
}

/** Digests, eight words each, and where in the bundle the entries stand that name them first. */
export interface NamedDigests {
  readonly words: Uint32Array
  readonly places: Uint8Array
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
  readonly places: Uint8Array
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly genesis: readonly number[]
  readonly certificates: readonly LogKeyCertificate[]
  /** Blobs that entries name and that are not told of yet. */
  readonly blobs: NamedDigests
  /** Those of them that are facts, which name a list of files in turn. */
  readonly facts: NamedDigests
  readonly erased: readonly string[]
}

const hashBytes = 32
const leafPrefix = 0
/** Bytes before each entry of a bundle that say how long it is. */
const lengthBytes = 2
export const idWords = 4
export const digestWords = 8
const idDigits = 8 * idWords

type Hash = (bytes: Uint8Array) => Uint8Array

function rootOf(leaves: Uint8Array, hasher: TreeHasher): Uint8Array {
  if (leaves.length === tileWidth * hashBytes) return hasher.complete(leaves)
  let frontier = emptyFrontier
  for (let at = 0; at < leaves.length; at += hashBytes)
    frontier = appendLeaf(frontier, leaves.subarray(at, at + hashBytes), hasher)
  return frontierRoot(frontier, hasher)
}

/** The hash of the entry from `from` to `to`. The byte before it is the end of its length, which is read by then. */
function leafOf(bundle: Uint8Array, from: number, to: number, hash: Hash): Uint8Array {
  bundle[from - 1] = leafPrefix
  return hash(new Uint8Array(bundle.buffer, bundle.byteOffset + from - 1, to - from + 1))
}

/** Digests that the bundles before have told of. Whoever is asked about bundles in order need not tell of one again. */
export interface ToldDigests {
  readonly blobs: DigestSet
  readonly facts: DigestSet
}

export const noneTold = (): ToldDigests => ({ blobs: digestSet(digestWords), facts: digestSet(digestWords) })

/** Collects digests that are not told of yet. */
function digestList(told: DigestSet) {
  let words = new Uint32Array(tileWidth * digestWords)
  let places = new Uint8Array(tileWidth)
  let count = 0
  return {
    /** Where the next digest is to be written. */
    next: (): Uint32Array<ArrayBuffer> => words,
    nextAt: (): number => count * digestWords,
    /** Takes what was written there. */
    add(place: number): void {
      if (!told.add(words, count)) return
      places[count++] = place
      if (count < places.length) return
      const [full, fullPlaces] = [words, places]
      words = new Uint32Array(2 * full.length)
      words.set(full)
      places = new Uint8Array(2 * fullPlaces.length)
      places.set(fullPlaces)
    },
    get all(): NamedDigests {
      return { words: words.slice(0, count * digestWords), places: places.slice(0, count) }
    },
  }
}

/** Collects what the entries of one bundle say, one after the other. */
function saidByEntries({ kind, width }: BundleJob, acceleration: Acceleration, told: ToldDigests) {
  const ids = new Uint32Array(width * idWords)
  const places: number[] = []
  const genesis: number[] = []
  const certificates: LogKeyCertificate[] = []
  const erased: string[] = []
  const [blobs, facts] = [digestList(told.blobs), digestList(told.facts)]
  let firstAt: number | null = null
  let lastAt: number | null = null

  /** Whether no entry before it is later. */
  function isInTime(at: number): boolean {
    const before = lastAt
    firstAt ??= at
    lastAt = Math.max(lastAt ?? 0, at)
    return before === null || at >= before
  }

  function skim(bytes: Uint8Array, place: number, entry: SkimmedEntry): readonly LogFaultCode[] {
    wordsOfHexBytes(bytes, entry.idAt, idWords, ids, places.length * idWords)
    places.push(place)
    for (const at of entry.blobsAt) {
      wordsOfHexBytes(bytes, at, digestWords, blobs.next(), blobs.nextAt())
      blobs.add(place)
    }
    if (entry.factsAt >= 0) {
      wordsOfHexBytes(bytes, entry.factsAt, digestWords, facts.next(), facts.nextAt())
      facts.add(place)
    }
    return isInTime(entry.at) ? [] : ['entry-time-reversed']
  }

  function read(bytes: Uint8Array, place: number, index: number): readonly LogFaultCode[] {
    const decoded = decodeEntry(bytes, acceleration)
    if (!decoded.ok) return [decoded.code]
    const { entry } = decoded
    const faults: LogFaultCode[] = []
    const checked = checkEntry(entry, kind)
    if (kind === 'security' && checked.ok && eventFault(entry.data as unknown as SecurityEvent) !== null)
      faults.push('entry-bad-data')
    if (entry.id.length === idDigits && wordsOfHex(entry.id, ids, places.length * idWords)) places.push(place)
    const certificate = kind === 'security' ? null : certificateOf(entry, index)
    if (certificate !== null) certificates.push(certificate)
    if (!checked.ok) faults.push(checked.code)
    else {
      for (const digest of checked.blobs) if (wordsOfHex(digest, blobs.next(), blobs.nextAt())) blobs.add(place)
      const named = factsOf(entry)
      if (named !== null && wordsOfHex(named, facts.next(), facts.nextAt())) facts.add(place)
      if (entry.type === 'genesis') genesis.push(index)
      const { digest } = entry.data
      if (entry.type === 'blob-erased' && typeof digest === 'string') erased.push(digest)
    }
    if (!isInTime(entry.at)) faults.push('entry-time-reversed')
    return faults
  }

  return {
    /** Takes the entry from `from` to `to`; says what is wrong with it. */
    take(bundle: Uint8Array, from: number, to: number, place: number, index: number): readonly LogFaultCode[] {
      const skimmed = kind === 'decisions' ? skimEntry(bundle, from, to) : undefined
      return skimmed === undefined ? read(bundle.subarray(from, to), place, index) : skim(bundle, place, skimmed)
    },
    get all() {
      const known = ids.slice(0, places.length * idWords)
      const said = { firstAt, lastAt, genesis, certificates, erased, blobs: blobs.all, facts: facts.all }
      return { ids: known, places: Uint8Array.from(places), ...said }
    },
  }
}

/**
 * Audits one bundle with its tile, away from everything else: the part of an audit that can be done by many at once.
 *
 * Trust: bundle and tile are an attacker's. The bytes of the bundle are used up.
 * Checks: bundle and tile have the width that the log's size asks for; every entry is canonical, of a known type and as its
 * type has it; every leaf hash against the tile; `at` never falls.
 */
export function auditBundle(
  job: BundleJob,
  acceleration: Acceleration = {},
  told: ToldDigests = noneTold(),
): BundleReport {
  const hash = acceleration.sha256 ?? sha256
  const hasher = treeHasher(acceleration)
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

  const bundle = job.bundle?.bytes ?? null
  const bounds = job.bundle === null ? null : boundsOf(job.bundle.bytes, job.bundle.width)
  if (bounds === null) fault('bundle-missing', bundlePath)
  else if (typeof bounds === 'string') fault(bounds, bundlePath)

  const said = saidByEntries(job, acceleration, told)
  const differing: number[] = []
  let leaves: Uint8Array | null = null
  if (bundle !== null && bounds !== null && typeof bounds !== 'string') {
    leaves = new Uint8Array(job.width * hashBytes)
    for (let i = 0; i < job.width; i++) {
      const [from, to] = [bounds[i] as number, (bounds[i + 1] as number) - lengthBytes]
      leaves.set(leafOf(bundle, from, to, hash), i * hashBytes)
      for (const code of said.take(bundle, from, to, i, start + i)) fault(code, bundlePath, start + i)
    }
  }
  if (leaves !== null && tile !== null && !equalBytes(leaves, tile))
    for (let i = 0; i < job.width; i++) {
      const [from, to] = [i * hashBytes, (i + 1) * hashBytes]
      if (!equalBytes(leaves.subarray(from, to), tile.subarray(from, to))) differing.push(start + i)
    }
  const entriesRoot = leaves === null ? null : rootOf(leaves, hasher)
  return {
    index: job.index,
    faults,
    differing,
    entriesRoot,
    tileRoot:
      tile === null ? null : differing.length === 0 && entriesRoot !== null ? entriesRoot : rootOf(tile, hasher),
    ...said.all,
  }
}

/**
 * Where the entries of a bundle begin, and where one more would; or what is wrong: a bundle that ends inside of an entry is
 * cut, one of whole entries has another count.
 */
function boundsOf(bytes: Uint8Array, width: number): Int32Array | 'bundle-truncated' | 'size-wrong' {
  const starts = new Int32Array(width + 1)
  let at = 0
  let count = 0
  for (; at < bytes.length; count++) {
    if (at + lengthBytes > bytes.length) return 'bundle-truncated'
    if (count < width) starts[count] = at + lengthBytes
    at += lengthBytes + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (at > bytes.length) return 'bundle-truncated'
  }
  starts[width] = at + lengthBytes
  return count === width ? starts : 'size-wrong'
}
