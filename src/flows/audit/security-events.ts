import { encodeBase64, encodeHex, parseCheckpoint } from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import { type EntryDraft, serverActor } from '../gate/entries.ts'
import { type EventDraft, type Recorder, securityOrigin } from '../gate/recorder.ts'
import { createRation } from '../rationed-events.ts'
import type { Clock, Random, SecurityLog, Telemetry, Timers } from '../ports.ts'
import { eventOf, serverUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'

/** Where a flow says what happened. */
export interface SecurityEvents {
  /**
   * Takes an event that follows what happened: durable within about 100 ms, together with what else was noted meanwhile,
   * or when the log can be written again. Never throws and never waits, so it adds nothing to any answer.
   * Errs: what was noted is lost with a process that is killed before. What raises trust is therefore written as part of
   * the draft that raises it, never noted.
   */
  note(event: SecurityEvent): void
  /**
   * The same for what a stranger can cause without end: at most one event per key and minute, which says how many were
   * left out since the last (T08a). Keys come from a closed list.
   */
  noteRationed(key: string, make: (unsaidBefore: number) => SecurityEvent): void
  /** Says that a write of somebody else's met a log that takes nothing: told once, and until it takes something again. */
  logFailed(code: string): void
  /** Resolves when everything noted so far is durable. @throws AppError what the log refuses with; nothing is forgotten */
  flush(): Promise<void>
  /** Writes what is left, and anchors the security log in the decision log. Never throws: a log that is down stays so. */
  stop(): Promise<void>
}

export interface SecurityEventsParts {
  /** Origin of the decision log. */
  readonly origin: string
  readonly recorder: Recorder
  readonly security: Pick<SecurityLog, 'checkpoint' | 'find'>
  /**
   * The newest head of the security log that its off-host copy shows, signed; null while it shows none. Left out, or null
   * itself: there is no copy, and no head has to wait for it.
   */
  readonly copiedHead?: (() => string | null) | null
  /** One event for each key that was used since the last call. */
  readonly takeKeyUse: () => readonly SecurityEvent[]
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly telemetry: Telemetry
}

const flushEveryMs = 100
const longestRetryMs = 30_000
/** Events of one commit; a longer queue takes several. */
const mostAtOnce = 500
/** Events that wait while the log is down; the next ones are counted only. */
const mostWaiting = 10_000
/** From here on a clock that stands behind the log has jumped, and not merely drifted. */
const jumpMs = 1_000
/** So often at most the head of the security log becomes an entry of the decision log. */
const anchorEveryMs = 600_000

/**
 * The queue before the security log: events of a tenth of a second share one commit, so that they cost a verdict at most
 * one sync of the disk more, and an outage is told once when it is over.
 */
export function createSecurityEvents(parts: SecurityEventsParts): SecurityEvents {
  const { recorder, security, copiedHead, takeKeyUse, clock, timers, random, telemetry } = parts
  const mayBeSaid = createRation(clock)
  const waiting: EventDraft[] = []
  let lost = 0
  let isDown = false
  /** The newest commit threw: some of what waits may be stored. */
  let isUncertain = false
  let isArmed = false
  /** What comes later belongs to the next process, which finds it by itself: this one writes no more. */
  let isStopped = false
  let retryMs = flushEveryMs
  let anchoredAt = clock.now()
  let anchoredSize: number | null = null
  let last: Promise<unknown> = Promise.resolve()

  function take(event: SecurityEvent, isOurs = false): void {
    if (waiting.length >= mostWaiting && !isOurs) lost++
    else waiting.push({ ...event, id: encodeHex(random.bytes(16)) })
  }

  function arm(ms: number): void {
    if (isArmed || isStopped) return
    isArmed = true
    timers.after(ms, () => {
      isArmed = false
      if (isStopped) return
      // What went wrong is told and tried again by `write` itself.
      write().catch(() => {})
    })
  }

  /** The head of the security log as an entry of the other one; nothing when that says it already. */
  async function anchor(): Promise<readonly EntryDraft[]> {
    // What the public log tells of is elsewhere by then, so that no loss of this machine takes it.
    const note = copiedHead == null ? (await security.checkpoint())?.note : copiedHead()
    if (note == null) return []
    // The log may have grown since: only the note itself says which root it is of.
    const parsed = parseCheckpoint(note)
    invariant(parsed.ok, 'the security log signs checkpoints only')
    const { size, root } = parsed.checkpoint
    if (size === anchoredSize) return []
    return [
      {
        type: 'security-checkpoint',
        actor: serverActor,
        subject: { kind: 'deployment' },
        data: { origin: securityOrigin(parts.origin), size, root: encodeBase64(root), note },
      },
    ]
  }

  /** The clock of the machine went back: said once a minute, since every record meets it until the time is made up. */
  function clockJumped(behindMs: number): readonly SecurityEvent[] {
    if (mayBeSaid('clock-jumped') === null) return []
    const details = { behindMs: Math.trunc(behindMs) }
    return [eventOf('clock-jumped', { userId: serverUser, resource: 'deployment', action: 'observe', details })]
  }

  async function dropStored(): Promise<void> {
    const stored = new Set((await security.find({ limit: 1_000 })).map(({ id }) => id))
    const left = waiting.filter(({ id }) => id === undefined || !stored.has(id))
    waiting.splice(0, waiting.length, ...left)
    isUncertain = false
  }

  async function writeBatch(isLast: boolean): Promise<void> {
    if (isUncertain) await dropStored()
    const now = clock.now()
    const isDue = now - anchoredAt >= anchorEveryMs || now < anchoredAt
    if (isDue) for (const event of takeKeyUse()) take(event)
    const events = waiting.slice(0, mostAtOnce)
    const entries = isDue || isLast ? await anchor() : []
    if (events.length === 0 && entries.length === 0) return
    await recorder.record((moment) => ({
      entries,
      events: moment.correctionMs < jumpMs ? events : [...events, ...clockJumped(moment.correctionMs)],
      writes: [],
      result: undefined,
      keepsTime: true,
    }))
    waiting.splice(0, events.length)
    for (const { data } of entries) {
      anchoredAt = now
      anchoredSize = 'size' in data ? data.size : anchoredSize
    }
  }

  async function writeAll(): Promise<void> {
    try {
      do {
        await writeBatch(false)
        // Only a write that succeeded says that the log is back.
        if (isDown) recovered()
      } while (waiting.length > 0)
      retryMs = flushEveryMs
    } catch (error) {
      failed(error)
      throw error
    }
  }

  function recovered(): void {
    isDown = false
    take(
      eventOf('store-recovered', { userId: serverUser, resource: 'deployment', action: 'write', details: { lost } }),
      true,
    )
    lost = 0
  }

  function refusedBy(code: string): void {
    if (isDown) return
    isDown = true
    take(
      eventOf('store-failed', { userId: serverUser, resource: 'deployment', action: 'write', details: { code } }),
      true,
    )
  }

  function failed(error: unknown): void {
    telemetry.event('security-events-waiting', 'error', { waiting: waiting.length, error })
    if (!(error instanceof AppError)) {
      // Our own mistake: the same rows would meet it again, and must not keep every later event from the log.
      lost += waiting.splice(0, mostAtOnce).length
      return
    }
    isUncertain = true
    refusedBy(error.code)
    retryMs = Math.min(retryMs * 2, longestRetryMs)
    arm(retryMs)
  }

  function write(): Promise<void> {
    const mine = last.then(writeAll)
    last = mine.catch(() => {})
    return mine
  }

  function note(event: SecurityEvent): void {
    take(event)
    arm(isDown ? retryMs : flushEveryMs)
  }

  return {
    note,
    noteRationed(key, make) {
      const unsaidBefore = mayBeSaid(key)
      if (unsaidBefore !== null) note(make(unsaidBefore))
    },
    logFailed(code) {
      refusedBy(code)
      arm(retryMs)
    },
    flush: write,
    async stop() {
      for (const event of takeKeyUse()) take(event)
      try {
        await write()
        await writeBatch(true)
      } catch (error) {
        telemetry.event('security-events-lost', 'error', { waiting: waiting.length, error })
      }
      isStopped = true
    },
  }
}
