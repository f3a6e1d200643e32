import type { Command } from 'commander'
import { inertPlain as inert, parseVerifierKey, readLogBreak, rootKeyName, type VerifierKey } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { type Restarted, type RestartRequest, restartLog } from '../../flows/record/restart-log.ts'
import { exitCode } from './exit-code.ts'
import { sourceOf } from './log-reading.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { readNoteFile } from './note-file.ts'
import { confirmed } from './prompts.ts'
import { Refusal, UsageError } from './refusal.ts'
import { printJson, type Terminal } from './terminal.ts'

interface Options {
  readonly config: string
  readonly from?: string
  readonly tokenFile?: string
  readonly checkpoint?: string
  readonly root?: string
  readonly acceptErased?: true
  readonly yes?: true
  readonly json?: true
}

const remedies: Readonly<Record<string, string>> = {
  'log-break-malformed': '`governance log break` signs one, on the machine of the offline root.',
  'log-break-wrong-origin': 'The break must be of the log that log.origin names; check both.',
  'log-break-root-missing': 'This log names no offline root: name the one that signed, by --root.',
  'log-break-not-signed-by-root': 'Sign the break with the root that certified the keys of this log.',
  'log-break-another-root': 'Leave --root out, or name the root that certified the keys of this log.',
  'log-break-for-another-key': 'Sign a break for the key that `governance log key prepare` prints on this server.',
  'log-break-not-newest': 'Sign a break over the newest checkpoint that anybody outside knows.',
  'log-break-wrong-checkpoint': 'Name the checkpoint that the break was signed over, by --checkpoint.',
  'log-inconsistent':
    'The database is no beginning of what lies there: one of the two is another history. Compare both first.',
  'log-empty': 'The database holds no log; restore a backup first.',
  'recovery-values-missing': 'Name a place by --from that has these values, or restore a newer backup.',
  'recovery-statements-erased':
    'A veto, a withdrawal or a suspension may be among them. To go on without them, say --accept-erased, and look at those changes.',
}

function refusal({ code, data }: Extract<Restarted, { readonly ok: false }>): Refusal {
  const about = Object.entries(data)
    .flatMap(([name, value]) => (value === null ? [] : [`${name} ${JSON.stringify(value)}`]))
    .join(', ')
  return new Refusal(code, `the log is left as it is${about === '' ? '' : `: ${inert(about)}`}`, {
    exit: exitCode.notGood,
    remedy: remedies[code] ?? 'What lies there is not what the old log signed: take another copy.',
    data,
  })
}

function rootOf(line: string | undefined, origin: string): VerifierKey | null {
  if (line === undefined) return null
  const root = parseVerifierKey(line)
  if (root !== undefined && root.name === rootKeyName(origin)) return root
  throw new UsageError(`--root is the line that \`governance log root create --origin ${origin}\` printed`)
}

/** The forge's word for what a repository is; nothing where it cannot be asked. */
const resolveBy =
  ({ forge }: Deployment) =>
  async (name: string) => {
    try {
      return await forge.admin.resolve(name)
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('forge-')) return null
      throw error
    }
  }

function show(terminal: Terminal, done: Extract<Restarted, { readonly ok: true }>): void {
  const { broken, index, recovered, notes } = done
  const lost = broken.old.size - index
  terminal.out(
    `${broken.next.name} goes on at entry ${index} where ${broken.old.origin} ended\n` +
      `${recovered} entries taken back into the database, ${lost} lost\n`,
  )
  const say = (text: string): void => terminal.err(`${inert(text)}\n`)
  if (lost > 0)
    say('Vetoes, withdrawals and suspensions may be among the lost entries: look at every open pull request.')
  for (const index of notes.unknownStatements) say(`statement ${index}: its text was erased; it has no effect`)
  for (const { digest, index: named } of notes.erased) say(`blob-erased: ${digest}, named by entry ${named}`)
  for (const name of notes.toEnrol) say(`not governed until it is enrolled again: governance repo enrol ${name}`)
  say('Every open change is decided anew, and no earlier success is shown before that.')
}

const next = (config: string, origin: string): string =>
  `
Next: governance log off-host prepare --config ${config}   (where a copy is configured)
      governance trust export --config ${config}, for everybody who verifies; watchers of the old log stop until they have it
      witnesses have to be told of ${origin} and its key
`

async function restartAction(needs: CliNeeds, file: string, options: Options): Promise<void> {
  const { terminal } = needs
  const note = readNoteFile(file)
  const ended = readLogBreak(note)
  if (ended === undefined) throw refusal({ ok: false, code: 'log-break-malformed', data: {} })
  const { old, next: key } = ended
  const request: Omit<RestartRequest, 'newestOutside'> = {
    break: note,
    root: rootOf(options.root, old.origin),
    checkpoint: options.checkpoint === undefined ? null : readNoteFile(options.checkpoint),
    source: options.from === undefined ? null : sourceOf(needs, options.from, options.tokenFile),
    acceptUnknown: options.acceptErased === true,
  }
  await withDeployment(needs, options.config, 'alone', async (deployment) => {
    const { settings, store, custody, operator } = deployment
    const outside = await deployment.newestOutside()
    for (const name of outside.silent) terminal.err(`${inert(name)} does not say which head is the newest\n`)
    terminal.err(`${old.origin} ends at size ${old.size}: ${ended.reason}\n${key.name} goes on in its place.\n`)
    await confirmed(terminal, 'The old log can never go on after this. Begin the new one?', options.yes === true)
    const done = await restartLog(
      {
        ...store,
        origin: settings.log.origin,
        custody,
        clock: needs.clock,
        random: needs.random,
        acceleration: needs.acceleration,
        operator,
        resolve: resolveBy(deployment),
      },
      { ...request, newestOutside: outside.size },
    )
    if (!done.ok) throw refusal(done)
    const placed = await deployment.publishBreak(note)
    const isPinned = pinned(needs, options.config, key.name)
    if (options.json)
      return printJson(terminal, {
        origin: key.name,
        before: old.origin,
        entry: done.index,
        recovered: done.recovered,
        lost: old.size - done.index,
        repeated: done.isRepeated,
        notes: done.notes,
        silent: outside.silent,
        placed,
        configured: isPinned,
      })
    show(terminal, done)
    for (const { place, code } of placed)
      if (code !== null) terminal.err(`the break could not be put into ${inert(place)} (${code})\n`)
    if (!isPinned) terminal.err(`Write into ${options.config}, table [log]: origin = "${key.name}"\n`)
    terminal.err(next(options.config, key.name))
  })
}

function pinned(needs: CliNeeds, config: string, origin: string): boolean {
  try {
    needs.pinOrigin(config, origin)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** `governance log restart`: what ends a log that lost entries, on the server. */
export function addLogRestartCommand(log: Command, needs: CliNeeds): void {
  log
    .command('restart <BREAK>')
    .description(
      'go on under another origin after a loss, with the entries that are left of the old log; the server must be stopped',
    )
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--from <PLACE>', 'address or directory with the files of the old log that are left: the off-host copy')
    .option('--token-file <FILE>', 'bearer token for a log that is not public; sent to this address alone')
    .option('--checkpoint <FILE>', 'the checkpoint that the break names, where that place shows an older one')
    .option('--root <VKEY>', 'public key of the offline root, for a log that names none')
    .option('--accept-erased', 'go on without statements whose text was erased')
    .option('--yes', 'ask nothing')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: Options) => restartAction(needs, file, options))
}
