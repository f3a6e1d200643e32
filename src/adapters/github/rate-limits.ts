import { AppError } from '../../flows/app-error.ts'
import type { Clock, Timers } from '../../flows/ports.ts'
import type { Incoming } from './exchange.ts'

/** Keeps requests of one kind of credential away from the forge while it does not want them. */
export interface RateLimits {
  /** Waits for a short pause; for a long one it throws. @throws AppError forge-rate-limited with `retryAt` */
  enter(key: string, isWrite: boolean): Promise<void>
  /** Learns from an answer; true when the forge refused it for its rate. */
  learn(key: string, isWrite: boolean, answer: Incoming): boolean
}

const patienceMs = 1_000
const defaultPauseMs = 60_000
/** After a secondary limit on writes they go one second apart for this long. */
const slowForMs = 10 * 60_000
const writeGapMs = 1_000

const headerNumber = (answer: Incoming, name: string): number | null => {
  const text = answer.headers.get(name)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** How long the forge asks to be left alone, by its own clock where that matters; null when it does not. */
function pauseOf(answer: Incoming, now: number): number | null {
  const isRefusal = answer.status === 403 || answer.status === 429
  const retryAfter = headerNumber(answer, 'retry-after')
  if (isRefusal && retryAfter !== null) return retryAfter * 1000
  const reset = headerNumber(answer, 'x-ratelimit-reset')
  if (headerNumber(answer, 'x-ratelimit-remaining') === 0 && reset !== null) {
    const forgeNow = Date.parse(answer.headers.get('date') ?? '')
    return Math.max(1_000, reset * 1000 - (Number.isNaN(forgeNow) ? now : forgeNow))
  }
  if (answer.status === 429 || (isRefusal && /secondary rate limit|abuse detection/i.test(answer.text))) {
    return defaultPauseMs
  }
  return null
}

/**
 * Remembers per credential until when the forge wants no request.
 *
 * The last request that the hourly quota allows already starts the pause, so that no refused request is ever sent.
 */
export function createRateLimits(clock: Clock, timers: Timers): RateLimits {
  const closedUntil = new Map<string, number>()
  const slowUntil = new Map<string, number>()
  const nextWrite = new Map<string, number>()

  const wait = (ms: number): Promise<void> => new Promise((resolve) => void timers.after(ms, resolve))

  return {
    async enter(key, isWrite) {
      const now = clock.now()
      const openAt = closedUntil.get(key) ?? 0
      if (openAt > now) {
        if (openAt - now > patienceMs) {
          throw new AppError('forge-rate-limited', 'the forge wants no request before its limit resets', {
            retryAt: openAt,
          })
        }
        await wait(openAt - now)
      }
      if (!isWrite || (slowUntil.get(key) ?? 0) <= now) return
      const turn = Math.max(now, nextWrite.get(key) ?? 0)
      nextWrite.set(key, turn + writeGapMs)
      if (turn > now) await wait(turn - now)
    },
    learn(key, isWrite, answer) {
      const now = clock.now()
      const pause = pauseOf(answer, now)
      if (pause === null) return false
      closedUntil.set(key, Math.max(closedUntil.get(key) ?? 0, now + pause))
      const isRefusal = answer.status === 403 || answer.status === 429
      if (isRefusal && isWrite && headerNumber(answer, 'x-ratelimit-remaining') !== 0) {
        slowUntil.set(key, now + pause + slowForMs)
      }
      return isRefusal
    },
  }
}
