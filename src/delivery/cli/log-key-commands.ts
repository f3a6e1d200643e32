import type { Command } from 'commander'
import { formatVerifierKey, isLogOrigin, noteVerifierKey, parseVerifierKey, rootKeyName } from '../../core/index.ts'
import { currentKeyName } from '../../flows/gate/log-era.ts'
import { applyLogKey, prepareNextKey, readCertificates, requestLogKey } from '../../flows/record/log-keys.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { readNoteFile } from './note-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

interface KeyOptions {
  readonly config: string
  readonly json?: true
}

const remedies: Readonly<Record<string, string>> = {
  'log-key-not-in-custody': 'Make the request on this server: `governance log key request`.',
  'log-key-not-signed-by-root': 'Check --root: it is not the root that signed this certificate.',
  'log-key-not-signed-by-predecessor': 'Make the request on this server: the key before it signs there.',
}

/** `governance log key show|request|prepare|apply`: the keys that sign the decision log. */
export function addLogKeyCommands(log: Command, needs: CliNeeds): void {
  const { terminal } = needs
  const key = log.command('key').description('the keys that sign the decision log, and their certificates')
  key
    .command('show')
    .description('print the keys of the log and who certified them')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: KeyOptions) =>
      withDeployment(needs, config, 'read', async ({ settings, store, custody }) => {
        const { origin } = settings.log
        const certificates = await readCertificates(store.log)
        const generation = Math.max(1, certificates.length)
        const current = formatVerifierKey(
          noteVerifierKey(origin, await custody.publicKey(await currentKeyName(store.log))),
        )
        if (json)
          return printJson(terminal, {
            origin,
            generation,
            key: current,
            certificates: certificates.map(({ note }) => note),
          })
        terminal.out(
          aligned([
            ['log', origin],
            ['key', current],
            ['generation', String(generation)],
            ['certified', certificates.length === 0 ? 'no; see `governance log root --help`' : 'by the offline root'],
          ]),
        )
      }),
    )
  key
    .command('request')
    .description('print what the offline root has to sign: for the first key, or for a new one that takes over')
    .requiredOption('--config <FILE>', 'governance.toml')
    .action(async ({ config }: KeyOptions) =>
      withDeployment(needs, config, 'write', async (deployment) => {
        const { settings, store, custody } = deployment
        const { origin } = settings.log
        const request = await requestLogKey({ origin, log: store.log, custody }, (name) => deployment.makeLogKey(name))
        terminal.out(request.text)
        terminal.err(
          `\ngeneration ${request.generation}, key ${formatVerifierKey(request.key)}\n` +
            'Next: carry this to the machine of the root: governance log root certify REQUEST\n',
        )
      }),
    )
  key
    .command('prepare')
    .description(
      'make the key that signs after a break, under another origin; prints it for `governance log break --next`',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .requiredOption('--origin <ORIGIN>', 'the origin of the log that goes on')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, origin: next, json }: KeyOptions & { readonly origin: string }) =>
      withDeployment(needs, config, 'write', async (deployment) => {
        const { settings, store, custody } = deployment
        const { origin } = settings.log
        if (!isLogOrigin(next) || next === origin)
          throw new UsageError(
            `--origin is host/path without scheme, and not ${origin}: a log never forks under its name`,
          )
        const parts = { origin, log: store.log, custody }
        const made = formatVerifierKey(await prepareNextKey(parts, next, (name) => deployment.makeLogKey(name)))
        if (json) return printJson(terminal, { origin: next, key: made })
        terminal.out(`${made}\n`)
        terminal.err(
          '\nNext, on the machine of the root: governance log break CHECKPOINT --next <this key> --key <key of the checkpoint>\n',
        )
      }),
    )
  key
    .command('apply <CERTIFICATE>')
    .description('record a certificate; a new key signs from then on; the server must be stopped')
    .requiredOption('--config <FILE>', 'governance.toml')
    .requiredOption('--root <VKEY>', 'public key of the offline root')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: KeyOptions & { readonly root: string }) =>
      withDeployment(needs, options.config, 'alone', async ({ settings, store, custody, recorder, operator }) => {
        const { origin } = settings.log
        const root = parseVerifierKey(options.root)
        if (root === undefined || root.name !== rootKeyName(origin))
          throw new UsageError(`--root is the line that \`governance log root create --origin ${origin}\` printed`)
        const certificate = readNoteFile(file)
        const applied = await applyLogKey({ origin, log: store.log, custody, recorder, operator }, root, certificate)
        if (!applied.ok)
          throw new Refusal(applied.code, 'the certificate is refused; nothing was recorded', {
            exit: exitCode.notGood,
            remedy: remedies[applied.code] ?? 'Make request and certificate anew.',
          })
        const { generation, entry } = applied
        if (options.json) return printJson(terminal, { generation, entry, key: formatVerifierKey(applied.key) })
        terminal.out(`generation ${generation} of the log's key is certified (entry ${entry})\n`)
        terminal.err('Next: governance trust export, and hand the new trust file to everybody who verifies.\n')
      }),
    )
}
