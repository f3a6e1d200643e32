import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { Refusal } from './refusal.ts'
import { printJson } from './terminal.ts'

interface Options {
  readonly config: string
  readonly json?: true
}

function placeOf({ offHost }: Deployment): NonNullable<Deployment['offHost']> {
  if (offHost !== null) return offHost
  throw new Refusal('not-configured', 'no off-host copy is configured', {
    remedy: 'Add off_host to the table [log] of the configuration; the comments there show how.',
  })
}

function keyNameOf({ settings }: Deployment): string {
  const name = settings.log.offHost?.privateKey?.keystore
  if (name !== undefined) return name
  throw new Refusal('not-configured', 'the configuration names no key for SFTP', {
    remedy: 'Write private_key = { keystore = "off-host" } into off_host.sftp; a directory needs no key.',
  })
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
    .description('make the SSH key that writes the copy, in the keystore, and print its line for authorized_keys')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--from <FILE>', 'store this private key (OpenSSH or PEM, no passphrase) instead of making one')
    .option('--show', 'print the line of the key that is there')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, from, show, json }: Options & { readonly from?: string; readonly show?: true }) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const name = keyNameOf(deployment)
        const line = show
          ? await deployment.sshKey(name)
          : await deployment.keepSshKey(name, from === undefined ? null : readKeyOf(from))
        if (json) return printJson(terminal, { keystore: name, authorizedKey: line })
        terminal.out(`${line}\n`)
        terminal.err('Put this line into authorized_keys of that user, then run: governance log off-host prepare\n')
      }),
    )
  offHost
    .command('prepare')
    .description('fill a new place with the log; a start never takes an empty place for a new one')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--json', 'one JSON value for machines')
    .action(async ({ config, json }: Options) =>
      withDeployment(needs, config, 'read', async (deployment) => {
        const place = placeOf(deployment)
        const size = await place.prepare()
        if (json) return printJson(terminal, { place: place.name, size })
        terminal.out(`${place.name} holds the log of ${deployment.settings.log.origin} up to entry ${size - 1}\n`)
      }),
    )
}
