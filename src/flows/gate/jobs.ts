import type { CommitId, Instant, RepositoryId } from '../../core/index.ts'
import type { Write } from '../ports.ts'

/** The lane in which everything about one pull request happens, one thing after the other. */
export const changeLane = (repository: RepositoryId, number: number): string => `${repository}/${number}`

/** Collect and decide now (or at `dueAt`). Several requests for one change are one job. */
export const refreshJob = (repository: RepositoryId, number: number, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `refresh/${repository}/${number}`,
    lane: changeLane(repository, number),
    kind: 'refresh',
    data: { repository, number },
    dueAt,
  },
})

/** Decide again when time alone may change the verdict. Apart from `refreshJob`, so that an event now never delays it. */
export const timerJob = (repository: RepositoryId, number: number, dueAt: Instant, polls = 0): Write => ({
  kind: 'job',
  job: {
    id: `timer/${repository}/${number}`,
    lane: changeLane(repository, number),
    kind: 'refresh',
    data: { repository, number, polls },
    dueAt,
  },
})

/** Make the forge show what the log says about one (repository, head, base ref). */
export const publishJob = (repository: RepositoryId, head: CommitId, baseRef: string, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `publish/${repository}/${head}/${baseRef}`,
    lane: `publish/${repository}/${head}/${baseRef}`,
    kind: 'publish',
    data: { repository, head, baseRef },
    dueAt,
  },
})

/** Publish again after the moment that the record is given to reach what a success waits for; it may have by then. */
export const recordingJob = (repository: RepositoryId, head: CommitId, baseRef: string, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `recording/${repository}/${head}/${baseRef}`,
    lane: `publish/${repository}/${head}/${baseRef}`,
    kind: 'publish',
    data: { repository, head, baseRef, waited: true },
    dueAt,
  },
})

/** Compare the forge's runs of our name with the log, because one was seen that the store does not know. */
export const relistJob = (repository: RepositoryId, head: CommitId, baseRef: string, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `relist/${repository}/${head}/${baseRef}`,
    lane: `publish/${repository}/${head}/${baseRef}`,
    kind: 'publish',
    data: { repository, head, baseRef, relist: true },
    dueAt,
  },
})

/** Bring the status comment of a pull request up to date. */
export const statusJob = (repository: RepositoryId, number: number, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `status/${repository}/${number}`,
    lane: changeLane(repository, number),
    kind: 'status-comment',
    data: { repository, number },
    dueAt,
  },
})

/** Match what arrived on a governed branch. */
export const landingJob = (repository: RepositoryId, ref: string, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `landing/${repository}/${ref}`,
    lane: `landing/${repository}/${ref}`,
    kind: 'landing',
    data: { repository, ref },
    dueAt,
  },
})

/** Compare a repository on the forge with what the store knows. */
export const reconcileJob = (repository: RepositoryId, dueAt: Instant): Write => ({
  kind: 'job',
  job: {
    id: `reconcile/${repository}`,
    lane: `reconcile/${repository}`,
    kind: 'reconcile-repository',
    data: { repository },
    dueAt,
  },
})

/** Publish what another process recorded beside the server. */
export const publishLogJob = (dueAt: Instant): Write => ({
  kind: 'job',
  job: { id: 'publish-log', lane: 'publish-log', kind: 'publish-log', data: {}, dueAt },
})
