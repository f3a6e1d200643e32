import { emptyRoot, type TreeHasher } from './tree-hash.ts'

/** A complete subtree: level 0 is a leaf; it covers the leaves from index·2^level up to (index+1)·2^level. */
export type Subtree = { readonly level: number; readonly index: number }

/** Reads the hash of a complete subtree. What it throws (a store that lost a node) passes through the callers. */
export type ReadHash = (level: number, index: number) => Uint8Array

/** Says whether a number can be the size of a log. */
export const isTreeSize = (size: number): boolean => Number.isSafeInteger(size) && size >= 0

/** The largest power of two below `size`, where a tree of that size splits. `size` is at least 2. */
export function splitPoint(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/**
 * The complete subtrees that make up the leaves [from, to), from left to right, each as large as possible.
 *
 * `from` is 0 or a multiple of a power of two that is at least `to - from` rounded up, as every range of RFC 6962's
 * recursion is.
 */
export function rangeSubtrees(from: number, to: number): readonly Subtree[] {
  const subtrees: Subtree[] = []
  let start = from
  while (start < to) {
    let level = 0
    let width = 1
    while (width * 2 <= to - start) {
      width *= 2
      level++
    }
    subtrees.push({ level, index: start / width })
    start += width
  }
  return subtrees
}

/** Folds the hashes of neighbouring subtrees, largest first, into the hash of their range; none give the empty root. */
export function foldSubtrees(hashes: readonly Uint8Array[], hasher: TreeHasher): Uint8Array {
  let folded: Uint8Array | undefined
  for (let i = hashes.length - 1; i >= 0; i--) {
    const hash = hashes[i] as Uint8Array
    folded = folded === undefined ? hash : hasher.node(hash, folded)
  }
  return folded ?? emptyRoot()
}
