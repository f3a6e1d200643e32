import { asInstant, type Instant } from '../../src/core/index.ts'
import type { Clock, Random, Timers } from '../../src/flows/ports.ts'

export interface ManualTime {
  readonly clock: Clock
  readonly timers: Timers
  /** Moves the clock on and runs, in order, every timer that falls due on the way. */
  advance(ms: number): void
  /** Sets the wall clock, forward or back, without any timer noticing. */
  jumpTo(ms: number): void
  /** When the next timer falls due, from now; null when none is set. */
  nextTimerMs(): number | null
}

/** A clock and timers that move only when told. */
export function createManualTime(start = Date.UTC(2026, 10, 24)): ManualTime {
  let wall = start
  let elapsed = 0
  let count = 0
  const due = new Map<number, { readonly at: number; readonly run: () => void }>()
  const next = (): [number, { readonly at: number; readonly run: () => void }] | undefined =>
    [...due].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0]
  const moveTo = (at: number): void => {
    wall += at - elapsed
    elapsed = at
  }
  return {
    clock: { now: (): Instant => asInstant(wall) },
    timers: {
      after(ms, run) {
        const id = count++
        due.set(id, { at: elapsed + Math.max(0, ms), run })
        return () => void due.delete(id)
      },
    },
    advance(ms) {
      const end = elapsed + ms
      for (let first = next(); first !== undefined && first[1].at <= end; first = next()) {
        due.delete(first[0])
        moveTo(first[1].at)
        first[1].run()
      }
      moveTo(end)
    },
    jumpTo(ms) {
      wall = ms
    },
    nextTimerMs() {
      const first = next()
      return first === undefined ? null : first[1].at - elapsed
    },
  }
}

/** Bytes that follow from a seed: the same in every run, and no two draws alike. */
export function createSeededRandom(seed = 1): Random {
  let state = seed >>> 0 || 1
  return {
    bytes(count) {
      return Uint8Array.from({ length: count }, () => {
        state ^= state << 13
        state ^= state >>> 17
        state ^= state << 5
        state >>>= 0
        return state & 255
      })
    },
  }
}
