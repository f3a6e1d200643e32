import { type Checkpoint, equalBytes, type TreeHasher } from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type LogFault } from './log-fault.ts'
import { openLogTree } from './log-tree.ts'

/**
 * Decides whether a log still is the one that was seen before. Null: it is, and holds all that it held.
 *
 * Trust: both checkpoints are signed; the tiles between them are an attacker's.
 * Checks: of one size, the same root (`split-view`); smaller, never (`log-rolled-back`); larger, the root of the known size
 * computed from tiles that belong to the new root (`log-inconsistent`).
 * @throws AppError log-files-unavailable
 */
export async function continues(
  source: LogSource,
  known: Checkpoint,
  shown: Checkpoint,
  hasher: TreeHasher,
): Promise<LogFault | null> {
  if (shown.size < known.size) return faulty('log-rolled-back', 'checkpoint').fault
  if (shown.size === known.size)
    return equalBytes(shown.root, known.root) ? null : faulty('split-view', 'checkpoint').fault
  const tree = await openLogTree(source, shown, hasher)
  if (!tree.ok) return tree.fault
  const root = await tree.value.rootAt(known.size)
  if (!root.ok) return root.fault
  return equalBytes(root.value, known.root) ? null : faulty('log-inconsistent', 'checkpoint').fault
}
