import { asCommitId, asInstant, asRepositoryId, type RepositoryId } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { accountUser, eventOf, repositoryResource } from '../audit/event-of.ts'
import type { Deliveries, ForgeComments, ForgeEvent, ForgeEventDetail, JobRecord, Store, Write } from '../ports.ts'
import { type ApproveNeeds, runCommand } from './approve.ts'
import { repositoryPolicy } from './collect.ts'
import type { Comment } from './comment.ts'
import type { FindingNeeds } from './findings.ts'
import { recordFinding } from './findings.ts'
import { eventOfJob } from './intake.ts'
import { landingJob, reconcileJob, refreshJob, relistJob } from './jobs.ts'
import { governing, judge, pusherCursor } from './judge.ts'
import { land } from './land.ts'
import type { Concern } from './lowering.ts'
import { refuseMergeGroup } from './merge-group.ts'
import { settlePrivacy } from './privacy.ts'
import { checkName, type PublishNeeds, publish } from './publish.ts'
import type { Recovery } from './recovery.ts'
import { checksToPublish, closeGaps, type GapNeeds, reconcileRepository } from './reconcile.ts'
import { replyMarker } from './replies.ts'
import type { JobHandler } from './runner.ts'
import { showStatus, type StatusNeeds } from './status-comment.ts'

export interface PipelineNeeds extends ApproveNeeds, StatusNeeds, PublishNeeds, GapNeeds, FindingNeeds {
  readonly comments: ForgeComments
  readonly deliveries: Deliveries
  readonly store: Store
  readonly recovery: Pick<Recovery, 'recover'>
  /** Says that entries may have been recorded that are not published yet. */
  readonly publishLog: () => void
  /** The App's own numeric id: its runs and comments come back as events. */
  readonly appId: number
  readonly schedule: Schedule
}

/** How often what no event tells is looked for, and how long raw payloads are kept. */
export interface Schedule {
  readonly reconcileEveryMs: number
  readonly pruneEveryMs: number
  readonly payloadRetentionMs: number
}

/** Recurring work; each writes its own next run. Queued at every start, due at once. */
export const recurringKinds = ['close-gaps', 'reconcile-all', 'prune', 'settle-checks', 'replay-journal'] as const

export const recurringJob = (kind: (typeof recurringKinds)[number], dueAt: JobRecord['dueAt']): Write => ({
  kind: 'job',
  job: { id: `every/${kind}`, lane: `every/${kind}`, kind, data: {}, dueAt },
})

const targetOf = (job: JobRecord): { readonly repository: RepositoryId; readonly number: number } => ({
  repository: asRepositoryId(Number(job.data.repository)),
  number: Number(job.data.number),
})

const branchOf = (job: JobRecord) => ({
  repository: asRepositoryId(Number(job.data.repository)),
  ref: String(job.data.ref),
})

/** Every kind of job and the step that carries it out: the data path of the gate, one line a step. */
export function createPipeline(needs: PipelineNeeds): Readonly<Record<string, JobHandler>> {
  const every =
    (kind: (typeof recurringKinds)[number], everyMs: number, run: () => Promise<readonly Write[]>): JobHandler =>
    async () => [...(await run()), recurringJob(kind, asInstant(needs.clock.now() + everyMs))]
  const { reconcileEveryMs, pruneEveryMs } = needs.schedule
  const tried: TriedReplies = { since: needs.clock.now(), ids: new Set() }
  return {
    delivery: (job) => handleEvent(needs, eventOfJob(job)),
    comment: (job) => runCommand(needs, job.data as unknown as Comment),
    refresh: async (job) => {
      const polls = Number(job.data.polls ?? 0)
      return afterJudging(needs, targetOf(job), await judge(needs, { ...targetOf(job), polls }))
    },
    publish: (job) =>
      publish(needs, {
        repository: asRepositoryId(Number(job.data.repository)),
        head: asCommitId(String(job.data.head)),
        baseRef: String(job.data.baseRef),
        relist: job.data.relist === true,
        waited: job.data.waited === true,
      }),
    'status-comment': (job) => showStatus(needs, targetOf(job)),
    reply: (job) => reply(needs, job, tried),
    landing: (job) => land(needs, branchOf(job)),
    'reconcile-repository': async (job) => {
      const id = asRepositoryId(Number(job.data.repository))
      // Before anything that may fail: what is private must not wait for it.
      await settlePrivacy(needs, id)
      const repository = await needs.registry.repository(id)
      return repository === null || !repository.active ? [] : reconcileRepository(needs, repository)
    },
    'publish-log': async () => needs.publishLog(),
    'reconcile-all': every('reconcile-all', reconcileEveryMs, () => reconcileAll(needs)),
    'close-gaps': every('close-gaps', reconcileEveryMs, () => closeGaps(needs)),
    'settle-checks': every('settle-checks', reconcileEveryMs, () => checksToPublish(needs)),
    'replay-journal': every('replay-journal', reconcileEveryMs, async () => {
      await needs.recovery.recover()
      return []
    }),
    prune: every('prune', pruneEveryMs, async () => {
      const before = asInstant(Math.max(0, needs.clock.now() - needs.schedule.payloadRetentionMs))
      while ((await needs.deliveries.pruneBodies(before, 500)) === 500);
      return []
    }),
  }
}

