import type { BlobId } from '../ids.ts'
import type { FileChange } from './facts.ts'

/** One file, link or submodule of a git tree. */
export interface TreeEntry {
  /** Git's octal mode as six characters. */
  readonly mode: string
  readonly blob: BlobId
}

/** A whole tree, flat: path → entry, without the directories themselves. */
export type FlatTree = ReadonlyMap<string, TreeEntry>

/**
 * The paths in which two trees differ, sorted by path in UTF-16 code units: what `git diff-tree -r --no-renames` lists.
 *
 * Checks: a changed mode is a change; a rename is a deletion and an addition, so that both names are judged (T21).
 */
export function diffTrees(base: FlatTree, head: FlatTree): readonly FileChange[] {
  const files: FileChange[] = []
  for (const [path, before] of base) {
    const after = head.get(path)
    if (after?.mode === before.mode && after.blob === before.blob) continue
    files.push({
      newBlob: after?.blob ?? null,
      newMode: after?.mode ?? null,
      newPath: after === undefined ? null : path,
      oldBlob: before.blob,
      oldMode: before.mode,
      oldPath: path,
    })
  }
  for (const [path, after] of head) {
    if (base.has(path)) continue
    files.push({ newBlob: after.blob, newMode: after.mode, newPath: path, oldBlob: null, oldMode: null, oldPath: null })
  }
  const path = (file: FileChange): string => file.newPath ?? (file.oldPath as string)
  return files.sort((a, b) => (path(a) < path(b) ? -1 : 1))
}
