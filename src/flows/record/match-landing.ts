import {
  changeDigest,
  type CommitId,
  compareWithApproved,
  type Facts,
  type FileChange,
  pathOf,
} from '../../core/index.ts'
import type { GitReader } from '../ports.ts'
import type { BranchRecord, LoggedPass } from './branch-record.ts'

/** What explains best why a landing is not what passed comes first. */
const ranks: readonly LandingCode[] = [
  'merge-holds-more',
  'facts-contradict-git',
  'merged-without-pass',
  'moved-base-differs',
  'decided-after-landing',
]
const rankOf = (code: LandingCode): number => ranks.indexOf(code)

/** Why a landing is not what passed. */
export type LandingCode =
  | 'unmatched-landing'
  | 'merged-without-pass'
  | 'merge-holds-more'
  | 'moved-base-differs'
  | 'decided-after-landing'
  | 'facts-contradict-git'
  | 'record-contradicts-itself'
  | 'verdict-refuted'
  | 'policy-not-pinned'
  | 'record-missing'
  | 'head-not-in-clone'

/** How a landing is what passed. */
export type LandingHow = 'merge-tree' | 'approved-paths' | 'merged-with-moved-base'

/** A pass with the facts that it was given on. */
export interface Candidate {
  readonly pass: LoggedPass
  readonly facts: Facts
}

/** First-parent commits of the branch, oldest first, and where each of them stands. */
export interface BranchLine {
  readonly commits: readonly CommitId[]
  readonly positions: ReadonlyMap<CommitId, number>
}

export interface MatchNeeds {
  readonly git: GitReader
  readonly line: BranchLine
  readonly record: BranchRecord
}

export type Match =
  | { readonly kind: 'matched'; readonly candidate: Candidate; readonly count: number; readonly how: LandingHow }
  | { readonly kind: 'unmatched'; readonly code: LandingCode; readonly candidate: Candidate | null }

/**
 * Whether the pass stood when the commits landed: at the entry that first speaks of one of them, or still now where the
 * log is silent. A verdict about a base that already held the landing came after it.
 */
function stoodAtLanding(
  { line, record }: Pick<MatchNeeds, 'line' | 'record'>,
  { pass, facts }: Pick<Candidate, 'pass' | 'facts'>,
  position: number,
  count: number,
): 'stood' | 'ended' | 'too-late' {
  const mentions = line.commits
    .slice(position, position + count)
    .flatMap((commit) => record.firstMention.get(commit) ?? [])
  const at = mentions.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...mentions)
  const basePosition = line.positions.get(facts.base.sha)
  if (pass.index > at || (basePosition !== undefined && basePosition >= position)) return 'too-late'
  return pass.endedBy >= at ? 'stood' : 'ended'
}

/** Candidates by what a landing may have in common with them. */
export interface CandidateIndex {
  readonly unused: ReadonlySet<Candidate>
  readonly byMergeTree: ReadonlyMap<string, readonly Candidate[]>
  readonly byChange: ReadonlyMap<string, readonly Candidate[]>
  readonly byPath: ReadonlyMap<string, readonly Candidate[]>
  readonly byHead: ReadonlyMap<string, readonly Candidate[]>
  readonly byEntry: ReadonlyMap<number, Candidate>
}

/** Puts candidates in reach of a look-up; the newest pass comes first. */
export function indexCandidates(
  candidates: readonly Candidate[],
): CandidateIndex & { use(candidate: Candidate): void } {
  const sorted = [...candidates].sort((a, b) => b.pass.index - a.pass.index)
  const unused = new Set(sorted)
  const group = (keys: (candidate: Candidate) => readonly string[]): ReadonlyMap<string, readonly Candidate[]> => {
    const map = new Map<string, Candidate[]>()
    for (const candidate of sorted)
      for (const key of keys(candidate)) {
        const list = map.get(key)
        if (list === undefined) map.set(key, [candidate])
        else list.push(candidate)
      }
    return map
  }
  return {
    unused,
    byMergeTree: group(({ pass }) => [pass.mergeTree]),
    byChange: group(({ facts }) => [facts.changeDigest]),
    byPath: group(({ facts }) => facts.files.map(pathOf)),
    byHead: group(({ pass }) => [pass.head]),
    byEntry: new Map(sorted.map((candidate) => [candidate.pass.index, candidate])),
    // All passes of one change together explain one landing.
    use: ({ pass }) => {
      for (const other of unused) if (other.pass.number === pass.number) unused.delete(other)
    },
  }
}

/**
 * Explains the first-parent commit at `position`, and those after it that landed with it, by a pass (T48).
 *
 * Checks: (a) its parent is the base that was decided on and its tree the merge tree that passed; (b) it changes exactly
 * the approved paths in the approved way; (c) it changes no other path, and git's own merge of the approved head into its
 * parent gives its tree. A run of k commits without a merge among them is taken as one landing when k is the number of
 * commits that the change has.
 * Errs: a landing that the forge merged otherwise than git does over a base that changed the same paths is not explained.
 */
