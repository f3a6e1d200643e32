import { type Instant, quorumTime, witnessGraceMs } from '../../core/index.ts'
import type { ChangeRecord, Changes, Clock, Memory, Registry, Store, Telemetry } from '../ports.ts'
import { refreshJob } from './jobs.ts'

type RunningClock = NonNullable<ChangeRecord['clock']>

/**
 * What witnesses say of review clocks. Whoever verifies evidence believes no clock that began earlier than its witnesses saw
 * it begin, but for a grace; a server that waits for them may not believe it either, or it shows green what evidence refuses.
 */
export interface ClockWitness {
  /** Whether the quorum saw the start of a clock too late for it to count. False while nobody is asked, or nobody answered yet. */
  isLate(clock: RunningClock | null): Promise<boolean>
  /** Told of each head that the quorum cosigned: changes whose clock it shows to be late are decided anew. Never throws. */
  cosigned(size: number): Promise<void>
}

/** For a deployment whose green waits for no witness: every clock is believed. */
export const unwitnessedClocks: ClockWitness = { isLate: async () => false, cosigned: async () => {} }

export interface ClockWitnessParts {
  /** The policy by which others judge cosignatures. */
  readonly witnessPolicy: string
  readonly memory: Pick<Memory, 'cosignedOver'>
  readonly registry: Pick<Registry, 'repositories'>
  readonly changes: Pick<Changes, 'open'>
  readonly store: Pick<Store, 'commit'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly wake: () => void
}

const timesKept = 1_000

export function createClockWitness(parts: ClockWitnessParts): ClockWitness {
  /** When the quorum of a kept head was complete, by its size: a head never changes once it is kept. */
  const times = new Map<number, Instant | null>()
  let newest: { readonly size: number; readonly at: Instant } | null = null

  async function seen(entry: number): Promise<Instant | null> {
    const head = await parts.memory.cosignedOver(entry)
    if (head === null) return null
    let at = times.get(head.size)
    if (at === undefined) {
      at = quorumTime(head.note, parts.witnessPolicy)
      if (times.size >= timesKept) times.clear()
      times.set(head.size, at)
    }
    return at
  }

  const isLate: ClockWitness['isLate'] = async (clock) => {
    const at = clock === null ? null : await seen(clock.entry)
    return at !== null && clock !== null && at - witnessGraceMs > clock.startedAt
  }

  async function requeue(from: number, to: number): Promise<void> {
    const late: ChangeRecord[] = []
    for (const { id, active } of await parts.registry.repositories())
      for (const record of active ? await parts.changes.open(id) : []) {
        const { clock } = record
        if (clock !== null && clock.entry >= from && clock.entry < to && (await isLate(clock))) late.push(record)
      }
    if (late.length === 0) return
    await parts.store.commit(late.map(({ repository, number }) => refreshJob(repository, number, parts.clock.now())))
    parts.telemetry.event('clocks-late', 'warn', { changes: late.length })
    parts.wake()
  }

  return {
    isLate,
    async cosigned(size) {
      const at = parts.clock.now()
      const before = newest
      newest = { size, at }
      // No clock that began since a head which was cosigned just before can be late.
      if (before !== null && at - before.at <= witnessGraceMs / 2) return
      await requeue(before?.size ?? 0, size).catch((error: unknown) => {
        // They are looked at once more with the next head.
        newest = before
        parts.telemetry.event('clocks-unchecked', 'warn', { error })
      })
    },
  }
}
