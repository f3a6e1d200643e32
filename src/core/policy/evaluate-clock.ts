import { dayMs, type Instant } from '../ids.ts'
import type { Judgement } from './evaluate-context.ts'
import type { Requirement } from './policy-v1.ts'
import { reason } from './reason.ts'
import type { Missing, Reason } from './verdict.ts'

/** How the clocks of the change stand. `readyAt` is when the last of them is met; null while they do not run. */
export interface ClockResult {
  readonly reasons: readonly Reason[]
  readonly missing: readonly Missing[]
  readonly readyAt: Instant | null
}

/**
 * Judges the review period and the public comment period: two lengths over one start.
 *
 * Checks: integer milliseconds; a period is met at exactly start + days × 86,400,000 and not one earlier (T24). The start is a
 * fact, recorded when this content became the head (T36); a clock that does not run earns nothing.
 */
export function judgeClock(judgement: Judgement, requirement: Requirement): ClockResult {
  const { facts, at, moments } = judgement
  const { clock } = facts
  if (clock === null) {
    return {
      reasons: [reason('clock-not-running', 'pending', { days: requirement.reviewDays })],
      missing: [{ kind: 'operator-action', what: 'clock-not-running' }],
      readyAt: null,
    }
  }
  const reasons: Reason[] = []
  const missing: Missing[] = []
  let readyAt = clock.startedAt
  const judge = (days: number, what: 'review' | 'public-comment'): void => {
    const until = (clock.startedAt + days * dayMs) as Instant
    const isMet = at >= until
    const data = { days, startedAt: clock.startedAt, entry: clock.entry, until }
    const isReview = what === 'review'
    const code = isReview
      ? isMet
        ? 'review-period-met'
        : 'review-period-running'
      : isMet
        ? 'public-comment-met'
        : 'public-comment-running'
    reasons.push(reason(code, isMet ? 'pass' : 'pending', isMet ? data : { ...data, leftMs: until - at }))
    moments.add(until)
    if (!isMet) missing.push({ kind: 'time', until, what })
    if (until > readyAt) readyAt = until
  }
  judge(requirement.reviewDays, 'review')
  if (requirement.publicCommentDays > 0) judge(requirement.publicCommentDays, 'public-comment')
  return { reasons, missing, readyAt }
}
