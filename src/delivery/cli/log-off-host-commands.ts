import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { AppError } from '../../flows/app-error.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { Refusal } from './refusal.ts'
import { printJson } from './terminal.ts'

interface Options {
  readonly config: string
  readonly json?: true
}

interface KeyOptions extends Options {
  readonly from?: string
  readonly show?: true
}

function placeOf({ offHost }: Deployment): NonNullable<Deployment['offHost']> {
  if (offHost !== null) return offHost
  throw new Refusal('not-configured', 'no off-host copy is configured', {
    remedy: 'Add off_host to the table [log] of the configuration; the comments there show how.',
  })
}

/** Nothing is signed while a configured place does not answer, and a key is not stored without its entry. */
async function keepKey(deployment: Deployment, name: string, key: Uint8Array | null): Promise<string> {
  try {
    return await deployment.keepSshKey(name, key)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'log-files-unavailable') throw error
    throw new Refusal('place-first', error.message, {
      remedy: 'Make the key before off_host stands in the configuration: take it out, run this again, and put it back.',
    })
  }
}

function readKeyOf(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new Refusal('key-file', `${file} cannot be read (${code})`, { remedy: 'Name the file of the private key.' })
  }
}

/** `governance log off-host key|prepare`: what has to be done once before a copy of the log can be kept elsewhere. */
export function addLogOffHostCommands(log: Command, needs: CliNeeds): void {
  const { terminal } = needs
  const offHost = log.command('off-host').description('the copy of the log that does not end with this machine')
  offHost
    .command('key')
    .argument('[NAME]', 'its name in the keystore', 'off-host')
    .description('make the SSH key that writes the copy, in the keystore, and print its line for authorized_keys')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--from <FILE>', 'store this private key (OpenSSH or PEM, no passphrase) instead of making one')
    .option('--show', 'print the line of the key that is there')
    .option('--json', 'one JSON value for machines')
    .action(async (name: string, { config, from, show, json }: KeyOptions) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const given = from === undefined ? null : readKeyOf(from)
        const line = show ? await deployment.sshKey(name) : await keepKey(deployment, name, given)
        if (json) return printJson(terminal, { keystore: name, authorizedKey: line })
        terminal.out(`${line}\n`)
        terminal.err(
          'Put this line into authorized_keys of that user and off_host into the configuration; then run:\n' +
            `governance log off-host prepare --config ${config}\n`,
        )
      }),
    )
  offHost
    .command('prepare')
    .description(
      'fill a new place with the log and the log of security events; a start never takes an empty place for a new one',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: Options) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const place = placeOf(deployment)
        const { decisions, security } = await place.prepare()
        if (json) return printJson(terminal, { place: place.name, size: decisions, securitySize: security })
        terminal.out(
          `${place.name} holds the log of ${deployment.settings.log.origin} up to entry ${decisions - 1} ` +
            `and the log of security events up to entry ${security - 1}\n`,
        )
      }),
    )
}
