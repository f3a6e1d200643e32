import type { Command } from 'commander'
import { decodeUtf8, formatInstant, inertPlain as inert } from '../../core/index.ts'
import { eventOf } from '../../flows/audit/event-of.ts'
import { recordEvents } from '../../flows/audit/record-events.ts'
import { guidOfJob, jobOf } from '../../flows/gate/intake.ts'
import type { DeliveryRecord, JobRecord, Write } from '../../flows/ports.ts'
import { exitCode } from './exit-code.ts'
import { type CliNeeds, type Deployment, withDeployment } from './needs.ts'
import { Refusal, UsageError } from './refusal.ts'
import { aligned, counted, printJson } from './terminal.ts'

const states = ['queued', 'done', 'ignored', 'dead'] as const
type State = (typeof states)[number]
const isState = (text: string): text is State => (states as readonly string[]).includes(text)

interface ListOptions {
  readonly config: string
  readonly state?: string
  readonly limit: string
  readonly json?: true
}

const maxDead = 10_000

const withoutBody = ({ body, ...rest }: DeliveryRecord) => ({ ...rest, hasBody: body !== null })
const subjectOf = ({ repository, number }: DeliveryRecord): string =>
  `${repository ?? '-'}${number === null ? '' : `#${number}`}`

async function listAction(needs: CliNeeds, options: ListOptions): Promise<void> {
  const { state } = options
  if (state !== undefined && !isState(state)) throw new UsageError(`--state is one of ${states.join(', ')}`)
  if (!/^[1-9]\d{0,3}$/.test(options.limit)) throw new UsageError('--limit is a number from 1 to 9999')
  const limit = Number(options.limit)
  await withDeployment(needs, options.config, 'read', async ({ store }) => {
    const deliveries = await store.deliveries.list({ ...(state === undefined ? {} : { state }), limit })
    const counts = await store.deliveries.counts()
    const dead = state === undefined || state === 'dead' ? await store.jobs.dead(limit) : []
    if (options.json)
      return printJson(needs.terminal, { counts, deliveries: deliveries.map(withoutBody), deadJobs: dead })
    needs.terminal.out(
      aligned(
        deliveries.map((one) => [
          formatInstant(one.receivedAt),
          one.guid,
          one.state,
          inert(one.action === null ? one.event : `${one.event}.${one.action}`),
          subjectOf(one),
          one.via === 'webhook' ? '' : one.via,
          inert(one.reason ?? ''),
        ]),
      ),
    )
    needs.terminal.out(`${states.map((name) => `${counts[name]} ${name}`).join(', ')}\n`)
    if (dead.length === 0) return
    needs.terminal.out(`\nDead jobs (replay with \`governance deliveries replay --all-dead\`):\n`)
    needs.terminal.out(
      aligned(dead.map((job) => [`  ${inert(job.id)}`, `${job.attempts} attempts`, inert(job.lastError ?? '')])),
    )
  })
}

async function showAction(
  needs: CliNeeds,
  guid: string,
  options: { readonly config: string; readonly json?: true; readonly body?: true },
): Promise<void> {
  await withDeployment(needs, options.config, 'read', async ({ store }) => {
    const delivery = await found(store, guid)
    const job = await store.jobs.find(`delivery/${delivery.guid}`)
    const body = options.body && delivery.body !== null ? (decodeUtf8(delivery.body) ?? null) : undefined
    if (options.json) {
      printJson(needs.terminal, { ...withoutBody(delivery), job, ...(body === undefined ? {} : { body }) })
      return
    }
    needs.terminal.out(
      aligned([
        ['guid', delivery.guid],
        ['event', inert(delivery.action === null ? delivery.event : `${delivery.event}.${delivery.action}`)],
        ['subject', subjectOf(delivery)],
        ['received', `${formatInstant(delivery.receivedAt)} by ${delivery.via}`],
        ['state', `${delivery.state}${delivery.reason === null ? '' : ` (${inert(delivery.reason)})`}`],
        ['finished', delivery.finishedAt === null ? '-' : formatInstant(delivery.finishedAt)],
        ['body', `sha256:${delivery.bodyDigest}${delivery.body === null ? ' (deleted)' : ''}`],
        ...(job === null
          ? []
          : [['job', `${job.state}, ${counted(job.attempts, 'attempt')}, ${inert(job.lastError ?? '')}`]]),
      ]),
    )
    if (body !== undefined) needs.terminal.out(`\n${body === null ? '(not UTF-8)' : inert(body)}\n`)
  })
}

