import { AppError, type AppErrorCode, InvariantError } from '../app-error.ts'
import type { Random } from '../ports.ts'

export interface RetryLimits {
  /** Attempts after which a job is dead. */
  readonly maxAttempts: number
  /** The same while the failure is an outage of somebody else, which says nothing about the job. */
  readonly maxAttemptsInOutage: number
  readonly firstDelayMs: number
  readonly longestDelayMs: number
}

/** What becomes of a job that failed. `text` is kept with the job and shown to the operator. */
export interface JobFailure {
  readonly isDead: boolean
  readonly code: string
  readonly text: string
  /** Counts from now, or from `notBefore` where that is later. */
  readonly delayMs: number
  /** When the refuser said to come back (ms since 1970); null where it said nothing. */
  readonly notBefore: number | null
}

/** Refusals that pass by themselves, whatever the job. */
const outages: ReadonlySet<AppErrorCode> = new Set<AppErrorCode>([
  'forge-unavailable',
  'forge-rate-limited',
  'forge-suspended',
  'store-unavailable',
  'store-locked',
  'clock-untrusted',
])

/**
 * Decides whether a job that failed for the `attempt`-th time lives on. A mistake of ours is dead at once: to repeat it
 * is to be wrong again. The text holds no message of an unknown error, which may carry anything.
 */
export function judgeFailure(attempt: number, error: unknown, limits: RetryLimits, random: Random): JobFailure {
  const refused = error instanceof AppError ? error : null
  const isWrong = error instanceof InvariantError
  const notBefore = refused?.retryAt ?? null
  const allowed = refused !== null && outages.has(refused.code) ? limits.maxAttemptsInOutage : limits.maxAttempts
  return {
    isDead: isWrong || attempt >= allowed,
    code: refused?.code ?? (isWrong ? 'invariant' : 'unexpected'),
    text: textOf(error),
    // The later a set time is, the less its jitter matters: one step keeps a herd apart.
    delayMs: retryDelayMs(notBefore === null ? attempt : 1, limits, random),
    notBefore,
  }
}

/** Doubles with each attempt up to the longest delay; half of it is left to chance, so that failures spread. */
export function retryDelayMs(attempt: number, limits: RetryLimits, random: Random): number {
  const full = Math.min(limits.longestDelayMs, limits.firstDelayMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 40))
  const [high = 0, low = 0] = random.bytes(2)
  return Math.round(full / 2 + (full / 2) * ((high * 256 + low) / 65_535))
}

function textOf(error: unknown): string {
  if (error instanceof AppError) return `${error.code}: ${error.message}`.slice(0, 500)
  if (error instanceof InvariantError) return `invariant: ${error.message}`.slice(0, 500)
  return `unexpected: ${error instanceof Error ? error.name : typeof error}`
}
