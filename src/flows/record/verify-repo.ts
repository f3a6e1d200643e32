import type {
  CheckReport,
  Checkpoint,
  CommitId,
  GitContradiction,
  Facts,
  RepositoryId,
  Sha256,
  Verdict,
} from '../../core/index.ts'
import type { GitReader } from '../ports.ts'
import {
  branchEntryTypes,
  type BranchRecord,
  type LoggedPass,
  readBranchRecord,
  verdictsToRead,
} from './branch-record.ts'
import { type CloneComparison, compareFactsWithClone } from './clone-facts.ts'
import { decisiveTypes, type VerdictJudge } from './judge-verdicts.ts'
import { jsonBlob, loggedFacts } from './logged-values.ts'
import {
  type BranchLine,
  type Candidate,
  indexCandidates,
  type LandingCode,
  type LandingHow,
  matchLanding,
} from './match-landing.ts'
import type { PolicyCode, PolicyInGit } from './policies-in-git.ts'
import type { Decisions, IndexedEntry } from './read-decisions.ts'

/** One arrival on the branch: the last of its commits, and what of the log explains it. */
export interface LandingReport {
  readonly commit: CommitId
  /** First-parent commits that it covers. */
  readonly commits: number
  readonly outcome: 'ok' | 'bad' | 'unknown'
  readonly code: LandingCode | null
  readonly how: LandingHow | null
  readonly number: number | null
  /** Index of the verdict's entry. */
  readonly verdict: number | null
  readonly contradictions: readonly GitContradiction[]
  /** The check that judging the verdict anew failed at, or skipped; null where it gave the recorded verdict. */
  readonly fault: CheckReport | null
}

/** Something about the log or the branch as a whole, or a pass that did not land, that is not as the log says. */
export interface RepoProblem {
  readonly code:
    | 'forced-push'
    | 'recorded-landing-missing'
    | 'facts-contradict-git'
    | 'record-contradicts-itself'
    | 'record-refuted'
  readonly commit: CommitId | null
  readonly number: number | null
  readonly verdict: number | null
  readonly contradictions: readonly GitContradiction[]
  readonly fault: CheckReport | null
}

/** A policy that the log says was put into force. */
export interface PolicyReport {
  /** Index of its entry. */
  readonly entry: number
  readonly commit: CommitId
  readonly outcome: 'ok' | 'bad' | 'unknown'
  readonly code: PolicyCode | 'verdict-refuted' | null
  readonly contradictions: readonly GitContradiction[]
  readonly fault: CheckReport | null
}

export interface RepoReport {
  readonly repository: { readonly id: RepositoryId; readonly name: string }
  readonly branch: string
  readonly from: CommitId
  readonly to: CommitId
  readonly checkpoint: Checkpoint
  readonly landings: readonly LandingReport[]
  readonly problems: readonly RepoProblem[]
  /** Passing verdicts of which nothing landed: how many were compared with git, and how many have no head in the clone. */
  readonly others: { readonly compared: number; readonly notInClone: number }
  readonly policies: readonly PolicyReport[]
  /** Whether the policies were compared with the governance repository. */
  readonly policiesInGit: { readonly outcome: 'pass' | 'fail' | 'skipped'; readonly code: string | null }
  /** Fields of facts that no clone can confirm. */
  readonly notCheckable: readonly string[]
  /** `consistent`: nothing is wrong, but that the policies are what was approved is the operator's word. */
  readonly outcome: 'ok' | 'consistent' | 'bad' | 'unknown'
}

export interface VerifyRepoNeeds {
  readonly git: GitReader
  readonly decisions: Decisions
  readonly judge: VerdictJudge
  /** What the governance repository says of a policy's entry; null where no clone of it is at hand. */
  readonly policyInGit: ((policy: IndexedEntry) => Promise<PolicyInGit>) | null
  readonly isPolicyPath: (path: string) => boolean
  readonly onProgress?: (done: number, total: number) => void
}

