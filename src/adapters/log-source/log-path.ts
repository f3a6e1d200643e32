import { parseTilePath } from '../../core/index.ts'
import { invariant } from '../../flows/app-error.ts'

const blobPath = /^blob\/[0-9a-f]{64}$/

/** The largest values that entries name: nobody reads more into memory because a stranger says so. */
const maxBlobBytes = 64 * 1024 * 1024

/**
 * How many bytes the file of a log may have at most. Paths are a closed list, so that nothing read from a log can lead out of
 * its folder.
 *
 * Spec: C2SP tlog-tiles: a tile has 256 hashes, a bundle 256 entries of at most 65,535 bytes after their lengths.
 */
export function maxBytesOf(path: string): number {
  if (path === 'checkpoint' || path === 'break') return 65_536
  if (blobPath.test(path)) return maxBlobBytes
  const file = parseTilePath(path)
  invariant(file !== undefined, 'a path of a log is one that core writes')
  return file.width * (file.kind === 'hashes' ? 32 : 2 + 65_535)
}