export async function matchLanding(needs: MatchNeeds, index: CandidateIndex, position: number): Promise<Match> {
  const { git, line, record } = needs
  const parent = line.commits[position - 1] as CommitId
  const counts = await runLengths(needs, index, position)
  let nearest = null as { readonly code: LandingCode; readonly candidate: Candidate } | null
  const note = (code: LandingCode, candidate: Candidate): void => {
    if (nearest === null || rankOf(code) < rankOf(nearest.code)) nearest = { code, candidate }
  }
  for (const count of counts) {
    const last = line.commits[position + count - 1] as CommitId
    const landed = await git.commit(last)
    const files = await git.diff(parent, last)
    if (landed === null || files === null) continue
    const isPossible = (candidate: Candidate): boolean =>
      index.unused.has(candidate) && (count === 1 || candidate.facts.commits.length === count)
    const recorded = index.byEntry.get(record.matched.get(last)?.verdict ?? -1)
    const found = (candidates: readonly Candidate[] = []): readonly Candidate[] =>
      candidates.filter(isPossible).sort((a, b) => Number(b === recorded) - Number(a === recorded))
    const settle = async (candidate: Candidate, how: LandingHow): Promise<Match | null> => {
      if (count > 1 && !(await hasSoManyCommits(git, candidate, count))) return null
      const stood = stoodAtLanding(needs, candidate, position, count)
      if (stood === 'stood') return { kind: 'matched', candidate, count, how }
      note(stood === 'too-late' ? 'decided-after-landing' : 'merged-without-pass', candidate)
      return null
    }
    for (const candidate of found(index.byMergeTree.get(landed.tree)))
      if (candidate.facts.base.sha === parent) {
        const match = await settle(candidate, 'merge-tree')
        if (match !== null) return match
      }
    for (const candidate of found(index.byChange.get(changeDigest(files)))) {
      const match = await settle(candidate, 'approved-paths')
      if (match !== null) return match
    }
    const heads = landed.parents.slice(1).flatMap((head) => index.byHead.get(head) ?? [])
    const sharing = index.byPath.get(files[0] === undefined ? '' : pathOf(files[0])) ?? []
    for (const candidate of found([
      ...new Set([...heads, ...sharing, ...(recorded === undefined ? [] : [recorded])]),
    ])) {
      if (compareWithApproved(files, candidate.facts.files).outcome === 'differs') continue
      if (await isGitsMerge(needs, candidate, parent, landed.tree)) {
        const match = await settle(candidate, 'merged-with-moved-base')
        if (match !== null) return match
      } else if (heads.includes(candidate) || candidate === recorded) note('moved-base-differs', candidate)
    }
    for (const candidate of found(heads)) note(await overfull(needs, candidate, parent, files, position), candidate)
  }
  return { kind: 'unmatched', ...(nearest ?? { code: 'unmatched-landing', candidate: null }) }
}

async function isGitsMerge({ git }: MatchNeeds, { pass }: Candidate, parent: CommitId, tree: string): Promise<boolean> {
  if ((await git.commit(pass.head)) === null) return false
  const merge = await git.merge(parent, pass.head)
  return merge.state === 'clean' && merge.tree === tree
}

/** A recorded count is the operator's word; what git counts is not. Without the head in the clone nothing is ok anyway. */
async function hasSoManyCommits(git: GitReader, { facts }: Candidate, count: number): Promise<boolean> {
  if ((await git.commit(facts.head.sha)) === null || (await git.commit(facts.base.sha)) === null) return true
  return (await git.commitsBetween(facts.base.sha, facts.head.sha)).length === count
}

/** A merge of a head that has verdicts: it holds something else than the merge, or none of them let it land. */
async function overfull(
  needs: MatchNeeds,
  candidate: Candidate,
  parent: CommitId,
  files: readonly FileChange[],
  position: number,
): Promise<LandingCode> {
  const stood = stoodAtLanding(needs, candidate, position, 1)
  if (stood !== 'stood') return stood === 'too-late' ? 'decided-after-landing' : 'merged-without-pass'
  const merge = await needs.git.merge(parent, candidate.pass.head)
  const wanted = merge.state === 'clean' ? await needs.git.diff(parent, merge.tree) : null
  return wanted !== null && changeDigest(wanted) === changeDigest(files) ? 'facts-contradict-git' : 'merge-holds-more'
}

/** One commit first; then as many as unused changes have, where that many follow and none of them is a merge. */
async function runLengths(
  { git, line }: MatchNeeds,
  index: CandidateIndex,
  position: number,
): Promise<readonly number[]> {
  const wanted = [...new Set([...index.unused].map(({ facts }) => facts.commits.length))]
    .filter((count) => count > 1 && position + count <= line.commits.length)
    .sort((a, b) => a - b)
  const possible: number[] = [1]
  let plain = 0
  for (const count of wanted) {
    while (plain < count) {
      const commit = await git.commit(line.commits[position + plain] as CommitId)
      if (commit === null || commit.parents.length !== 1) return possible
      plain++
    }
    possible.push(count)
  }
  return possible
}
