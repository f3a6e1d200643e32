import type { Command } from 'commander'
import { inertPlain as inert } from '../../core/index.ts'
import { judgeBreaks } from '../../flows/record/judge-breaks.ts'
import { auditLog } from '../../flows/record/audit-log.ts'
import type { AuditReport } from '../../flows/record/audit-report.ts'
import type { LogFault } from '../../flows/record/log-fault.ts'
import { exitCode } from './exit-code.ts'
import { type LogReadingOptions, sourceOf, trustOf, withLogReading } from './log-reading.ts'
import { appendIds, type LogState, readIds, readLogState, writeLogState } from './log-state.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { trustFrom } from './trust-commands.ts'
import { counted, printJson, type Terminal } from './terminal.ts'

interface VerifyLogOptions extends LogReadingOptions {
  readonly from?: string
  readonly state?: string
  readonly json?: true
}

/** How many bundles are under way for each thread: enough that none waits for a disk or a network. */
const bundlesPerThread = 8
const shownFaults = 50

const words: Readonly<Record<string, string>> = {
  'log-broken': 'this log ended; get the new trust file from whoever runs it',
  'checkpoint-wrong-origin': 'another log lies here; if it goes on from this one, its new trust file says so',
}

/** What is wrong and where, on one line. */
export function faultText({ code, path, index }: LogFault): string {
  const place = [path === null ? '' : inert(path), index === null ? '' : `entry or hash ${index}`].filter(
    (part) => part !== '',
  )
  const told = place.length === 0 ? code : `${code}: ${place.join(', ')}`
  const next = words[code]
  return next === undefined ? told : `${told}: ${next}`
}

/** One line that is written over and over where a person looks on, and now and then where not. */
export function progressOn(terminal: Terminal): (done: number, of: number) => void {
  let shown = -1
  return (done, of) => {
    const percent = Math.floor((100 * done) / of)
    if (percent === shown || (!terminal.isInteractive && percent % 10 !== 0)) return
    shown = percent
    terminal.err(
      `${terminal.isInteractive ? '\r' : ''}${percent} % of ${of} entries${terminal.isInteractive && done < of ? '' : '\n'}`,
    )
  }
}

function rememberedOf(file: string | undefined, origin: string): LogState | null {
  const state = file === undefined ? null : readLogState(file)
  if (state === null || state.origin === origin) return state
  throw new Refusal('state-of-another-log', `the state is of ${inert(state.origin)}, not of ${origin}`, {
    remedy: 'Use one state file for each log.',
  })
}

function print(terminal: Terminal, report: AuditReport): void {
  for (const fault of report.faults.slice(0, shownFaults)) terminal.out(`${faultText(fault)}\n`)
  if (report.faultCount > shownFaults) terminal.out(`… ${report.faultCount - shownFaults} more\n`)
  for (const { digest, index } of report.erased)
    terminal.out(`blob-erased: blob/${digest}, named by entry ${index}: unknown\n`)
  const scope =
    report.from === 0
      ? counted(report.entries, 'entry').replace('entrys', 'entries')
      : `entries ${report.from} to ${report.size}`
  terminal.out(
    report.isGood
      ? `good: ${scope}, ${counted(report.blobs, 'blob')}${report.erased.length === 0 ? '' : `, ${report.erased.length} of them erased`}, root ${report.root} of ${report.origin} at size ${report.size}\n`
      : `NOT good: ${counted(report.faultCount, 'fault')} in ${report.origin} at size ${report.size ?? 'unknown'}\n`,
  )
}

async function verifyLogAction(
  needs: CliNeeds,
  finish: Finish,
  place: string,
  options: VerifyLogOptions,
): Promise<void> {
  const trust = trustOf(options)
  const { state: file } = options
  const from = options.from === undefined ? 0 : Number(options.from)
  if (!/^\d{1,15}$/.test(options.from ?? '0')) throw new UsageError('--from is the index of an entry')
  const source = sourceOf(needs, place, options.tokenFile)
  const state = rememberedOf(file, trust.origin)
  const unfinished = state?.progress ?? null
  if (unfinished !== null && options.from !== undefined && from !== unfinished.from)
    throw new UsageError(`the state holds an unfinished audit from ${unfinished.from}; finish it, or use another state`)
  if (file !== undefined && unfinished !== null) needs.terminal.err(`going on at entry ${unfinished.next}\n`)

  let idBytes = unfinished?.idBytes ?? 0
  const threads = needs.startAuditThreads(place)
  let report: AuditReport
  try {
    report = await auditLog(
      {
        source,
        trust,
        acceleration: needs.acceleration,
        auditBundle: async (bundle) => threads.audit(bundle, source),
        atOnce: threads.count * bundlesPerThread,
        onProgress: progressOn(needs.terminal),
        save: async (progress, fresh) => {
          if (file === undefined) return
          appendIds(file, idBytes, fresh)
          idBytes += fresh.reduce((sum, words) => sum + words.byteLength, 0)
          writeLogState(file, {
            v: 1,
            kind: 'governance-log-state',
            origin: trust.origin,
            note: state?.note ?? null,
            keys: state?.keys ?? null,
            progress: { ...progress, idBytes },
          })
        },
      },
      {
        from,
        known: state?.note ?? null,
        followed: state?.keys ?? null,
        resume:
          file === undefined || unfinished === null
            ? null
            : { progress: unfinished, ids: readIds(file, unfinished.idBytes) },
      },
    )
  } finally {
    await threads.close()
  }
  // A trust file that knows of logs before this one is judged by what ended them, too; a log that is bad already need not be.
  const believed = options.trust === undefined ? null : trustFrom(options.trust).trust
  if (report.isGood && believed?.before !== undefined) {
    const fault = await judgeBreaks(source, trust, believed, needs.acceleration)
    if (fault !== null) report = { ...report, isGood: false, faults: [fault], faultCount: 1 }
  }
  // What was found wrong is not what later audits must be consistent with.
  const { size, certificates } = report
  const seen =
    report.isGood && size !== null
      ? { note: report.note, keys: { size, certificates } }
      : { note: state?.note ?? null, keys: state?.keys ?? null }
  if (file !== undefined)
    writeLogState(file, { v: 1, kind: 'governance-log-state', origin: trust.origin, ...seen, progress: null })
  finish(report.isGood ? exitCode.good : exitCode.notGood)
  if (options.json) return printJson(needs.terminal, { ok: report.isGood, ...report })
  print(needs.terminal, report)
}

/** `governance verify log`. */
export function addVerifyLogCommand(verify: Command, needs: CliNeeds, finish: Finish): void {
  withLogReading(
    verify
      .command('log <ADDRESS>')
      .description(
        'audit a whole log, by its address or a directory with its files: every checkpoint, tile, entry and blob',
      ),
  )
    .option('--from <INDEX>', 'look at the entries from this one on; those before are taken by their tiles')
    .option(
      '--state <FILE>',
      'remember the audited checkpoint, compare with the one before, go on after an interruption',
    )
    .option('--json', 'one JSON value for machines')
    .action(async (place: string, options: VerifyLogOptions) => verifyLogAction(needs, finish, place, options))
}
