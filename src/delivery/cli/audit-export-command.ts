import type { Command } from 'commander'
import { formatVerifierKey, type Instant, inertPlain as inert, noteVerifierKey } from '../../core/index.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { exportBatches, headToProve, indexAt, proofOfRange } from '../../flows/audit/export-events.ts'
import type { ExportManifest } from '../../flows/audit/export-manifest.ts'
import { type FormatName, formats, isFormatName } from '../../flows/audit/formats/formats.ts'
import { securityKeyName, securityOrigin } from '../../flows/gate/recorder.ts'
import { exitCode } from './exit-code.ts'
import { openExportFolder, readManifest } from './export-folder.ts'
import { momentOf } from './moment.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { Refusal, UsageError } from './refusal.ts'
import { counted, printJson } from './terminal.ts'

interface ExportOptions {
  readonly config: string
  readonly since: string
  readonly until?: string
  readonly format: string
  readonly enterprise: string
  readonly out: string
  readonly json?: true
}

/** The number that RFC 5612 keeps for examples: for a deployment whose owner has none of their own. */
const exampleEnterprise = '32473'
/** Events between two saves: what an interrupted export does again at most. */
const eventsPerSave = 5_000

interface Wish {
  readonly format: FormatName
  readonly enterprise: number
  readonly since: Instant
  readonly until: Instant | null
}

function wishOf(options: ExportOptions): Wish {
  const { format, enterprise } = options
  const problems: string[] = []
  if (!isFormatName(format)) problems.push(`--format is one of ${Object.keys(formats).join(', ')}`)
  if (!/^[1-9]\d{0,9}$/.test(enterprise)) problems.push('--enterprise is a private enterprise number of IANA')
  if (problems.length > 0) throw new UsageError(...problems)
  return {
    format: format as FormatName,
    enterprise: Number(enterprise),
    since: momentOf('--since', options.since),
    until: options.until === undefined ? null : momentOf('--until', options.until),
  }
}

/** What the folder holds already, if that is the same export; otherwise the beginning of one. */
function begunOf(needs: CliNeeds, origin: string, options: ExportOptions, wish: Wish, first: number): ExportManifest {
  const { format, enterprise } = wish
  const asked = { format, enterprise, origin, since: options.since, until: options.until ?? null }
  const found = readManifest(options.out)
  const manifest = { v: 1, kind: 'governance-audit-export', version: needs.version, ...asked } as const
  if (found === null) return { ...manifest, first, next: first, files: [], proof: null }
  const differing = (Object.keys(asked) as (keyof typeof asked)[]).find((name) => found[name] !== asked[name])
  if (differing !== undefined)
    throw new Refusal('export-differs', `${options.out} holds an export with another ${differing}`, {
      exit: exitCode.unknown,
      remedy: 'Repeat it as it was begun, or name another folder.',
    })
  return found.files.length === 0
    ? { ...manifest, first, next: first, files: [], proof: null }
    : { ...found, ...manifest }
}

interface Exported {
  readonly manifest: ExportManifest
  readonly events: number
  readonly key: string
}

async function exportInto(
  needs: CliNeeds,
  deployment: Deployment,
  options: ExportOptions,
  wish: Wish,
): Promise<Exported> {
  const { store, settings, custody, operator } = deployment
  const { security } = store
  const origin = securityOrigin(settings.log.origin)
  const key = formatVerifierKey(noteVerifierKey(origin, await custody.publicKey(securityKeyName)))
  const checkpoint = await security.checkpoint()
  if (checkpoint === null) throw new Refusal('no-events', 'the security log holds nothing yet')
  const { size } = checkpoint
  const begun = begunOf(needs, origin, options, wish, await indexAt(security, size, wish.since))
  const end = wish.until === null ? size : await indexAt(security, size, wish.until)
  const range = { from: begun.next, to: Math.max(begun.next, end) }
  const events = range.to - range.from
  // Recorded before a byte leaves the log: an export without its entry does not happen.
  const span = events === 0 ? { first: null, last: null } : { first: range.from, last: range.to - 1 }
  const details = { format: wish.format, ...span, events }
  await deployment.note([
    eventOf('audit-exported', { userId: operator, resource: 'log:security', action: 'export', details }),
  ])
  const source = { version: needs.version, origin, enterprise: wish.enterprise }
  const folder = openExportFolder(options.out, begun)
  try {
    folder.save()
    let unsaved = 0
    for await (const batch of exportBatches(security, range, wish.format, source)) {
      folder.add(batch)
      unsaved += batch.events
      if (unsaved < eventsPerSave) continue
      unsaved = 0
      folder.save()
      needs.terminal.err(`${batch.first + batch.events - range.from} of ${counted(events, 'event')}\n`)
    }
    const head = await headToProve(store.log, range.to, checkpoint)
    const proof = await proofOfRange(security, { first: begun.first, next: range.to }, head)
    return { manifest: folder.save(proof), events, key }
  } finally {
    folder.close()
  }
}

async function exportAction(needs: CliNeeds, options: ExportOptions): Promise<void> {
  const wish = wishOf(options)
  await withDeployment(needs, options.config, 'read', async (deployment) => {
    const { manifest, events, key } = await exportInto(needs, deployment, options, wish)
    const { first, next, proof } = manifest
    if (options.json)
      return printJson(needs.terminal, { events, first, next, size: proof?.size ?? null, key, folder: options.out })
    needs.terminal.out(
      `${counted(events, 'event')} added to ${inert(options.out)}; it holds the entries from ${first} up to and without ${next}\n`,
    )
    needs.terminal.out(`governance verify export ${inert(options.out)} --key '${key}'\n`)
  })
}

/** `governance audit export`: security events for other systems, as an archive that can be proved complete. */
export function addAuditExportCommand(audit: Command, needs: CliNeeds): void {
  audit
    .command('export')
    .description('write security events into a folder; the same command again continues where it ended')
    .requiredOption('--config <FILE>', 'governance.toml')
    .requiredOption('--since <TIME>', 'first moment, in UTC, like 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--until <TIME>', 'first moment that is left out; default everything up to now')
    .requiredOption('--format <FORMAT>', Object.keys(formats).join(', '))
    .option('--enterprise <NUMBER>', 'your private enterprise number, for rfc5424', exampleEnterprise)
    .requiredOption('--out <DIR>', 'folder for the files and their manifest')
    .option('--json', 'one JSON value for machines')
    .action(async (options: ExportOptions) => exportAction(needs, options))
}
