import {
  blobPath,
  encodeBundle,
  type Sha256,
  type TileFile,
  tileBytes,
  tilePath,
  tilesBetween,
  tileWidth,
  type TreeHasher,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, Memory } from '../ports.ts'
import { namedBlobs, namedByFacts } from './named-blobs.ts'

/** One file of a log, ready to be written; without bytes it has to go. */
export interface StoredFile {
  readonly path: string
  readonly bytes: Uint8Array | null
}

interface Needs {
  readonly log: Pick<DecisionLog, 'entries' | 'node'>
  readonly memory: Pick<Memory, 'blob'>
  readonly hasher: TreeHasher
}

const nodesPerTile = 8

async function readEntries(log: Needs['log'], index: number, width: number): Promise<readonly Uint8Array[]> {
  const rows = await log.entries(index * tileWidth, index * tileWidth + width)
  if (rows.length !== width) throw new AppError('store-corrupt', 'an entry under a signed head is missing')
  return rows.map(({ bytes }) => bytes)
}

async function hashTile({ log, hasher }: Needs, file: TileFile & { readonly kind: 'hashes' }): Promise<Uint8Array> {
  const first = file.index * tileWidth
  const level = file.level * nodesPerTile
  const hashes =
    level === 0
      ? (await readEntries(log, file.index, file.width)).map((entry) => hasher.leaf(entry))
      : await Promise.all(Array.from({ length: file.width }, (_, i) => log.node(level, first + i)))
  return tileBytes(file, (_, index) => {
    const hash = hashes[index - first]
    if (hash == null)
      throw new AppError('store-corrupt', 'a node of the log tree is missing', { data: { level, index } })
    return hash
  })
}

/** Reads a value that entries name, once; erased ones are not there. */
async function* valuesOf(needs: Needs, digests: Iterable<Sha256>, seen: Set<Sha256>): AsyncGenerator<StoredFile> {
  for (const digest of digests) {
    if (seen.has(digest)) continue
    seen.add(digest)
    const bytes = await needs.memory.blob(digest)
    if (bytes !== null) yield { path: blobPath(digest), bytes }
  }
}

/**
 * The files by which the log of size `to` goes beyond that of size `from`, in the order in which they may be written: the
 * values that the new entries name, the entries, the hashes. Values that the new entries say are erased have to go: before a
 * head that says so is shown, and again whenever a pass was cut off before it was.
 *
 * @throws AppError store-corrupt when the store lacks what its signed head covers
 */
export async function* storedFiles(needs: Needs, from: number, to: number): AsyncGenerator<StoredFile> {
  const seen = new Set<Sha256>()
  for (const file of tilesBetween(from, to)) {
    const path = tilePath(file)
    if (file.kind === 'hashes') {
      yield { path, bytes: await hashTile(needs, file) }
      continue
    }
    const entries = await readEntries(needs.log, file.index, file.width)
    for (const entry of entries.slice(Math.max(0, from - file.index * tileWidth))) {
      const { digests, facts, erased } = namedBlobs(entry)
      if (erased !== null) yield { path: blobPath(erased), bytes: null }
      yield* valuesOf(needs, digests, seen)
      const bytes = facts === null ? null : await needs.memory.blob(facts)
      if (bytes !== null) yield* valuesOf(needs, namedByFacts(bytes), seen)
    }
    // Values that were yielded are durable in the place; what names them again finds the same bytes there.
    if (seen.size > 10_000) seen.clear()
    yield { path, bytes: encodeBundle(entries) }
  }
}
