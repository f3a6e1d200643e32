import { foldSubtrees, isTreeSize, type ReadHash, rangeSubtrees } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'

/**
 * All that is needed to append to a log and to know its root: the hashes of its complete subtrees, from left to right, one
 * for each set bit of its size.
 */
export type Frontier = { readonly size: number; readonly hashes: readonly Uint8Array[] }

/** The frontier of a log without entries. */
export const emptyFrontier: Frontier = { size: 0, hashes: [] }

/**
 * Appends one leaf and returns the new frontier; the old one stays as it is.
 *
 * `onNode` is told the leaf and every subtree that it completes, in the order leaf to root: what a store keeps so that
 * `ReadHash` can be answered later.
 * @throws RangeError when the log is as long as a number can count
 */
export function appendLeaf(
  frontier: Frontier,
  leafHash: Uint8Array,
  hasher: TreeHasher,
  onNode?: (level: number, index: number, hash: Uint8Array) => void,
): Frontier {
  const size = frontier.size + 1
  if (!isTreeSize(size)) throw new RangeError('log is full')
  const hashes = frontier.hashes.slice()
  let hash = leafHash
  let level = 0
  let index = frontier.size
  onNode?.(level, index, hash)
  for (; index % 2 === 1; index = (index - 1) / 2) {
    hash = hasher.node(hashes.pop() as Uint8Array, hash)
    level++
    onNode?.(level, (index - 1) / 2, hash)
  }
  hashes.push(hash)
  return { size, hashes }
}

/** The root of the log that the frontier stands for. */
export function frontierRoot(frontier: Frontier, hasher: TreeHasher): Uint8Array {
  return foldSubtrees(frontier.hashes, hasher)
}

/** Reads the frontier of a stored log. @throws RangeError unless `size` is a log size, and what `readHash` throws */
export function loadFrontier(size: number, readHash: ReadHash): Frontier {
  if (!isTreeSize(size)) throw new RangeError('not a log size')
  return { size, hashes: rangeSubtrees(0, size).map(({ level, index }) => readHash(level, index)) }
}

/** The root over leaf hashes that are all at hand. */
export function rootOfLeaves(leafHashes: readonly Uint8Array[], hasher: TreeHasher): Uint8Array {
  let frontier = emptyFrontier
  for (const leafHash of leafHashes) frontier = appendLeaf(frontier, leafHash, hasher)
  return frontierRoot(frontier, hasher)
}
