import type { Command } from 'commander'
import { AppError } from '../../flows/app-error.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type SchemaState, withDeployment } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { counted, printJson } from './terminal.ts'

interface DbOptions {
  readonly config: string
  readonly json?: true
}

/** Whether the schema is this version's; looked at without the lock, so that a running server is no hindrance. */
async function checkAction(needs: CliNeeds, options: DbOptions, finish: Finish): Promise<void> {
  const { terminal } = needs
  try {
    await withDeployment(needs, options.config, 'read', async ({ store }) => {
      const faults = await store.checkIntegrity()
      finish(faults.length === 0 ? exitCode.good : exitCode.notGood)
      if (options.json)
        return printJson(terminal, { ok: faults.length === 0, schema: store.schemaVersion, pending: [], faults })
      for (const fault of faults) terminal.out(`${fault}\n`)
      terminal.out(
        faults.length === 0
          ? `schema ${store.schemaVersion}, every page, index and counter is sound\n`
          : `${counted(faults.length, 'fault')}: stop the server and restore the newest backup\n`,
      )
    })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'schema-unknown' || error.data.reason !== 'older') throw error
    const state = await needs.migrate(options.config, true)
    finish(exitCode.notGood)
    if (options.json)
      return printJson(terminal, { ok: false, schema: state.current, pending: state.pending, faults: [] })
    terminal.out(`${stateWords(state)}: run \`governance db migrate --config ${options.config}\`\n`)
  }
}

const stateWords = ({ current, newest, pending }: SchemaState): string =>
  pending.length === 0
    ? `schema ${current}, nothing to do`
    : `schema ${current} of ${newest}, pending: ${pending.join(', ')}`

async function migrateAction(needs: CliNeeds, options: DbOptions): Promise<void> {
  const { current, newest, pending, createdKeys } = await needs.migrate(options.config, false)
  if (options.json) return printJson(needs.terminal, { from: current, to: newest, applied: pending, createdKeys })
  for (const name of createdKeys) needs.terminal.out(`key ${name} made in the keystore\n`)
  needs.terminal.out(
    pending.length === 0
      ? `schema ${current}, nothing to do\n`
      : `schema ${current} → ${newest}: ${counted(pending.length, 'migration')} applied\n`,
  )
}

/** `governance db check|migrate`. */
export function addDbCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const db = program.command('db').description('the database')
  db.command('check')
    .description('compare the schema with this version and read every page; also while the server runs')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (options: DbOptions) => checkAction(needs, options, finish))
  db.command('migrate')
    .description('bring the schema up to this version; the server must be stopped')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async (options: DbOptions) => migrateAction(needs, options))
}
