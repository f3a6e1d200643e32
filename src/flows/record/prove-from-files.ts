import {
  foldSubtrees,
  nodeOfTile,
  planInclusion,
  type Subtree,
  type TileFile,
  tileOfNode,
  tilePath,
  type TreeHasher,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type Read } from './log-fault.ts'
import { readRowFile } from './log-tree.ts'

type HashTile = TileFile & { readonly kind: 'hashes' }

const hashBytes = 32

/**
 * Makes the proof that the entry at `index` is in the log of that size, from the log's files alone: each tile is read once,
 * all of them at the same time.
 *
 * Trust: the files are an attacker's, and so is the proof until `verifyInclusion` has judged it.
 * @throws RangeError unless 0 ≤ index < size; AppError log-files-unavailable
 */
export async function proveInclusion(
  source: LogSource,
  index: number,
  size: number,
  hasher: TreeHasher,
): Promise<Read<readonly Uint8Array[]>> {
  const files = new Map<string, HashTile>()
  const placed = planInclusion(index, size).map((nodes) =>
    nodes.map((node) => {
      const file = tileOfNode(node.level, node.index, size)
      const path = tilePath(file)
      files.set(path, file)
      return { node, path }
    }),
  )
  const read = await Promise.all(
    [...files].map(async ([path, file]) => ({ path, file, found: await readRowFile(source, file) })),
  )
  const tiles = new Map<string, Uint8Array>()
  for (const { path, file, found } of read) {
    if (found === null) return faulty('tile-missing', path)
    if (found.bytes.length !== found.width * hashBytes) return faulty('size-wrong', path)
    tiles.set(path, found.bytes.subarray(0, file.width * hashBytes))
  }
  const hashOf = ({ node, path }: { readonly node: Subtree; readonly path: string }): Uint8Array =>
    nodeOfTile(tiles.get(path) as Uint8Array, node.level, node.index, hasher)
  return { ok: true, value: placed.map((nodes) => foldSubtrees(nodes.map(hashOf), hasher)) }
}
