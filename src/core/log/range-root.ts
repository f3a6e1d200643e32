import { foldSubtrees, type Subtree } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'

/**
 * The complete subtrees that make up the leaves [from, to), from left to right, each as large as its place allows. With the
 * leaves themselves in the middle, those of [0, from) and of [to, size) make up the whole tree.
 */
export function coverOfLeaves(from: number, to: number): readonly Subtree[] {
  const subtrees: Subtree[] = []
  for (let start = from; start < to; ) {
    let level = 0
    let width = 1
    while (start % (width * 2) === 0 && width * 2 <= to - start) {
      width *= 2
      level++
    }
    subtrees.push({ level, index: start / width })
    start += width
  }
  return subtrees
}

/** Adds up a tree from its parts, left to right, with memory for its height only. */
export type RangeRoot = {
  /** @throws RangeError for a subtree that cannot stand at this place */
  push(level: number, hash: Uint8Array): void
  readonly size: number
  /** The root over everything pushed so far. */
  root(): Uint8Array
}

/** Starts with the empty tree. Spec: RFC 6962 §2.1. */
export function rangeRoot(hasher: TreeHasher): RangeRoot {
  const parts: { level: number; hash: Uint8Array }[] = []
  let size = 0
  return {
    push(level, hash) {
      const width = 2 ** level
      if (size % width !== 0) throw new RangeError('a subtree cannot stand at this place')
      let part = { level, hash }
      for (let left = parts.at(-1); left?.level === part.level; left = parts.at(-1)) {
        parts.pop()
        part = { level: part.level + 1, hash: hasher.node(left.hash, part.hash) }
      }
      parts.push(part)
      size += width
    },
    get size() {
      return size
    },
    root: () =>
      foldSubtrees(
        parts.map(({ hash }) => hash),
        hasher,
      ),
  }
}
