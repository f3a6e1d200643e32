import type { Instant, RepositoryId, Sha256 } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { webhookRefused } from '../audit/refusals.ts'
import type { SecurityEvents } from '../audit/security-events.ts'
import { rationEvents } from '../rationed-events.ts'
import type {
  Clock,
  CommitOutcome,
  Deliveries,
  DeliveryRecord,
  ForgeEvent,
  JobRecord,
  Store,
  Telemetry,
  Webhooks,
  Write,
} from '../ports.ts'

/** Kind of the job that a delivery leaves behind; its `data` is the narrow `ForgeEvent`. */
const deliveryJobKind = 'delivery'

const deliveryJobPrefix = 'delivery/'

/** One request to `POST /webhooks/github`, as it came. Trust: every field is a stranger's until `authenticate` says so. */
export interface WebhookRequest {
  readonly guid: string | undefined
  readonly event: string | undefined
  readonly signature: string | undefined
  readonly body: Uint8Array
  /** The salted name of the address that it came from, for the security log. */
  readonly client?: string | null
}

/** What the sender is told. `accepted` and `duplicate` promise that the delivery survives loss of power. */
export interface IntakeAnswer {
  readonly status: 'accepted' | 'duplicate' | 'refused'
  readonly code: string
  readonly http: 200 | 202 | 400 | 401 | 503
}

export interface Intake {
  /**
   * Takes one webhook. Checks: signature over the raw bytes before anything is parsed, GUID and event name, strict JSON
   * with the fields the event needs, GUID never seen. On `accepted` delivery and job are durable.
   * Errs: `store-unavailable` (503) may have been stored; the sender's next try, or the closing of gaps, finds out.
   */
  receive(request: WebhookRequest): Promise<IntakeAnswer>
  /**
   * Takes a delivery that was fetched from the forge itself, over an authenticated connection: no signature.
   * Does not check: who sent it; never hand it bytes that came in from outside.
   */
  receiveFromForge(delivery: {
    readonly guid: string
    readonly event: string
    readonly body: Uint8Array
  }): Promise<IntakeAnswer>
  /** Whether so many deliveries wait for the store that another body should not even be read. */
  isOverloaded(): boolean
}

export interface IntakeParts {
  readonly webhooks: Webhooks
  readonly store: Pick<Store, 'commit'>
  readonly deliveries: Pick<Deliveries, 'find'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly events: Pick<SecurityEvents, 'noteRationed'>
  readonly digest: (bytes: Uint8Array) => Sha256
  /** Called after a delivery with a job became durable. */
  readonly wake: () => void
  /** Called with an authenticated event that could not be stored: what it lowers must not wait for the store (T43). */
  readonly onUnstored?: (event: ForgeEvent) => void
  /** Called with every authenticated word that a repository is private, before the delivery is acknowledged or stored. */
  readonly onPrivate?: (repository: RepositoryId) => void
  readonly limits?: Partial<IntakeLimits>
}

export interface IntakeLimits {
  /** Deliveries that may wait for the store at one moment. */
  readonly maxPending: number
}

const defaultLimits: IntakeLimits = { maxPending: 1_000 }

const guidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const eventShape = /^[a-z][a-z0-9_]{0,63}$/

