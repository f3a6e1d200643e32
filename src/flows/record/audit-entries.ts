import {
  bytesDigest,
  type Checkpoint,
  encodeHex,
  equalBytes,
  kindOfLog,
  type LogKeyCertificate,
  nodeOfTile,
  tileOfNode,
  tilePath,
  tileWidth,
  treeHasher,
} from '../../core/index.ts'
import {
  type BundleJob,
  type BundlePlace,
  type BundleReport,
  digestWords,
  idWords,
  type NamedDigests,
} from './audit-bundle.ts'
import type { LogSource } from '../ports.ts'
import type { AuditNeeds } from './audit-needs.ts'
import type { AuditProgress, FaultList, NamedBlob } from './audit-report.ts'
import type { UpperRows } from './audit-rows.ts'
import { digestSet, hexOfWords, wordsOfHex } from './digest-set.ts'
import { readRowFile } from './log-tree.ts'
import { namedByFacts } from './named-blobs.ts'

const bundlesPerSave = 64
const digestBytes = 32
/** Stands for what a registry would never let pass as a digest. */
const none = new Uint32Array(digestBytes / 4)

/** Where an audit of entries begins. */
export interface EntryAudit {
  readonly checkpoint: Checkpoint
  readonly note: string
  readonly from: number
  readonly before: AuditProgress | null
  /** Ids of the entries before, four words each. */
  readonly ids: Uint32Array
  /** Holds the hashes of everything before; the audit goes on with it. */
  readonly rows: UpperRows
  readonly faults: FaultList
  /** Those of the entries before. */
  readonly certificates: readonly LogKeyCertificate[]
}

/** What the entries of a log said as a whole. */
export interface AuditedEntries {
  /** Root over the last tile, where it is a partial one. */
  readonly partialRoot: Uint8Array | null
  readonly blobs: number
  readonly missing: readonly NamedBlob[]
  readonly erased: ReadonlySet<string>
  readonly certificates: readonly LogKeyCertificate[]
}

/** Runs tasks with at most `atOnce` of them under way. */
function limited(atOnce: number) {
  const running = new Set<Promise<void>>()
  return {
    async start(task: () => Promise<void>): Promise<void> {
      while (running.size >= atOnce) await Promise.race(running)
      const run: Promise<void> = task().finally(() => running.delete(run))
      // Its failure is thrown by whoever waits next; until then it is nobody's.
      run.catch(() => {})
      running.add(run)
    },
    done: async (): Promise<void> => void (await Promise.all(running)),
  }
}

/** Reads a bundle and the tile over it. @throws AppError log-files-unavailable */
export async function readBundle(source: LogSource, place: BundlePlace): Promise<BundleJob> {
  const { index, width } = place
  const [bundle, tile] = await Promise.all([
    readRowFile(source, { kind: 'entries', index, width }),
    readRowFile(source, { kind: 'hashes', level: 0, index, width }),
  ])
  return { ...place, bundle, tile }
}

