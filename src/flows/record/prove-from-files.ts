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

interface TileNodes {
  readonly file: HashTile
  readonly nodes: Subtree[]
}

/**
 * Makes the proof that the entry at `index` is in the log of that size, from the log's files alone: each tile is read once,
 * all of them at the same time, and hashed while others are on their way.
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
  const plan = planInclusion(index, size)
  const tiles = new Map<string, TileNodes>()
  for (const node of plan.flat()) {
    const file = tileOfNode(node.level, node.index, size)
    const path = tilePath(file)
    const known = tiles.get(path)
    if (known === undefined) tiles.set(path, { file, nodes: [node] })
    else known.nodes.push(node)
  }
  const hashes = new Map<Subtree, Uint8Array>()
  const faults = await Promise.all(
    [...tiles].map(async ([path, { file, nodes }]) => {
      const found = await readRowFile(source, file)
      if (found === null) return faulty('tile-missing', path)
      if (found.bytes.length !== found.width * hashBytes) return faulty('size-wrong', path)
      const tile = found.bytes.subarray(0, file.width * hashBytes)
      for (const node of nodes) hashes.set(node, nodeOfTile(tile, node.level, node.index, hasher))
      return null
    }),
  )
  const fault = faults.find((one) => one !== null)
  if (fault !== undefined) return fault
  const hashOf = (node: Subtree): Uint8Array => hashes.get(node) as Uint8Array
  return { ok: true, value: plan.map((nodes) => foldSubtrees(nodes.map(hashOf), hasher)) }
}
