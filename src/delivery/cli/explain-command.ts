import type { Command } from 'commander'
import { explain, formatInstant, inertPlain as inert, type Verdict } from '../../core/index.ts'
import { currentNames } from '../../flows/gate/names.ts'
import { createVerdictReader } from '../../flows/gate/verdict-reader.ts'
import { changeNameOf } from './change-name.ts'
import { exitCode, type ExitCode } from './exit-code.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal } from './refusal.ts'
import { printJson } from './terminal.ts'

const exitOf: Readonly<Record<Verdict['outcome'], ExitCode>> = {
  pass: exitCode.good,
  pending: exitCode.notGood,
  fail: exitCode.notGood,
  error: exitCode.unknown,
}

/** `governance explain OWNER/REPO#NUMBER`: the newest recorded verdict, as the tree that decided it. */
export function addExplainCommand(program: Command, needs: CliNeeds, finish: Finish): void {
  program
    .command('explain <OWNER/REPO#NUMBER>')
    .description('print the newest verdict on a pull request and why; ends with 0 for pass, 1 for pending or fail')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, options: { readonly config: string; readonly json?: true }) => {
      const { repository: wanted, number } = changeNameOf(name)
      await withDeployment(needs, options.config, 'read', async ({ store }) => {
        const repositories = await store.registry.repositories()
        const repository = repositories.find((known) => known.name.toLowerCase() === wanted.toLowerCase())
        if (repository === undefined)
          throw new Refusal('not-governed', `${wanted} is not enrolled`, {
            exit: exitCode.unknown,
            remedy: `governance repo enrol ${wanted} --config ${options.config}`,
          })
        const recorded = (await store.changes.find(repository.id, number))?.verdict
        if (recorded === undefined || recorded === null)
          throw new Refusal('no-verdict', `no verdict on ${wanted}#${number} is recorded`, {
            exit: exitCode.unknown,
            remedy: 'Check the number; `governance deliveries list` shows what arrived.',
          })
        const verdict = await createVerdictReader(store.memory).existing(recorded.digest)
        if (options.json)
          printJson(needs.terminal, { repository: repository.name, number, entry: recorded.entry, verdict })
        else {
          const { title, lines, missing } = explain(verdict, 'plain', await currentNames(store.registry))
          needs.terminal.out(
            `${inert(repository.name)}#${number}: ${title}\n${lines.map((line) => `${line}\n`).join('')}`,
          )
          for (const line of missing) needs.terminal.out(`missing: ${line}\n`)
          const { earliestMergeAt: earliest } = verdict
          needs.terminal.out(
            `\nlog entry ${recorded.entry}, decided at ${formatInstant(recorded.at)}${earliest === null ? '' : `, by time alone green at ${formatInstant(earliest)}`}\n`,
          )
        }
        finish(exitOf[verdict.outcome])
      })
    })
}
