import type { Command } from 'commander'
import { askNewPassphrase, askSecret } from './prompts.ts'
import { UsageError } from './refusal.ts'
import { printJson, type Terminal } from './terminal.ts'
import type { CliNeeds } from './needs.ts'
import type { KeyUnlock, SignerKeyInfo } from './signer-key.ts'
import { readSecretFile } from './secret-file.ts'

/** The options that say how a key file is opened. */
export interface UnlockOptions {
  readonly passphraseFile?: string
  readonly keyFile?: string
}

export const withUnlock = (command: Command): Command =>
  command
    .option('--passphrase-file <FILE>', 'file that holds the passphrase of the key file (default: ask)')
    .option('--key-file <FILE>', 'file of 32 bytes that opens the key file instead of a passphrase')

const passphraseOf = (bytes: Uint8Array): Uint8Array => {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--
  return bytes.subarray(0, end)
}

/** How to open the key file: by the options, or by asking. `isNew` asks twice. @throws UsageError, Refusal */
export async function unlockOf(terminal: Terminal, options: UnlockOptions, isNew: boolean): Promise<KeyUnlock> {
  const { passphraseFile, keyFile } = options
  if (passphraseFile !== undefined && keyFile !== undefined)
    throw new UsageError('--passphrase-file and --key-file exclude each other')
  if (keyFile !== undefined) return { kind: 'key-file', file: keyFile }
  if (passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: passphraseOf(readSecretFile(passphraseFile)) }
  const flag = '--passphrase-file or --key-file'
  const passphrase = isNew
    ? await askNewPassphrase(terminal, flag)
    : await askSecret(terminal, 'Passphrase of the key file', flag)
  return { kind: 'passphrase', passphrase: Buffer.from(passphrase) }
}

function tellKey({ terminal }: CliNeeds, file: string, key: SignerKeyInfo, asJson: boolean): void {
  if (asJson) return printJson(terminal, { file, scheme: key.scheme, publicKey: key.publicKey, keyid: key.keyid })
  terminal.out(`public key  ${key.publicKey}\nkey id      ${key.keyid}\nscheme      ${key.scheme}\n`)
}

/** `governance approval key create|import|show`. */
export function addSignerKeyCommands(approval: Command, needs: CliNeeds): void {
  const key = approval.command('key').description("make and show a maintainer's own signing key")
  const next = 'Give the public key to whoever keeps the registry: public_key in config/maintainers/<set>.yml.\n'

  withUnlock(key.command('create <FILE>'))
    .description('make a key in a new encrypted file')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: UnlockOptions & { readonly json?: true }) => {
      const info = await needs.signerKeys.create(file, await unlockOf(needs.terminal, options, true))
      tellKey(needs, file, info, options.json === true)
      needs.terminal.err(next)
    })

  withUnlock(key.command('import <FILE>'))
    .description('put a secp256k1 key that openssl made into a new encrypted file')
    .option('--pem <FILE>', 'the private key in PEM')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: UnlockOptions & { readonly pem?: string; readonly json?: true }) => {
      if (options.pem === undefined) throw new UsageError('--pem is missing')
      const pem = Buffer.from(readSecretFile(options.pem)).toString('latin1')
      const info = await needs.signerKeys.importPem(file, pem, await unlockOf(needs.terminal, options, true))
      tellKey(needs, file, info, options.json === true)
      needs.terminal.err(`${next}The PEM file is as it was; delete it when the encrypted file is safe.\n`)
    })

  key
    .command('show <FILE>')
    .description('print the public key and the key id of a key file')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: { readonly json?: true }) => {
      tellKey(needs, file, await needs.signerKeys.show(file), options.json === true)
    })
}
