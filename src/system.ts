import { randomBytes } from 'node:crypto'
import { asInstant } from './core/index.ts'
import type { Clock, Random, Timers } from './flows/ports.ts'

/** The longest delay one timer of the host can hold; a larger one would fire at once. */
const longestDelayMs = 2 ** 31 - 1

/** The machine's wall clock. */
export const systemClock: Clock = { now: () => asInstant(Date.now()) }

/**
 * The machine's timers. They keep no process alive: what must be finished before the end is awaited by whoever stops
 * the server, and an open listener keeps the server running.
 */
export const systemTimers: Timers = {
  after(ms, run) {
    let left = Number.isFinite(ms) ? Math.max(0, Math.ceil(ms)) : longestDelayMs
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const delay = Math.min(left, longestDelayMs)
      left -= delay
      timer = setTimeout(left > 0 ? arm : run, delay)
      timer.unref()
    }
    arm()
    return () => clearTimeout(timer)
  },
}

/** The operating system's generator. */
export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) }

/** Keeps the process alive while nothing else does: timers hold none. Returns what lets it end. */
export function holdProcess(): () => void {
  const timer = setInterval(() => {}, longestDelayMs)
  return () => clearInterval(timer)
}