export type VerifiedRepo =
  | { readonly ok: true; readonly report: RepoReport }
  | { readonly ok: false; readonly code: 'not-enrolled' | 'branch-not-in-clone' | 'clone-incomplete' }

/** Types of entries that `verifyRepo` has to be given. */
export const wantedEntries = (type: string): boolean => branchEntryTypes.has(type) || decisiveTypes.has(type)

/** Facts as the log's blobs tell them: null when one is missing, `malformed` when they are no facts of this pass. */
async function factsOf(
  decisions: Decisions,
  record: BranchRecord,
  pass: LoggedPass,
): Promise<Facts | 'malformed' | null> {
  const facts = await loggedFacts(decisions, pass.facts)
  if (facts === null || facts === 'malformed') return facts
  const isOfPass =
    facts.repository.id === record.repository &&
    facts.number === pass.number &&
    facts.base.ref === record.ref &&
    facts.head.sha === pass.head &&
    facts.state === 'open' &&
    facts.merge.state === 'clean' &&
    facts.merge.tree === pass.mergeTree
  return isOfPass ? facts : 'malformed'
}

/**
 * Explains every landing on a governed branch since its enrolment by a passing verdict of the log, and recomputes from git
 * objects what each verdict was about (T48, T49; domain.md, "What a landing must look like").
 *
 * Trust: the clone is the caller's own or anybody's, the log's entries are included in a checkpoint that the caller's trust
 * signs for; whether the operator recorded the truth is what is found out.
 * Checks: every first-parent commit; that the verdict passed, stood when its change landed and was made before it; its
 * facts against git; that what the log says landed is there; that the branch still goes back to where it was enrolled;
 * that each landing's verdict, and each that put a policy into force, is what judging anew gives (`VerdictJudge`); the policies
 * against the governance repository, where a clone of it is at hand.
 * Does not check: the log's growth (`verify log`), nor the times that witnesses can vouch for (`verify evidence`).
 * @throws what the clone's reader and the log's place refuse with
 */
export async function verifyRepo(
  needs: VerifyRepoNeeds,
  target: { readonly repository: RepositoryId; readonly ref: string },
): Promise<VerifiedRepo> {
  const { git, decisions } = needs
  const waiting = new Set<Sha256>()
  for (const digest of verdictsToRead(decisions.entries, target.repository)) {
    const verdict = (await jsonBlob(decisions, digest)) as Verdict | null
    const waits = verdict?.reason?.children?.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'info') ?? []
    if (verdict !== null && waits.every(({ code }) => code === 'merge-tree-unknown')) waiting.add(digest)
  }
  const record = readBranchRecord(decisions.entries, target.repository, target.ref, (digest) => waiting.has(digest))
  if (record === null) return { ok: false, code: 'not-enrolled' }
  const tip = await git.branchTip(target.ref)
  if (tip === null) return { ok: false, code: 'branch-not-in-clone' }
  const commits = await git.firstParents(tip)
  if (commits === null) return { ok: false, code: 'clone-incomplete' }
  const line: BranchLine = { commits, positions: new Map(commits.map((commit, position) => [commit, position])) }
  const report = await createWalk(needs, record, line).walk()
  return { ok: true, report: { ...report, to: tip } }
}

