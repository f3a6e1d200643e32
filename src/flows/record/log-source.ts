import {
  type Acceleration,
  type Checkpoint,
  decodeBundle,
  equalBytes,
  parseVerifierKey,
  tilePath,
  tileWidth,
  treeHasher,
  type VerifierKey,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type LogFault } from './log-fault.ts'
import { openLogTree, readRowFile } from './log-tree.ts'

/** Whom a reader believes about a log: its origin, keys that may sign its checkpoints, and who may name their successors. */
export interface LogTrust {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** The offline root under which certificates are followed; null: none are. */
  readonly root: VerifierKey | null
}

/**
 * The trust of verifier key lines, which all name the log, and of the line of its offline root. Undefined when one is not a
 * key or names another log.
 */
export function logTrust(lines: readonly string[], rootLine: string | null = null): LogTrust | undefined {
  const keys = lines.map(parseVerifierKey)
  const origin = keys[0]?.name
  if (origin === undefined || !keys.every((key) => key?.name === origin)) return undefined
  const root = rootLine === null ? null : parseVerifierKey(rootLine)
  if (root === undefined || (root !== null && !root.name.startsWith(`${origin}/`))) return undefined
  return { origin, keys: keys as readonly VerifierKey[], root }
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
  // A size is what a stranger claims: nothing is made for every tile that such a log would have.
  for (let index = Math.floor(from / tileWidth); index * tileWidth < to; index++) {
    const file = { kind: 'entries', index, width: Math.min(tileWidth, checkpoint.size - index * tileWidth) } as const
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
