import type { Command } from 'commander'
import { inertPlain as inert } from '../../core/index.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { planGenesis } from '../../flows/gate/genesis.ts'
import { recordRegenesis } from '../../flows/gate/regenesis.ts'
import { policyRefusal, showPlan } from './genesis-plan.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { readPolicyDirectory } from './policy-source.ts'
import { typed } from './prompts.ts'
import { UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

interface RegenesisOptions {
  readonly config?: string
  readonly reason?: string
  readonly policyDir?: string
  readonly yes?: true
  readonly json?: true
}

const leastReason = 20

async function regenesisAction(needs: CliNeeds, options: RegenesisOptions): Promise<void> {
  const { config, reason, policyDir } = options
  if (config === undefined || reason === undefined || reason.trim().length < leastReason)
    throw new UsageError(
      ...(config === undefined ? ['--config <FILE> is missing'] : []),
      ...(reason === undefined || reason.trim().length < leastReason
        ? [`--reason <TEXT> is missing or shorter than ${leastReason} characters; it stays in the log for ever`]
        : []),
    )
  const { terminal } = needs
  await withDeployment(needs, config, 'alone', async (deployment) => {
    const { settings, store, recorder, operator, forge } = deployment
    const { repository, branch } = settings.policy
    const planned = await planGenesis(
      { ...forge, policyFiles: needs.policyFiles, acceleration: needs.acceleration },
      {
        governanceRepository: repository,
        branch,
        expected: policyDir === undefined ? null : readPolicyDirectory(policyDir),
        at: needs.clock.now(),
      },
    )
    if (!planned.ok) {
      const { faults } = planned
      const details = { code: faults[0]?.code ?? 'unreadable', commit: null, faults: faults.length }
      const resource = `policy:${(await store.registry.policyInForce())?.epoch ?? 0}`
      await deployment.note([eventOf('policy-refused', { userId: operator, resource, action: 'replace', details })])
      throw policyRefusal(needs, faults)
    }
    showPlan(needs, planned.plan, 'The policy that would be put into force')
    terminal.err('Every approval given so far becomes void. Review clocks run on. Every verifier sees it.\n')
    const { origin } = settings.log
    await typed(terminal, origin, `Type the name of the log (${origin}) to do it`, options.yes === true)
    const { registry, changes } = store
    const needed = { recorder, registry, changes, acceleration: needs.acceleration, operator }
    const { epoch } = await recordRegenesis(needed, planned.plan, reason.trim())
    needs.pinGenesis(config, planned.plan.digest)
    const genesis = `sha256:${planned.plan.digest}`
    if (options.json) return printJson(terminal, { epoch, genesis, commit: planned.plan.commit })
    terminal.out(
      aligned([
        ['epoch', String(epoch)],
        ['genesis', genesis],
        ['configuration', `${inert(config)} pins it now`],
      ]),
    )
    terminal.out(`\nNext: governance serve --config ${config}; tell every maintainer and verifier the new genesis.\n`)
  })
}

/** `governance policy regenesis`: the only repair of a policy that nobody can change any more. */
export function addRegenesisCommand(policy: Command, needs: CliNeeds): void {
  policy
    .command('regenesis')
    .description('put the policy of the governance branch into force without a verdict; the server must be stopped')
    .option('--config <FILE>', 'governance.toml')
    .option('--reason <TEXT>', 'why; it stays in the log for ever')
    .option('--policy-dir <DIR>', 'your checkout: must equal what the branch holds')
    .option('--yes', 'ask nothing')
    .option('--json', 'one JSON value for machines')
    .action(async (options: RegenesisOptions) => regenesisAction(needs, options))
}
