import { type CommitId, compareWithApproved, type FileChange, pathOf, type TreeId } from '../../core/index.ts'
import type { ChangeRecord, ForgeLanding, RecordedPass } from '../ports.ts'

/** A pass that a landing may be, with the files that were approved. */
export interface Candidate {
  readonly record: ChangeRecord
  readonly pass: RecordedPass
  readonly files: readonly FileChange[]
}

export type LandingMatch =
  | {
      readonly kind: 'matched'
      readonly candidate: Candidate
      /** The last of the commits; `count` first-parent commits are covered. */
      readonly commit: CommitId
      readonly count: number
      readonly how: 'merge-tree' | 'approved-paths' | 'merged-with-moved-base'
    }
  | { readonly kind: 'unmatched'; readonly commit: CommitId; readonly tree: TreeId }

export interface LandingNeeds {
  /** Paths that differ between two commits or trees. */
  readonly diff: (from: CommitId | TreeId, to: CommitId | TreeId) => Promise<readonly FileChange[]>
}

/**
 * Explains every first-parent commit that arrived on a governed branch by a pass of the log, or names it.
 *
 * Checks: (a) the tree is a passing merge tree; (b) the paths are the approved ones. A run of k commits (rebase merge) is
 * covered when its last one matches and k is the change's number of commits. Each pass explains one landing.
 * Trust: trees and commits are the forge's; `landings` must be all first-parent commits, oldest first.
 * Errs: a commit that nothing explains is a finding even when it was honest.
 */
export async function matchLandings(
  needs: LandingNeeds,
  before: CommitId,
  landings: readonly ForgeLanding[],
  candidates: readonly Candidate[],
): Promise<readonly LandingMatch[]> {
  const matches: LandingMatch[] = []
  const left = new Set(candidates)
  let position = 0
  let parent = before
  while (position < landings.length) {
    const found = await firstMatch(needs, parent, landings, position, [...left])
    const at = landings[position]
    if (at === undefined) break
    if (found === null) {
      matches.push({ kind: 'unmatched', commit: at.commit, tree: at.tree })
      parent = at.commit
      position += 1
      continue
    }
    left.delete(found.candidate)
    matches.push(found)
    parent = found.commit
    position += found.count
  }
  return matches
}

async function firstMatch(
  needs: LandingNeeds,
  parent: CommitId,
  landings: readonly ForgeLanding[],
  position: number,
  candidates: readonly Candidate[],
): Promise<Extract<LandingMatch, { kind: 'matched' }> | null> {
  const runs = candidates.flatMap((candidate) =>
    [...new Set([1, candidate.pass.commits])]
      .map((count) => ({ candidate, count, last: landings[position + count - 1] }))
      .filter((run) => run.last !== undefined),
  )
  for (const { candidate, count, last } of runs)
    if (last && last.tree === candidate.pass.mergeTree)
      return { kind: 'matched', candidate, commit: last.commit, count, how: 'merge-tree' }
  const diffs = new Map<CommitId, readonly FileChange[]>()
  let movedBase: Extract<LandingMatch, { kind: 'matched' }> | null = null
  for (const { candidate, count, last } of runs) {
    if (!last) continue
    const landed = diffs.get(last.commit) ?? (await needs.diff(parent, last.commit))
    diffs.set(last.commit, landed)
    const { outcome, missing } = compareWithApproved(landed, candidate.files)
    if (outcome === 'equal') return { kind: 'matched', candidate, commit: last.commit, count, how: 'approved-paths' }
    // A moved base is believed only of a change that was really merged, and only when what it does not change on the way
    // already stood as approved: half of an approved change is another change.
    if (outcome === 'moved' && movedBase === null && isMergeOf(candidate, last)) {
      const beyond = missing.length === 0 ? [] : await needs.diff(candidate.pass.mergeTree, last.tree)
      const changed = new Set(beyond.map(pathOf))
      if (!missing.some((path) => changed.has(path)))
        movedBase = { kind: 'matched', candidate, commit: last.commit, count, how: 'merged-with-moved-base' }
    }
  }
  return movedBase
}

const isMergeOf = ({ pass, record }: Candidate, last: ForgeLanding): boolean =>
  last.parents.slice(1).includes(pass.head) || (record.state === 'merged' && record.mergeCommit === last.commit)