/** Audits the bundles of a log in order, several at once, and what only the entries together can tell. */
export async function auditEntries(needs: AuditNeeds, audit: EntryAudit): Promise<AuditedEntries> {
  const { source, acceleration } = needs
  const { checkpoint, note, from, before, rows, faults } = audit
  const { size } = checkpoint
  const hasher = treeHasher(acceleration)
  const kind = kindOfLog(checkpoint.origin)
  const ids = digestSet(idWords, size)
  for (let i = 0; i < audit.ids.length / idWords; i++) ids.add(audit.ids, i)
  const seenBlobs = digestSet(digestWords)
  const seenFacts = digestSet(digestWords)
  const missing: NamedBlob[] = [...(before?.missing ?? [])]
  const erased = new Set(before?.erased)
  const certificates = [...audit.certificates]
  const blobReads = limited(needs.atOnce)
  let unsaved: Uint32Array[] = []
  let lastAt = before?.lastAt ?? 0
  let blobs = before?.blobs ?? 0
  let partialRoot: Uint8Array | null = null

  const widthOf = (index: number): number => Math.min(tileWidth, size - index * tileWidth)

  /** Reads a blob and tells what is wrong with it, if `isUnread`; null where it is not as it must be. */
  async function readBlob({ digest, index }: NamedBlob, isUnread: boolean): Promise<Uint8Array | null> {
    const path = `blob/${digest}`
    const bytes = await source.read(path)
    const isRight = bytes !== null && bytesDigest(bytes, acceleration) === digest
    if (isUnread) {
      blobs++
      if (bytes === null) missing.push({ digest, index })
      else if (!isRight) faults.add({ code: 'blob-mismatch', path, index })
    }
    return isRight ? bytes : null
  }

  /** Reads facts and the list of files that they name; an entry before may have named them as something else. */
  async function readFacts(named: NamedBlob, isUnread: boolean): Promise<void> {
    const facts = await readBlob(named, isUnread)
    for (const digest of facts === null ? [] : namedByFacts(facts))
      if (seenBlobs.add(wordsOfHex(digest) ?? none)) await readBlob({ digest, index: named.index }, true)
  }

  /** Starts to read what a bundle names and none before it. */
  async function startBlobs({ blobs: named, facts }: BundleReport, start: number): Promise<void> {
    const blobOf = ({ words, places }: NamedDigests, i: number): NamedBlob => ({
      digest: hexOfWords(words, i * digestWords, digestWords),
      index: start + (places[i] as number),
    })
    for (let i = 0; i < facts.places.length; i++) {
      if (!seenFacts.add(facts.words, i)) continue
      const isUnread = seenBlobs.add(facts.words, i)
      await blobReads.start(() => readFacts(blobOf(facts, i), isUnread))
    }
    for (let i = 0; i < named.places.length; i++)
      if (seenBlobs.add(named.words, i))
        await blobReads.start(async () => void (await readBlob(blobOf(named, i), true)))
  }

  /** The hash of a full tile as the row above has it, where that file is there and whole. */
  async function above(index: number): Promise<Uint8Array | null> {
    const found = await readRowFile(source, tileOfNode(8, index, size))
    const isWhole = found !== null && found.bytes.length === found.width * digestBytes
    return isWhole ? nodeOfTile(found.bytes, 8, index, hasher) : null
  }

  /** Where bundle and tile differ, the tree above tells which of them the log has signed; the rest is compared with that one. */
  async function settleRoot({ index, entriesRoot, tileRoot, differing }: BundleReport): Promise<Uint8Array | null> {
    const width = widthOf(index)
    const isFull = width === tileWidth
    if (differing.length === 0) return entriesRoot ?? tileRoot ?? (isFull ? await above(index) : null)
    const expected = isFull ? await above(index) : checkpoint.root
    const told = tileRoot !== null && !isFull ? rows.root(tileRoot) : tileRoot
    const isTileRight = told !== null && expected !== null && equalBytes(told, expected)
    const path = isTileRight
      ? tilePath({ kind: 'entries', index, width })
      : tilePath({ kind: 'hashes', level: 0, index, width })
    for (const at of differing) faults.add({ code: isTileRight ? 'entry-mismatch' : 'tile-mismatch', path, index: at })
    return isTileRight ? tileRoot : entriesRoot
  }

  async function settle(report: BundleReport): Promise<void> {
    const start = report.index * tileWidth
    const width = widthOf(report.index)
    const path = tilePath({ kind: 'entries', index: report.index, width })
    for (const fault of report.faults) faults.add(fault)
    unsaved.push(report.ids)
    for (const [i, place] of report.places.entries())
      if (!ids.add(report.ids, i)) faults.add({ code: 'entry-id-repeated', path, index: start + place })
    if (report.firstAt !== null && report.firstAt < lastAt)
      faults.add({ code: 'entry-time-reversed', path, index: start })
    lastAt = Math.max(lastAt, report.lastAt ?? 0)
    for (const index of report.genesis) if (index > 0) faults.add({ code: 'genesis-repeated', path, index })
    if (start === 0 && kind === 'decisions' && report.places.length > 0 && !report.genesis.includes(0))
      faults.add({ code: 'genesis-missing', path, index: 0 })
    certificates.push(...report.certificates)
    for (const digest of report.erased) erased.add(digest)
    await startBlobs(report, start)
    // Where nothing is left to go by, any hash will do: the root is already lost.
    const root = (await settleRoot(report)) ?? new Uint8Array(digestBytes)
    if (width === tileWidth) rows.push(root)
    else partialRoot = root
    needs.onProgress(start + width, size)
    if ((report.index + 1) % bundlesPerSave === 0 && width === tileWidth) await keep(start + width)
  }

  async function keep(next: number): Promise<void> {
    await blobReads.done()
    const progress: AuditProgress = {
      note,
      from,
      next,
      root: encodeHex(rows.root(null)),
      lastAt,
      blobs,
      faults: faults.faults,
      faultCount: faults.count,
      missing,
      erased: [...erased],
      certificates: [...certificates],
    }
    await needs.save(progress, unsaved)
    unsaved = []
  }

  const window: Promise<BundleReport>[] = []
  for (let index = (before?.next ?? from) / tileWidth; index * tileWidth < size; index++) {
    const reading = needs.auditBundle({ kind, index, width: widthOf(index) })
    // Its failure is thrown when its turn comes.
    reading.catch(() => {})
    window.push(reading)
    if (window.length >= needs.atOnce) await settle(await (window.shift() as Promise<BundleReport>))
  }
  for (const reading of window) await settle(await reading)
  await blobReads.done()
  return { partialRoot, blobs, missing, erased, certificates }
}
