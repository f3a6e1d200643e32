import { statSync } from 'node:fs'
import type { Command } from 'commander'
import { inertPlain as inert, decodeUtf8, formatInstant } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { type Observation, observeLog, type OtherHead } from '../../flows/record/watch-log.ts'
import { exitCode } from './exit-code.ts'
import { type LogReadingOptions, sourceOf, trustOf, withLogReading } from './log-reading.ts'
import { readLogState, writeLogState } from './log-state.ts'
import type { CliNeeds } from './needs.ts'
import { readNoteFile } from './note-file.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { faultText, progressOn } from './verify-log-command.ts'

interface WatchOptions extends LogReadingOptions {
  readonly state: string
  readonly once?: true
  readonly every?: string
  readonly compare?: readonly string[]
  readonly compareTokenFile?: string
  readonly peerState?: readonly string[]
  readonly json?: true
}

const several = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value]

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const

/** A pause such as 60s, 5m or 1h, from a second to a day. @throws UsageError */
function pauseOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([smh])$/.exec(text) ?? []
  const ms = Number(count) * (unitsMs[unit as keyof typeof unitsMs] ?? 0)
  if (!(ms >= 1_000 && ms <= 86_400_000)) throw new UsageError('--every is a pause such as 60s, 5m or 1h')
  return ms
}

/** Checkpoints that others were shown: from an address or a directory, or a file that holds one. */
async function readOthers(needs: CliNeeds, options: WatchOptions): Promise<readonly OtherHead[]> {
  const heads: OtherHead[] = []
  for (const place of options.compare ?? []) {
    const isFile = !/^https?:/.test(place) && statSync(place, { throwIfNoEntry: false })?.isFile() === true
    const bytes = isFile ? null : await sourceOf(needs, place, options.compareTokenFile).read('checkpoint')
    heads.push({ from: place, note: isFile ? readNoteFile(place) : bytes === null ? null : (decodeUtf8(bytes) ?? '') })
  }
  for (const file of options.peerState ?? []) {
    const peer = readLogState(file)
    heads.push({ from: file, note: peer?.note ?? null, certificates: peer?.keys?.certificates ?? [] })
  }
  return heads
}

const line = (needs: CliNeeds, text: string): void =>
  needs.terminal.out(`${formatInstant(needs.clock.now())} ${text}\n`)

function tell(needs: CliNeeds, seen: Observation, json: boolean): void {
  const at = formatInstant(needs.clock.now())
  if (json) return needs.terminal.out(`${JSON.stringify({ at, ok: seen.isGood, ...seen })}\n`)
  if (seen.isGood) {
    const before = seen.previousSize === null ? 'first seen' : `was ${seen.previousSize}`
    return line(needs, `good ${seen.origin} size ${seen.size} (${before}) root ${seen.root}`)
  }
  line(needs, `NOT good ${seen.origin}: ${seen.faults.map((fault) => faultText(fault)).join('; ')}`)
  // Both notes are signed by the log: whoever holds them can convict it without asking anybody.
  for (const { proof, from } of seen.faults)
    if (proof !== null)
      needs.terminal.out(
        `--- served now\n${inertNote(proof[0])}--- known from ${inert(from ?? 'the state file')}\n${inertNote(proof[1])}`,
      )
}

const inertNote = (note: string): string =>
  note
    .split('\n')
    .map((text) => inert(text))
    .join('\n')

/** One look. What nobody can tell (no network) is not what is wrong with the log, and ends with another code. */
async function look(needs: CliNeeds, place: string, options: WatchOptions): Promise<boolean> {
  const trust = trustOf(options)
  const state = readLogState(options.state)
  if (state !== null && state.origin !== trust.origin)
    throw new Refusal(
      'log-origin-changed',
      `the state is of ${inert(state.origin)}, the trust is for ${trust.origin}`,
      {
        remedy: 'A log that goes on under another origin needs a trust file that says so, and a state file of its own.',
      },
    )
  const source = sourceOf(needs, place, options.tokenFile)
  const { acceleration } = needs
  const remembered = state === null || state.note === null ? null : { note: state.note, keys: state.keys }
  const seen = await observeLog(
    {
      source,
      trust,
      acceleration,
      // Only the first look reads all entries; the others read what is new.
      ...(remembered?.keys == null ? { onProgress: progressOn(needs.terminal) } : {}),
    },
    remembered,
    async () => readOthers(needs, options),
  )
  if (seen.isGood)
    writeLogState(options.state, {
      v: 1,
      kind: 'governance-log-state',
      origin: trust.origin,
      note: seen.note,
      keys: seen.keys,
      progress: state?.progress ?? null,
    })
  tell(needs, seen, options.json === true)
  return seen.isGood
}

async function watchAction(needs: CliNeeds, finish: Finish, place: string, options: WatchOptions): Promise<void> {
  if ((options.once === undefined) === (options.every === undefined))
    throw new UsageError('say --once (cron, a systemd timer) or --every 60s')
  const pauseMs = options.every === undefined ? null : pauseOf(options.every)
  for (;;) {
    try {
      // The first look that finds something wrong is the last one: what comes after cannot make it right.
      if (!(await look(needs, place, options))) return finish(exitCode.notGood)
    } catch (error) {
      if (pauseMs === null || !(error instanceof AppError) || error.code !== 'log-files-unavailable') throw error
      if (options.json)
        needs.terminal.out(`${JSON.stringify({ at: formatInstant(needs.clock.now()), ok: null, code: error.code })}\n`)
      else line(needs, `unknown ${inert(error.message)} (${error.code})`)
    }
    if (pauseMs === null) return
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs)
    })
  }
}

const timerExample = `
On a machine of somebody else, as systemd units:

  # governance-watch.service
  [Service]
  Type=oneshot
  DynamicUser=yes
  StateDirectory=governance-watch
  ExecStart=/usr/bin/governance log watch https://gov.example.org/log/decisions --once \\
    --trust /etc/governance/trust.json --state /var/lib/governance-watch/state.json
  # what is told when it ends with anything but 0:
  # OnFailure=tell-the-auditor@%n.service under [Unit]

  # governance-watch.timer
  [Timer]
  OnCalendar=*:0/5
  Persistent=yes
  [Install]
  WantedBy=timers.target

Ends with 0 while the log is what it was, with 1 when it is not, with 2 when nobody can tell.
`

/** `governance log watch`. */
export function addLogWatchCommand(log: Command, needs: CliNeeds, finish: Finish): void {
  withLogReading(
    log
      .command('watch <ADDRESS>')
      .description(
        'follow a log from outside: ends with 1 on a rollback, a split view or anything that it did not hold before',
      ),
  )
    .requiredOption('--state <FILE>', 'what was seen before; made by the first look')
    .option('--once', 'look once')
    .option('--every <PAUSE>', 'look again and again, with a pause such as 60s')
    .option('--compare <PLACE>', 'another address, directory or checkpoint file that must show the same log', several)
    .option('--compare-token-file <FILE>', 'bearer token for the compared addresses; sent to those alone')
    .option('--peer-state <FILE>', 'state file of another watcher, who must have seen the same log', several)
    .option('--json', 'one JSON value a line for machines')
    .addHelpText('after', timerExample)
    .action(async (place: string, options: WatchOptions) => watchAction(needs, finish, place, options))
}
