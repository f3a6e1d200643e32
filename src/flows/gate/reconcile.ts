import { asInstant, type Instant, type RepositoryId } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { Deliveries, ForgeComment, ForgeDeliveries, RepositoryRecord, Write } from '../ports.ts'
import type { Intake } from './intake.ts'
import { landingJob, publishJob, refreshJob } from './jobs.ts'
import type { JudgeNeeds } from './judge.ts'

/** How far back comments are listed beyond the newest one seen: lists lag behind writes. */
const commentOverlapMs = 10 * 60_000
/** The forge forgets deliveries after three days. */
const deliveryMemoryMs = 3 * 86_400_000
const deliveryOverlapMs = 10 * 60_000
/** Check runs are written anew before they are so old: the forge archives them after 400 days. */
const refreshChecksAfterMs = 300 * 86_400_000

const commentsCursor = (repository: RepositoryId): string => `comments/${repository}`
const deliveriesCursor = 'deliveries/seen-until'

/** The job that carries out a command found in a list instead of a delivery. Its id is the comment's: once is once. */
const commentJob = (repository: RepositoryId, comment: ForgeComment, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `comment/${repository}/${comment.id}`,
    lane: `${repository}/${comment.number}`,
    kind: 'comment',
    data: {
      repository,
      number: comment.number,
      commentId: comment.id,
      author: comment.author,
      body: comment.body,
    },
    dueAt,
  },
})

/**
 * Compares one repository on the forge with what the store knows, whatever deliveries said or did not say: open pull
 * requests, comments since the last one seen, tips of governed branches, checks that are not known to show what they must.
 *
 * Errs: asks for too much work rather than too little; every job is idempotent.
 */
export async function reconcileRepository(needs: JudgeNeeds, repository: RepositoryRecord): Promise<readonly Write[]> {
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const now = needs.clock.now()
  const writes: Write[] = []

  const open = await needs.reader.openChanges(forgeRepository)
  const known = new Map((await needs.changes.open(repository.id)).map((record) => [record.number, record]))
  for (const change of open) {
    const record = known.get(change.number)
    known.delete(change.number)
    const isSame = record !== undefined && record.head === change.head && record.baseRef === change.baseRef
    if (
      !isSame ||
      record.verdict === null ||
      needsAnotherLook(record.verdict.outcome, record.verdict.nextChangeAt, now)
    )
      writes.push(refreshJob(repository.id, change.number, now))
  }
  for (const gone of known.values()) writes.push(refreshJob(repository.id, gone.number, now))

  writes.push(...(await missedComments(needs, repository, now)))
  for (const branch of repository.branches) {
    const tip = await needs.history.branchTip(forgeRepository, branch.ref)
    if (tip.commit !== branch.seen) writes.push(landingJob(repository.id, branch.ref, now))
  }
  return writes
}

const needsAnotherLook = (outcome: string, nextChangeAt: Instant | null, now: Instant): boolean =>
  outcome === 'pass' || outcome === 'error' || (nextChangeAt !== null && nextChangeAt <= now)

/** Commands that nobody delivered: listed, unedited, admitted once by the comment's id. */
async function missedComments(
  needs: JudgeNeeds,
  repository: RepositoryRecord,
  now: Instant,
): Promise<readonly Write[]> {
  const name = commentsCursor(repository.id)
  const since = Number((await needs.memory.cursor(name)) ?? repository.enrolledAt)
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const comments = await needs.reader.comments(forgeRepository, asInstant(Math.max(0, since - commentOverlapMs)))
  const writes: Write[] = []
  let newest = since
  for (const comment of comments) {
    newest = Math.max(newest, comment.updatedAt)
    // Edited comments never run a command: who edited what, and when, cannot be told afterwards.
    const isUnedited = comment.createdAt === comment.updatedAt
    if (!isUnedited || comment.createdAt < repository.enrolledAt || !comment.body.startsWith('/governance-')) continue
    if (await needs.statements.wasCommandAdmitted(repository.id, comment.id)) continue
    writes.push(commentJob(repository.id, comment, now))
  }
  if (newest > since) writes.push({ kind: 'cursor', name, value: String(newest) })
  return writes
}

export interface GapNeeds {
  readonly deliveries: Deliveries
  readonly forgeDeliveries: ForgeDeliveries
  readonly intake: Pick<Intake, 'receiveFromForge'>
  readonly memory: JudgeNeeds['memory']
  readonly clock: JudgeNeeds['clock']
  readonly telemetry: JudgeNeeds['telemetry']
}

/** Takes in every delivery that the forge remembers and the store does not. The forge never sends one again by itself. */
export async function closeGaps(needs: GapNeeds): Promise<readonly Write[]> {
  const now = needs.clock.now()
  const seen = Number((await needs.memory.cursor(deliveriesCursor)) ?? 0)
  const since = asInstant(Math.max(now - deliveryMemoryMs, seen - deliveryOverlapMs, 0))
  const remembered = await needs.forgeDeliveries.list(since)
  for (const delivery of remembered) {
    if ((await needs.deliveries.find(delivery.guid.toLowerCase())) !== null) continue
    const fetched = await needs.forgeDeliveries.fetch(delivery.id)
    const answer = await needs.intake.receiveFromForge(fetched)
    if (answer.http === 503) throw new AppError('store-unavailable', 'a missed delivery could not be stored')
    needs.telemetry.count('deliveries_recovered', { status: answer.status })
  }
  return [{ kind: 'cursor', name: deliveriesCursor, value: String(now) }]
}

/** Checks that are unsettled, or so old that the forge would archive them, are published again. */
export async function checksToPublish(needs: JudgeNeeds): Promise<readonly Write[]> {
  const now = needs.clock.now()
  const old = asInstant(Math.max(0, now - refreshChecksAfterMs))
  const checks = [
    ...(await needs.changes.checks({ unsettled: true })),
    ...(await needs.changes.checks({ createdBefore: old })),
  ]
  const keys = new Map(checks.map((check) => [`${check.repository}/${check.head}/${check.baseRef}`, check]))
  return [...keys.values()].map((check) => publishJob(check.repository, check.head, check.baseRef, now))
}
