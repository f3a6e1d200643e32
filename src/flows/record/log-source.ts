import {
  type Acceleration,
  type Checkpoint,
  decodeBundle,
  equalBytes,
  parseVerifierKey,
  tilePath,
  tilesBetween,
  tileWidth,
  treeHasher,
  type VerifierKey,
  verifyCheckpoint,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type LogFault, type Read } from './log-fault.ts'
import { openLogTree, readRowFile } from './log-tree.ts'

/** Whom a reader believes about a log: its origin and the keys that may sign its checkpoints. */
export interface LogTrust {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
}

/** A checkpoint that the log's key signed, with its bytes as they were served. */
export interface SignedHead {
  readonly checkpoint: Checkpoint
  readonly note: Uint8Array
}

/** The trust of verifier key lines, which all name the log. Undefined when one is not a key or names another log. */
export function logTrust(lines: readonly string[]): LogTrust | undefined {
  const keys = lines.map(parseVerifierKey)
  const origin = keys[0]?.name
  if (origin === undefined || !keys.every((key) => key?.name === origin)) return undefined
  return { origin, keys: keys as readonly VerifierKey[] }
}

/**
 * Reads the newest checkpoint of a log.
 *
 * Trust: the file is an attacker's.
 * Checks: as `verifyCheckpoint`.
 * Does not check: that it is the newest, nor that it continues one seen before.
 * @throws AppError log-files-unavailable
 */
export async function readLogHead(source: LogSource, trust: LogTrust): Promise<Read<SignedHead>> {
  const note = await source.read('checkpoint')
  if (note === null) return faulty('checkpoint-missing', 'checkpoint')
  const verified = verifyCheckpoint(note, trust.origin, trust.keys)
  return verified.ok
    ? { ok: true, value: { checkpoint: verified.checkpoint, note } }
    : faulty(verified.code, 'checkpoint')
}

/** Neighbouring entries, the first of which stands at `first`; or what ended the reading. */
export type EntryRange =
  | { readonly ok: true; readonly first: number; readonly entries: readonly Uint8Array[] }
  | { readonly ok: false; readonly fault: LogFault }

/**
 * Reads the entries `from` (inclusive) to `to` (exclusive) of the log with this checkpoint, a bundle at a time. After a fault
 * nothing follows.
 *
 * Trust: the files are an attacker's; the checkpoint is one that the caller has verified.
 * Checks: every entry's leaf hash stands in its tile, and the tile belongs to the checkpoint's root.
 * Does not check: what the entries say; see `decodeEntry`.
 * @throws AppError log-files-unavailable; RangeError unless the range lies in the log
 */
export async function* entriesOf(
  source: LogSource,
  checkpoint: Checkpoint,
  range: { readonly from: number; readonly to: number },
  acceleration: Acceleration = {},
): AsyncGenerator<EntryRange, void, undefined> {
  const { from, to } = range
  if (!(from >= 0 && from <= to && to <= checkpoint.size)) throw new RangeError('not a range of the log')
  if (from === to) return
  const hasher = treeHasher(acceleration)
  const tree = await openLogTree(source, checkpoint, hasher)
  if (!tree.ok) return yield tree
  const isWanted = (index: number): boolean => (index + 1) * tileWidth > from && index * tileWidth < to
  for (const file of tilesBetween(0, checkpoint.size)) {
    if (file.kind !== 'entries' || !isWanted(file.index)) continue
    const path = tilePath(file)
    const found = await readRowFile(source, file)
    if (found === null) return yield faulty('bundle-missing', path)
    const bundle = decodeBundle(found.bytes, found.width)?.slice(0, file.width)
    if (bundle === undefined) return yield faulty('bundle-truncated', path)
    const tile = await tree.value.tile({ kind: 'hashes', level: 0, index: file.index, width: file.width })
    if (!tile.ok) return yield tile
    const start = file.index * tileWidth
    const wrong = bundle.findIndex(
      (entry, i) => !equalBytes(hasher.leaf(entry), tile.value.subarray(i * 32, i * 32 + 32)),
    )
    if (wrong >= 0) return yield faulty('entry-mismatch', path, start + wrong)
    const first = Math.max(from, start)
    yield { ok: true, first, entries: bundle.slice(first - start, to - start) }
  }
}
