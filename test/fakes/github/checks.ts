/** Check suites, check runs and commit statuses: every POST is kept, only the owner changes a run. */
import { ApiError } from './apps-auth.ts'
import { accountShape, appShape, commitShape, nodeId } from './shapes.ts'
import {
  type Account,
  type App,
  branchTip,
  type CheckRun,
  type CheckSuite,
  fullName,
  iso,
  isoOrNull,
  type Json,
  type Repository,
  type Status,
  type World,
} from './world.ts'

/** The fields of a check run that a client may write. */
export type CheckInput = {
  name?: string
  head_sha?: string
  status?: string
  conclusion?: string | null
  started_at?: string
  completed_at?: string
  details_url?: string | null
  external_id?: string
  output?: { title?: string; summary?: string; text?: string } | null
}

const CONCLUSIONS = ['success', 'failure', 'neutral', 'cancelled', 'skipped', 'timed_out', 'action_required']
const STATUSES = ['queued', 'in_progress', 'completed']

const pullsWithHead = (world: World, repository: Repository, sha: string): Json[] =>
  [...repository.issues.values()]
    .flatMap((issue) => (issue.pull === null ? [] : [issue.pull]))
    // A pull request from a fork is not listed: GitHub leaves the array empty there.
    .filter((pull) => pull.headSha === sha && pull.headRepository === repository && pull.issue.state === 'open')
    .map((pull) => ({
      url: `${world.url}/repos/${fullName(repository)}/pulls/${pull.issue.number}`,
      id: pull.id,
      number: pull.issue.number,
      head: {
        ref: pull.headRef,
        sha: pull.headSha,
        repo: { id: repository.id, name: repository.name, url: `${world.url}/repos/${fullName(repository)}` },
      },
      base: {
        ref: pull.baseRef,
        sha: pull.baseSha,
        repo: { id: repository.id, name: repository.name, url: `${world.url}/repos/${fullName(repository)}` },
      },
    }))

/** A check suite's status and conclusion, from its runs. */
function suiteState(
  repository: Repository,
  suite: CheckSuite,
): { status: string; conclusion: string | null; count: number } {
  const runs = (repository.runsByHead.get(suite.headSha) ?? []).filter((run) => run.suite === suite)
  if (runs.length === 0) return { status: 'queued', conclusion: null, count: 0 }
  if (runs.some((run) => run.status !== 'completed'))
    return { status: 'in_progress', conclusion: null, count: runs.length }
  const worst = ['failure', 'timed_out', 'cancelled', 'action_required', 'neutral'].find((value) =>
    runs.some((run) => run.conclusion === value),
  )
  return { status: 'completed', conclusion: worst ?? 'success', count: runs.length }
}

/** A check suite in the REST shape. */
export function suiteShape(world: World, repository: Repository, suite: CheckSuite): Json {
  const { status, conclusion, count } = suiteState(repository, suite)
  const url = `${world.url}/repos/${fullName(repository)}/check-suites/${suite.id}`
  const head = repository.store.commit(suite.headSha)
  return {
    id: suite.id,
    node_id: nodeId('CS', suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    status,
    conclusion,
    url,
    before: suite.before,
    after: suite.headSha,
    pull_requests: pullsWithHead(world, repository, suite.headSha),
    app: appShape(world, suite.app),
    created_at: iso(suite.createdAt),
    updated_at: iso(suite.updatedAt),
    latest_check_runs_count: count,
    check_runs_url: `${url}/check-runs`,
    head_commit: {
      id: head.id,
      tree_id: head.tree,
      message: head.message,
      timestamp: iso(head.committer.at),
      author: { name: head.author.name, email: head.author.email },
      committer: { name: head.committer.name, email: head.committer.email },
    },
  }
}

/** A check run in the REST shape. */
export function runShape(world: World, repository: Repository, run: CheckRun, inWebhook = false): Json {
  const url = `${world.url}/repos/${fullName(repository)}/check-runs/${run.id}`
  const suite = suiteShape(world, repository, run.suite)
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.headSha,
    external_id: run.externalId,
    url,
    html_url: `${world.url}/${fullName(repository)}/runs/${run.id}`,
    details_url: run.detailsUrl ?? `${world.url}/${fullName(repository)}/runs/${run.id}`,
    status: run.status,
    conclusion: run.conclusion,
    started_at: isoOrNull(run.startedAt),
    completed_at: isoOrNull(run.completedAt),
    output: { ...run.output, annotations_count: 0, annotations_url: `${url}/annotations` },
    check_suite: inWebhook ? suite : { id: run.suite.id },
    app: appShape(world, run.app),
    pull_requests: pullsWithHead(world, repository, run.headSha),
  }
}

