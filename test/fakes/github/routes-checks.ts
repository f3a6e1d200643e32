/** Routes of check runs, check suites and commit statuses. */
import { ApiError, type Need } from './apps-auth.ts'
import { createRun, createStatus, runShape, statusShape, suiteShape, updateRun } from './checks.ts'
import { commitOf } from './routes-git.ts'
import { lagging, numberParam, paged, type Reply, type RepositoryCall, type RepositoryRoute } from './routing.ts'
import { repositoryShape } from './shapes.ts'
import { type App, type CheckRun, fullName, type Status } from './world.ts'

const read: Need = { permission: ['checks'], level: 'read' }
const write: Need = { permission: ['checks'], level: 'write', role: 'read' }
const readStatus: Need = { permission: ['statuses'], level: 'read' }

function appOfCall(call: RepositoryCall): App {
  if (call.actor.kind !== 'installation') throw new ApiError(403, 'You must authenticate via a GitHub App.')
  return call.actor.installation.app
}

function create(call: RepositoryCall): Reply {
  const run = createRun(call.world, call.repository, appOfCall(call), call.body)
  return { status: 201, json: runShape(call.world, call.repository, run) }
}

function update(call: RepositoryCall): Reply {
  const run = updateRun(call.world, call.repository, appOfCall(call), numberParam(call, 'id'), call.body)
  return { json: runShape(call.world, call.repository, run) }
}

function show(call: RepositoryCall): Reply {
  const id = numberParam(call, 'id')
  const run = call.repository.runs.findLast((one) => one.id === id)
  if (run === undefined) throw new ApiError(404, 'Not Found')
  return { json: runShape(call.world, call.repository, run) }
}

/** The newest run per suite and name. */
function latest(runs: readonly CheckRun[]): CheckRun[] {
  const byKey = new Map<string, CheckRun>()
  for (const run of runs) byKey.set(`${run.suite.id}\0${run.name}`, run)
  return [...byKey.values()].sort((a, b) => a.id - b.id)
}

function list(call: RepositoryCall, runs: readonly CheckRun[]): Reply {
  const { query } = call
  const [name, appId, status] = [query.get('check_name'), query.get('app_id'), query.get('status')]
  const wanted = runs
    .filter((run) => name === null || run.name === name)
    .filter((run) => appId === null || run.app.id === Number(appId))
    .filter((run) => status === null || run.status === status)
  const rows = query.get('filter') === 'all' ? wanted : latest(wanted)
  const shapes = lagging(call.world, [...rows].reverse(), (run) => runShape(call.world, call.repository, run))
  return paged(
    call,
    shapes,
    (shape) => shape(),
    (check_runs, total_count) => ({ total_count, check_runs }),
  )
}

const listForRef = (call: RepositoryCall): Reply =>
  list(call, call.repository.runsByHead.get(commitOf(call.repository, call.params.ref ?? '').id) ?? [])

function listForSuite(call: RepositoryCall): Reply {
  const id = numberParam(call, 'id')
  const suite = call.repository.suites.find((one) => one.id === id)
  if (suite === undefined) throw new ApiError(404, 'Not Found')
  return list(
    call,
    (call.repository.runsByHead.get(suite.headSha) ?? []).filter((run) => run.suite === suite),
  )
}

function listSuites(call: RepositoryCall): Reply {
  const { id } = commitOf(call.repository, call.params.ref ?? '')
  const appId = call.query.get('app_id')
  const rows = call.repository.suites.filter(
    (suite) => suite.headSha === id && (appId === null || suite.app.id === Number(appId)),
  )
  const wrap = (check_suites: unknown[], total_count: number) => ({ total_count, check_suites })
  return paged(
    call,
    rows,
    (suite) => ({
      ...suiteShape(call.world, call.repository, suite),
      repository: repositoryShape(call.world, call.repository),
    }),
    wrap,
  )
}

function showSuite(call: RepositoryCall): Reply {
  const suite = call.repository.suites.find((one) => one.id === numberParam(call, 'id'))
  if (suite === undefined) throw new ApiError(404, 'Not Found')
  return { json: suiteShape(call.world, call.repository, suite) }
}

const statusesOf = (call: RepositoryCall): Status[] => {
  const { id } = commitOf(call.repository, call.params.ref ?? '')
  return call.repository.statuses.filter((status) => status.sha === id).reverse()
}

function listStatuses(call: RepositoryCall): Reply {
  const shapes = lagging(call.world, statusesOf(call), (status) => statusShape(call.world, call.repository, status))
  return paged(call, shapes, (shape) => shape())
}

function combined(call: RepositoryCall): Reply {
  const newest = new Map<string, Status>()
  for (const status of statusesOf(call)) if (!newest.has(status.context)) newest.set(status.context, status)
  const rows = [...newest.values()]
  const isBad = rows.some((status) => status.state === 'failure' || status.state === 'error')
  const state = isBad
    ? 'failure'
    : rows.length > 0 && rows.every((status) => status.state === 'success')
      ? 'success'
      : 'pending'
  const { id } = commitOf(call.repository, call.params.ref ?? '')
  const url = `${call.world.url}/repos/${fullName(call.repository)}/commits/${id}`
  return paged(
    call,
    rows,
    (status) => statusShape(call.world, call.repository, status),
    (statuses, total_count) => ({
      state,
      statuses,
      sha: id,
      total_count,
      repository: repositoryShape(call.world, call.repository),
      commit_url: url,
      url: `${url}/status`,
    }),
  )
}

function setStatus(call: RepositoryCall): Reply {
  const { actor, body } = call
  const creator =
    actor.kind === 'installation' ? actor.installation.app.bot : actor.kind === 'user' ? actor.account : null
  if (creator === null) throw new ApiError(401, 'Requires authentication')
  if (!['error', 'failure', 'pending', 'success'].includes(String(body.state)))
    throw new ApiError(422, 'Validation Failed', [{ resource: 'Status', code: 'custom', field: 'state' }])
  const context = typeof body.context === 'string' ? body.context : 'default'
  const app = actor.kind === 'installation' ? { app: actor.installation.app } : {}
  const text = (value: unknown) => (typeof value === 'string' ? value : null)
  const status = createStatus(call.world, call.repository, call.params.sha ?? '', creator, {
    context,
    state: String(body.state),
    description: text(body.description),
    targetUrl: text(body.target_url),
    ...app,
  })
  return { status: 201, json: statusShape(call.world, call.repository, status) }
}

/** Routes of checks and statuses. */
export const checkRoutes: readonly RepositoryRoute[] = [
  { method: 'POST', pattern: '/check-runs', need: write, run: create },
  { method: 'PATCH', pattern: '/check-runs/:id', need: write, run: update },
  { method: 'GET', pattern: '/check-runs/:id', need: read, run: show },
  { method: 'GET', pattern: '/commits/:ref/check-runs', need: read, run: listForRef },
  { method: 'GET', pattern: '/commits/:ref/check-suites', need: read, run: listSuites },
  { method: 'GET', pattern: '/check-suites/:id', need: read, run: showSuite },
  { method: 'GET', pattern: '/check-suites/:id/check-runs', need: read, run: listForSuite },
  { method: 'GET', pattern: '/commits/:ref/statuses', need: readStatus, run: listStatuses },
  { method: 'GET', pattern: '/commits/:ref/status', need: readStatus, run: combined },
  { method: 'POST', pattern: '/statuses/:sha', need: { permission: ['statuses'], level: 'write' }, run: setStatus },
]
