import type { Command } from 'commander'
import { encodeBase64, formatWitnessKey, isNoteKeyName, witnessKey } from '../../core/index.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { UsageError } from './refusal.ts'
import { toldToStop } from './server-commands.ts'
import { aligned, printJson } from './terminal.ts'

interface InitOptions {
  readonly config: string
  readonly dataDir: string
  readonly name: string
  readonly listen: string
  readonly log: readonly string[]
  readonly json?: true
}

interface ConfigOptions {
  readonly config: string
  readonly json?: true
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** Runs until it is told to stop. */
async function serveAction({ witness, terminal }: CliNeeds, { config }: ConfigOptions): Promise<void> {
  const server = await witness.serve(config)
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  const told = toldToStop()
  terminal.err(`witness listens on http://${host}:${server.port}\n`)
  const signal = await told
  terminal.err(`${signal}: finishing what is begun\n`)
  await server.stop()
}

/** `governance witness init|serve|status|key`: watch other logs and cosign their heads. */
export function addWitnessCommands(program: Command, needs: CliNeeds): void {
  const { terminal } = needs
  const witness = program.command('witness').description('watch logs of others and cosign their heads')
  witness
    .command('init')
    .description('make a witness on its own: key, keystore, witness.toml')
    .requiredOption('--config <FILE>', 'where witness.toml is written')
    .requiredOption('--data-dir <DIR>', 'keystore and memory of the witness')
    .requiredOption('--name <NAME>', 'name in its cosignatures, like witness.example.org/w1')
    .requiredOption('--log <VKEY>', 'verifier key of a log to watch; may be given several times', collect)
    .option('--listen <HOST:PORT>', 'address it listens on', '127.0.0.1:8090')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, dataDir, name, listen, log, json }: InitOptions) => {
      const made = await needs.witness.init({ configFile: config, directory: dataDir, name, listen, logs: log })
      if (json) return printJson(terminal, { name, ...made })
      terminal.out(`${made.key}\n`)
      if (made.createdKeyFile !== null) terminal.err(`made ${made.createdKeyFile}; it opens the keystore\n`)
      terminal.err(`Next: governance witness serve --config ${config}, and hand the line above to the logs.\n`)
    })
  witness
    .command('serve')
    .description('cosign heads of the configured logs; until SIGTERM or SIGINT')
    .requiredOption('--config <FILE>', 'witness.toml')
    .action(async (options: ConfigOptions) => serveAction(needs, options))
  witness
    .command('status')
    .description('print the key of the witness and the newest head of each log that it watches')
    .requiredOption('--config <FILE>', 'witness.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: ConfigOptions) => {
      const { key, heads } = await needs.witness.status(config)
      if (json)
        return printJson(terminal, {
          key,
          logs: heads.map(({ origin, head }) => ({
            origin,
            size: head?.size ?? null,
            root: head === null ? null : encodeBase64(head.root),
          })),
        })
      const rows = heads.map(({ origin, head }) => [origin, head === null ? 'nothing cosigned' : `size ${head.size}`])
      terminal.out(aligned([['key', key], ...rows]))
    })
  witness
    .command('key')
    .description('print the key of the witness inside this server; the first time it is made')
    .requiredOption('--config <FILE>', 'governance.toml')
    .requiredOption('--name <NAME>', 'its name, as in [log.witness.serve]')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, name, json }: ConfigOptions & { readonly name: string }) => {
      if (!isNoteKeyName(name)) throw new UsageError('--name cannot name a witness: no blanks, no plus sign')
      await withDeployment(needs, config, 'read', async (deployment) => {
        const { custody } = deployment
        const { keyName } = needs.witness
        const known = (await custody.names()).includes(keyName)
        const publicKey = await (known ? custody.publicKey(keyName) : deployment.makeLogKey(keyName))
        const key = formatWitnessKey(witnessKey(name, publicKey))
        if (json) return printJson(terminal, { key, made: !known })
        terminal.out(`${key}\n`)
      })
    })
}