function suiteFor(
  world: World,
  repository: Repository,
  app: App,
  sha: string,
  branch: string | null,
  before: string | null,
): CheckSuite {
  const existing = repository.suites.findLast((suite) => suite.app === app && suite.headSha === sha)
  if (existing !== undefined) return existing
  const now = world.clock.now()
  const suite: CheckSuite = {
    id: world.nextId(),
    app,
    headSha: sha,
    headBranch: branch,
    before,
    createdAt: now,
    updatedAt: now,
  }
  repository.suites.push(suite)
  return suite
}

/** After a push GitHub makes one suite for every App that may write checks, and tells that App only. */
export function requestSuites(
  world: World,
  repository: Repository,
  sha: string,
  branch: string,
  before: string | null,
  by: Account,
): void {
  for (const installation of world.installations.values()) {
    const isHere = installation.account === repository.owner && (installation.repositoryIds?.has(repository.id) ?? true)
    if (!isHere || installation.permissions.checks !== 'write' || installation.suspendedAt !== null) continue
    const suite = suiteFor(world, repository, installation.app, sha, branch, before)
    const payload = {
      action: 'requested',
      check_suite: suiteShape(world, repository, suite),
      sender: accountShape(world, by),
    }
    world.emit('check_suite', payload, repository, installation.app)
  }
}

const invalid = (field: string, message: string) =>
  new ApiError(422, `Invalid request.\n\n${message}`, [{ resource: 'CheckRun', code: 'invalid', field }])

function apply(world: World, run: CheckRun, input: CheckInput): void {
  const status = input.conclusion != null ? 'completed' : (input.status ?? run.status)
  if (!STATUSES.includes(status)) throw invalid('status', `${status} is not a member of ${STATUSES.join(', ')}`)
  if (input.conclusion != null && !CONCLUSIONS.includes(input.conclusion))
    throw invalid('conclusion', `${input.conclusion} is not a member of ${CONCLUSIONS.join(', ')}`)
  if (status === 'completed' && (input.conclusion ?? run.conclusion) == null)
    throw invalid('conclusion', 'Missing required key "conclusion" when "status" is "completed".')
  if (input.output != null) {
    const { title, summary, text } = input.output
    if (summary === undefined || (title === undefined && run.output.title === null))
      throw invalid('output', '"title" and "summary" are required in "output".')
    if ([summary, text ?? ''].some((value) => value.length > 65_535))
      throw invalid('output', 'Only 65535 characters are allowed; 65536 were supplied.')
    if ((title ?? '').length > 255) throw invalid('output', 'title is too long (maximum is 255 characters)')
    run.output = { title: title ?? run.output.title, summary, text: text ?? null }
  }
  if (input.name !== undefined) run.name = input.name
  if (input.details_url != null) run.detailsUrl = input.details_url
  if (input.external_id !== undefined) run.externalId = input.external_id
  const now = world.clock.now()
  run.status = status
  run.startedAt = input.started_at === undefined ? (run.startedAt ?? now) : Date.parse(input.started_at)
  run.conclusion = status === 'completed' ? (input.conclusion ?? run.conclusion) : null
  run.completedAt =
    status === 'completed' ? (input.completed_at === undefined ? now : Date.parse(input.completed_at)) : null
  run.suite.updatedAt = now
}

function tell(world: World, repository: Repository, run: CheckRun, action: 'created' | 'completed'): void {
  world.emit(
    'check_run',
    { action, check_run: runShape(world, repository, run, true), sender: accountShape(world, run.app.bot) },
    repository,
  )
  if (action === 'completed' && suiteState(repository, run.suite).status === 'completed') {
    world.emit(
      'check_suite',
      {
        action: 'completed',
        check_suite: suiteShape(world, repository, run.suite),
        sender: accountShape(world, run.app.bot),
      },
      repository,
    )
  }
}