async function found(store: Deployment['store'], guid: string): Promise<DeliveryRecord> {
  const delivery = await store.deliveries.find(guid.toLowerCase())
  if (delivery !== null) return delivery
  throw new Refusal('not-found', `no delivery has the GUID ${guid}`, { exit: exitCode.notGood })
}

/** The rows that queue a job anew and say so of its delivery. */
function requeue(needs: CliNeeds, { id, lane, kind, data }: Pick<JobRecord, 'id' | 'lane' | 'kind' | 'data'>): Write[] {
  const at = needs.clock.now()
  const guid = guidOfJob({ id })
  return [
    { kind: 'job', job: { id, lane, kind, data, dueAt: at } },
    ...(guid === null
      ? []
      : [{ kind: 'delivery-state', guid, state: 'queued', reason: 'replayed', at } as const satisfies Write]),
  ]
}

async function replayOne(needs: CliNeeds, deployment: Deployment, guid: string): Promise<Write[]> {
  const { store } = deployment
  const delivery = await found(store, guid)
  const job = await store.jobs.find(`delivery/${delivery.guid}`)
  if (job !== null) return requeue(needs, job)
  if (delivery.body === null)
    throw new Refusal('body-deleted', 'the body of this delivery was deleted after its retention', {
      remedy: 'Redeliver it at the forge, or wait for the next reconciliation.',
    })
  const { guid: known, event } = delivery
  const decoded = (await deployment.webhooks()).decode({ guid: known, event }, delivery.body)
  if (!decoded.ok) throw new Refusal(decoded.code, 'the stored body cannot be read', { exit: exitCode.unknown })
  const fresh = jobOf(decoded.event, needs.clock.now())
  if (fresh === null)
    throw new Refusal('event-without-effect', `a ${event} event does nothing; there is nothing to replay`)
  return requeue(needs, fresh)
}

async function replayAction(
  needs: CliNeeds,
  guid: string | undefined,
  options: { readonly config: string; readonly allDead?: true; readonly json?: true },
): Promise<void> {
  if ((guid === undefined) === (options.allDead !== true)) throw new UsageError('name one GUID, or --all-dead')
  await withDeployment(needs, options.config, 'write', async (deployment) => {
    const writes =
      guid === undefined
        ? (await deployment.store.jobs.dead(maxDead)).flatMap((job) => requeue(needs, job))
        : await replayOne(needs, deployment, guid)
    const count = writes.filter((row) => row.kind === 'job').length
    const told = {
      userId: deployment.operator,
      resource: guid === undefined ? 'deployment' : `delivery:${guid.toLowerCase()}`,
      details: { jobs: count },
    }
    if (count > 0)
      await recordEvents(deployment.recorder, [eventOf('delivery-replayed', { ...told, action: 'replay' })], writes)
    if (options.json) printJson(needs.terminal, { replayed: count })
    else needs.terminal.out(`${counted(count, 'job')} queued again; a running server takes them within a minute.\n`)
  })
}

/** `governance deliveries list|show|replay`: what the forge sent, and what became of it. */
export function addDeliveriesCommands(program: Command, needs: CliNeeds): void {
  const deliveries = program.command('deliveries').description('what the forge sent, and what became of it')
  deliveries
    .command('list')
    .description('print deliveries, newest first, and dead jobs')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--state <STATE>', states.join(', '))
    .option('--limit <N>', 'how many', '50')
    .option('--json', 'one JSON value for machines')
    .action(async (options: ListOptions) => listAction(needs, options))
  deliveries
    .command('show <GUID>')
    .description('print one delivery')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--body', 'with its raw body')
    .option('--json', 'one JSON value for machines')
    .action(async (guid: string, options: { readonly config: string; readonly json?: true; readonly body?: true }) =>
      showAction(needs, guid, options),
    )
  deliveries
    .command('replay [GUID]')
    .description('do a delivery again; also while the server runs')
    .requiredOption('--config <FILE>', 'governance.toml')
    .option('--all-dead', 'all that failed too often')
    .option('--json', 'one JSON value for machines')
    .action(
      async (
        guid: string | undefined,
        options: { readonly config: string; readonly allDead?: true; readonly json?: true },
      ) => replayAction(needs, guid, options),
    )
}
