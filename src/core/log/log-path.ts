import { asSha256, type Sha256 } from '../ids.ts'
import { parseTilePath, type TileFile, tileWidth } from './tile.ts'

/** The one file of a log that is replaced. */
export const checkpointPath = 'checkpoint'

/** The note that ends a log, beside its last checkpoint: its offline root signed it. */
export const breakPath = 'break'

const blobPattern = /^blob\/([0-9a-f]{64})$/

/** What a path below a log's address names. */
export type LogPath =
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'break' }
  | { readonly kind: 'tile'; readonly file: TileFile }
  | { readonly kind: 'blob'; readonly digest: Sha256 }

/** Whether a file is written once and never replaced: all but the head. */
export const isWrittenOnce = (path: string): boolean => {
  const kind = parseLogPath(path)?.kind
  return kind !== undefined && kind !== 'checkpoint'
}

/** The path of a value that entries name by its digest. */
export const blobPath = (digest: Sha256): string => `blob/${digest}`

/** Whether the file may go: a value that has to be erased, or a tile that has grown beyond this width. All else is the log. */
export function isRemovable(path: string): boolean {
  const parsed = parseLogPath(path)
  return parsed?.kind === 'blob' || (parsed?.kind === 'tile' && parsed.file.width < tileWidth)
}

/** The paths that these names, of files beside one another, give below the partial files of a full tile; no others are paths. */
export function partialPaths(full: string, names: Iterable<string>): readonly string[] {
  const parsed = parseLogPath(full)
  if (parsed?.kind !== 'tile' || parsed.file.width !== tileWidth) throw new RangeError('not the path of a full tile')
  return [...names].map((name) => `${full}.p/${name}`).filter((path) => parseLogPath(path)?.kind === 'tile')
}

/**
 * Reads a path of a log's public files: `checkpoint`, `break`, `tile/…` as `tilePath` writes it, `blob/<64 lower-case hex>`.
 *
 * Trust: the path may be an attacker's. Checks: one spelling per file; nothing else is a path, so that none leads elsewhere.
 * Spec: C2SP tlog-tiles; spec/log/log-files.md.
 */
export function parseLogPath(path: string): LogPath | undefined {
  if (path === checkpointPath) return { kind: 'checkpoint' }
  if (path === breakPath) return { kind: 'break' }
  const file = parseTilePath(path)
  if (file !== undefined) return { kind: 'tile', file }
  const digest = blobPattern.exec(path)?.[1]
  return digest === undefined ? undefined : { kind: 'blob', digest: asSha256(digest) }
}