/** Makes a check run; one of the same name on the same head stays beside it. @throws ApiError 422 */
export function createRun(world: World, repository: Repository, app: App, input: CheckInput): CheckRun {
  const { name, head_sha: sha } = input
  if (typeof name !== 'string' || name === '') throw invalid('name', 'Missing required key "name".')
  if (typeof sha !== 'string' || repository.store.typeOf(sha) !== 'commit')
    throw new ApiError(422, `No commit found for SHA: ${sha}`)
  const branch =
    [...repository.refs].find(([ref, tip]) => tip === sha && ref.startsWith('refs/heads/'))?.[0].slice(11) ?? null
  const run: CheckRun = {
    id: world.nextId(),
    suite: suiteFor(world, repository, app, sha, branch, null),
    app,
    name,
    headSha: sha,
    status: 'queued',
    conclusion: null,
    startedAt: null,
    completedAt: null,
    detailsUrl: null,
    externalId: '',
    output: { title: null, summary: null, text: null },
    createdAt: world.clock.now(),
  }
  apply(world, run, input)
  world.lag.note(run, null)
  repository.runs.push(run)
  const list = repository.runsByHead.get(sha) ?? []
  list.push(run)
  repository.runsByHead.set(sha, list)
  tell(world, repository, run, 'created')
  if (run.status === 'completed') tell(world, repository, run, 'completed')
  return run
}

/** Changes a run of this App. @throws ApiError 403, 404, 422 */
export function updateRun(world: World, repository: Repository, app: App, id: number, input: CheckInput): CheckRun {
  const run = repository.runs.findLast((one) => one.id === id)
  if (run === undefined) throw new ApiError(404, 'Not Found')
  if (run.app !== app)
    throw new ApiError(
      403,
      'Invalid app_id `' + app.id + '` - check run can only be modified by the GitHub App that created it.',
    )
  const previous = runShape(world, repository, run)
  const wasCompleted = run.status === 'completed'
  apply(world, run, input)
  world.lag.note(run, previous)
  if (run.status === 'completed' && (!wasCompleted || input.conclusion != null))
    tell(world, repository, run, 'completed')
  return run
}

/** Sets a commit status and sends `status`. */
export function createStatus(
  world: World,
  repository: Repository,
  sha: string,
  creator: Account,
  input: { context?: string; state: string; description?: string | null; targetUrl?: string | null; app?: App },
): Status {
  if (repository.store.typeOf(sha) !== 'commit') throw new ApiError(422, `No commit found for SHA: ${sha}`)
  const status: Status = {
    id: world.nextId(),
    sha,
    context: input.context ?? 'default',
    state: input.state,
    description: input.description ?? null,
    targetUrl: input.targetUrl ?? null,
    creator,
    app: input.app ?? null,
    at: world.clock.now(),
  }
  world.lag.note(status, null)
  repository.statuses.push(status)
  const branches = [...repository.refs]
    .filter(([ref, tip]) => tip === sha && ref.startsWith('refs/heads/'))
    .map(([ref]) => ref.slice(11))
  const payload: Json = {
    id: status.id,
    sha,
    name: fullName(repository),
    avatar_url: null,
    target_url: status.targetUrl,
    context: status.context,
    description: status.description,
    state: status.state,
    commit: commitShape(world, repository, repository.store.commit(sha)),
    branches: branches.map((name) => ({
      name,
      commit: { sha: branchTip(repository, name), url: `${world.url}/repos/${fullName(repository)}/commits/${sha}` },
      protected: false,
    })),
    created_at: iso(status.at),
    updated_at: iso(status.at),
    sender: accountShape(world, creator),
  }
  world.emit('status', payload, repository)
  return status
}

/** A commit status in the REST shape. */
export const statusShape = (world: World, repository: Repository, status: Status): Json => ({
  url: `${world.url}/repos/${fullName(repository)}/statuses/${status.sha}`,
  id: status.id,
  node_id: nodeId('SC', status.id),
  avatar_url: null,
  state: status.state,
  description: status.description,
  target_url: status.targetUrl,
  context: status.context,
  created_at: iso(status.at),
  updated_at: iso(status.at),
  creator: accountShape(world, status.creator),
})
