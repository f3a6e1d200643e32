import {
  bytesDigest,
  checkEntry,
  type CommitId,
  type GitContradiction,
  type LogEntry,
  policyDigest,
  type RepositoryId,
  type TreeId,
} from '../../core/index.ts'
import type { EntryData } from '../gate/entries.ts'
import type { GitReader, PolicyFiles } from '../ports.ts'
import { compareFactsWithClone } from './clone-facts.ts'
import { isDigest, loggedFacts } from './logged-values.ts'
import type { Decisions, IndexedEntry } from './read-decisions.ts'

/** Why a policy that the log says is in force is not what the governance repository holds. */
export type PolicyCode =
  | 'policy-commit-not-in-clone'
  | 'policy-commit-not-on-branch'
  | 'policy-files-contradict-git'
  | 'policy-contradicts-files'
  | 'facts-contradict-git'
  | 'record-contradicts-itself'
  | 'record-missing'

/** What git says of one policy. */
export interface PolicyInGit {
  readonly outcome: 'ok' | 'bad' | 'unknown'
  readonly code: PolicyCode | null
  readonly contradictions: readonly GitContradiction[]
}

export interface PoliciesInGitNeeds {
  /** A clone of the governance repository. */
  readonly git: GitReader
  readonly decisions: Decisions
  readonly policyFiles: PolicyFiles
}

const good: PolicyInGit = { outcome: 'ok', code: null, contradictions: [] }
const bad = (code: PolicyCode, ...contradictions: readonly GitContradiction[]): PolicyInGit => ({
  outcome: 'bad',
  code,
  contradictions,
})

/** An operator may have signed an entry that is none of its type: what it names is then handed to nobody. */
const isSound = (entry: LogEntry): boolean => checkEntry(entry, 'decisions').ok

/** The governance repository: its name, and number and branches as they were enrolled; null where the log has no genesis. */
function governanceOf(entries: readonly IndexedEntry[]) {
  const genesis = entries.find(({ entry }) => entry.type === 'genesis' && isSound(entry))
  if (genesis === undefined) return null
  const { governanceRepository: name } = genesis.entry.data as unknown as EntryData['genesis']
  const branches = new Set<string>()
  let id: RepositoryId | null = null
  for (const { entry } of entries) {
    if (entry.type !== 'repository-enrolled' || entry.data.name !== name || !isSound(entry)) continue
    id = entry.subject.repository as RepositoryId
    for (const { ref } of (entry.data as unknown as EntryData['repository-enrolled']).branches) branches.add(ref)
  }
  return { name, id, branches }
}

/** Whether the log's governance repository is this one. */
export const isGovernanceRepository = (entries: readonly IndexedEntry[], repository: RepositoryId): boolean =>
  governanceOf(entries)?.id === repository

/**
 * Compares every policy that the log says was put into force with a clone of the governance repository (T49): who holds the
 * log's key could record another one than was approved.
 *
 * Trust: the entries are the operator's; the clone may be anybody's, but its ids are what everybody means by them.
 * Checks: the commit is one of the first-parent line of an enrolled branch; the digests of its policy files are the recorded
 * ones, each path and no other; the policy is what these files say, and what the files of the merge say that its verdict was
 * about; the facts of that verdict.
 * Does not check: that the verdict follows from its approvals, and that epochs follow each other; `openJudge` does.
 * @throws what the clone's reader and the log's place refuse with
 */
export async function comparePoliciesWithGit(
  needs: PoliciesInGitNeeds,
): Promise<(policy: IndexedEntry) => Promise<PolicyInGit>> {
  const { git, decisions, policyFiles } = needs
  const governance = governanceOf(decisions.entries)
  const lines = new Map<string, ReadonlySet<CommitId>>()
  for (const ref of governance?.branches ?? []) {
    const tip = await git.branchTip(ref)
    const line = tip === null ? null : await git.firstParents(tip)
    if (line !== null) lines.set(ref, new Set(line))
  }

  /** The policy that the files of a commit or tree state; null where they state none. */
  function stated(files: ReadonlyMap<string, Uint8Array>, isGenesis: boolean): string {
    const { policy } = policyFiles.read({ governanceRepository: governance?.name ?? '', files, isGenesis })
    return policy === null ? 'no policy' : policyDigest(policy)
  }
  const filesOf = (of: CommitId | TreeId) => git.files(of, policyFiles.isPolicyPath)

  async function compareVerdict(data: EntryData['policy-in-force']): Promise<PolicyInGit> {
    const verdict = decisions.entries.find(({ index, entry }) => index === data.verdict && entry.type === 'verdict')
    const digest = verdict?.entry.data.facts
    // That the verdict is there and what it says is judged where verdicts are.
    if (!isDigest(digest)) return good
    const facts = await loggedFacts(decisions, digest)
    if (facts === null || facts === 'malformed')
      return { outcome: 'unknown', code: 'record-missing', contradictions: [] }
    const line = lines.get(facts.base.ref)
    const isOnBranch = (commit: CommitId): boolean | null => line?.has(commit) ?? null
    const comparison = await compareFactsWithClone({ git, isOnBranch, isPolicyPath: policyFiles.isPolicyPath }, facts)
    if (comparison.kind === 'not-in-clone')
      return {
        outcome: comparison.what === 'head' ? 'unknown' : 'bad',
        code: 'policy-commit-not-in-clone',
        contradictions: [{ field: comparison.what, recorded: comparison.commit, git: 'not in the clone' }],
      }
    if (comparison.contradictions.length > 0) return bad('facts-contradict-git', ...comparison.contradictions)
    const merged = facts.merge.state === 'clean' ? await filesOf(facts.merge.tree) : null
    const approved = merged === null ? 'no merge' : stated(merged, false)
    return approved === data.policy
      ? good
      : bad('policy-contradicts-files', { field: 'merge of the verdict', recorded: data.policy, git: approved })
  }

  return async (policy) => {
    if (!isSound(policy.entry)) return bad('record-contradicts-itself')
    const data = policy.entry.data as unknown as EntryData['policy-in-force']
    const { commit } = data
    const files = await filesOf(commit)
    if (files === null)
      return bad('policy-commit-not-in-clone', { field: 'commit', recorded: commit, git: 'not in the clone' })
    if (lines.size > 0 && ![...lines.values()].some((line) => line.has(commit)))
      return bad('policy-commit-not-on-branch', { field: 'commit', recorded: commit, git: 'on no enrolled branch' })
    const differing = [...new Set([...Object.keys(data.files), ...files.keys()])].sort().flatMap((path) => {
      const bytes = files.get(path)
      const [recorded, found] = [data.files[path] ?? 'none', bytes === undefined ? 'none' : bytesDigest(bytes)]
      return recorded === found ? [] : [{ field: path, recorded, git: found }]
    })
    if (differing.length > 0) return bad('policy-files-contradict-git', ...differing)
    const found = stated(files, data.verdict === null)
    if (found !== data.policy)
      return bad('policy-contradicts-files', { field: 'policy', recorded: data.policy, git: found })
    return data.verdict === null ? good : compareVerdict(data)
  }
}
