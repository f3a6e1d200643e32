import { foldSubtrees, isTreeSize, type ReadHash, rangeSubtrees, type Subtree, splitPoint } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'

/**
 * Which complete subtrees a proof is made of: each inner list folds into one hash of the proof. A store that reads
 * asynchronously fetches them all first and then builds the proof from memory.
 */
export type ProofPlan = readonly (readonly Subtree[])[]

/**
 * Plans the proof that the leaf at `index` is in the log of `size` entries.
 *
 * @throws RangeError unless 0 ≤ index < size
 * Spec: RFC 6962 §2.1.1.
 */
export function planInclusion(index: number, size: number): ProofPlan {
  if (!isTreeSize(size) || !isTreeSize(index) || index >= size) throw new RangeError('no such leaf')
  const fromRoot: (readonly Subtree[])[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + splitPoint(to - from)
    if (index < middle) {
      fromRoot.push(rangeSubtrees(middle, to))
      to = middle
    } else {
      fromRoot.push(rangeSubtrees(from, middle))
      from = middle
    }
  }
  return fromRoot.reverse()
}

/**
 * Plans the proof that the log of `second` entries starts with the log of `first` entries.
 *
 * @throws RangeError unless 1 ≤ first ≤ second: an empty log is the start of every log and proves nothing
 * Spec: RFC 6962 §2.1.2.
 */
export function planConsistency(first: number, second: number): ProofPlan {
  if (!isTreeSize(first) || !isTreeSize(second) || first < 1 || first > second) throw new RangeError('no such sizes')
  const fromRoot: (readonly Subtree[])[] = []
  let from = 0
  let to = second
  while (first !== to) {
    const middle = from + splitPoint(to - from)
    if (first <= middle) {
      fromRoot.push(rangeSubtrees(middle, to))
      to = middle
    } else {
      fromRoot.push(rangeSubtrees(from, middle))
      from = middle
    }
  }
  // The verifier holds the first root itself; only a part of it has to be shown.
  if (from > 0) fromRoot.push(rangeSubtrees(from, to))
  return fromRoot.reverse()
}

function build(plan: ProofPlan, readHash: ReadHash, hasher: TreeHasher): readonly Uint8Array[] {
  return plan.map((subtrees) =>
    foldSubtrees(
      subtrees.map(({ level, index }) => readHash(level, index)),
      hasher,
    ),
  )
}

/** Builds the inclusion proof of a stored log. @throws RangeError as `planInclusion`, and what `readHash` throws */
export function buildInclusionProof(
  index: number,
  size: number,
  readHash: ReadHash,
  hasher: TreeHasher,
): readonly Uint8Array[] {
  return build(planInclusion(index, size), readHash, hasher)
}

/** Builds the consistency proof of a stored log. @throws RangeError as `planConsistency`, and what `readHash` throws */
export function buildConsistencyProof(
  first: number,
  second: number,
  readHash: ReadHash,
  hasher: TreeHasher,
): readonly Uint8Array[] {
  return build(planConsistency(first, second), readHash, hasher)
}