/** What a job was about, for lowering when its outcome could not be recorded; null where its own step sees to that. */
export function concernOf(job: JobRecord): Concern | null {
  const place = { installation: null, repository: { id: Number(job.data.repository) as RepositoryId, name: '' } }
  switch (job.kind) {
    case 'delivery':
      return eventOfJob(job)
    case 'comment':
      return { ...place, detail: { ...(job.data as unknown as Comment), kind: 'comment', onChange: true } }
    case 'landing': {
      const ref = `refs/heads/${branchOf(job).ref}`
      return { ...place, detail: { kind: 'push', ref, before: '', after: '', forced: false, pusher: null } }
    }
    default:
      return null
  }
}

async function reconcileAll(needs: PipelineNeeds): Promise<readonly Write[]> {
  const repositories = await needs.registry.repositories()
  return repositories
    .filter((repository) => repository.active)
    .map((repository) => reconcileJob(repository.id, needs.clock.now()))
}

async function afterJudging(
  needs: PipelineNeeds,
  target: { readonly repository: RepositoryId; readonly number: number },
  judged: Awaited<ReturnType<typeof judge>>,
): Promise<readonly Write[]> {
  if (judged.kind === 'conflict') throw new AppError('store-unavailable', `the decision met ${judged.conflict}`)
  if (judged.kind !== 'decided') return []
  const { record } = judged.decided
  const passed = record.lastPass?.head === record.head && record.lastPass.baseRef === record.baseRef
  if (record.state === 'merged' && !passed)
    await recordFinding(needs, {
      code: 'merged-without-pass',
      key: `${target.number}/${record.head}`,
      repository: target.repository,
      subject: { kind: 'change', ...target },
      detail: { number: target.number, head: record.head, baseRef: record.baseRef },
    })
  return []
}

/** What an authenticated delivery sets in motion. Facts come from the forge's API; the payload only says where to look. */
async function handleEvent(needs: PipelineNeeds, event: ForgeEvent): Promise<readonly Write[]> {
  const { detail, repository } = event
  const now = needs.clock.now()
  if (detail.kind === 'installation') {
    const known = await needs.registry.repositories()
    return known
      .filter((record) => record.installation === event.installation || detail.repositories.includes(record.id))
      .map((record) => reconcileJob(record.id, now))
  }
  if (repository === null) return []
  const record = await needs.registry.repository(repository.id)
  if (record === null || !record.active) {
    needs.telemetry.count('deliveries_not_governed')
    return []
  }
  const id = repository.id
  switch (detail.kind) {
    case 'change': {
      const pusher = detail.pusher === null ? null : { head: detail.head, account: detail.pusher }
      const judged = await judge(needs, { repository: id, number: detail.number, pusher })
      return afterJudging(needs, { repository: id, number: detail.number }, judged)
    }
    case 'comment':
      if (event.action !== 'created' || !detail.onChange) return []
      return runCommand(needs, {
        repository: id,
        number: detail.number,
        commentId: detail.commentId,
        author: detail.author,
        body: detail.body,
      })
    case 'checks':
      return handleChecks(needs, id, detail)
    case 'push':
      return [
        ...(await rememberPusher(needs, id, detail)),
        ...record.branches
          .filter((branch) => detail.ref === `refs/heads/${branch.ref}`)
          .map((branch) => landingJob(id, branch.ref, now)),
      ]
    case 'merge-group':
      return refuseMergeGroup(needs, record, detail)
    case 'repository':
      needs.telemetry.event('repository-changed', 'warn', { repository: record.name, action: event.action })
      needs.events.note(
        eventOf('repository-changed', {
          userId: event.sender === null ? null : accountUser(event.sender.id),
          resource: repositoryResource(id),
          action: 'observe',
          details: { what: /^[a-z_]{1,64}$/.test(event.action ?? '') ? (event.action ?? 'other') : 'other' },
        }),
      )
      return [reconcileJob(id, now)]
    case 'other':
      return []
  }
}

