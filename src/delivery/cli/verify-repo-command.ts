import type { Command } from 'commander'
import { encodeHex, quorumTime } from '../../core/index.ts'
import type { GitReader } from '../../flows/ports.ts'
import { repositoryOfRecord } from '../../flows/record/branch-record.ts'
import { openJudge } from '../../flows/record/judge-verdicts.ts'
import { comparePoliciesWithGit, isGovernanceRepository } from '../../flows/record/policies-in-git.ts'
import { type Decisions, readDecisions } from '../../flows/record/read-decisions.ts'
import { type RepoReport, type VerifiedRepo, verifyRepo, wantedEntries } from '../../flows/record/verify-repo.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { refusedLog, sourceOf, tokenFileHelp, trustOf } from './log-reading.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { tellRepoReport } from './repo-report.ts'
import { printJson, type Terminal } from './terminal.ts'
import { trustFrom } from './trust-commands.ts'

interface Options {
  readonly trust: string
  readonly log: string
  readonly tokenFile?: string
  readonly repo: string
  readonly branch: string
  readonly governanceClone?: string
  readonly skipObjectCheck?: true
  readonly acceptConsistent?: true
  readonly json?: true
}

const exitOf: Readonly<Record<RepoReport['outcome'], ExitCode>> = {
  ok: exitCode.good,
  consistent: exitCode.notGood,
  bad: exitCode.notGood,
  unknown: exitCode.unknown,
}

/** Tells people on standard error how far a long walk is. */
function progress(terminal: Terminal, what: string, every = 1000): (done: number, total: number) => void {
  let told = 0
  return (done, total) => {
    if (done - told < every) return
    told = done
    terminal.err(`${what}: ${done} of ${total}\n`)
  }
}

interface Clones {
  readonly git: GitReader
  readonly governance: GitReader | null
}

const incomplete = {
  'not-enrolled': {
    message: 'the log never enrolled this branch of this repository',
    remedy: 'Check --repo (owner/name or number), --branch, and that --log and --trust are of the right deployment.',
  },
  'branch-not-in-clone': {
    message: 'the clone has no such branch, neither of origin nor its own',
    remedy: 'Fetch it: git fetch origin',
  },
  'clone-incomplete': {
    message: 'the clone does not hold the whole history of the branch',
    remedy: 'git fetch --unshallow origin',
  },
} as const

function refusedTarget(code: Exclude<VerifiedRepo, { ok: true }>['code']): Refusal {
  const { message, remedy } = incomplete[code]
  return new Refusal(code, message, { exit: exitCode.unknown, remedy })
}

/** What a clone says of the policies: the one that is named, or the verified one where that is the governance repository. */
async function policiesOf(needs: CliNeeds, decisions: Decisions, git: GitReader | null) {
  return git === null ? null : comparePoliciesWithGit({ git, decisions, policyFiles: needs.policyFiles })
}

async function verifyIn(needs: CliNeeds, clones: Clones, options: Options): Promise<RepoReport> {
  const { terminal, acceleration } = needs
  const read = await readDecisions(sourceOf(needs, options.log, options.tokenFile), trustOf(options), {
    isWanted: wantedEntries,
    onProgress: progress(terminal, 'entries'),
    acceleration,
  })
  if (!read.ok) throw refusedLog(read.fault)
  const decisions = read.value
  const repository = repositoryOfRecord(decisions.entries, options.repo)
  if (repository === null) throw refusedTarget('not-enrolled')
  const { trust } = trustFrom(options.trust)
  const isOwn = isGovernanceRepository(decisions.entries, repository)
  const verified = await verifyRepo(
    {
      git: clones.git,
      decisions,
      judge: await openJudge(
        decisions,
        { trust, quorumTime, acceleration },
        repository,
        progress(terminal, 'statements'),
      ),
      policyInGit: await policiesOf(needs, decisions, clones.governance ?? (isOwn ? clones.git : null)),
      isPolicyPath: (path) => needs.policyFiles.isPolicyPath(path),
      onProgress: progress(terminal, 'landings', 50),
    },
    { repository, ref: options.branch },
  )
  if (!verified.ok) throw refusedTarget(verified.code)
  return verified.report
}

async function verifyRepoAction(needs: CliNeeds, finish: Finish, clone: string, options: Options): Promise<void> {
  if (options.branch === '' || options.repo === '') throw new UsageError('--repo and --branch name something')
  const git = needs.openClone(clone)
  const { governanceClone } = options
  let governance: GitReader | null = null
  try {
    governance = governanceClone === undefined ? null : needs.openClone(governanceClone)
    if (options.skipObjectCheck !== true) for (const one of [git, governance]) await one?.checkObjects()
    const report = await verifyIn(needs, { git, governance }, options)
    const isAccepted = options.acceptConsistent === true && report.outcome === 'consistent'
    finish(isAccepted ? exitCode.good : exitOf[report.outcome])
    const checkpoint = { ...report.checkpoint, root: encodeHex(report.checkpoint.root) }
    if (options.json) printJson(needs.terminal, { ...report, checkpoint })
    else tellRepoReport(needs.terminal, report)
  } finally {
    await git.close()
    await governance?.close()
  }
}

/** `governance verify repo CLONE`: explains every landing on a governed branch by the log, from git objects alone. */
export function addVerifyRepoCommand(verify: Command, needs: CliNeeds, finish: Finish): void {
  verify
    .command('repo <CLONE>')
    .description('explain every landing on a governed branch by a verdict of the log; ends with 0 when all are good')
    .requiredOption('--trust <FILE>', 'trust file: whom to believe')
    .requiredOption('--log <PLACE>', 'address or directory of the decision log')
    .option('--token-file <FILE>', tokenFileHelp)
    .requiredOption('--repo <OWNER/NAME>', 'the repository as the log enrolled it, or its number')
    .option('--branch <NAME>', 'the governed branch', 'main')
    .option('--governance-clone <DIR>', 'clone of the governance repository: every policy is compared with its files')
    .option('--accept-consistent', 'end with 0 also when the policies were not compared with git')
    .option('--skip-object-check', 'believe that the clone holds what its ids name, as git itself does')
    .option('--json', 'one JSON value for machines')
    .action(async (clone: string, options: Options) => verifyRepoAction(needs, finish, clone, options))
}