function createWalk(needs: VerifyRepoNeeds, record: BranchRecord, line: BranchLine) {
  const { git, decisions } = needs
  const landings: LandingReport[] = []
  const problems: RepoProblem[] = []
  const notCheckable = new Set<string>()
  const settled = new Set<number>()
  const onBranch = (commit: CommitId): boolean => line.positions.has(commit)
  const isInForce = (facts: Facts): boolean =>
    facts.governance === null ||
    record.policies.get(facts.governance.inForceEpoch)?.commit === facts.governance.inForceCommit ||
    landings.some(({ commit, outcome }) => outcome === 'ok' && commit === facts.governance?.inForceCommit)

  async function compare(facts: Facts): Promise<CloneComparison> {
    const comparison = await compareFactsWithClone(
      { git, isOnBranch: onBranch, isPolicyPath: needs.isPolicyPath },
      facts,
    )
    if (comparison.kind !== 'compared') return comparison
    for (const field of comparison.notCheckable) notCheckable.add(field)
    if (isInForce(facts)) return comparison
    const recorded = facts.governance?.inForceCommit ?? ''
    const contradiction = { field: 'governance.inForceCommit', recorded, git: 'nothing that passed put it in force' }
    return { ...comparison, contradictions: [...comparison.contradictions, contradiction] }
  }

  async function judgeMatch(facts: Facts): Promise<Pick<LandingReport, 'outcome' | 'code' | 'contradictions'>> {
    const comparison = await compare(facts)
    if (comparison.kind === 'not-in-clone')
      return comparison.what === 'head'
        ? { outcome: 'unknown', code: 'head-not-in-clone', contradictions: [] }
        : {
            outcome: 'bad',
            code: 'facts-contradict-git',
            contradictions: [{ field: comparison.what, recorded: comparison.commit, git: 'not in the clone' }],
          }
    const { contradictions } = comparison
    return contradictions.length === 0
      ? { outcome: 'ok', code: null, contradictions }
      : { outcome: 'bad', code: 'facts-contradict-git', contradictions }
  }

  async function judgeVerdict(verdict: number): Promise<Pick<LandingReport, 'outcome' | 'code' | 'fault'>> {
    const checks = await needs.judge.judge(verdict)
    const fault =
      checks.find(({ outcome }) => outcome === 'fail') ?? checks.find(({ outcome }) => outcome === 'skipped')
    if (fault === undefined) return { outcome: 'ok', code: null, fault: null }
    if (fault.outcome === 'skipped') return { outcome: 'unknown', code: 'policy-not-pinned', fault }
    return fault.code === 'blob-missing'
      ? { outcome: 'unknown', code: 'record-missing', fault }
      : { outcome: 'bad', code: 'verdict-refuted', fault }
  }

  /** Both what git says of the facts and what judging anew gives must be good; of two faults the worse is named. */
  async function judgeLanding({ pass, facts }: Candidate) {
    const content = await judgeMatch(facts)
    const verdict = await judgeVerdict(pass.index)
    const worse =
      [content, verdict].find(({ outcome }) => outcome === 'bad') ?? (content.code === null ? verdict : content)
    const { outcome, code } = worse
    return { outcome, code, contradictions: content.contradictions, fault: verdict.fault }
  }

  async function judgePolicies(): Promise<readonly PolicyReport[]> {
    const reports: PolicyReport[] = []
    for (const policy of decisions.entries.filter(({ entry }) => entry.type === 'policy-in-force')) {
      const { commit, verdict } = policy.entry.data
      const inGit = (await needs.policyInGit?.(policy)) ?? { outcome: 'ok' as const, code: null, contradictions: [] }
      const judged = typeof verdict === 'number' ? await judgeVerdict(verdict) : null
      // Which policy is pinned is no question to the verdict behind one.
      const told = inGit.code !== null || judged?.code === 'policy-not-pinned' ? inGit : (judged ?? inGit)
      reports.push({
        entry: policy.index,
        commit: (typeof commit === 'string' ? commit : '') as CommitId,
        outcome: told.outcome,
        code: told.code as PolicyReport['code'],
        contradictions: inGit.contradictions,
        fault: judged?.fault ?? null,
      })
    }
    return reports
  }

  async function readCandidates(): Promise<{ readonly candidates: Candidate[]; readonly missing: Set<number> }> {
    const candidates: Candidate[] = []
    const missing = new Set<number>()
    for (const pass of record.passes) {
      const facts = await factsOf(decisions, record, pass)
      if (facts === null) missing.add(pass.index)
      else if (facts === 'malformed')
        problems.push({
          code: 'record-contradicts-itself',
          commit: pass.head,
          number: pass.number,
          verdict: pass.index,
          contradictions: [],
          fault: null,
        })
      else candidates.push({ pass, facts })
    }
    return { candidates, missing }
  }

  async function landingAt(
    index: ReturnType<typeof indexCandidates>,
    missing: ReadonlySet<number>,
    position: number,
  ): Promise<LandingReport> {
    const first = line.commits[position] as CommitId
    const match = await matchLanding({ git, line, record }, index, position)
    if (match.kind === 'matched') {
      const { candidate, count, how } = match
      index.use(candidate)
      settled.add(candidate.pass.index)
      const { number, index: verdict } = candidate.pass
      const commit = line.commits[position + count - 1] as CommitId
      return { commit, commits: count, how, number, verdict, ...(await judgeLanding(candidate)) }
    }
    // What the log named by digest and its place no longer holds proves nothing, and nothing is taken to be good for it.
    const named = record.matched.get(first)?.verdict
    const isMissing = match.candidate === null && named !== undefined && missing.has(named)
    return {
      commit: first,
      commits: 1,
      outcome: isMissing ? 'unknown' : 'bad',
      code: isMissing ? 'record-missing' : match.code,
      how: null,
      number: match.candidate?.pass.number ?? null,
      verdict: match.candidate?.pass.index ?? (isMissing ? named : null),
      contradictions: [],
      fault: null,
    }
  }

  async function compareOthers(candidates: readonly Candidate[]): Promise<RepoReport['others']> {
    let compared = 0
    let notInClone = 0
    for (const { pass, facts } of candidates) {
      if (settled.has(pass.index)) continue
      const comparison = await compare(facts)
      if (comparison.kind === 'not-in-clone') {
        notInClone++
        continue
      }
      compared++
      const { contradictions } = comparison
      if (contradictions.length > 0)
        problems.push({
          code: 'facts-contradict-git',
          commit: pass.head,
          number: pass.number,
          verdict: pass.index,
          contradictions,
          fault: null,
        })
    }
    return { compared, notInClone }
  }

  function branchProblems(start: number | undefined): void {
    const problem = (code: RepoProblem['code'], commit: CommitId, verdict: number | null): void => {
      problems.push({ code, commit, number: null, verdict, contradictions: [], fault: null })
    }
    for (const fault of needs.judge.checks.filter(({ outcome }) => outcome === 'fail'))
      problems.push({ code: 'record-refuted', commit: null, number: null, verdict: null, contradictions: [], fault })
    if (start === undefined) problem('forced-push', record.start.commit, null)
    for (const [commit, { verdict }] of record.matched)
      if (!onBranch(commit)) problem('recorded-landing-missing', commit, verdict)
  }

  return {
    async walk(): Promise<Omit<RepoReport, 'to'>> {
      const start = line.positions.get(record.start.commit)
      const { candidates, missing } = await readCandidates()
      const index = indexCandidates(candidates)
      branchProblems(start)
      const first = (start ?? line.commits.length) + 1
      for (let position = first; position < line.commits.length; ) {
        const landing = await landingAt(index, missing, position)
        landings.push(landing)
        position += landing.commits
        needs.onProgress?.(position - first, line.commits.length - first)
      }
      const others = await compareOthers(candidates)
      const policies = await judgePolicies()
      const outcomes = [...landings, ...policies].map(({ outcome }) => outcome)
      const inGit = policies.every(({ outcome }) => outcome === 'ok') ? 'pass' : 'fail'
      // What the place does not hold was not found to be wrong.
      const isBad = problems.some(({ fault }) => fault?.code !== 'blob-missing') || outcomes.includes('bad')
      const isUnknown = problems.length > 0 || outcomes.includes('unknown')
      return {
        repository: { id: record.repository, name: record.name },
        branch: record.ref,
        from: record.start.commit,
        checkpoint: decisions.checkpoint,
        landings,
        problems,
        others,
        policies,
        policiesInGit:
          needs.policyInGit === null
            ? { outcome: 'skipped', code: 'no-governance-clone' }
            : { outcome: inGit, code: policies.find(({ code }) => code !== null)?.code ?? null },
        notCheckable: [...notCheckable].sort(),
        outcome: isBad ? 'bad' : isUnknown ? 'unknown' : needs.policyInGit === null ? 'consistent' : 'ok',
      }
    },
  }
}
