import { equalBytes } from '../bytes/byte-array.ts'
import type { Checkpoint } from './checkpoint.ts'

/**
 * How a head that was shown stands to one that was known before. `split-view` convicts the log; `smaller` is a rollback where
 * the head was asked for as the newest; `larger` is good only with a consistency proof from the known one.
 */
export type CheckpointComparison = 'same' | 'larger' | 'smaller' | 'split-view' | 'other-log'

/**
 * Compares two heads without their log (T41). Two watchers that hold each other's checkpoints need nothing else to see that
 * they were shown different logs of one size.
 *
 * Does not check: signatures; both come from `verifyCheckpoint`.
 */
export function compareCheckpoints(known: Checkpoint, shown: Checkpoint): CheckpointComparison {
  if (known.origin !== shown.origin) return 'other-log'
  if (shown.size !== known.size) return shown.size > known.size ? 'larger' : 'smaller'
  return equalBytes(known.root, shown.root) ? 'same' : 'split-view'
}
