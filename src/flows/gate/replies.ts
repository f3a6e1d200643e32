import type { AccountId, Instant, RepositoryId } from '../../core/index.ts'
import type { Clock, Write } from '../ports.ts'
import { changeLane } from './jobs.ts'

/** Replies that one registered person gets on one pull request per hour. */
const perPersonAndHour = 20
/** Replies that all strangers together get on one repository per hour. */
const strangersPerHour = 20
const hourMs = 3_600_000
const longestMemory = 10_000

/** Rations replies, so that comments cannot make the server write without end. */
export interface ReplyBudget {
  /** True when this comment may be answered; the answer is then counted. */
  take(repository: RepositoryId, number: number, person: AccountId, isRegistered: boolean): boolean
}

/** A budget per registered person and pull request; strangers share one per repository. Kept in memory, so it errs towards answering after a restart. */
export function createReplyBudget(clock: Clock): ReplyBudget {
  const spent = new Map<string, number[]>()
  return {
    take(repository, number, person, isRegistered) {
      const key = isRegistered ? `${repository}/${number}/${person}` : `${repository}`
      const limit = isRegistered ? perPersonAndHour : strangersPerHour
      const now = clock.now()
      const recent = (spent.get(key) ?? []).filter((at) => now - at < hourMs)
      if (recent.length >= limit) return false
      spent.delete(key)
      spent.set(key, [...recent, now])
      const oldest = spent.keys().next()
      if (spent.size > longestMemory && !oldest.done) spent.delete(oldest.value)
      return true
    },
  }
}

/** Hidden in every reply, so that an answer whose write was ambiguous is found and not repeated. */
export const replyMarker = (commentId: number): string => `<!-- governance-reply:${commentId} -->`

/** The one reply to one comment. */
export const replyJob = (
  comment: { readonly repository: RepositoryId; readonly number: number; readonly commentId: number },
  text: string,
  dueAt: Instant,
): Write => ({
  kind: 'job',
  job: {
    id: `reply/${comment.repository}/${comment.commentId}`,
    lane: `reply/${changeLane(comment.repository, comment.number)}`,
    kind: 'reply',
    data: { ...comment, text },
    dueAt,
  },
})
