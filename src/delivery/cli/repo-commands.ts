import type { Command } from 'commander'
import { inertPlain as inert } from '../../core/index.ts'
import { type EnrolPlan, enrol, planEnrolment } from '../../flows/gate/enrol.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { isRepositoryName } from './policy-source.ts'
import type { Finish } from './policy-commands.ts'
import { askSecret, confirmed } from './prompts.ts'
import { UsageError } from './refusal.ts'
import { readSecretFile } from './secret-file.ts'
import { aligned, printJson } from './terminal.ts'

interface EnrolOptions {
  readonly config: string
  readonly branch?: readonly string[]
  readonly apply?: true
  readonly adminTokenFile?: string
  readonly yes?: true
  readonly json?: true
}

const rulesetWords = ({ ruleset, rulesetId }: EnrolPlan['branches'][number]): string =>
  rulesetId === null ? `missing: "${ruleset.name}" requiring ${ruleset.checkName}` : `present (${rulesetId})`

async function adminToken(needs: CliNeeds, options: EnrolOptions): Promise<string> {
  if (options.adminTokenFile === undefined)
    return askSecret(
      needs.terminal,
      "An administrator's token (used for this call, never stored)",
      '--admin-token-file',
    )
  return Buffer.from(readSecretFile(options.adminTokenFile)).toString('utf8').trim()
}

/** The plan as an administrator sees it: the forge hides from an App who may bypass a ruleset. */
async function planWith(
  { forge, store, recorder, settings, operator }: Deployment,
  needs: CliNeeds,
  asked: { readonly name: string; readonly branches: readonly string[] },
  token: string | null,
) {
  const admin =
    token === null
      ? forge.admin
      : {
          ...forge.admin,
          findRuleset: (...[repository, wanted]: Parameters<typeof forge.admin.findRuleset>) =>
            forge.admin.findRuleset(repository, wanted, token),
        }
  const { appId } = settings.github
  const { history } = forge
  const { registry } = store
  const enrolNeeds = { admin, history, registry, recorder, clock: needs.clock, appId, operator }
  return { enrolNeeds, plan: await planEnrolment(enrolNeeds, asked) }
}

async function enrolAction(needs: CliNeeds, name: string, options: EnrolOptions, finish: Finish): Promise<void> {
  if (!isRepositoryName(name)) throw new UsageError(`${name} is not OWNER/NAME`)
  const { terminal } = needs
  const token = options.apply === true ? await adminToken(needs, options) : null
  await withDeployment(needs, options.config, 'write', async (deployment) => {
    const asked = { name, branches: options.branch ?? [] }
    const { enrolNeeds, plan } = await planWith(deployment, needs, asked, token)
    const told = aligned(
      plan.branches.map((branch) => [`  ${inert(branch.ref)}`, branch.tip, `ruleset ${rulesetWords(branch)}`]),
    )
    terminal.err(`${inert(plan.name)} (id ${plan.id}${plan.private ? ', private' : ''}):\n${told}`)
    const missing = plan.branches.filter(({ rulesetId }) => rulesetId === null)
    const question =
      token !== null && missing.length > 0
        ? `Create ${missing.length} ruleset(s) and govern this repository?`
        : 'Govern this repository from these tips on?'
    await confirmed(terminal, question, options.yes === true || !terminal.isInteractive)
    const record = await enrol(enrolNeeds, plan, token)
    const left = record.branches.filter(({ rulesetId }) => rulesetId === null)
    if (options.json) printJson(terminal, record)
    else {
      terminal.out(
        aligned(
          record.branches.map(({ ref, tip, tree, rulesetId }) => [
            `${inert(record.name)}@${inert(ref)}`,
            `tip ${tip}`,
            `tree ${tree}`,
            rulesetId === null ? 'NO RULESET' : `ruleset ${rulesetId}`,
          ]),
        ),
      )
      if (left.length > 0)
        terminal.out(`\nWithout its ruleset a branch is judged but not kept. Run it again with --apply.\n`)
    }
    finish(exitCode.good)
  })
}

async function listAction(needs: CliNeeds, options: { readonly config: string; readonly json?: true }): Promise<void> {
  await withDeployment(needs, options.config, 'read', async ({ store }) => {
    const repositories = await store.registry.repositories()
    const policy = (await store.registry.policyInForce())?.policy
    if (options.json) return printJson(needs.terminal, repositories)
    if (repositories.length === 0)
      needs.terminal.out('No repository is enrolled. Next: governance repo enrol OWNER/NAME\n')
    const layerOf = (name: string): string => {
      const layer =
        policy !== undefined && Object.hasOwn(policy.repositories, name) ? policy.repositories[name]?.layer : undefined
      return layer === undefined ? 'NOT MAPPED' : `L${layer}`
    }
    needs.terminal.out(
      aligned(
        repositories.flatMap((repository) =>
          repository.branches.map(({ ref, seen, rulesetId }) => [
            `${inert(repository.name)}@${inert(ref)}`,
            layerOf(repository.name),
            repository.active ? 'active' : 'inactive',
            rulesetId === null ? 'NO RULESET' : `ruleset ${rulesetId}`,
            `seen ${seen.slice(0, 12)}`,
          ]),
        ),
      ),
    )
  })
}

/** `governance repo enrol|list`. */
export function addRepoCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const repo = program.command('repo').description('the repositories that are governed')
  repo
    .command('enrol <OWNER/NAME>')
    .description('govern a repository from its present tips on; shows which rulesets are missing')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--branch <NAME...>', 'branches to govern (default: the default branch)')
    .option('--apply', "create the missing rulesets, with an administrator's token")
    .option('--admin-token-file <FILE>', 'file with that token (default: ask); it is never stored')
    .option('--yes', 'ask nothing')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, options: EnrolOptions) => enrolAction(needs, name, options, finish))
  repo
    .command('list')
    .description('print the enrolled repositories, their branches and rulesets')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (options: { readonly config: string; readonly json?: true }) => listAction(needs, options))
}
