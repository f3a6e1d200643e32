import { pathOf } from './digests.ts'
import type { FileChange } from './facts.ts'

/** How a run of commits relates to what was approved. `missing` are approved paths that the run does not change. */
export interface Comparison {
  readonly outcome: 'equal' | 'moved' | 'differs'
  readonly missing: readonly string[]
}

const byPath = (files: readonly FileChange[]): ReadonlyMap<string, FileChange> =>
  new Map(files.map((file) => [pathOf(file), file]))

/**
 * Compares what a run of commits changed with what was approved (domain.md, "What a landing must look like", rule b).
 *
 * Every approved path whose old blob in the first parent is the approved one must end at the approved mode and blob, and
 * no other path may have changed. An approved path that also changed on the base is a moved base: git must merge it the
 * same way, which `verify repo` replays.
 */
export function compareWithApproved(landed: readonly FileChange[], approved: readonly FileChange[]): Comparison {
  const wanted = byPath(approved)
  const found = byPath(landed)
  const differs: Comparison = { outcome: 'differs', missing: [] }
  for (const path of found.keys()) if (!wanted.has(path)) return differs
  const missing: string[] = []
  let moved = false
  for (const [path, file] of wanted) {
    const got = found.get(path)
    if (got === undefined) {
      missing.push(path)
      continue
    }
    const sameStart = got.oldBlob === file.oldBlob && got.oldMode === file.oldMode
    const sameEnd = got.newBlob === file.newBlob && got.newMode === file.newMode
    if (sameStart && !sameEnd) return differs
    if (!sameStart) moved = true
  }
  return { outcome: moved || missing.length > 0 ? 'moved' : 'equal', missing }
}
