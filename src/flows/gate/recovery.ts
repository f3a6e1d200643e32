import {
  asCommitId,
  asInstant,
  asRepositoryId,
  type CommitId,
  encodeUtf8,
  type Instant,
  parseJsonStrict,
  type RepositoryId,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, repositoryResource, serverUser } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { ChangeRecord, Changes, JobData, Memory, Registry, Store, Telemetry, Timers, Write } from '../ports.ts'
import { serverActor } from './entries.ts'
import { refreshJob } from './jobs.ts'
import type { Lowering } from './lowering.ts'
import type { Recorder } from './recorder.ts'
import { undecided } from './undecided.ts'

/** Ids of the journal's records that the newest recovery made entries of. */
const recoveredCursor = 'lowering/recovered'

/** Brings back order after the log could not be written. */
export interface Recovery {
  /**
   * Fetches what was not stored, turns what the journal holds into entries, each once, and has everything that is open
   * decided anew; only then may a success be shown again. Does nothing when nothing happened.
   * @throws AppError store-unavailable and what the forge refuses with; nothing is forgotten then
   */
  recover(): Promise<void>
  /** Tries `recover` by itself until it succeeds. */
  watch(): void
}

export interface RecoveryNeeds {
  readonly lowering: Pick<Lowering, 'mayShow' | 'unrecorded' | 'recorded'>
  readonly store: Pick<Store, 'probe'>
  readonly changes: Pick<Changes, 'open' | 'check'>
  readonly registry: Pick<Registry, 'repositories'>
  readonly memory: Pick<Memory, 'cursor'>
  readonly recorder: Recorder
  readonly timers: Timers
  readonly telemetry: Telemetry
  /** Takes in what the forge remembers and the store does not, and returns the rows that say so. */
  readonly closeGaps: () => Promise<readonly Write[]>
  readonly wake: () => void
}

const firstTryMs = 1_000
const longestTryMs = 30_000

function idsOf(text: string | null): ReadonlySet<string> {
  const parsed = text === null ? null : parseJsonStrict(encodeUtf8(text), { maxBytes: 10_000_000, maxDepth: 2 })
  return new Set(parsed?.ok === true && Array.isArray(parsed.value) ? parsed.value.map(String) : [])
}

const checkLowered = (lowered: {
  readonly repository: RepositoryId
  readonly head: CommitId
  readonly why: string
  readonly at: Instant
}): SecurityEvent =>
  eventOf('check-lowered', {
    userId: serverUser,
    resource: repositoryResource(lowered.repository),
    action: 'lower',
    details: { why: lowered.why, head: lowered.head, loweredAt: lowered.at },
  })

const journalReplayed = (records: number): SecurityEvent =>
  eventOf('journal-replayed', { userId: serverUser, resource: 'log:decisions', action: 'replay', details: { records } })

export function createRecovery(needs: RecoveryNeeds): Recovery {
  let last: Promise<unknown> = Promise.resolve()
  let isArmed = false
  let waitMs = firstTryMs

  async function run(): Promise<void> {
    if (needs.lowering.mayShow()) return
    await needs.store.probe()
    // What happens from here on is for the next round.
    const records = await needs.lowering.unrecorded()
    // Missed events first: what they set in motion stands in its lane before the new look.
    const gaps = await needs.closeGaps()
    await record(records, gaps)
    await needs.lowering.recorded()
    needs.telemetry.event('log-returned', 'warn', { lowered: records.length })
    needs.wake()
  }

  async function record(records: readonly JobData[], gaps: readonly Write[]): Promise<void> {
    const known = idsOf(await needs.memory.cursor(recoveredCursor))
    const open: ChangeRecord[] = []
    for (const repository of await needs.registry.repositories())
      open.push(...(await needs.changes.open(repository.id)))
    const lowered = await Promise.all(
      records.map(async (entry) => {
        const repository = asRepositoryId(Number(entry.repository))
        const head = asCommitId(String(entry.head))
        const baseRef = String(entry.baseRef)
        const check = await needs.changes.check(repository, head, baseRef)
        const at = asInstant(Number(entry.at))
        return { id: String(entry.id), repository, head, baseRef, why: String(entry.why), at, check }
      }),
    )
    // An earlier recovery may have recorded them and died before it could empty the journal; a journal that failed
    // after all may hold what is kept in memory too.
    const fresh = lowered.filter(
      ({ id }, position) => !known.has(id) && lowered.findIndex((other) => other.id === id) === position,
    )
    const outcome = await needs.recorder.record((moment) => ({
      result: undefined,
      events: [...fresh.map(checkLowered), journalReplayed(fresh.length)],
      entries: fresh.map(({ repository, head, baseRef, why, at }) => ({
        type: 'check-lowered' as const,
        actor: serverActor,
        subject: { kind: 'branch' as const, repository, ref: baseRef },
        data: { head, baseRef, why, loweredAt: at },
      })),
      writes: [
        ...gaps,
        { kind: 'cursor', name: recoveredCursor, value: JSON.stringify(lowered.map(({ id }) => id)) },
        // What the forge shows is no longer what the store remembers: forget it, and publish compares anew.
        ...lowered.flatMap(({ check }): readonly Write[] =>
          check === null ? [] : [{ kind: 'check', record: { ...check, shown: null } }],
        ),
        ...open.flatMap(undecided),
        ...open.map((change) => refreshJob(change.repository, change.number, moment.at)),
      ],
    }))
    if (!outcome.ok) throw new AppError('store-unavailable', `the recovery met ${outcome.conflict}`)
  }

  const recover = (): Promise<void> => {
    const turn = last.then(run)
    last = turn.catch(() => {})
    return turn
  }

  function watch(): void {
    if (isArmed) return
    isArmed = true
    needs.timers.after(waitMs, () => {
      isArmed = false
      recover().then(
        () => {
          waitMs = firstTryMs
          if (!needs.lowering.mayShow()) watch()
        },
        (error: unknown) => {
          needs.telemetry.event('log-still-down', 'error', { error })
          watch()
        },
      )
    })
    waitMs = Math.min(waitMs * 2, longestTryMs)
  }

  return { recover, watch }
}
