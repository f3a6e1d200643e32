import { readFileSync, renameSync, rmSync } from 'node:fs'
import type { Command } from 'commander'
import {
  type BlockHeader,
  decodeUtf8,
  encodeHex,
  encodeUtf8,
  equalBytes,
  inertPlain as inert,
  maxOtsBytes,
  type OtsCheck,
  type OtsFile,
  type OtsReport,
  parseCheckpointBody,
  parseSignedNote,
  readBlockHeaders,
  readOtsFile,
  sha256,
  verifyOts,
  writeOtsFile,
} from '../../core/index.ts'
import { type CalendarAnswer, createAnchoring } from '../../flows/anchor/anchoring.ts'
import { formatInstant, asInstant } from '../../core/index.ts'
import { exitCode } from './exit-code.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { requireAbsent, writeNewFile } from './new-file.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

const largestTarget = 256 * 1024 * 1024
const largestHeaders = 64 * 1024 * 1024
const suffix = '.ots'

interface CalendarOptions {
  readonly config?: string
  readonly calendar?: readonly string[]
  readonly json?: true
}

function contentOf(path: string, most: number): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new Refusal('file-unreadable', `${path} cannot be read: ${reason}`, { exit: exitCode.unknown })
  }
  if (bytes.length > most) throw new Refusal('file-too-large', `${path} is larger than ${most} bytes`)
  return bytes
}

/** The three lines that a signed checkpoint signs; undefined for anything else. */
function bodyOfCheckpoint(bytes: Uint8Array): string | undefined {
  const note = parseSignedNote(bytes)
  return note.ok && parseCheckpointBody(note.text).ok ? note.text : undefined
}

function timestampOf(path: string): OtsFile {
  const read = readOtsFile(contentOf(path, maxOtsBytes))
  if (read.ok) return read.file
  throw new Refusal(read.code, `${path} is no timestamp that can be read`, {
    remedy: 'Name the .ots file; a damaged one has to be stamped anew.',
  })
}

/** Calendars from the command line, or else from the configuration. */
function calendarsOf(
  needs: CliNeeds,
  { config, calendar }: CalendarOptions,
): { readonly calendars: readonly string[]; readonly allowed: readonly string[] } {
  const named = (calendar ?? []).map((address) => {
    const url = URL.parse(address)
    const isPlain = url?.protocol === 'http:' && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname)
    if (url === null || (url.protocol !== 'https:' && !isPlain) || url.username !== '' || url.search !== '')
      throw new UsageError(`--calendar ${address} is no https address (http is for the loopback only)`)
    return address.replace(/\/+$/, '')
  })
  const configured = config === undefined ? { calendars: [], upgradeFrom: [] } : needs.anchorSettings(config)
  const calendars = named.length > 0 ? named : configured.calendars
  return { calendars, allowed: [...calendars, ...configured.upgradeFrom] }
}

const answerText = ({ calendar, code }: CalendarAnswer): string[] => [`  ${inert(calendar)}`, code ?? 'ok']

async function stampAction(
  needs: CliNeeds,
  file: string,
  options: CalendarOptions & { readonly data?: true; readonly out?: string },
): Promise<void> {
  const bytes = contentOf(file, largestTarget)
  const body = options.data ? undefined : bodyOfCheckpoint(bytes)
  if (!options.data && body === undefined)
    throw new Refusal('not-a-checkpoint', `${file} is no signed checkpoint`, {
      remedy: 'Name a checkpoint, or stamp any other file as it is with --data.',
    })
  const out = options.out ?? `${file}${body === undefined ? '' : '.body'}${suffix}`
  if (!out.endsWith(suffix)) throw new UsageError(`--out ends with ${suffix}`)
  const { calendars } = calendarsOf(needs, options)
  if (calendars.length === 0)
    throw new UsageError('name a calendar with --calendar, or [anchor] calendars in the file of --config')
  requireAbsent(out)
  const stamped = body === undefined ? bytes : encodeUtf8(body)
  const { file: timestamp, answers } = await createAnchoring(needs).stamp(sha256(stamped), calendars)
  if (timestamp === null)
    throw new Refusal('calendar-unavailable', 'no calendar gave a stamp', {
      exit: exitCode.unknown,
      remedy: aligned(answers.map(answerText)).trimEnd(),
    })
  const bodyFile = body === undefined ? null : out.slice(0, -suffix.length)
  if (bodyFile !== null) writeNewFile(bodyFile, stamped)
  writeNewFile(out, writeOtsFile(timestamp))
  if (options.json)
    return printJson(needs.terminal, { file: out, body: bodyFile, digest: encodeHex(timestamp.digest), answers })
  needs.terminal.out(`${inert(out)}: pending; \`governance anchor upgrade\` completes it in some hours\n`)
  needs.terminal.out(aligned(answers.map(answerText)))
}

