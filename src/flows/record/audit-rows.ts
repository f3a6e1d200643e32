import {
  appendLeaf,
  emptyFrontier,
  equalBytes,
  foldSubtrees,
  type Frontier,
  tilePath,
  tilesBetween,
  tileWidth,
  type TreeHasher,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import type { FaultList } from './audit-report.ts'
import { readRowFile } from './log-tree.ts'

const hashBytes = 32

/** The rows above the leaves, as they are recomputed: the hash over each full tile of row 0, in order. */
export interface UpperRows {
  push(hash: Uint8Array): void
  /** The root over everything pushed, and over the last, partial tile where its root is given. */
  root(partial: Uint8Array | null): Uint8Array
  /** Compares every tile of row 1 and up of a log of that size with what was pushed. */
  compare(source: LogSource, size: number, faults: FaultList): Promise<void>
}

export function upperRows(hasher: TreeHasher): UpperRows {
  const hashes: Uint8Array[] = []
  let frontier: Frontier = emptyFrontier
  return {
    push(hash) {
      hashes.push(hash)
      frontier = appendLeaf(frontier, hash, hasher)
    },
    root: (partial) => foldSubtrees(partial === null ? frontier.hashes : [...frontier.hashes, partial], hasher),
    async compare(source, size, faults) {
      const rows = rowsOver(hashes, hasher)
      for (const file of tilesBetween(0, size)) {
        if (file.kind !== 'hashes' || file.level === 0) continue
        const path = tilePath(file)
        const found = await readRowFile(source, file)
        if (found === null) faults.add({ code: 'tile-missing', path, index: null })
        else if (found.bytes.length !== found.width * hashBytes) faults.add({ code: 'size-wrong', path, index: null })
        else
          for (let i = 0; i < file.width; i++) {
            const index = file.index * tileWidth + i
            const ours = rows[file.level - 1]?.[index]
            if (ours === undefined || !equalBytes(ours, found.bytes.subarray(i * hashBytes, (i + 1) * hashBytes)))
              faults.add({ code: 'tile-mismatch', path, index })
          }
      }
    },
  }
}

/** Row by row the hashes of complete subtrees, 256 of one row under one of the next. */
function rowsOver(first: readonly Uint8Array[], hasher: TreeHasher): readonly (readonly Uint8Array[])[] {
  const rows: (readonly Uint8Array[])[] = []
  for (let row = first; row.length > 0; ) {
    rows.push(row)
    let level = row.slice(0, row.length - (row.length % tileWidth))
    for (let width = tileWidth; width > 1; width /= 2)
      level = Array.from({ length: level.length / 2 }, (_, i) =>
        hasher.node(level[2 * i] as Uint8Array, level[2 * i + 1] as Uint8Array),
      )
    row = level
  }
  return rows
}
