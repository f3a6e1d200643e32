import type { Command } from 'commander'
import type { EventFilter } from '../../flows/ports.ts'
import { eventTypes } from '../../flows/audit/catalogue.ts'
import type { SecurityResult } from '../../flows/audit/security-event.ts'
import { eventLines, listedEvents, noteReading } from './audit-commands.ts'
import { momentOf } from './moment.ts'
import { type CliNeeds, withDeployment } from './needs.ts'
import { UsageError } from './refusal.ts'
import { printJson } from './terminal.ts'

interface SearchOptions {
  readonly config: string
  readonly from?: string
  readonly to?: string
  readonly actor?: string
  readonly type?: string
  readonly resource?: string
  readonly result?: string
  readonly before?: string
  readonly limit: string
  readonly json?: true
}

const results = ['success', 'denied', 'error'] as const satisfies readonly SecurityResult[]
const isResult = (text: string): text is SecurityResult => (results as readonly string[]).includes(text)

function filterOf({ from, to, actor, type, resource, result, before, limit }: SearchOptions): EventFilter {
  const problems: string[] = []
  if (type !== undefined && !(eventTypes as readonly string[]).includes(type))
    problems.push(`--type is one of ${eventTypes.join(', ')}`)
  if (result !== undefined && !isResult(result)) problems.push(`--result is one of ${results.join(', ')}`)
  if (before !== undefined && !/^\d{1,15}$/.test(before)) problems.push('--before is the index of an event')
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > 1_000) problems.push('--limit is a number from 1 to 1000')
  if (problems.length > 0) throw new UsageError(...problems)
  return {
    ...(from === undefined ? {} : { from: momentOf('--from', from) }),
    ...(to === undefined ? {} : { to: momentOf('--to', to) }),
    ...(actor === undefined ? {} : { userId: actor }),
    ...(type === undefined ? {} : { eventType: type }),
    ...(resource === undefined ? {} : { resource }),
    ...(result !== undefined && isResult(result) ? { result } : {}),
    ...(before === undefined ? {} : { before: Number(before) }),
    limit: Number(limit),
  }
}

async function searchAction(needs: CliNeeds, options: SearchOptions): Promise<void> {
  const filter = filterOf(options)
  await withDeployment(needs, options.config, 'read', async (deployment) => {
    const events = listedEvents(await deployment.store.security.search(filter))
    await noteReading(needs, deployment, 'search', events.length)
    if (options.json) return printJson(needs.terminal, events)
    needs.terminal.out(eventLines(events))
    if (events.length === filter.limit)
      needs.terminal.err(`There may be more: add --before ${events.at(-1)?.index ?? 0} for the next page.\n`)
  })
}

/** `governance audit search`: security events by time, actor, type, resource and result. */
export function addAuditSearchCommand(audit: Command, needs: CliNeeds): void {
  audit
    .command('search')
    .description('find security events, newest first; what is left out matches all')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--from <TIME>', 'first moment, in UTC, like 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--to <TIME>', 'first moment that is left out')
    .option('--actor <USER>', 'who, like server, operator:root, account:1001')
    .option('--type <TYPE>', 'the type of event, like webhook-refused')
    .option('--resource <RESOURCE>', 'what it was done to, like change:101/7')
    .option('--result <RESULT>', results.join(', '))
    .option('--before <INDEX>', 'only events before this one')
    .option('--limit <N>', 'how many, at most 1000', '50')
    .option('--json', 'one JSON value for machines')
    .action(async (options: SearchOptions) => searchAction(needs, options))
}
