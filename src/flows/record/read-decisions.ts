import {
  type Acceleration,
  bytesDigest,
  type Checkpoint,
  decodeEntry,
  decodeUtf8,
  equalBytes,
  type LogEntry,
  type LogKeyCertificate,
  parseCheckpoint,
  type Sha256,
  treeHasher,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type Read } from './log-fault.ts'
import { certificateOf, judgeHead, readClaimedHead } from './follow-log.ts'
import { entriesOf, type LogTrust } from './log-source.ts'
import { openLogTree } from './log-tree.ts'

export interface IndexedEntry {
  readonly index: number
  readonly entry: LogEntry
}

/** What a signed checkpoint stands for: entries by index, and the values that they name. */
export interface Decisions {
  readonly checkpoint: Checkpoint
  /** The checkpoint as it was served, with its cosignatures. */
  readonly note: string
  /** Those of the wanted types, in log order. */
  readonly entries: readonly IndexedEntry[]
  /** The bytes with this digest; null where the place has none, or others. */
  blob(digest: Sha256): Promise<Uint8Array | null>
}

/** The first break before which other entries stand than under the head of the old log that it holds; null: none does. */
async function falseBeginning(
  source: LogSource,
  checkpoint: Checkpoint,
  breaks: readonly IndexedEntry[],
  acceleration: Acceleration,
) {
  if (breaks.length === 0) return null
  const tree = await openLogTree(source, checkpoint, treeHasher(acceleration))
  if (!tree.ok) return tree
  for (const { index, entry } of breaks) {
    const { recovered } = entry.data
    const head = parseCheckpoint(typeof recovered === 'string' ? recovered : '')
    const root = await tree.value.rootAt(index)
    if (!root.ok) return root
    if (!head.ok || head.checkpoint.size !== index || !equalBytes(head.checkpoint.root, root.value))
      return faulty('log-inconsistent', null, index)
  }
  return null
}

/**
 * Reads a whole decision log and keeps the entries that are asked for.
 *
 * Trust: every file is an attacker's; `trust` is the caller's.
 * Checks: that the key of its size signed the checkpoint, following keys where `trust` has a root; its origin; that every entry
 * is included in it and canonical; the digest of every blob; that what stands before a break is what its entry says the old log
 * had.
 * Does not check: that this is the newest checkpoint, or the only one (`verify log`, witnesses).
 * @throws AppError log-files-unavailable
 */
export async function readDecisions(
  source: LogSource,
  trust: LogTrust,
  options: {
    readonly isWanted: (type: string) => boolean
    readonly onProgress?: (done: number, size: number) => void
    readonly acceleration?: Acceleration
  },
): Promise<Read<Decisions>> {
  const { isWanted, onProgress, acceleration = {} } = options
  const head = await readClaimedHead(source, trust)
  if (!head.ok) return head
  const { checkpoint, note } = head.value
  const entries: IndexedEntry[] = []
  const certificates: LogKeyCertificate[] = []
  const breaks: IndexedEntry[] = []
  for await (const range of entriesOf(source, checkpoint, { from: 0, to: checkpoint.size }, acceleration)) {
    if (!range.ok) return range
    for (const [offset, bytes] of range.entries.entries()) {
      const index = range.first + offset
      const decoded = decodeEntry(bytes)
      if (!decoded.ok) return faulty(decoded.code, null, index)
      if (isWanted(decoded.entry.type)) entries.push({ index, entry: decoded.entry })
      if (decoded.entry.type === 'log-broken') breaks.push({ index, entry: decoded.entry })
      const certificate = certificateOf(decoded.entry, index)
      if (certificate !== null) certificates.push(certificate)
    }
    onProgress?.(range.first + range.entries.length, checkpoint.size)
  }
  const judged = judgeHead(trust, note, certificates)
  if (!judged.ok) return judged
  const wrong = await falseBeginning(source, checkpoint, breaks, acceleration)
  if (wrong !== null) return wrong
  return {
    ok: true,
    value: {
      checkpoint,
      note: decodeUtf8(note) ?? '',
      entries,
      async blob(digest) {
        const bytes = await source.read(`blob/${digest}`)
        return bytes !== null && bytesDigest(bytes, acceleration) === digest ? bytes : null
      },
    },
  }
}
