import type { Command } from 'commander'
import {
  inertPlain as inert,
  type AccountId,
  classify,
  decodeUtf8,
  type Ground,
  lintPolicy,
  matchText,
  type PolicyV1,
  policyDigest,
  requirementOf,
} from '../../core/index.ts'
import type { PolicyRecord } from '../../flows/ports.ts'
import { exitCode, type ExitCode } from './exit-code.ts'
import { isLintGood, lintCounts, lintSummary, lintText } from './lint-report.ts'
import type { CliNeeds, PolicyReport } from './needs.ts'
import { policyText } from './policy-text.ts'
import { governanceRepositoryOf, isRepositoryName, readPolicyDirectory } from './policy-source.ts'
import { Refusal, UsageError } from './refusal.ts'
import { cellLine, cellOf, tableLayers, tableTiers } from './requirement-text.ts'
import { aligned, printJson } from './terminal.ts'

interface SourceOptions {
  readonly governanceRepo?: string
  readonly genesis?: true
  readonly config?: string
  readonly json?: true
}

/** How a command ends; the program turns it into the exit code. */
export type Finish = (code: ExitCode) => void

interface Source {
  readonly report: PolicyReport
  /** The record in force when it came from the store. */
  readonly record: PolicyRecord | null
}

const withSource = (command: Command): Command =>
  command
    .argument('[DIR]', 'checkout of the governance repository', '.')
    .option('--governance-repo <OWNER/NAME>', "the governance repository's name (default: its git remote `origin`)")
    .option('--genesis', 'judge as the first policy of a deployment: account ids may be missing')
    .option('--config <FILE>', 'look at the policy in force of this deployment instead of DIR')
    .option('--json', 'one JSON value for machines')

async function sourceOf(needs: CliNeeds, directory: string, options: SourceOptions): Promise<Source> {
  if (options.config !== undefined) {
    const record = await policyInForce(needs, options.config)
    const findings = lintPolicy(record.policy, { at: needs.clock.now() }).map((finding) => ({
      ...finding,
      file: finding.path,
      line: 0,
      column: 0,
      message: `${finding.code} ${Object.entries(finding.data).flat().join(' ')}`,
    }))
    return { report: { policy: record.policy, faults: [], findings }, record }
  }
  if (options.governanceRepo !== undefined && !isRepositoryName(options.governanceRepo))
    throw new UsageError(`--governance-repo ${options.governanceRepo} is not OWNER/NAME`)
  const files = readPolicyDirectory(directory)
  const governanceRepository = await governanceRepositoryOf(directory, options.governanceRepo)
  const report = needs.readPolicy({ governanceRepository, files, isGenesis: options.genesis === true })
  return { report, record: null }
}

async function policyInForce(needs: CliNeeds, configFile: string): Promise<PolicyRecord> {
  const deployment = await needs.openDeployment(configFile, 'read')
  try {
    const record = await deployment.store.registry.policyInForce()
    if (record !== null) return record
    throw new Refusal('no-policy', 'no policy is in force', {
      exit: exitCode.unknown,
      remedy: 'Run `governance init`.',
    })
  } finally {
    await deployment.close()
  }
}

/** The policy, or the faults on standard error. @throws Refusal policy-faults */
function policyOf(needs: CliNeeds, { report }: Source): PolicyV1 {
  if (report.policy !== null) return report.policy
  needs.terminal.err(lintText({ ...report, findings: [] }))
  throw new Refusal('policy-faults', 'the files cannot be read as a policy', {
    exit: exitCode.unknown,
    remedy: 'Correct the faults above; `governance policy lint` lists them with everything else.',
  })
}

async function classifyAction(
  needs: CliNeeds,
  directory: string,
  options: SourceOptions & {
    readonly repository?: string
    readonly files?: readonly string[]
    readonly stdin?: true
    readonly title?: string
    readonly body?: string
  },
): Promise<void> {
  const problems = [
    ...(options.repository === undefined ? ['--repository <OWNER/NAME> is missing'] : []),
    ...(options.files === undefined && options.stdin !== true ? ['--files <PATH...> or --stdin is missing'] : []),
  ]
  if (problems.length > 0 || options.repository === undefined) throw new UsageError(...problems)
  const paths = [...(options.files ?? []), ...(options.stdin === true ? await pathsFromInput(needs) : [])]
  const policy = policyOf(needs, await sourceOf(needs, directory, options))
  const repository = options.repository.includes('/') ? options.repository : `${policy.owner}/${options.repository}`
  const classified = classify({
    policy,
    repository,
    files: paths.map((path) => ({ oldPath: path, newPath: path })),
    textMatches: matchText(policy, repository, options.title ?? '', options.body ?? ''),
    addedTiers: [],
    removedTiers: [],
  })
  if (!classified.ok)
    throw new Refusal(classified.code, `the policy knows no ${Object.entries(classified.data).flat().join(' ')}`, {
      exit: exitCode.unknown,
      remedy: `It knows: ${Object.keys(policy.repositories).join(', ')}.`,
    })
  const { classification } = classified
  const personsOf = (set: string): AccountId[] =>
    policy.registry.flatMap((key) => (key.set === set && key.account !== null ? [key.account] : []))
  const result = requirementOf({ policy, classification, repository, personsOf })
  if (!result.ok) throw new Refusal(result.code, 'the requirement is not known', { exit: exitCode.unknown })
  const { requirement } = result
  if (options.json) {
    const quorums = requirement.quorums.map(({ set, required, total }) => ({ set, required, total }))
    printJson(needs.terminal, { repository, classification, requirement: { ...requirement, quorums } })
    return
  }
  const ground = ({ rule, path, more }: Ground): string =>
    more === undefined ? `${inert(rule)}${path === null ? '' : `  ${inert(path)}`}` : `and ${more} more paths`
  const rows: string[][] = [['layer', classification.layer]]
  for (const { tier, because } of classification.tiers)
    for (const [index, one] of because.entries()) rows.push([index === 0 ? `tier ${tier}` : '', ground(one)])
  for (const one of classification.consensusBecause) rows.push(['consensus', ground(one)])
  for (const { condition, because } of classification.conditions)
    for (const one of because) rows.push([`condition ${condition}`, ground(one)])
  const quorum = requirement.quorums.map((q) => `${q.required}-of-${q.total} ${q.set}`).join(' + ')
  rows.push(['required', `${quorum}, ${requirement.reviewDays} days`])
  if (requirement.conditions.length > 0) rows.push(['conditions', requirement.conditions.join(', ')])
  if (requirement.checks.length > 0) rows.push(['checks', requirement.checks.map(({ name }) => inert(name)).join(', ')])
  needs.terminal.out(aligned(rows))
}

