import {
  type Acceleration,
  type Checkpoint,
  checkpointPath,
  equalBytes,
  frontierRoot,
  rangeSubtrees,
  treeHasher,
  type VerifierKey,
  verifyCheckpoint,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogFiles, LogName } from '../ports.ts'
import type { OutsideSource } from './start-gate.ts'

export interface OutsideCopyNeeds {
  readonly name: LogName
  /** How messages name the place. */
  readonly place: string
  readonly files: Pick<LogFiles, 'read'>
  readonly origin: string
  readonly log: Pick<DecisionLog, 'head' | 'node'>
  /** Every key that this log was ever signed with. */
  readonly keys: () => Promise<readonly VerifierKey[]>
  readonly acceleration: Acceleration
}

/** How a copy of a log stands to the log. */
export type CopyState =
  | { readonly kind: 'empty' }
  /** The copy's head is one that this log had. */
  | { readonly kind: 'behind'; readonly size: number }
  | { readonly kind: 'ahead'; readonly size: number }
  /** The copy's head is of this size or smaller, and not one of ours. */
  | { readonly kind: 'inconsistent'; readonly size: number }
  /** What lies there as `checkpoint` is not signed by this log. */
  | { readonly kind: 'foreign'; readonly code: string }

/**
 * Compares the newest head that a copy holds with the log.
 *
 * Trust: the copy may hold anything; only a head that the log's own keys signed is believed to be the log's.
 * @throws AppError log-files-unavailable
 */
export async function compareCopy(needs: OutsideCopyNeeds): Promise<CopyState> {
  const note = await needs.files.read(checkpointPath)
  if (note === null) return { kind: 'empty' }
  const verified = verifyCheckpoint(note, needs.origin, await needs.keys())
  if (!verified.ok) return { kind: 'foreign', code: verified.code }
  const { size } = verified.checkpoint
  // The head is read after the copy: a log that grows meanwhile is not behind its own copy.
  if (size > (await needs.log.head()).size) return { kind: 'ahead', size }
  return (await hadHead(needs, verified.checkpoint)) ? { kind: 'behind', size } : { kind: 'inconsistent', size }
}

/** Whether the log once had this root at this size. */
export async function hadHead(
  { log, acceleration }: Pick<OutsideCopyNeeds, 'log' | 'acceleration'>,
  { size, root }: Checkpoint,
): Promise<boolean> {
  const hashes: Uint8Array[] = []
  for (const { level, index } of rangeSubtrees(0, size)) {
    const hash = await log.node(level, index)
    if (hash === null)
      throw new AppError('store-corrupt', 'a node of the log tree is missing', { data: { level, index } })
    hashes.push(hash)
  }
  return equalBytes(frontierRoot({ size, hashes }, treeHasher(acceleration)), root)
}

/**
 * The question to a copy before the log is signed: does it hold a head that this log has not?
 *
 * Errs: towards refusing. An empty copy refuses too, since a place that is not mounted looks like one; a new place is
 * prepared by a command, not by a start.
 */
export const copySource = (needs: OutsideCopyNeeds): OutsideSource => ({
  name: needs.place,
  async ask() {
    const state = await compareCopy(needs)
    const refuse = (code: 'log-ahead' | 'log-file-differs' | 'log-files-unavailable', words: string): never => {
      const size = 'size' in state ? state.size : null
      throw new AppError(code, `${needs.place} ${words}`, { data: { place: needs.place, reason: state.kind, size } })
    }
    switch (state.kind) {
      case 'behind':
        return
      case 'ahead':
        return refuse('log-ahead', `holds a head over ${state.size} entries, more than the log in the database has`)
      case 'inconsistent':
        return refuse('log-file-differs', `holds a head over ${state.size} entries that this log never had`)
      case 'foreign':
        return refuse('log-file-differs', `holds a checkpoint that is not of this log (${state.code})`)
      case 'empty':
        return refuse(
          'log-files-unavailable',
          'holds no checkpoint of this log: mount it; if it is new, run `governance log off-host prepare`',
        )
    }
  },
})
