import {
  type Acceleration,
  buildConsistencyProof,
  buildInclusionProof,
  planConsistency,
  planInclusion,
  type ProofPlan,
  type ReadHash,
  treeHasher,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import type { DecisionLog } from '../ports.ts'

/** Where the hashes of a log's complete subtrees are read. */
export type LogNodes = Pick<DecisionLog, 'node'>

async function fetchNodes(log: LogNodes, plan: ProofPlan): Promise<ReadHash> {
  const hashes = new Map<string, Uint8Array>()
  for (const { level, index } of plan.flat()) {
    const hash = await log.node(level, index)
    if (hash === null)
      throw new AppError('store-corrupt', 'a node of the log tree is missing', { data: { level, index } })
    hashes.set(`${level}/${index}`, hash)
  }
  return (level, index) => {
    const hash = hashes.get(`${level}/${index}`)
    invariant(hash !== undefined, 'a proof asks for the subtrees of its plan only')
    return hash
  }
}

/**
 * Proves that the stored log of `to` entries continues the one of `from`. Empty where nothing has to be proved: from the
 * empty log, and from the same size.
 *
 * @throws RangeError unless 0 ≤ from ≤ to; AppError store-corrupt, store-unavailable
 */
export async function proveConsistency(
  log: LogNodes,
  from: number,
  to: number,
  acceleration: Acceleration,
): Promise<readonly Uint8Array[]> {
  if (from === 0 || from === to) return []
  const readHash = await fetchNodes(log, planConsistency(from, to))
  return buildConsistencyProof(from, to, readHash, treeHasher(acceleration))
}

/** Proves that the entry at `index` is in the stored log of `size` entries. @throws as `proveConsistency` */
export async function proveInclusion(
  log: LogNodes,
  index: number,
  size: number,
  acceleration: Acceleration,
): Promise<readonly Uint8Array[]> {
  const readHash = await fetchNodes(log, planInclusion(index, size))
  return buildInclusionProof(index, size, readHash, treeHasher(acceleration))
}
