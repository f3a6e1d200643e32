/** Routes that read pull requests and issues. */
import { hasRole } from './accounts.ts'
import { ApiError, type Need } from './apps-auth.ts'
import { ancestorsOf } from './git-history.ts'
import { mergePull, mergeProblems, type MergeMethod } from './merges.ts'
import { openPull, readPull } from './pulls.ts'
import { commitOf } from './routes-git.ts'
import { RuleViolation } from './rulesets.ts'
import { commitShape } from './shapes.ts'
import { fileShape, issueShape, pullCommits, pullFiles, pullShape, reviewShape } from './shapes-pull.ts'
import { lagging, numberParam, paged, type Reply, type RepositoryCall, type RepositoryRoute } from './routing.ts'
import { branchTip, type Pull } from './world.ts'

const read: Need = { permission: ['pull_requests'], level: 'read' }

function pullOfCall(call: RepositoryCall): Pull {
  const pull = call.repository.issues.get(numberParam(call, 'number'))?.pull
  if (pull == null) throw new ApiError(404, 'Not Found')
  return pull
}

function listPulls(call: RepositoryCall): Reply {
  const { world, repository, query } = call
  const state = query.get('state') ?? 'open'
  const [base, head] = [query.get('base'), query.get('head')]
  const rows = [...repository.issues.values()]
    .flatMap((issue) => (issue.pull === null ? [] : [issue.pull]))
    .filter((pull) => state === 'all' || pull.issue.state === state)
    .filter((pull) => base === null || pull.baseRef === base)
    .filter((pull) => head === null || `${pull.headRepository.owner.login}:${pull.headRef}` === head)
  const byUpdate = query.get('sort') === 'updated'
  rows.sort((a, b) => (byUpdate ? a.issue.updatedAt - b.issue.updatedAt : 0) || a.issue.number - b.issue.number)
  if ((query.get('direction') ?? 'desc') === 'desc') rows.reverse()
  const pulls = new Map(rows.map((pull) => [pull.issue, pull]))
  const shapes = lagging(world, [...pulls.keys()], (issue) => {
    const pull = pulls.get(issue)
    return pull === undefined ? {} : pullShape(world, pull, false)
  })
  return paged(call, shapes, (shape) => shape())
}

function listFiles(call: RepositoryCall): Reply {
  const pull = pullOfCall(call)
  // Nothing in the answer says that the list was cut.
  return paged(call, pullFiles(pull).slice(0, 3000), (file) =>
    fileShape(call.world, call.repository, pull.headSha, file),
  )
}

const listCommits = (call: RepositoryCall): Reply =>
  paged(call, pullCommits(pullOfCall(call)).slice(0, 250), (commit) => commitShape(call.world, call.repository, commit))

function pullsOfCommit(call: RepositoryCall): Reply {
  const { world, repository } = call
  const { id } = commitOf(repository, call.params.ref ?? '')
  const tip = branchTip(repository, repository.defaultBranch)
  const isLanded = tip !== undefined && ancestorsOf(repository.store, tip).has(id)
  const pulls = [...repository.issues.values()].flatMap((issue) => (issue.pull === null ? [] : [issue.pull]))
  // A landed commit names the merged pull request that brought it; another one every pull request that has it.
  const rows = pulls.filter((pull) => {
    if (isLanded && pull.mergedAt === null) return false
    return pull.mergeCommitSha === id || pull.headSha === id || pullCommits(pull).some((commit) => commit.id === id)
  })
  return paged(call, rows, (pull) => pullShape(world, pull, false))
}

function userOf(call: RepositoryCall) {
  if (call.actor.kind !== 'user') throw new ApiError(403, 'Resource not accessible by integration')
  return call.actor.account
}

function createPull(call: RepositoryCall): Reply {
  const { world, repository, body } = call
  const author = userOf(call)
  const [owner, head] = String(body.head).includes(':')
    ? String(body.head).split(':')
    : [repository.owner.login, String(body.head)]
  const headRepository = [...world.repositories.values()].find(
    (one) => one.store === repository.store && one.owner.login === owner,
  )
  if (headRepository === undefined || head === undefined)
    throw new ApiError(422, 'Validation Failed', [{ resource: 'PullRequest', field: 'head', code: 'invalid' }])
  try {
    const pull = openPull(world, repository, {
      base: String(body.base),
      headRepository,
      head,
      author,
      title: String(body.title),
      body: typeof body.body === 'string' ? body.body : null,
      draft: body.draft === true,
    })
    return { status: 201, json: pullShape(world, pull, true) }
  } catch {
    throw new ApiError(422, 'Validation Failed', [{ resource: 'PullRequest', field: 'head', code: 'invalid' }])
  }
}

function merge(call: RepositoryCall): Reply {
  const { world, body } = call
  const by = userOf(call)
  const pull = pullOfCall(call)
  if (typeof body.sha === 'string' && body.sha !== pull.headSha)
    throw new ApiError(409, 'Head branch was modified. Review and try the merge again.')
  if (!hasRole(call.repository, by, 'write')) throw new ApiError(403, 'Must have push access')
  try {
    const sha = mergePull(world, pull, by, (body.merge_method ?? 'merge') as MergeMethod)
    return { json: { sha, merged: true, message: 'Pull Request successfully merged' } }
  } catch (error) {
    if (!(error instanceof RuleViolation)) throw error
    const problems = mergeProblems(pull, by)
    throw new ApiError(
      405,
      problems.length > 0 ? `Repository rule violations found\n\n${problems.join('\n')}` : error.message,
    )
  }
}

function isMerged(call: RepositoryCall): Reply {
  if (pullOfCall(call).mergedAt === null) throw new ApiError(404, 'Not Found')
  return { status: 204 }
}

function showIssue(call: RepositoryCall): Reply {
  const issue = call.repository.issues.get(numberParam(call, 'number'))
  if (issue === undefined) throw new ApiError(404, 'Not Found')
  return { json: issueShape(call.world, issue) }
}

/** Routes of pull requests and issues. */
export const pullRoutes: readonly RepositoryRoute[] = [
  { method: 'GET', pattern: '/pulls', need: read, run: listPulls },
  {
    method: 'POST',
    pattern: '/pulls',
    need: { permission: ['pull_requests'], level: 'write', role: 'read' },
    run: createPull,
  },
  {
    method: 'GET',
    pattern: '/pulls/:number',
    need: read,
    run: (call) => ({ json: readPull(call.world, pullOfCall(call)) }),
  },
  { method: 'GET', pattern: '/pulls/:number/files', need: read, run: listFiles },
  { method: 'GET', pattern: '/pulls/:number/commits', need: read, run: listCommits },
  {
    method: 'GET',
    pattern: '/pulls/:number/reviews',
    need: read,
    run: (call) => paged(call, pullOfCall(call).reviews, (review) => reviewShape(call.world, pullOfCall(call), review)),
  },
  { method: 'GET', pattern: '/pulls/:number/merge', need: read, run: isMerged },
  { method: 'PUT', pattern: '/pulls/:number/merge', need: { permission: ['contents'], level: 'write' }, run: merge },
  {
    method: 'GET',
    pattern: '/issues/:number',
    need: { permission: ['issues', 'pull_requests'], level: 'read' },
    run: showIssue,
  },
  {
    method: 'GET',
    pattern: '/commits/:ref/pulls',
    need: { permission: ['pull_requests'], level: 'read' },
    run: pullsOfCommit,
  },
]
