import { type CheckReport, type GitContradiction, inertPlain as inert } from '../../core/index.ts'
import type { RepoReport } from '../../flows/record/verify-repo.ts'
import { contradictionText } from './clone-facts.ts'
import { aligned, counted, type Terminal } from './terminal.ts'

/** Which check of a verdict did not give what was recorded. */
const faultText = ({ check, code, detail }: CheckReport): string =>
  inert([`${check}:`, code ?? '', detail ?? ''].join(' ').trimEnd())

interface Doubtful {
  readonly contradictions: readonly GitContradiction[]
  readonly fault: CheckReport | null
}

/** What is behind a code, a line for each part. */
const reasonsOf = ({ contradictions, fault }: Doubtful): readonly string[] => [
  ...contradictions.map(contradictionText),
  ...(fault === null ? [] : [faultText(fault)]),
]

function policiesText({ policies, policiesInGit }: RepoReport): string {
  if (policiesInGit.outcome !== 'skipped') return `policies compared with git: ${policies.length}`
  return `policies: ${policiesInGit.outcome} (${policiesInGit.code}): that they are what was approved is the operator’s word`
}

/** Tells people what was found: each landing, what is wrong beside them, and the sum. */
export function tellRepoReport(terminal: Terminal, report: RepoReport): void {
  const { landings, problems, others, policies } = report
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
  for (const landing of landings)
    for (const reason of reasonsOf(landing)) terminal.out(`  ${landing.commit.slice(0, 12)} ${reason}\n`)
  for (const problem of problems) {
    const { code, commit, number, verdict } = problem
    const place = [number === null ? '' : `#${number}`, verdict === null ? '' : `entry ${verdict}`, commit ?? '']
    terminal.out(`bad  ${[code, ...place].filter((part) => part !== '').join(' ')}\n`)
    for (const reason of reasonsOf(problem)) terminal.out(`  ${reason}\n`)
  }
  for (const policy of policies.filter(({ outcome }) => outcome !== 'ok')) {
    terminal.out(`${policy.outcome}  ${policy.code} policy of entry ${policy.entry} ${inert(policy.commit)}\n`)
    for (const reason of reasonsOf(policy)) terminal.out(`  ${reason}\n`)
  }
  const count = (wanted: 'ok' | 'bad' | 'unknown'): number =>
    [...landings, ...policies.filter(({ outcome }) => outcome !== 'ok')].filter(({ outcome }) => outcome === wanted)
      .length
  terminal.out(
    `\n${report.outcome}: ${count('ok')} ok, ${count('bad') + problems.length} bad, ${count('unknown')} unknown; ${others.compared} other passes compared with git, ${others.notInClone} not in this clone; ${policiesText(report)}\n`,
  )
  if (landings.some(({ code }) => code === 'head-not-in-clone'))
    terminal.err("Fetch the heads that were approved: git fetch origin '+refs/pull/*/head:refs/pull/*/head'\n")
  if (policies.some(({ code }) => code === 'policy-commit-not-in-clone'))
    terminal.err('The clone of the governance repository may be an old one: git fetch origin\n')
  if (report.policiesInGit.outcome === 'skipped') terminal.err('Compare the policies too: --governance-clone DIR\n')
}
