import type { Command } from 'commander'
import { encodeHex, inertPlain as inert } from '../../core/index.ts'
import { repositoryOfRecord } from '../../flows/record/branch-record.ts'
import { readDecisions } from '../../flows/record/read-decisions.ts'
import { type RepoReport, verifyRepo, wantedEntries } from '../../flows/record/verify-repo.ts'
import { contradictionText } from './clone-facts.ts'
import { type ExitCode, exitCode } from './exit-code.ts'
import { sourceOf, tokenFileHelp, trustOf } from './log-reading.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, counted, printJson, type Terminal } from './terminal.ts'

interface Options {
  readonly trust: string
  readonly log: string
  readonly tokenFile?: string
  readonly repo: string
  readonly branch: string
  readonly skipObjectCheck?: true
  readonly json?: true
}

const exitOf: Readonly<Record<RepoReport['outcome'], ExitCode>> = {
  ok: exitCode.good,
  bad: exitCode.notGood,
  unknown: exitCode.unknown,
}

const progressEvery = 1000

/** Tells people on standard error how far a long walk is. */
function progress(terminal: Terminal, what: string): (done: number, total: number) => void {
  let told = 0
  return (done, total) => {
    if (done - told < progressEvery) return
    told = done
    terminal.err(`${what}: ${done} of ${total}\n`)
  }
}

function tell(terminal: Terminal, report: RepoReport): void {
  const { landings, problems, others } = report
  terminal.out(
    `${inert(report.repository.name)} ${inert(report.branch)}: ${counted(landings.length, 'landing')} from ${report.from.slice(0, 12)} to ${report.to.slice(0, 12)}, log of ${report.checkpoint.size} entries\n\n`,
  )
  terminal.out(
    aligned(
      landings.map(({ commit, outcome, code, how, number, verdict, commits }) => [
        outcome,
        commit,
        number === null ? '-' : `#${number}`,
        verdict === null ? '-' : `entry ${verdict}`,
        [code ?? how ?? '', commits > 1 ? `(${commits} commits)` : ''].join(' '),
      ]),
    ),
  )
  for (const { commit, contradictions } of landings)
    for (const one of contradictions) terminal.out(`  ${commit.slice(0, 12)} ${contradictionText(one)}\n`)
  for (const { code, commit, number, verdict, contradictions } of problems) {
    const place = [number === null ? '' : `#${number}`, verdict === null ? '' : `entry ${verdict}`, commit ?? '']
    terminal.out(`bad  ${code} ${place.filter((part) => part !== '').join(' ')}\n`)
    for (const one of contradictions) terminal.out(`  ${contradictionText(one)}\n`)
  }
  const bad = landings.filter(({ outcome }) => outcome === 'bad').length + problems.length
  const unknown = landings.filter(({ outcome }) => outcome === 'unknown').length
  terminal.out(
    `\n${report.outcome}: ${landings.length - unknown - landings.filter(({ outcome }) => outcome === 'bad').length} ok, ${bad} bad, ${unknown} unknown; ${others.compared} other passes compared with git, ${others.notInClone} not in this clone\n`,
  )
  if (landings.some(({ code }) => code === 'head-not-in-clone'))
    terminal.err("Fetch the heads that were approved: git fetch origin '+refs/pull/*/head:refs/pull/*/head'\n")
}

const incomplete: Readonly<Record<string, { readonly message: string; readonly remedy: string }>> = {
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
}

async function verifyRepoAction(needs: CliNeeds, finish: Finish, clone: string, options: Options): Promise<void> {
  const { terminal, acceleration } = needs
  if (options.branch === '' || options.repo === '') throw new UsageError('--repo and --branch name something')
  const git = needs.openClone(clone)
  try {
    if (options.skipObjectCheck !== true) await git.checkObjects()
    const read = await readDecisions(sourceOf(needs, options.log, options.tokenFile), trustOf(options), {
      isWanted: wantedEntries,
      onProgress: progress(terminal, 'entries'),
      acceleration,
    })
    if (!read.ok) {
      const { code, path, index } = read.fault
      throw new Refusal(code, `the log is not to be believed: ${inert(path ?? `entry ${index}`)}`, {
        remedy: 'Nothing was compared. `governance verify log` says everything that is wrong with it.',
      })
    }
    const repository = repositoryOfRecord(read.value.entries, options.repo)
    const verified =
      repository === null
        ? ({ ok: false, code: 'not-enrolled' } as const)
        : await verifyRepo(
            {
              git,
              decisions: read.value,
              isPolicyPath: (path) => needs.policyFiles.isPolicyPath(path),
              onProgress: progress(terminal, 'landings'),
            },
            { repository, ref: options.branch },
          )
    if (!verified.ok) {
      const words = incomplete[verified.code]
      throw new Refusal(verified.code, words?.message ?? verified.code, {
        exit: exitCode.unknown,
        remedy: words?.remedy ?? '',
      })
    }
    const { report } = verified
    finish(exitOf[report.outcome])
    if (options.json)
      printJson(terminal, {
        ...report,
        checkpoint: { ...report.checkpoint, root: encodeHex(report.checkpoint.root) },
      })
    else tell(terminal, report)
  } finally {
    await git.close()
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
    .option('--skip-object-check', 'believe that the clone holds what its ids name, as git itself does')
    .option('--json', 'one JSON value for machines')
    .action(async (clone: string, options: Options) => verifyRepoAction(needs, finish, clone, options))
}