async function pathsFromInput(needs: CliNeeds): Promise<string[]> {
  const text = decodeUtf8(await needs.terminal.readInput(16 * 1024 * 1024))
  if (text === undefined) throw new UsageError('standard input is not UTF-8')
  return text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((path) => path !== '')
}

function requirementAction(
  needs: CliNeeds,
  policy: PolicyV1,
  options: {
    readonly layer?: string
    readonly tier?: string
    readonly consensus?: true
    readonly json?: true
  },
): void {
  const consensus = options.consensus === true
  const { layer, tier } = options
  const isOne = layer !== undefined
  const found = (isOne ? [layer] : tableLayers).flatMap((row) =>
    (tier !== undefined ? [tier] : isOne ? [null] : tableTiers).map((column) => cellOf(policy, row, column, consensus)),
  )
  if (options.json) {
    const cells = found.map(({ cell }) => cell)
    printJson(needs.terminal, isOne ? cells[0] : cells)
    return
  }
  needs.terminal.out(found.map((one) => `${cellLine(policy, one)}\n`).join(''))
}

/** `governance policy lint|show|classify|requirement`: what a policy says, before it is in force and after. */
export function addPolicyCommands(program: Command, needs: CliNeeds, finish: Finish): Command {
  const policy = program.command('policy').description('read, check and try a governance policy')

  withSource(policy.command('lint'))
    .description('name everything that is wrong or doubtful, with file, line and what to do; ends with 1 on any error')
    .action(async (directory: string, options: SourceOptions) => {
      const { report } = await sourceOf(needs, directory, options)
      const counts = lintCounts(report)
      if (options.json) {
        const digest = report.policy === null ? null : policyDigest(report.policy)
        const { faults, findings } = report
        printJson(needs.terminal, { ok: isLintGood(counts), policy: digest, counts, faults, findings })
      } else {
        needs.terminal.out(lintText(report))
        needs.terminal.out(lintSummary(counts))
      }
      finish(isLintGood(counts) ? exitCode.good : exitCode.notGood)
    })

  withSource(policy.command('show'))
    .description('print layers, tiers, repositories, signers and options, and the digest that names this version')
    .action(async (directory: string, options: SourceOptions) => {
      const source = await sourceOf(needs, directory, options)
      const shown = policyOf(needs, source)
      const digest = policyDigest(shown)
      const inForce = source.record === null ? {} : { epoch: source.record.epoch, commit: source.record.commit }
      if (options.json) printJson(needs.terminal, { digest, ...inForce, policy: shown })
      else needs.terminal.out(policyText(shown, digest, source.record))
    })

  withSource(policy.command('classify'))
    .description('say which tiers a change would carry, why, and what it would need')
    .option('--repository <OWNER/NAME>', 'the repository that the change is for')
    .option('--files <PATH...>', 'paths that the change touches, both names of a rename')
    .option('--stdin', 'read paths from standard input, one a line or NUL-separated')
    .option('--title <TEXT>', 'title of the pull request')
    .option('--body <TEXT>', 'body of the pull request')
    .action(async (directory: string, options: Parameters<typeof classifyAction>[2]) =>
      classifyAction(needs, directory, options),
    )

  withSource(policy.command('requirement'))
    .description('print what a layer and a tier ask for; without both, the table of all 25')
    .option('--layer <LAYER>', 'a layer, such as 3')
    .option('--tier <TIER>', 'a tier, such as 5 or security-critical')
    .option('--consensus', 'for a change that touches consensus paths')
    .action(async (directory: string, options: SourceOptions & Parameters<typeof requirementAction>[2]) =>
      requirementAction(needs, policyOf(needs, await sourceOf(needs, directory, options)), options),
    )
  return policy
}
