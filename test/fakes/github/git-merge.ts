/** Three-way merge of trees: by path, and inside one file when each side changed its own run of lines. */
import type { ObjectStore } from './git-objects.ts'
import { compareTrees, editTree, entryAt, type PathEntry } from './git-trees.ts'

/** The merged tree, or the paths that both sides changed differently. */
export type MergeResult = { readonly tree: string; readonly conflicts: readonly string[] }

/** Changed run of lines between two texts: what is left after equal beginnings and endings. */
export function changedRun(before: readonly string[], after: readonly string[]) {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let tail = 0
  while (
    tail < before.length - start &&
    tail < after.length - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++
  return { start, beforeEnd: before.length - tail, afterEnd: after.length - tail }
}

/** Lines with their line ends, so that joining them gives the text back. */
export const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

function mergeText(base: Buffer, ours: Buffer, theirs: Buffer): string | null {
  if ([base, ours, theirs].some((bytes) => bytes.includes(0))) return null
  const [b, o, t] = [base, ours, theirs].map((bytes) => splitLines(bytes.toString('latin1')))
  if (b === undefined || o === undefined || t === undefined) return null
  const [a, c] = [changedRun(b, o), changedRun(b, t)]
  if (a.beforeEnd < c.start)
    return [...o.slice(0, a.afterEnd), ...b.slice(a.beforeEnd, c.start), ...t.slice(c.start)].join('')
  if (c.beforeEnd < a.start)
    return [...t.slice(0, c.afterEnd), ...b.slice(c.beforeEnd, a.start), ...o.slice(a.start)].join('')
  return null
}

const same = (a: PathEntry | null, b: PathEntry | null) => a?.id === b?.id && a?.mode === b?.mode

/**
 * Merges `theirs` into `ours` with `base` as the common ancestor. A path that both sides changed differently is a
 * conflict unless both are text and the changed runs neither touch nor overlap. Renames are not followed.
 */
export function mergeTrees(store: ObjectStore, base: string, ours: string, theirs: string): MergeResult {
  const edits = new Map<string, PathEntry | null>()
  const conflicts: string[] = []
  for (const change of compareTrees(store, base, theirs)) {
    const found = entryAt(store, ours, change.path)
    const mine = found !== null && found.mode !== '40000' ? found : null
    if (same(mine, change.after)) continue
    if (same(mine, change.before) && !blocked(store, ours, base, change.path, change.after)) {
      edits.set(change.path, change.after)
      continue
    }
    const merged =
      mine !== null && change.before !== null && change.after !== null
        ? mergeText(store.blob(change.before.id), store.blob(mine.id), store.blob(change.after.id))
        : null
    if (merged === null) conflicts.push(change.path)
    else {
      const mode = mine?.mode === change.before?.mode ? (change.after?.mode ?? '100644') : (mine?.mode ?? '100644')
      edits.set(change.path, { mode, id: store.putBlob(Buffer.from(merged, 'latin1')) })
    }
  }
  return { tree: conflicts.length > 0 ? ours : editTree(store, ours, edits), conflicts }
}

/** Whether our side put a file where theirs needs a directory, or a directory where theirs needs a file. */
function blocked(store: ObjectStore, ours: string, base: string, path: string, after: PathEntry | null): boolean {
  if (after === null) return false
  const parts = path.split('/')
  for (let n = 1; n < parts.length; n++) {
    const parent = parts.slice(0, n).join('/')
    const mine = entryAt(store, ours, parent)
    if (mine !== null && mine.mode !== '40000' && !same(mine, entryAt(store, base, parent))) return true
  }
  const here = entryAt(store, ours, path)
  return here !== null && here.mode === '40000' && !same(here, entryAt(store, base, path))
}
