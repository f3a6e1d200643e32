import type { CommitId, Facts, Instant, LogIndex, RepositoryId, Sha256, Verdict } from '../../core/index.ts'
import type { ChangeRecord } from '../ports.ts'

/** A change of which nothing is known but where it stands. */
export const blankChange = (
  repository: RepositoryId,
  number: number,
  { head, baseRef }: { readonly head: CommitId; readonly baseRef: string },
): ChangeRecord => ({
  repository,
  number,
  version: 0,
  state: 'open',
  draft: false,
  head,
  baseRef,
  baseSha: head,
  changeDigest: null,
  facts: null,
  clock: null,
  textMatches: null,
  pushers: null,
  verdict: null,
  mergeCommit: null,
  lastPass: null,
  landed: null,
  statusComment: null,
  collectFailures: null,
})

/** What is remembered of a change once these facts of it were seen. */
export const observedChange = (
  record: ChangeRecord | null,
  facts: Facts,
  seen: Pick<ChangeRecord, 'clock' | 'pushers' | 'mergeCommit'> & { readonly factsName: Sha256 },
): ChangeRecord => ({
  repository: facts.repository.id,
  number: facts.number,
  version: (record?.version ?? 0) + 1,
  state: facts.state,
  draft: facts.draft,
  head: facts.head.sha,
  baseRef: facts.base.ref,
  baseSha: facts.base.sha,
  changeDigest: facts.changeDigest,
  facts: seen.factsName,
  clock: seen.clock,
  textMatches: { changeDigest: facts.changeDigest, matches: facts.textMatches },
  pushers: seen.pushers?.head === facts.head.sha ? seen.pushers : null,
  verdict: record?.verdict ?? null,
  mergeCommit: seen.mergeCommit,
  lastPass: record?.lastPass ?? null,
  landed: record?.landed ?? null,
  statusComment: record?.statusComment ?? null,
  collectFailures: null,
})

/**
 * Whether a change that passed once no longer may land as it passed then: only an unknown test merge, while the base
 * moves, leaves an earlier pass what it is. Whoever merges against a red check brings something that no pass explains (T29).
 */
function isPassOver(verdict: Verdict, facts: Facts, pass: ChangeRecord['lastPass']): boolean {
  if (pass === null || pass.head !== facts.head.sha || pass.baseRef !== facts.base.ref) return true
  return verdict.reason.children.some(
    ({ code, outcome }) => outcome !== 'pass' && outcome !== 'info' && code !== 'merge-tree-unknown',
  )
}

/** What is remembered once a verdict about these facts stands in the log. */
export function decidedChange(
  next: ChangeRecord,
  verdict: Verdict,
  facts: Facts,
  recorded: { readonly entry: LogIndex; readonly at: Instant; readonly digest: Sha256; readonly basis: Sha256 },
): ChangeRecord {
  const { entry, at } = recorded
  const mergeTree = facts.merge.state === 'clean' ? facts.merge.tree : null
  const head = facts.head.sha
  const baseRef = facts.base.ref
  const { outcome, nextChangeAt } = verdict
  const passed =
    outcome === 'pass' && mergeTree !== null && next.facts !== null
      ? { entry, at, head, baseRef, mergeTree, facts: next.facts, commits: facts.commits.length }
      : null
  return {
    ...next,
    verdict: { outcome, ...recorded, head, baseRef, mergeTree, nextChangeAt },
    lastPass: passed ?? (isPassOver(verdict, facts, next.lastPass) ? null : next.lastPass),
  }
}