/** Builds the intake. It holds no state that matters: what was accepted is in the store alone. */
export function createIntake(parts: IntakeParts): Intake {
  const { webhooks, store, deliveries, clock, telemetry, events, digest, wake, onUnstored, onPrivate } = parts
  const limits = { ...defaultLimits, ...parts.limits }
  const notice = rationEvents(telemetry, clock)
  let pending = 0

  /** A stranger can cause this without end: a counter, and at most one line per reason and minute (T08a). */
  function refuse(code: string, http: IntakeAnswer['http'], client: string | null): IntakeAnswer {
    telemetry.count('intake_refused', { code })
    notice('intake-refused', 'warn', code)
    webhookRefused(events, code, http === 503, client)
    return { status: 'refused', code, http }
  }

  async function admit(
    sent: { readonly guid: string | undefined; readonly event: string | undefined; readonly body: Uint8Array },
    via: DeliveryRecord['via'],
    client: string | null,
  ): Promise<IntakeAnswer> {
    // A GUID's case carries nothing; folding it keeps one delivery from being two rows.
    const guid = sent.guid?.toLowerCase() ?? ''
    const event = sent.event ?? ''
    if (!guidShape.test(guid)) return refuse('guid-malformed', 400, client)
    if (!eventShape.test(event)) return refuse('event-malformed', 400, client)
    const decoded = webhooks.decode({ guid, event }, sent.body)
    if (!decoded.ok) return refuse(decoded.code, 400, client)

    const now = clock.now()
    const job = jobOf(decoded.event, now)
    const delivery: DeliveryRecord = {
      guid,
      event,
      action: decoded.event.action,
      repository: decoded.event.repository?.id ?? null,
      number: numberOf(decoded.event),
      receivedAt: now,
      bodyDigest: digest(sent.body),
      body: sent.body,
      via,
      state: job === null ? 'ignored' : 'queued',
      reason: job === null ? 'event-without-effect' : null,
      finishedAt: job === null ? now : null,
    }
    const writes: Write[] = [{ kind: 'delivery', delivery }]
    if (job !== null) writes.push({ kind: 'job', job })
    // What closes the log waits for no job. Opening it again is never a delivery's word.
    if (decoded.event.isPrivate && delivery.repository !== null) {
      onPrivate?.(delivery.repository)
      writes.push({ kind: 'repository-private', repository: delivery.repository, private: true })
    }

    const outcome = await commit(guid, writes)
    if (outcome === null) {
      onUnstored?.(decoded.event)
      return refuse('store-unavailable', 503, client)
    }
    if (!outcome.ok) {
      telemetry.count('intake_duplicate', { via })
      return { status: 'duplicate', code: outcome.conflict, http: 200 }
    }
    telemetry.count('intake_accepted', { kind: decoded.event.detail.kind, via })
    if (job === null) return { status: 'accepted', code: 'ignored', http: 202 }
    wake()
    return { status: 'accepted', code: 'queued', http: 202 }
  }

  /** Null when the store cannot say that the rows are durable. */
  async function commit(guid: string, writes: readonly Write[]): Promise<CommitOutcome | null> {
    pending++
    try {
      return await store.commit(writes)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      notice('intake-store-failed', 'error', error.code)
      // A failed commit may have taken effect; only what can be read back may be acknowledged.
      const found = await deliveries.find(guid).catch(() => null)
      return found === null ? null : { ok: true }
    } finally {
      pending--
    }
  }

  return {
    async receive({ guid, event, signature, body, client = null }) {
      const authentic = webhooks.authenticate(signature, body)
      if (!authentic.ok) return refuse(authentic.code, 401, client)
      return admit({ guid, event, body }, 'webhook', client)
    },
    receiveFromForge: (delivery) => admit(delivery, 'gap-closing', null),
    isOverloaded: () => pending >= limits.maxPending,
  }
}

/** The event that a job of kind `delivery` carries. Trust: written by the intake alone, after `decode`. */
export function eventOfJob(job: Pick<JobRecord, 'data'>): ForgeEvent {
  return job.data as unknown as ForgeEvent
}

/** The GUID of the delivery that a job belongs to; null for every other job. */
export function guidOfJob(job: Pick<JobRecord, 'id'>): string | null {
  return job.id.startsWith(deliveryJobPrefix) ? job.id.slice(deliveryJobPrefix.length) : null
}

/** The job that carries an event out; null for an event that has no effect. Writing it again replays the delivery. */
export function jobOf(event: ForgeEvent, now: Instant): Extract<Write, { kind: 'job' }>['job'] | null {
  const lane = laneOf(event)
  if (lane === null) return null
  return { id: `${deliveryJobPrefix}${event.guid}`, lane, kind: deliveryJobKind, data: { ...event }, dueAt: now }
}

/** What must happen in order shares a lane: a pull request's events, a repository's, an installation's. */
function laneOf(event: ForgeEvent): string | null {
  const { detail, repository, installation } = event
  switch (detail.kind) {
    case 'change':
    case 'comment':
      return repository === null ? null : `${repository.id}/${detail.number}`
    case 'checks':
    case 'push':
    case 'merge-group':
    case 'repository':
      return repository === null ? null : `${repository.id}`
    case 'installation':
      return installation === null ? null : `installation/${installation}`
    case 'other':
      return null
  }
}

function numberOf({ detail }: ForgeEvent): number | null {
  return detail.kind === 'change' || detail.kind === 'comment' ? detail.number : null
}
