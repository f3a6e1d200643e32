/** Reading, changing and comparing trees by path. */
import type { ObjectStore, TreeEntry } from './git-objects.ts'

/** Mode and id of the thing at a path. */
export type PathEntry = { readonly mode: string; readonly id: string }

/** One path whose mode or id differs between two trees; null where it does not exist. */
export type PathChange = { readonly path: string; readonly before: PathEntry | null; readonly after: PathEntry | null }

/** New content of paths: an entry replaces, null removes. */
export type TreeEdits = ReadonlyMap<string, PathEntry | null>

/** Every blob (and every directory when asked) below a tree, in git's order. */
export function listTree(store: ObjectStore, tree: string, withDirectories = false): (PathEntry & { path: string })[] {
  const out: (PathEntry & { path: string })[] = []
  const walk = (id: string, prefix: string) => {
    for (const entry of sorted(store.tree(id))) {
      const path = prefix + entry.name
      const isDirectory = entry.mode === '40000'
      if (!isDirectory || withDirectories) out.push({ path, mode: entry.mode, id: entry.id })
      if (isDirectory) walk(entry.id, `${path}/`)
    }
  }
  walk(tree, '')
  return out
}

const key = (entry: TreeEntry) => (entry.mode === '40000' ? `${entry.name}/` : entry.name)
const sorted = (entries: readonly TreeEntry[]) =>
  [...entries].sort((a, b) => Buffer.compare(Buffer.from(key(a)), Buffer.from(key(b))))

/** What stands at a path, or null. */
export function entryAt(store: ObjectStore, tree: string, path: string): PathEntry | null {
  let current: PathEntry = { mode: '40000', id: tree }
  for (const part of path.split('/').filter((piece) => piece !== '')) {
    if (current.mode !== '40000') return null
    const next = store.tree(current.id).find((entry) => entry.name === part)
    if (next === undefined) return null
    current = next
  }
  return current
}

/** The tree that results from the edits; directories that become empty vanish, as in git. */
export function editTree(store: ObjectStore, tree: string, edits: TreeEdits): string {
  const here = new Map(store.tree(tree).map((entry) => [entry.name, entry]))
  const below = new Map<string, Map<string, PathEntry | null>>()
  for (const [path, entry] of edits) {
    const slash = path.indexOf('/')
    if (slash === -1) {
      if (entry === null) here.delete(path)
      else here.set(path, { name: path, ...entry })
    } else {
      const name = path.slice(0, slash)
      const inner = below.get(name) ?? new Map<string, PathEntry | null>()
      inner.set(path.slice(slash + 1), entry)
      below.set(name, inner)
    }
  }
  for (const [name, inner] of below) {
    const existing = here.get(name)
    const start = existing?.mode === '40000' ? existing.id : store.putTree([])
    const id = editTree(store, start, inner)
    if (store.tree(id).length > 0) here.set(name, { name, mode: '40000', id })
    else if (existing === undefined || existing.mode === '40000') here.delete(name)
  }
  return store.putTree([...here.values()])
}

/** Every blob path that differs between two trees, sorted by path. */
export function compareTrees(store: ObjectStore, before: string, after: string): PathChange[] {
  const out: PathChange[] = []
  const asDirectory = (entry: TreeEntry | undefined) => (entry?.mode === '40000' ? entry.id : null)
  const asFile = (entry: TreeEntry | undefined): PathEntry | null =>
    entry === undefined || entry.mode === '40000' ? null : { mode: entry.mode, id: entry.id }
  const walk = (a: string | null, b: string | null, prefix: string) => {
    if (a === b) return
    const left = new Map((a === null ? [] : store.tree(a)).map((entry) => [entry.name, entry]))
    const right = new Map((b === null ? [] : store.tree(b)).map((entry) => [entry.name, entry]))
    for (const name of new Set([...left.keys(), ...right.keys()])) {
      const [l, r] = [left.get(name), right.get(name)]
      if (l?.id === r?.id && l?.mode === r?.mode) continue
      const [lf, rf] = [asFile(l), asFile(r)]
      if (lf !== null || rf !== null) out.push({ path: prefix + name, before: lf, after: rf })
      const [ld, rd] = [asDirectory(l), asDirectory(r)]
      if (ld !== null || rd !== null) walk(ld, rd, `${prefix}${name}/`)
    }
  }
  walk(before, after, '')
  return out.sort((x, y) => (x.path < y.path ? -1 : x.path > y.path ? 1 : 0))
}
