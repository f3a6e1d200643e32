import { encodeHex } from '../../core/index.ts'
import { AppError, isLogFailure } from '../app-error.ts'
import type { EventDraft, Recorder } from '../gate/recorder.ts'
import type { Clock, DecisionLog, JobData, Journal, Random, SecurityLog, Telemetry } from '../ports.ts'
import { eventFault, eventOf } from './event-of.ts'
import { recordEvents } from './record-events.ts'

/** Why nothing was signed: entries in the store, entries that the world outside knows of where it says so, and when (ms since 1970). */
export type SigningRefused = {
  readonly code: string
  readonly size: number
  readonly known: number | null
  readonly refusedAt: number
}

/** An event that no log holds yet, because neither log may be signed. */
export type WaitingEvent = EventDraft & { readonly id: string; readonly details: SigningRefused }

/**
 * What the start gate refused, kept outside of the database until it may be signed: a rolled back security log would be
 * forked by the very entry that says so.
 */
export interface SigningRefusals {
  /** Keeps a refusal of the gate, durable on return. Never throws: the refusal itself goes on. */
  keep(error: unknown): Promise<void>
  /** What waits, oldest first. @throws AppError store-corrupt, store-unavailable */
  waiting(): Promise<readonly WaitingEvent[]>
  /** Makes entries of what waits, each once, and forgets it. @throws AppError what the log refuses with, as `waiting` */
  record(recorder: Recorder): Promise<void>
}

export interface SigningRefusalsParts {
  readonly journal: Journal
  readonly log: Pick<DecisionLog, 'head'>
  readonly security: Pick<SecurityLog, 'find'>
  /** Who was refused: the server, or the operator of a command. */
  readonly userId: string
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Pick<Telemetry, 'event'>
}

const eventType = 'log-signing-refused'
/** Starts that are tried again and again say nothing new, and must not fill the disk. */
const mostWaiting = 100

/** The size that whoever refused knows of; null where it could not say. */
function knownSize({ data }: AppError): number | null {
  const size = data.size ?? data.published ?? null
  return typeof size === 'number' ? size : null
}

function read(record: JobData): WaitingEvent {
  const { id, ...rest } = record
  const event = rest as unknown as EventDraft
  if (typeof id !== 'string' || event.eventType !== eventType || eventFault(event) !== null)
    throw new AppError('store-corrupt', 'a record of the refusals that wait cannot be read')
  return { ...event, id, details: event.details as SigningRefused }
}

export function createSigningRefusals(parts: SigningRefusalsParts): SigningRefusals {
  const { journal, log, security, userId, clock, random, telemetry } = parts
  const waiting = async (): Promise<readonly WaitingEvent[]> => (await journal.read()).map(read)

  async function append(error: AppError): Promise<void> {
    const known = knownSize(error)
    const records = await waiting()
    const isSaid = records.some(({ details }) => details.code === error.code && details.known === known)
    if (isSaid || records.length >= mostWaiting) return
    const { size } = await log.head()
    const details = { size, known, code: error.code, refusedAt: clock.now() }
    const event = eventOf(eventType, { userId, resource: 'log:decisions', action: 'sign', details })
    await journal.append({ ...event, id: encodeHex(random.bytes(16)) })
  }

  return {
    waiting,
    async keep(error) {
      // A store or a key that refuses says so itself, as the failure of the log that it is.
      if (!(error instanceof AppError) || isLogFailure(error)) return
      telemetry.event('log-signing-refused', 'error', { code: error.code, known: knownSize(error) })
      await append(error).catch((cause: unknown) => telemetry.event('journal-failed', 'error', { error: cause }))
    },
    async record(recorder) {
      const events = await waiting()
      if (events.length === 0) return
      // Whoever died between the two steps left its entries as the newest ones of their type.
      const stored = new Set((await security.find({ type: eventType, limit: mostWaiting })).map(({ id }) => id))
      const fresh = events.filter(({ id }) => !stored.has(id))
      if (fresh.length > 0) await recordEvents(recorder, fresh)
      await journal.drop(events.length)
    },
  }
}
