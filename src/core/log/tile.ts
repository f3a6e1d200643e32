import { concatBytes } from '../bytes/byte-array.ts'
import { isTreeSize, type ReadHash } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'

/** Hashes of a full tile, and entries of a full bundle. */
export const tileWidth = 256
/** Levels of the tree between one row of tiles and the next. */
const tileHeight = 8
const hashBytes = 32
/** No log that numbers can count needs more rows of tiles. */
const maxTileLevel = 6

/** One file of a log: `hashes` of row `level`, or `entries`. A `width` below 256 is a partial file of a growing log. */
export type TileFile =
  | { readonly kind: 'hashes'; readonly level: number; readonly index: number; readonly width: number }
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }

const groupsOf = (index: number): string => {
  const groups: string[] = []
  let rest = index
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'))
    rest = Math.floor(rest / 1000)
  } while (rest > 0)
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}

/**
 * The path of a file under the log's address.
 *
 * Spec: C2SP tlog-tiles, "Merkle Tree" and "Log entries": `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`.
 */
export function tilePath(file: TileFile): string {
  const row = file.kind === 'entries' ? 'entries' : String(file.level)
  const partial = file.width === tileWidth ? '' : `.p/${file.width}`
  return `tile/${row}/${groupsOf(file.index)}${partial}`
}

/** Reads a path as `tilePath` writes it, and no other spelling; undefined for every other text. */
export function parseTilePath(path: string): TileFile | undefined {
  const match = /^tile\/(entries|[0-9])\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  if (match === null) return undefined
  const [, row = '', groups = '', partial] = match
  const index = Number(groups.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? tileWidth : Number(partial)
  if (!Number.isSafeInteger(index)) return undefined
  const file: TileFile =
    row === 'entries' ? { kind: 'entries', index, width } : { kind: 'hashes', level: Number(row), index, width }
  const isKnown = file.kind === 'entries' || file.level <= maxTileLevel
  return isKnown && width <= tileWidth && tilePath(file) === path ? file : undefined
}

/** How many hashes the row of tiles has in a log of this size. */
const rowLength = (size: number, level: number): number => Math.floor(size / tileWidth ** level)

function filesOfRow(from: number, to: number, make: (index: number, width: number) => TileFile): TileFile[] {
  const files: TileFile[] = []
  if (from === to) return files
  for (let index = Math.floor(from / tileWidth); index * tileWidth < to; index++)
    files.push(make(index, Math.min(tileWidth, to - index * tileWidth)))
  return files
}

/**
 * The files that a log of size `to` has and one of size `from` had not, entries first, then hashes from row 0 up.
 *
 * @throws RangeError unless both are log sizes and `from` is at most `to`
 */
export function tilesBetween(from: number, to: number): readonly TileFile[] {
  if (!isTreeSize(from) || !isTreeSize(to) || from > to) throw new RangeError('not the sizes of a growing log')
  const files = filesOfRow(from, to, (index, width) => ({ kind: 'entries', index, width }))
  for (let level = 0; rowLength(to, level) > 0; level++)
    files.push(
      ...filesOfRow(rowLength(from, level), rowLength(to, level), (index, width) => ({
        kind: 'hashes',
        level,
        index,
        width,
      })),
    )
  return files
}

/** The bytes of a tile of hashes, from the hashes of complete subtrees. What `readHash` throws passes through. */
export function tileBytes(file: TileFile & { readonly kind: 'hashes' }, readHash: ReadHash): Uint8Array {
  const hashes: Uint8Array[] = []
  for (let i = 0; i < file.width; i++) hashes.push(readHash(file.level * tileHeight, file.index * tileWidth + i))
  return concatBytes(...hashes)
}

/** The bytes of an entry bundle: each entry after its length in two bytes, big-endian. @throws RangeError for an entry of over 65,535 bytes */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > 0xffff) throw new RangeError('an entry of a bundle has at most 65,535 bytes')
    bytes[at] = entry.length >> 8
    bytes[at + 1] = entry.length & 0xff
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}

/** Takes a bundle of exactly `width` entries apart; undefined when it is cut, has more or fewer. */
export function decodeBundle(bytes: Uint8Array, width: number): readonly Uint8Array[] | undefined {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (end > bytes.length || entries.length === width) return undefined
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries.length === width ? entries : undefined
}

/**
 * The partial file out of the full one that took its place; undefined when these are not the bytes of a full file.
 *
 * Spec: C2SP tlog-tiles, "Partial tiles": a partial file may be removed once the full one is there.
 */
export function cutTile(file: TileFile, full: Uint8Array): Uint8Array | undefined {
  if (file.kind === 'hashes')
    return full.length === tileWidth * hashBytes ? full.subarray(0, file.width * hashBytes) : undefined
  const entries = decodeBundle(full, tileWidth)
  return entries && encodeBundle(entries.slice(0, file.width))
}

/** The tile of hashes in which a complete subtree of a log of `size` entries stands, as that log has it. @throws RangeError when it has none */
export function tileOfNode(level: number, index: number, size: number): TileFile & { readonly kind: 'hashes' } {
  const tileLevel = Math.floor(level / tileHeight)
  const first = index * 2 ** (level % tileHeight)
  const width = Math.min(tileWidth, rowLength(size, tileLevel) - Math.floor(first / tileWidth) * tileWidth)
  if (width <= 0 || (index + 1) * 2 ** level > size) throw new RangeError('the log has no such subtree')
  return { kind: 'hashes', level: tileLevel, index: Math.floor(first / tileWidth), width }
}

/** The hash of a complete subtree out of its tile. @throws RangeError when the tile is too short for it */
export function nodeOfTile(tile: Uint8Array, level: number, index: number, hasher: TreeHasher): Uint8Array {
  const count = 2 ** (level % tileHeight)
  const first = (index * count) % tileWidth
  if ((first + count) * hashBytes > tile.length) throw new RangeError('the tile is too short')
  return hasher.complete(tile.subarray(first * hashBytes, (first + count) * hashBytes))
}
