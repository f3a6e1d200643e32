import type { Command } from 'commander'
import { decodeEntry, formatInstant, asInstant, inertPlain as inert } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import type { SecurityEvent } from '../../flows/audit/security-event.ts'
import type { WaitingEvent } from '../../flows/audit/signing-refusals.ts'
import type { LogEntryRow } from '../../flows/ports.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { UsageError } from './refusal.ts'
import { aligned, counted, printJson } from './terminal.ts'

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

/** An event that waits outside of the log until it may be signed: it has no place in it yet. */
type UnplacedEvent = Omit<ListedEvent, 'index'> & { readonly index: null }

const unplaced = ({ eventType, userId, resource, action, result, details }: WaitingEvent): UnplacedEvent => ({
  index: null,
  at: details.refusedAt,
  eventType,
  userId,
  resource,
  action,
  result,
  details,
})

/** One line per event, in columns. */
export const eventLines = (events: readonly (ListedEvent | UnplacedEvent)[]): string =>
  aligned(
    events.map(({ index, at, eventType, userId, action, resource, result, details }) =>
      [
        index === null ? '-' : String(index),
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
    const waiting = (await deployment.refusals()).map(unplaced).reverse()
    const limit = Number(options.limit)
    const events = [...waiting, ...listedEvents(await deployment.store.security.search({ limit }))].slice(0, limit)
    await noteReading(needs, deployment, 'list', events.length)
    if (options.json) printJson(needs.terminal, events)
    else needs.terminal.out(eventLines(events))
    if (waiting.length > 0)
      needs.terminal.err(
        `governance: ${counted(waiting.length, 'event')} without a number: in no log until it may be signed again\n`,
      )
  })
}

/** `governance audit list`: the security log, newest first. Returns the command that holds it, for its siblings. */
export function addAuditCommands(program: Command, needs: CliNeeds): Command {
  const audit = program.command('audit').description('the log of security events')
  audit
    .command('list')
    .description('print security events, newest first; also while the server runs, and those that no log may hold yet')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--limit <N>', 'how many, at most 1000', '50')
    .option('--json', 'one JSON value for machines')
    .action(async (options: ListOptions) => listAction(needs, options))
  return audit
}
