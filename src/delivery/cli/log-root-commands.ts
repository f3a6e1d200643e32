import type { Command } from 'commander'
import {
  encodeUtf8,
  formatLogBreak,
  formatNoteSignature,
  formatSignedNote,
  formatVerifierKey,
  inertPlain as inert,
  isLogOrigin,
  parseLogKeyClaim,
  parseSignedNote,
  parseVerifierKey,
  signEd25519,
  verifyCheckpoint,
} from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import type { CliNeeds } from './needs.ts'
import { confirmed } from './prompts.ts'
import { readNoteFile } from './note-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { formatRootSecret, readRootSecret, rootKeyOf } from './root-secret.ts'
import { aligned, printJson } from './terminal.ts'

interface CreateOptions {
  readonly origin: string
  readonly json?: true
}

function createAction(needs: CliNeeds, { origin, json }: CreateOptions): void {
  if (!isLogOrigin(origin)) throw new UsageError('--origin is host/path without scheme, as `log.origin` has it')
  const { terminal } = needs
  const seed = needs.random.bytes(32)
  const key = formatVerifierKey(rootKeyOf(origin, seed))
  const secret = formatRootSecret(seed)
  seed.fill(0)
  if (json) return printJson(terminal, { origin, root: key, secret })
  terminal.out(`${secret}\n`)
  terminal.err(
    `\nroot key  ${key}\n\nThe secret above is stored nowhere. Write it on paper, twice, and compare by \`governance log root show\`;\n` +
      'do this on a machine without network. The root key is public: it goes into the trust file.\n',
  )
}

interface RootOptions {
  readonly origin: string
  readonly rootFile?: string
  readonly json?: true
}

async function showAction({ terminal }: CliNeeds, options: RootOptions): Promise<void> {
  const seed = await readRootSecret(terminal, options.rootFile)
  const root = formatVerifierKey(rootKeyOf(options.origin, seed))
  if (options.json) return printJson(terminal, { origin: options.origin, root })
  terminal.out(`${root}\n`)
}

interface CertifyOptions {
  readonly rootFile?: string
  readonly yes?: true
}

/** A request is a claim without signatures (first key) or with the predecessor's. */
function readRequest(text: string): { readonly claim: string; readonly lines: string } {
  const parsed = parseSignedNote(text)
  const claim = parsed.ok ? parsed.text : text
  return { claim, lines: parsed.ok ? text.slice(claim.length + 1) : '' }
}

async function certifyAction({ terminal }: CliNeeds, file: string, options: CertifyOptions): Promise<void> {
  const { claim, lines } = readRequest(readNoteFile(file))
  const parsed = parseLogKeyClaim(claim)
  if (parsed === undefined)
    throw new Refusal('log-key-malformed', `${file} is no request of a log key`, {
      exit: exitCode.unknown,
      remedy: '`governance log key request` writes one.',
    })
  terminal.err(
    aligned([
      ['log', inert(parsed.origin)],
      ['generation', String(parsed.generation)],
      ['key', formatVerifierKey(parsed.key)],
      ['from size', String(parsed.fromSize)],
    ]),
  )
  if (parsed.generation > 1 && lines === '')
    throw new Refusal('log-key-not-signed-by-predecessor', 'the request lacks the signature of the key before it', {
      exit: exitCode.unknown,
      remedy: '`governance log key request` on the server writes it.',
    })
  await confirmed(terminal, 'Is this the key that the server shows? Certify it?', options.yes === true)
  const seed = await readRootSecret(terminal, options.rootFile)
  const root = rootKeyOf(parsed.origin, seed)
  const signature = formatNoteSignature(root, signEd25519(seed, encodeUtf8(claim)))
  seed.fill(0)
  terminal.out(formatSignedNote(claim, lines === '' ? [signature] : [lines, signature]))
  terminal.err('\nNext: governance log key apply --config governance.toml --root <KEY> CERTIFICATE\n')
}

interface BreakOptions {
  readonly rootFile?: string
  readonly key: string
  readonly next: string
  readonly reason: string
  readonly yes?: true
}

/** Signs the end of a log that lost entries; the checkpoint is the newest one that anybody outside knows. */
async function breakAction({ terminal }: CliNeeds, file: string, options: BreakOptions): Promise<void> {
  const key = parseVerifierKey(options.key)
  const next = parseVerifierKey(options.next)
  if (key === undefined || next === undefined) throw new UsageError('--key and --next are lines like name+id+base64')
  const opened = verifyCheckpoint(readNoteFile(file), key.name, [key])
  if (!opened.ok) throw new Refusal(opened.code, `${file} is no checkpoint of ${key.name}`, { exit: exitCode.notGood })
  const { checkpoint } = opened
  let text: string
  try {
    text = formatLogBreak({ old: checkpoint, next, reason: options.reason })
  } catch (error) {
    throw new UsageError((error as RangeError).message)
  }
  terminal.err(`${key.name} ends at size ${checkpoint.size}; ${next.name} goes on in its place.\n`)
  await confirmed(
    terminal,
    'Every watcher will stop until it is given the new trust file. Sign the break?',
    options.yes === true,
  )
  const seed = await readRootSecret(terminal, options.rootFile)
  const signature = formatNoteSignature(rootKeyOf(key.name, seed), signEd25519(seed, encodeUtf8(text)))
  seed.fill(0)
  terminal.out(formatSignedNote(text, [signature]))
  terminal.err(
    '\nNext, on the server: governance log restart BREAK --config governance.toml --from <what is left of the old log>\n',
  )
}

/** `governance log root create|show|certify` and `governance log break`: what is done away from the server. */
export function addLogRootCommands(log: Command, needs: CliNeeds): void {
  const root = log.command('root').description('the offline root that certifies the keys of a log')
  root
    .command('create')
    .description('make a root: prints its secret once and stores nothing')
    .requiredOption('--origin <ORIGIN>', 'the origin of the log')
    .option('--json', 'one JSON value for machines')
    .action((options: CreateOptions) => createAction(needs, options))
  root
    .command('show')
    .description('print the public key of a root from its secret')
    .requiredOption('--origin <ORIGIN>', 'the origin of the log')
    .option('--root-file <FILE>', 'file that holds the secret of the root (default: ask)')
    .option('--json', 'one JSON value for machines')
    .action(async (options: RootOptions) => showAction(needs, options))
  root
    .command('certify <REQUEST>')
    .description('sign the request of a log key; prints the certificate')
    .option('--root-file <FILE>', 'file that holds the secret of the root (default: ask)')
    .option('--yes', 'ask nothing')
    .action(async (file: string, options: CertifyOptions) => certifyAction(needs, file, options))
  log
    .command('break <CHECKPOINT>')
    .description('sign, with the offline root, the end of a log that lost entries and the key of the one that follows')
    .requiredOption('--key <VKEY>', 'key that signed the checkpoint')
    .requiredOption('--next <VKEY>', 'key of the log that goes on under another origin')
    .requiredOption('--reason <TEXT>', 'one line of 20 to 500 characters; every verifier shows it')
    .option('--root-file <FILE>', 'file that holds the secret of the root (default: ask)')
    .option('--yes', 'ask nothing')
    .action(async (file: string, options: BreakOptions) => breakAction(needs, file, options))
}
