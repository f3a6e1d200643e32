import { type Acceleration, asInstant, asLogIndex, type Instant, type LogIndex } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type {
  Clock,
  CommitConflict,
  Custody,
  DecisionLog,
  LogName,
  Random,
  SecurityLog,
  Store,
  Write,
} from '../ports.ts'
import { type EntryDraft, subjectKey } from './entries.ts'
import type { LogSigner } from './log-era.ts'
import { keyNameOf } from './log-key-name.ts'
import {
  appendEntries,
  type LogEnd,
  type LogTip,
  loadTip,
  type PlacelessEntry,
  rememberedVerifierKey,
} from './log-tip.ts'

/** Name of the Ed25519 key in custody that signs the heads of the security log. */
export const securityKeyName = 'security-log'

/** Origin of the security log beside a decision log of this origin. */
export const securityOrigin = (origin: string): string => `${origin}/security`

/** The moment of a record: chosen once by the single writer, never earlier than any entry before it. */
export interface Moment {
  readonly at: Instant
  /** How far the machine's clock stands behind the newest entry; 0 when it does not. */
  readonly correctionMs: number
  /** Index that the `position`-th entry of this draft gets. */
  indexOf(position: number): LogIndex
}

/** When work that a record sets in motion is due: now by the machine's clock, also while that stands behind the log's. */
export const dueAtOnce = (moment: Pick<Moment, 'at' | 'correctionMs'>): Instant =>
  asInstant(moment.at - moment.correctionMs)

/** A security event on its way into its log; `id` where its writer must be able to find out whether it got there. */
export type EventDraft = SecurityEvent & { readonly id?: string }

/** Entries, events and rows that become durable together, and what the caller wants to know once they are. */
export interface Draft<T> {
  readonly entries: readonly EntryDraft[]
  /** Entries of the security log: what raises trust and what says so are one commit (T43). */
  readonly events?: readonly EventDraft[]
  readonly writes: readonly Write[]
  readonly result: T
  /**
   * The entries take the time of the newest one before them, so that they move none: for what tells of no decision and may
   * be written while the clock of the machine is wrong (T24).
   */
  readonly keepsTime?: true
}

export type Recorded<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly conflict: Exclude<CommitConflict, 'log-moved' | 'checkpoint-moved'> }

/** The single writer of both logs. */
export interface Recorder {
  /**
   * Makes entries, events, rows and the signed heads over them durable in one commit. `build` changes nothing and may be
   * called again; it sees the decision log as it stands, and what it reads of the store is what the log says: nobody's
   * entries come between the reading and the commit. A draft without entries and events is a plain commit.
   *
   * Errs: a thrown `store-unavailable` may have been stored; the caller's retry must find that out.
   */
  record<T>(build: (moment: Moment) => Draft<T> | Promise<Draft<T>>): Promise<Recorded<T>>
}

export interface RecorderParts {
  /** Origin of the decision log; the security log's follows from it. */
  readonly origin: string
  readonly store: Pick<Store, 'commit'>
  readonly log: DecisionLog
  readonly security: SecurityLog
  readonly custody: Pick<Custody, 'sign' | 'publicKey'>
  readonly clock: Clock
  readonly random: Random
  readonly acceleration: Acceleration
}

const retriesWhenMoved = 5

export const entryOf = (draft: EntryDraft): PlacelessEntry => ({
  type: draft.type,
  actor: draft.actor,
  subject: draft.subject,
  subjectKey: subjectKey(draft.subject),
  data: draft.data,
})

/** Who and what stand in the event itself, so that there is one place for them. */
export const entryOfEvent = ({ id, ...event }: EventDraft): PlacelessEntry => ({
  ...(id === undefined ? {} : { id }),
  type: event.eventType,
  actor: {},
  subject: {},
  subjectKey: event.resource,
  data: { ...event },
  event: { userId: event.userId, result: event.result },
})

/** Both logs, as whoever signs their heads knows them. */
export function logEnds({
  origin,
  log,
  security,
  ...shared
}: Omit<RecorderParts, 'store' | 'clock'>): Readonly<Record<LogName, LogEnd>> {
  const keyOf = ({ generation, number }: LogSigner): string => keyNameOf(generation, number)
  const ofSecurity = { origin: securityOrigin(origin), keyNameOf: () => securityKeyName, log: security }
  return {
    decisions: { ...shared, name: 'decisions', origin, keyNameOf: keyOf, log, verifierKeyOf: rememberedVerifierKey() },
    security: { ...shared, name: 'security', ...ofSecurity, verifierKeyOf: rememberedVerifierKey() },
  }
}

/**
 * Index, time, tree and signed head of every entry are settled here, one draft after the other: entry, business rows and
 * checkpoint are one commit, so a crash leaves all of them or none and no green can be shown that the log does not hold.
 */
export function createRecorder(parts: RecorderParts): Recorder {
  const { store, clock } = parts
  const ends = logEnds(parts)
  /** Null while it has to be read. */
  const tips: Record<LogName, LogTip | null> = { decisions: null, security: null }
  let last: Promise<unknown> = Promise.resolve()

  async function grown(name: LogName, current: LogTip, now: Instant, drafts: readonly PlacelessEntry[]) {
    if (drafts.length === 0) return { tip: tips[name], writes: [] }
    // Each log keeps its own time: the other's clock is no reason to move this one's.
    return appendEntries(ends[name], current, asInstant(Math.max(now, current.at)), drafts)
  }

  async function commitDraft<T>(build: (moment: Moment) => Draft<T> | Promise<Draft<T>>): Promise<Recorded<T>> {
    for (let attempt = 0; attempt < retriesWhenMoved; attempt++) {
      const current = (tips.decisions ??= await loadTip(ends.decisions))
      const now = clock.now()
      const at = asInstant(Math.max(now, current.at))
      // Whoever else records while it reads moves the log, and the commit below is refused.
      const draft = await build({
        at,
        correctionMs: at - now,
        indexOf: (position) => asLogIndex(current.frontier.size + position),
      })
      const events = (draft.events ?? []).map(entryOfEvent)
      const ofSecurity = events.length === 0 ? null : (tips.security ??= await loadTip(ends.security))
      const entries = await grown('decisions', current, draft.keepsTime ? current.at : now, draft.entries.map(entryOf))
      const eventEntries = ofSecurity === null ? null : await grown('security', ofSecurity, now, events)
      // Until the outcome is known the tips are unknown too: what a thrown error left behind is read, never assumed.
      const kept = { ...tips }
      tips.decisions = null
      tips.security = null
      const outcome = await store.commit([...entries.writes, ...(eventEntries?.writes ?? []), ...draft.writes])
      if (outcome.ok) {
        tips.decisions = entries.tip
        tips.security = eventEntries?.tip ?? kept.security
        return { ok: true, result: draft.result }
      }
      if (outcome.conflict !== 'log-moved' && outcome.conflict !== 'checkpoint-moved') {
        Object.assign(tips, kept)
        return { ok: false, conflict: outcome.conflict }
      }
    }
    throw new AppError('store-unavailable', 'the log moved at every attempt to append to it')
  }

  return {
    record(build) {
      const mine = last.then(() => commitDraft(build))
      last = mine.catch(() => undefined)
      return mine
    },
  }
}
