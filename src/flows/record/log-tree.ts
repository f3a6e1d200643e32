import {
  type Checkpoint,
  equalBytes,
  foldSubtrees,
  nodeOfTile,
  rangeSubtrees,
  type TileFile,
  type TreeHasher,
  tileOfNode,
  tilePath,
  tileWidth,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type Read } from './log-fault.ts'

type HashTile = TileFile & { readonly kind: 'hashes' }

const hashBytes = 32
const rowHeight = 8
/** Full tiles that are kept at hand: 8 KiB each. */
const maxKeptTiles = 512

/** The tree of a log whose files somebody else keeps: every hash that it hands out belongs to the root of its checkpoint. */
export interface LogTree {
  readonly checkpoint: Checkpoint
  /** The hashes of the tile in which the complete subtree stands. */
  tile(file: HashTile): Promise<Read<Uint8Array>>
  node(level: number, index: number): Promise<Read<Uint8Array>>
  /**
   * The root that this log had when it was `size` entries long. Equal to the root of an earlier checkpoint, it proves that
   * this log continues that one.
   * @throws RangeError unless `size` is at most the log's
   */
  rootAt(size: number): Promise<Read<Uint8Array>>
}

/**
 * Reads a tile or a bundle as the log of that size has it. A partial file that is gone because the log grew is cut out of
 * the full one.
 */
export async function readRowFile(
  source: LogSource,
  file: TileFile,
): Promise<{ readonly bytes: Uint8Array; readonly width: number } | null> {
  const bytes = await source.read(tilePath(file))
  if (bytes !== null || file.width === tileWidth) return bytes === null ? null : { bytes, width: file.width }
  const full = await source.read(tilePath({ ...file, width: tileWidth }))
  return full === null ? null : { bytes: full, width: tileWidth }
}

async function readHashes(source: LogSource, file: HashTile): Promise<Read<Uint8Array>> {
  const found = await readRowFile(source, file)
  if (found === null) return faulty('tile-missing', tilePath(file))
  if (found.bytes.length !== found.width * hashBytes) return faulty('size-wrong', tilePath(file))
  return { ok: true, value: found.bytes.subarray(0, file.width * hashBytes) }
}

/**
 * Opens the tree of a checkpoint over the files of a place.
 *
 * Trust: the files are an attacker's; the checkpoint is one that the caller has verified.
 * Checks: the tiles at the right edge give the root; every other tile, when it is read, gives its hash in the tile above it.
 */
export async function openLogTree(
  source: LogSource,
  checkpoint: Checkpoint,
  hasher: TreeHasher,
): Promise<Read<LogTree>> {
  const { size } = checkpoint
  /** The edge stays: its tiles are proven by the root together and by nothing else. */
  const edge = new Map<string, Uint8Array>()
  const kept = new Map<string, Uint8Array>()
  const folded: Uint8Array[] = []
  for (const { level, index } of rangeSubtrees(0, size)) {
    const file = tileOfNode(level, index, size)
    const path = tilePath(file)
    let bytes = edge.get(path)
    if (bytes === undefined) {
      const read = await readHashes(source, file)
      if (!read.ok) return read
      bytes = read.value
      edge.set(path, bytes)
    }
    folded.push(nodeOfTile(bytes, level, index, hasher))
  }
  if (!equalBytes(foldSubtrees(folded, hasher), checkpoint.root)) return faulty('root-mismatch', 'checkpoint')

  async function tile(file: HashTile): Promise<Read<Uint8Array>> {
    const path = tilePath(file)
    const known = edge.get(path) ?? kept.get(path)
    if (known !== undefined) return { ok: true, value: known }
    const above = await node(rowHeight * (file.level + 1), file.index)
    if (!above.ok) return above
    const read = await readHashes(source, file)
    if (!read.ok) return read
    if (!equalBytes(hasher.complete(read.value), above.value)) return faulty('tile-mismatch', path)
    if (kept.size >= maxKeptTiles) kept.delete(kept.keys().next().value ?? '')
    kept.set(path, read.value)
    return read
  }

  async function node(level: number, index: number): Promise<Read<Uint8Array>> {
    const read = await tile(tileOfNode(level, index, size))
    return read.ok ? { ok: true, value: nodeOfTile(read.value, level, index, hasher) } : read
  }

  return {
    ok: true,
    value: {
      checkpoint,
      tile,
      node,
      async rootAt(earlier) {
        if (earlier > size) throw new RangeError('the log is not that long')
        const hashes: Uint8Array[] = []
        for (const subtree of rangeSubtrees(0, earlier)) {
          const read = await node(subtree.level, subtree.index)
          if (!read.ok) return read
          hashes.push(read.value)
        }
        return { ok: true, value: foldSubtrees(hashes, hasher) }
      },
    },
  }
}
