import type { Command } from 'commander'
import { decodeEntry, formatInstant, asInstant, inertPlain as inert } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import type { SecurityEvent } from '../../flows/audit/security-event.ts'
import type { LogEntryRow } from '../../flows/ports.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { UsageError } from './refusal.ts'
import { aligned, printJson } from './terminal.ts'

/** An event with its place in the log, as commands print it. */
export interface ListedEvent extends SecurityEvent {
  readonly index: number
  readonly at: number
}

/** Reads entries of the security log back as events. @throws AppError store-corrupt */
export function listedEvents(rows: readonly LogEntryRow[]): readonly ListedEvent[] {
  return rows.map(({ index, bytes }) => {
    const decoded = decodeEntry(bytes)
    if (!decoded.ok)
      throw new AppError('store-corrupt', 'an entry of the security log cannot be read', { data: { index } })
    return { index, at: decoded.entry.at, ...(decoded.entry.data as unknown as SecurityEvent) }
  })
}

/** One line per event, in columns. */
export const eventLines = (events: readonly ListedEvent[]): string =>
  aligned(
    events.map(({ index, at, eventType, userId, action, resource, result, details }) =>
      [
        String(index),
        formatInstant(asInstant(at)),
        result,
        eventType,
        userId ?? '-',
        `${action} ${resource}`,
        Object.entries(details)
          .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
          .join(' '),
      ].map((cell) => inert(cell)),
    ),
  )

/** Records that events were read. A log that takes nothing keeps nobody from reading it, but it is said. */
export async function noteReading(
  needs: Pick<CliNeeds, 'terminal'>,
  deployment: Pick<Deployment, 'operator' | 'note'>,
  action: 'list' | 'search',
  events: number,
): Promise<void> {
  try {
    const userId = deployment.operator
    await deployment.note([eventOf('audit-read', { userId, resource: 'log:security', action, details: { events } })])
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    needs.terminal.err(`governance: this reading could not be recorded (${error.code})\n`)
  }
}

interface ListOptions {
  readonly config: string
  readonly limit: string
  readonly json?: true
}

async function listAction(needs: CliNeeds, options: ListOptions): Promise<void> {
  if (!/^[1-9]\d{0,3}$/.test(options.limit) || Number(options.limit) > 1_000)
    throw new UsageError('--limit is a number from 1 to 1000')
  await withDeployment(needs, options.config, 'read', async (deployment) => {
    const events = listedEvents(await deployment.store.security.search({ limit: Number(options.limit) }))
    await noteReading(needs, deployment, 'list', events.length)
    if (options.json) printJson(needs.terminal, events)
    else needs.terminal.out(eventLines(events))
  })
}

/** `governance audit list`: the security log, newest first. Returns the command that holds it, for its siblings. */
export function addAuditCommands(program: Command, needs: CliNeeds): Command {
  const audit = program.command('audit').description('the log of security events')
  audit
    .command('list')
    .description('print security events, newest first; also while the server runs')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--limit <N>', 'how many, at most 1000', '50')
    .option('--json', 'one JSON value for machines')
    .action(async (options: ListOptions) => listAction(needs, options))
  return audit
}
