import {
  foldSubtrees,
  nodeOfTile,
  planInclusion,
  type ProofPlan,
  tileOfNode,
  tilePath,
  type TreeHasher,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type Read } from './log-fault.ts'
import { readRowFile } from './log-tree.ts'

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
  const plan: ProofPlan = planInclusion(index, size)
  const files = new Map(
    plan.flat().map((node) => {
      const file = tileOfNode(node.level, node.index, size)
      return [tilePath(file), file]
    }),
  )
  const tiles = new Map<string, Uint8Array>()
  const read = await Promise.all(
    [...files].map(async ([path, file]) => ({ path, file, found: await readRowFile(source, file) })),
  )
  for (const { path, file, found } of read) {
    if (found === null) return faulty('tile-missing', path)
    if (found.bytes.length !== found.width * hashBytes) return faulty('size-wrong', path)
    tiles.set(path, found.bytes.subarray(0, file.width * hashBytes))
  }
  const proof = plan.map((nodes) =>
    foldSubtrees(
      nodes.map(({ level, index: at }) =>
        nodeOfTile(tiles.get(tilePath(tileOfNode(level, at, size))) as Uint8Array, level, at, hasher),
      ),
      hasher,
    ),
  )
  return { ok: true, value: proof }
}
