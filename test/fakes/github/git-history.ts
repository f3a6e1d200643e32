/** Walking commits: ancestry, merge bases, ranges. */
import type { GitCommit, ObjectStore } from './git-objects.ts'

/** The commit and everything it descends from. */
export function ancestorsOf(store: ObjectStore, start: string): Set<string> {
  const seen = new Set<string>([start])
  const queue = [start]
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const parent of store.commit(id).parents) {
      if (!seen.has(parent)) {
        seen.add(parent)
        queue.push(parent)
      }
    }
  }
  return seen
}

/** Whether `older` is `newer` or one of its ancestors. */
export const isAncestor = (store: ObjectStore, older: string, newer: string) => ancestorsOf(store, newer).has(older)

/** The best common ancestor, or null for unrelated histories. */
export function mergeBase(store: ObjectStore, a: string, b: string): string | null {
  const left = ancestorsOf(store, a)
  const candidates: string[] = []
  const seen = new Set<string>([b])
  const queue = [b]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    if (left.has(id)) {
      candidates.push(id)
      continue
    }
    for (const parent of store.commit(id).parents) {
      if (!seen.has(parent)) {
        seen.add(parent)
        queue.push(parent)
      }
    }
  }
  const best = candidates.filter((id) => !candidates.some((other) => other !== id && isAncestor(store, id, other)))
  best.sort((x, y) => store.commit(y).committer.at - store.commit(x).committer.at || (x < y ? -1 : 1))
  return best[0] ?? null
}

/** Commits reachable from `head` and not from `base`, oldest first, parents before children. */
export function commitsBetween(store: ObjectStore, base: string, head: string): GitCommit[] {
  const excluded = ancestorsOf(store, base)
  const out: GitCommit[] = []
  const seen = new Set<string>()
  const stack: { id: string; expanded: boolean }[] = [{ id: head, expanded: false }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.expanded) {
      out.push(store.commit(top.id))
      continue
    }
    if (excluded.has(top.id) || seen.has(top.id)) continue
    seen.add(top.id)
    stack.push({ id: top.id, expanded: true })
    for (const parent of [...store.commit(top.id).parents].reverse()) stack.push({ id: parent, expanded: false })
  }
  return out
}
