import {
  type CommitId,
  compareFactsWithGit,
  type Facts,
  type GitChange,
  type GitComparison,
  type GitCommit,
  pathOf,
} from '../../core/index.ts'
import type { GitReader } from '../ports.ts'

/** The comparison of facts with a clone, or the object that the clone lacks for it. */
export type CloneComparison =
  | ({ readonly kind: 'compared' } & GitComparison)
  | { readonly kind: 'not-in-clone'; readonly commit: CommitId; readonly what: 'head' | 'base' | 'in-force' }

export interface CloneFactsNeeds {
  readonly git: GitReader
  /** Whether a commit is a first-parent commit of the facts' base; null when the clone has no such branch. */
  readonly isOnBranch: (commit: CommitId) => boolean | null
  /** Says which paths of a governance repository state its policy; null where nobody can say. */
  readonly isPolicyPath: ((path: string) => boolean) | null
}

/**
 * Recomputes from a clone what recorded facts say about content, and compares (T49).
 *
 * Trust: the facts are the operator's; the clone may be anybody's, but its ids are what everybody means by them.
 * Checks: see `compareFactsWithGit`.
 * @throws what the clone's reader refuses with
 */
export async function compareFactsWithClone(needs: CloneFactsNeeds, facts: Facts): Promise<CloneComparison> {
  const { git } = needs
  const lacks = (what: 'head' | 'base' | 'in-force', commit: CommitId): CloneComparison => ({
    kind: 'not-in-clone',
    commit,
    what,
  })
  const { governance } = facts
  const [head, base] = [await git.commit(facts.head.sha), await git.commit(facts.base.sha)]
  if (head === null) return lacks('head', facts.head.sha)
  if (base === null) return lacks('base', facts.base.sha)
  if (governance !== null && (await git.commit(governance.inForceCommit)) === null)
    return lacks('in-force', governance.inForceCommit)

  const mergeBases = await git.mergeBases(base.sha, head.sha)
  const merge = await git.merge(base.sha, head.sha)
  const recordedTree = facts.merge.state === 'clean' ? facts.merge.tree : null
  const from = mergeBases.includes(facts.mergeBase) ? facts.mergeBase : mergeBases[0]
  const policyDiff = async (to: Parameters<GitReader['diff']>[1] | null) =>
    governance === null || to === null ? null : git.diff(governance.inForceCommit, to)
  const contentDiff = async () => (from === undefined ? [] : git.diff(from, head.sha))
  const files = governance !== null && recordedTree !== null ? await policyDiff(recordedTree) : await contentDiff()
  const isRecordedMerge = merge.state === 'clean' && merge.tree === recordedTree
  const change: GitChange = {
    headTree: head.tree,
    isBaseOnBranch: needs.isOnBranch(base.sha),
    mergeBases,
    files,
    ...(await commitsOf(git, facts)),
    merge,
    mergeFiles: recordedTree === null || isRecordedMerge ? null : await git.diff(base.sha, recordedTree),
    policyPaths:
      needs.isPolicyPath === null || governance === null
        ? null
        : {
            baseDiffers: pathsOf((await policyDiff(base.sha)) ?? [], needs.isPolicyPath),
            mergeDiffers: recordedTree === null ? [] : pathsOf(files ?? [], needs.isPolicyPath),
          },
  }
  return { kind: 'compared', ...compareFactsWithGit(facts, change) }
}

const pathsOf = (files: Facts['files'], isWanted: (path: string) => boolean): readonly string[] =>
  files.map(pathOf).filter(isWanted).sort()

async function commitsOf(git: GitReader, facts: Facts): Promise<Pick<GitChange, 'commits' | 'sharedCommits'>> {
  const commits: GitCommit[] = []
  for (const id of await git.commitsBetween(facts.base.sha, facts.head.sha)) {
    const commit = await git.commit(id)
    if (commit !== null) commits.push(commit)
  }
  const own = new Set(commits.map(({ sha }) => sha))
  const sharedCommits = new Set<CommitId>()
  for (const { sha } of facts.commits) {
    if (own.has(sha) || (await git.commit(sha)) === null) continue
    const isShared = (await git.isAncestor(sha, facts.head.sha)) && (await git.isAncestor(sha, facts.base.sha))
    if (isShared) sharedCommits.add(sha)
  }
  return { commits, sharedCommits }
}
