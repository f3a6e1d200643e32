import type { Command } from 'commander'
import { encodeBase64Url } from '../../core/index.ts'
import { keyCreated } from '../../flows/audit/event-of.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { Refusal } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

interface FileOptions {
  readonly config: string
  readonly json?: true
}

/** `governance log publish|token`: the public files of the decision log, and who may read them. */
export function addLogFileCommands(log: Command, needs: CliNeeds): void {
  const { terminal } = needs
  log
    .command('publish')
    .description(
      'write the files of the log that are not published yet; the server, which does so by itself, must be stopped',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--all', 'write every file again that is lost or torn')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, all, json }: FileOptions & { readonly all?: true }) =>
      // Alone: of two writers the slower one could show an older head over a newer one.
      withDeployment(needs, config, 'alone', async (deployment) => {
        const { size, offHostSize } = await deployment.publishLog({ all: all === true })
        if (json) return printJson(terminal, { ok: true, size, offHostSize })
        terminal.out(
          aligned([
            ['log', deployment.settings.log.origin],
            ['published', String(size)],
            ['off-host', offHostSize === null ? 'none' : String(offHostSize)],
          ]),
        )
      }),
    )
  log
    .command('token')
    .description('make the token with which the files of the log are read; printed once, kept in the keystore')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: FileOptions) =>
      withDeployment(needs, config, 'write', async (deployment) => {
        const name = deployment.settings.log.token?.keystore
        if (name === undefined)
          throw new Refusal('no-token', 'the configuration names no token of the log', {
            remedy: 'Write token = { keystore = "log-token" } into [log].',
          })
        if ((await deployment.custody.names()).includes(name))
          throw new Refusal('name-taken', `the keystore holds ${name} already; nothing was changed`, {
            remedy: 'Name another entry for the next token, run this again, and restart the server.',
          })
        const token = encodeBase64Url(needs.random.bytes(32))
        await deployment.note([keyCreated(deployment.operator, 'create', name, null)])
        await deployment.keepToken(name, token)
        if (json) return printJson(terminal, { keystore: name, token })
        terminal.out(`${token}\n`)
        terminal.err(
          'Readers send it as "Authorization: Bearer TOKEN". Restart the server: it reads the token at its start.\n',
        )
      }),
    )
}
