import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { inertPlain as inert, parseVerifierKey, type VerifierKey } from '../../core/index.ts'
import { type ExportTrust, verifyExport } from '../../flows/audit/verify-export.ts'
import { vouchedHeads, vouchingEntries } from '../../flows/audit/vouched-heads.ts'
import { securityOrigin } from '../../flows/gate/recorder.ts'
import { readDecisions } from '../../flows/record/read-decisions.ts'
import { exitCode } from './exit-code.ts'
import { readManifest } from './export-folder.ts'
import { refusedLog, sourceOf, tokenFileHelp, trustOf } from './log-reading.ts'
import type { CliNeeds } from './needs.ts'
import type { Finish } from './policy-commands.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

interface VerifyOptions {
  readonly key?: readonly string[]
  readonly trust?: string
  readonly log?: string
  readonly tokenFile?: string
  readonly json?: true
}

function keysOf({ key = [] }: VerifyOptions): readonly VerifierKey[] {
  return key.map((line) => {
    const parsed = parseVerifierKey(line)
    if (parsed === undefined) throw new UsageError(`--key ${line} is no verifier key, like name+id+base64`)
    return parsed
  })
}

/** What a decision log holds of its security log; null where none was named. */
async function vouchedBy(
  needs: CliNeeds,
  { trust, log, tokenFile }: VerifyOptions,
): Promise<Pick<ExportTrust, 'vouched' | 'vouchedOrigin'>> {
  if (trust === undefined && log === undefined) return { vouched: null, vouchedOrigin: null }
  if (trust === undefined || log === undefined)
    throw new UsageError('--trust and --log go together: whom to believe, and the decision log that vouches')
  const believed = trustOf({ trust })
  const { acceleration } = needs
  const options = { isWanted: vouchingEntries, acceleration }
  const read = await readDecisions(sourceOf(needs, log, tokenFile), believed, options)
  if (!read.ok) throw refusedLog(read.fault)
  const vouchedOrigin = securityOrigin(believed.origin)
  const heads = vouchedHeads(read.value, vouchedOrigin)
  if (!heads.ok) throw refusedLog(heads.fault)
  return { vouched: heads.value, vouchedOrigin }
}

async function fileOf(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function verifyAction(needs: CliNeeds, folder: string, options: VerifyOptions, finish: Finish): Promise<void> {
  const keys = keysOf(options)
  const manifest = readManifest(folder)
  if (manifest === null) throw new Refusal('export-manifest', `${folder} holds no export`)
  const report = await verifyExport(
    manifest,
    (name) => fileOf(join(folder, name)),
    { keys, ...(await vouchedBy(needs, options)) },
    needs.acceleration,
    (name) => needs.terminal.err(`${name} …\n`),
  )
  finish(report.verdict === 'verified' ? exitCode.good : exitCode.notGood)
  const { format, first, next, proof } = manifest
  if (options.json) return printJson(needs.terminal, { ...report, format, first, next, size: proof?.size ?? null })
  needs.terminal.out(`${inert(folder)}: ${report.verdict}; entries from ${first} up to and without ${next}\n`)
  needs.terminal.out(
    aligned(
      report.checks.map(({ check, outcome, code, detail }) => [
        `  ${inert(check)}`,
        outcome,
        [code ?? '', detail ?? ''].join(' ').trim(),
      ]),
    ),
  )
}

/** `governance verify export`: whether an archive of security events is whole and the log's, on any machine. */
export function addVerifyExportCommand(verify: Command, needs: CliNeeds, finish: Finish): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]
  verify
    .command('export <DIR>')
    .description('judge an export of security events; ends with 0 only when every check passed')
    .option('--key <VKEY>', 'verifier key of the security log; may be given several times', collect)
    .option(
      '--trust <FILE>',
      'with --log, instead of a key: trust file of the decision log, which vouches for the security log',
    )
    .option('--log <PLACE>', 'address or directory of the decision log')
    .option('--token-file <FILE>', tokenFileHelp)
    .option('--json', 'one JSON value for machines')
    .action(async (folder: string, options: VerifyOptions) => verifyAction(needs, folder, options, finish))
}
