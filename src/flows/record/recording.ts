import type { CommitId, LogIndex, RepositoryId } from '../../core/index.ts'
import { publishJob } from '../gate/jobs.ts'
import type { Clock, Store, Telemetry } from '../ports.ts'
import type { Cosigner } from './cosign.ts'
import type { LogPublisher } from './publisher.ts'

/** The check of one (repository, head, base ref). */
interface Target {
  readonly repository: RepositoryId
  readonly head: CommitId
  readonly baseRef: string
}

/** Something outside of the log's own database that an entry must have reached before its verdict may be shown as success. */
export interface RecordingHold {
  /** Stands in the check after "waits for": `the off-host copy`. */
  readonly name: string
  /** Entries from the first one on that have reached it, for good; never too many. */
  coveredSize(): number
}

/** The off-host copy as it is counted: what it was once seen to hold it holds, also while it cannot be looked at. */
export function offHostHold(publisher: Pick<LogPublisher, 'published'>): RecordingHold {
  let seen = 0
  return {
    name: 'the off-host copy',
    coveredSize() {
      seen = Math.max(seen, publisher.published().offHostSize ?? 0)
      return seen
    },
  }
}

/** The quorum of witnesses as it is counted: entries under a head that enough of them have cosigned. */
export const quorumHold = (cosigner: Pick<Cosigner, 'witnessedSize'>): RecordingHold => ({
  name: 'the witness quorum',
  coveredSize: () => cosigner.witnessedSize(),
})

/** Says what a success still waits for, and has it published when it waits no longer. */
export interface Recording {
  /** What the entry has not reached yet; none: its success may be shown. The target is remembered until it may. */
  missing(target: Target, entry: LogIndex): readonly string[]
  /** Tells that a hold moved on. Never throws; what it cannot queue waits for the next time. */
  progressed(): Promise<void>
}

export interface RecordingParts {
  readonly holds: readonly RecordingHold[]
  readonly store: Pick<Store, 'commit'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly wake: () => void
}

interface Waiting {
  readonly target: Target
  readonly entry: LogIndex
}

export function createRecording({ holds, store, clock, telemetry, wake }: RecordingParts): Recording {
  /** Lost with the process: unsettled checks are published at every start, and are remembered anew then. */
  const waiting = new Map<string, Waiting>()
  const lacking = (entry: LogIndex): readonly string[] =>
    holds.filter((hold) => hold.coveredSize() <= entry).map(({ name }) => name)

  return {
    missing({ repository, head, baseRef }, entry) {
      const key = `${repository}/${head}/${baseRef}`
      // Remembered before it is looked at: a hold that moves on between the two finds it.
      waiting.set(key, { target: { repository, head, baseRef }, entry })
      const missing = lacking(entry)
      if (missing.length === 0) waiting.delete(key)
      return missing
    },
    async progressed() {
      const ready = [...waiting].filter(([, { entry }]) => lacking(entry).length === 0)
      if (ready.length === 0) return
      try {
        const now = clock.now()
        await store.commit(
          ready.map(([, { target }]) => publishJob(target.repository, target.head, target.baseRef, now)),
        )
        for (const [key, one] of ready) if (waiting.get(key) === one) waiting.delete(key)
        wake()
      } catch (error) {
        telemetry.event('recording-unqueued', 'warn', { error })
      }
    },
  }
}