/** Who pushed a commit is an author of it, also when the pull request is opened later, or was told earlier. */
async function rememberPusher(
  needs: PipelineNeeds,
  repository: RepositoryId,
  { after, pusher }: Extract<ForgeEventDetail, { readonly kind: 'push' }>,
): Promise<readonly Write[]> {
  if (pusher === null || /^0+$/.test(after)) return []
  const changes = await needs.changes.byHead(repository, asCommitId(after))
  return [
    { kind: 'cursor', name: pusherCursor(repository, after), value: String(pusher) },
    ...changes
      .filter((change) => change.state === 'open')
      .map((change) => refreshJob(repository, change.number, needs.clock.now())),
  ]
}

/** Check and status events name a head, never a pull request that can be trusted: forks carry none. */
async function handleChecks(
  needs: PipelineNeeds,
  repository: RepositoryId,
  detail: Extract<ForgeEventDetail, { readonly kind: 'checks' }>,
): Promise<readonly Write[]> {
  const now = needs.clock.now()
  const changes = (await needs.changes.byHead(repository, detail.head)).filter((change) => change.state === 'open')
  if (detail.appId !== needs.appId) {
    const isAsked = await asksFor(needs, repository, detail)
    return isAsked ? changes.map((change) => refreshJob(repository, change.number, now)) : []
  }
  const writes: Write[] = []
  for (const baseRef of new Set(changes.map((change) => change.baseRef))) {
    if (detail.name !== null && detail.name !== checkName(baseRef)) continue
    const check = await needs.changes.check(repository, detail.head, baseRef)
    const isOurs =
      detail.runId === null || (check?.runId === detail.runId && check.shown?.conclusion === detail.conclusion)
    if (!isOurs) writes.push(relistJob(repository, detail.head, baseRef, now))
  }
  return writes
}

/** Whether the policy asks for a check that this event may be about: others are not worth a request to the forge. */
async function asksFor(
  needs: PipelineNeeds,
  repository: RepositoryId,
  { name, appId }: Extract<ForgeEventDetail, { readonly kind: 'checks' }>,
): Promise<boolean> {
  const governed = await governing(needs, repository)
  const required = governed && repositoryPolicy(governed.policy.policy, governed.repository.name)?.requiredChecks
  return (required ?? []).some(
    (check) => (name === null || check.name === name) && (appId === null || check.appId === appId),
  )
}

/** Replies that this process may have written already, though the store does not know. */
interface TriedReplies {
  /** Jobs that were due before may have been tried by an earlier process, which was killed before it could say so. */
  readonly since: JobRecord['dueAt']
  readonly ids: Set<string>
}

async function reply(needs: PipelineNeeds, job: JobRecord, tried: TriedReplies): Promise<readonly Write[]> {
  const { repository: id, number } = targetOf(job)
  const repository = await needs.registry.repository(id)
  if (repository === null) return []
  const forgeRepository = { id: repository.id, name: repository.name, installation: repository.installation }
  const marker = replyMarker(Number(job.data.commentId))
  // An earlier attempt may have been written though its answer, or the record of it, was lost.
  const mayBeThere = job.attempts > 0 || job.dueAt <= tried.since || tried.ids.has(job.id)
  if (mayBeThere && (await needs.comments.find(forgeRepository, number, marker)) !== null) return []
  if (tried.ids.size > 10_000) tried.ids.clear()
  tried.ids.add(job.id)
  await needs.comments.create(forgeRepository, number, `${String(job.data.text)}\n\n${marker}`)
  return []
}