async function upgradeAction(needs: CliNeeds, path: string, options: CalendarOptions, finish: Finish): Promise<void> {
  const timestamp = timestampOf(path)
  const { file, answers } = await createAnchoring(needs).upgrade(timestamp, calendarsOf(needs, options).allowed)
  const before = writeOtsFile(timestamp)
  const after = writeOtsFile(file)
  const isChanged = !equalBytes(before, after)
  if (isChanged) {
    const fresh = `${path}.new`
    rmSync(fresh, { force: true })
    writeNewFile(fresh, after)
    renameSync(fresh, path)
  }
  const isComplete = verifyOts(file, () => null).checks.some(({ attestation }) => attestation.kind === 'bitcoin')
  finish(isComplete ? exitCode.good : exitCode.notGood)
  if (options.json) return printJson(needs.terminal, { complete: isComplete, changed: isChanged, answers })
  needs.terminal.out(`${inert(path)}: ${isComplete ? 'names a block' : 'still pending'}\n`)
  needs.terminal.out(aligned(answers.map(answerText)))
}

const checkName = ({ attestation }: OtsCheck): string => {
  if (attestation.kind === 'pending') return `pending at ${inert(attestation.uri)}`
  return attestation.kind === 'bitcoin' ? `Bitcoin block ${attestation.height}` : `attestation ${attestation.tag}`
}

function reportOf(
  timestamp: OtsFile,
  target: Uint8Array,
  headers: ReadonlyMap<number, BlockHeader>,
): OtsReport & { readonly isTarget: boolean } {
  const body = bodyOfCheckpoint(target)
  const isTarget = [target, ...(body === undefined ? [] : [encodeUtf8(body)])].some((bytes) =>
    equalBytes(sha256(bytes), timestamp.digest),
  )
  const report = verifyOts(timestamp, (height) => headers.get(height) ?? null)
  return { ...report, state: isTarget ? report.state : 'invalid', isTarget }
}

function headersOf(path: string | undefined): ReadonlyMap<number, BlockHeader> {
  if (path === undefined) return new Map()
  const headers = readBlockHeaders(decodeUtf8(contentOf(path, largestHeaders)) ?? '?')
  if (headers !== undefined) return headers
  throw new Refusal('headers-malformed', `${path} is no file of block headers`, {
    exit: exitCode.unknown,
    remedy: 'One line per block: its height, a space, and what `bitcoin-cli getblockheader HASH false` prints.',
  })
}

function verifyAction(
  needs: CliNeeds,
  path: string,
  options: { readonly target?: string; readonly headers?: string; readonly json?: true },
  finish: Finish,
): void {
  const targetPath = options.target ?? (path.endsWith(suffix) ? path.slice(0, -suffix.length) : undefined)
  if (targetPath === undefined) throw new UsageError('name the stamped file with --target')
  const { state, checks, isTarget } = reportOf(
    timestampOf(path),
    contentOf(targetPath, largestTarget),
    headersOf(options.headers),
  )
  finish(state === 'verified' ? exitCode.good : exitCode.notGood)
  const targetCheck = {
    check: 'target',
    outcome: isTarget ? 'pass' : 'fail',
    code: isTarget ? null : 'ots-other-digest',
  }
  if (options.json)
    return printJson(needs.terminal, {
      state,
      checks: [
        targetCheck,
        ...checks.map((check) => ({
          check: checkName(check),
          outcome: check.outcome,
          code: check.code,
          ...(check.at === null ? {} : { at: formatInstant(asInstant(check.at)) }),
        })),
      ],
    })
  needs.terminal.out(`${inert(path)}: ${state}\n`)
  needs.terminal.out(
    aligned([
      [`  target ${inert(targetPath)}`, targetCheck.outcome, targetCheck.code ?? ''],
      ...checks.map((check) => [
        `  ${checkName(check)}`,
        check.outcome,
        check.code ?? (check.at === null ? '' : `existed at ${formatInstant(asInstant(check.at))}`),
      ]),
    ]),
  )
  if (state === 'unverified')
    needs.terminal.err('Nothing is proved without the header of a block that it names; give some with --headers.\n')
}

/** `governance anchor stamp|upgrade|verify`: the log's state in Bitcoin, by OpenTimestamps. */
export function addAnchorCommands(program: Command, needs: CliNeeds, finish: Finish): void {
  const anchor = program.command('anchor').description('time-stamp checkpoints in Bitcoin, by OpenTimestamps')
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
  anchor
    .command('stamp <FILE>')
    .description('hand the three lines of a checkpoint to calendars; writes them and their .ots file')
    .option('--data', 'stamp the bytes of any file')
    .option('--calendar <URL>', 'a calendar; may be given several times', collect)
    .option('--config <FILE>', 'governance.toml, for its calendars')
    .option('--out <FILE>', 'the .ots file to write; default beside FILE')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: CalendarOptions & { readonly data?: true; readonly out?: string }) =>
      stampAction(needs, file, options),
    )
  anchor
    .command('upgrade <FILE.ots>')
    .description('ask the calendars for the block; ends with 1 while there is none')
    .option('--calendar <URL>', 'a calendar that may be asked; may be given several times', collect)
    .option('--config <FILE>', 'governance.toml, for its calendars')
    .option('--json', 'one JSON value for machines')
    .action(async (file: string, options: CalendarOptions) => upgradeAction(needs, file, options, finish))
  anchor
    .command('verify <FILE.ots>')
    .description('judge a timestamp by block headers that you trust; without them it is unverified')
    .option('--target <FILE>', 'the stamped file, or a checkpoint; default the name without .ots')
    .option('--headers <FILE>', 'lines of height and block header in hex')
    .option('--json', 'one JSON value for machines')
    .action((file: string, options: { readonly target?: string; readonly headers?: string; readonly json?: true }) =>
      verifyAction(needs, file, options, finish),
    )
}
