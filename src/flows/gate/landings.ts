import { type CommitId, compareWithApproved, type FileChange, pathOf, type TreeId } from '../../core/index.ts'
import type { ChangeRecord, ForgeLanding, RecordedPass } from '../ports.ts'

/** A pass that a landing may be, with the files that were approved. */
export interface Candidate {
  readonly record: ChangeRecord
  readonly pass: RecordedPass
  readonly files: readonly FileChange[]
  /** The tip of the base that the pass was decided over. */
  readonly base: CommitId
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
 * Checks: (a) the tree is a passing merge tree, over the base that it was made of; (b) the paths are the approved ones. One
 * commit is tried before a run of k without a merge in it (rebase merge), which is covered when its last one matches and k is
 * the change's number of commits. Each pass explains one landing.
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
  const counts = [...new Set([1, ...candidates.map(({ pass }) => pass.commits)])].sort((a, b) => a - b)
  for (const count of counts) {
    const run = landings.slice(position, position + count)
    const last = run.at(-1)
    if (last === undefined || run.length < count) break
    // What the forge rebased is a line of commits with one parent each; a merge in it is another landing.
    if (count > 1 && run.some(({ parents }) => parents.length !== 1)) break
    const possible = candidates.filter(({ pass }) => count === 1 || pass.commits === count)
    const found = await matchRun(needs, parent, last, count, possible)
    if (found !== null) return found
  }
  return null
}

/** Explains the commits from `parent` to `last` as one landing. */
async function matchRun(
  needs: LandingNeeds,
  parent: CommitId,
  last: ForgeLanding,
  count: number,
  candidates: readonly Candidate[],
): Promise<Extract<LandingMatch, { kind: 'matched' }> | null> {
  const { commit } = last
  // With another parent the same tree would take back what landed in between, or hide it in the run.
  for (const candidate of candidates)
    if (last.tree === candidate.pass.mergeTree && parent === candidate.base)
      return { kind: 'matched', candidate, commit, count, how: 'merge-tree' }
  if (candidates.length === 0) return null
  const landed = await needs.diff(parent, commit)
  for (const candidate of candidates)
    if (compareWithApproved(landed, candidate.files).outcome === 'equal')
      return { kind: 'matched', candidate, commit, count, how: 'approved-paths' }
  for (const candidate of candidates) {
    const { outcome, missing } = compareWithApproved(landed, candidate.files)
    // A moved base is believed only of a change that was really merged, and only when what it does not change on the way
    // already stood as approved: half of an approved change is another change.
    if (outcome !== 'moved' || !isMergeOf(candidate, last)) continue
    const beyond = missing.length === 0 ? [] : await needs.diff(candidate.pass.mergeTree, last.tree)
    const changed = new Set(beyond.map(pathOf))
    if (!missing.some((path) => changed.has(path)))
      return { kind: 'matched', candidate, commit, count, how: 'merged-with-moved-base' }
  }
  return null
}

const isMergeOf = ({ pass, record }: Candidate, last: ForgeLanding): boolean =>
  last.parents.slice(1).includes(pass.head) || (record.state === 'merged' && record.mergeCommit === last.commit)
