/** Routes of comments on issues and pull requests. */
import { hasRole } from './accounts.ts'
import { ApiError, type Need } from './apps-auth.ts'
import { addComment, changeComment, findComment, removeComment } from './comments.ts'
import { lagging, numberParam, paged, type Reply, type RepositoryCall, type RepositoryRoute } from './routing.ts'
import { commentShape } from './shapes-pull.ts'
import type { Account, Comment, Issue } from './world.ts'

const read: Need = { permission: ['issues', 'pull_requests'], level: 'read' }
/** Anybody with an account may comment where they may read. */
const write: Need = { permission: ['issues', 'pull_requests'], level: 'write', role: 'read' }

function issueOf(call: RepositoryCall): Issue {
  const issue = call.repository.issues.get(numberParam(call, 'number'))
  if (issue === undefined) throw new ApiError(404, 'Not Found')
  return issue
}

function commentOf(call: RepositoryCall): Comment {
  const comment = findComment(call.repository, numberParam(call, 'id'))
  if (comment === undefined) throw new ApiError(404, 'Not Found')
  return comment
}

function sinceOf(call: RepositoryCall): number {
  const since = call.query.get('since')
  if (since === null) return Number.NEGATIVE_INFINITY
  const at = Date.parse(since)
  if (Number.isNaN(at))
    throw new ApiError(422, 'Validation Failed', [{ resource: 'IssueComment', field: 'since', code: 'invalid' }])
  return at
}

/** Times have whole seconds for clients, so `since` compares whole seconds. */
const isSince = (comment: Comment, since: number) => Math.floor(comment.updatedAt / 1000) * 1000 >= since

function list(call: RepositoryCall, comments: readonly Comment[]): Reply {
  const since = sinceOf(call)
  const shapes = lagging(
    call.world,
    comments.filter((comment) => isSince(comment, since)),
    (comment) => commentShape(call.world, comment),
  )
  return paged(call, shapes, (shape) => shape())
}

function listAll(call: RepositoryCall): Reply {
  const comments = [...call.repository.issues.values()].flatMap((issue) => issue.comments)
  const [sort, direction] = [call.query.get('sort'), call.query.get('direction')]
  comments.sort(
    (a, b) =>
      (sort === 'updated' ? a.updatedAt - b.updatedAt : sort === 'created' ? a.createdAt - b.createdAt : 0) ||
      a.id - b.id,
  )
  // Without `sort` the direction is ignored.
  if (sort !== null && direction === 'desc') comments.reverse()
  return list(call, comments)
}

function writer(call: RepositoryCall): Account {
  if (call.actor.kind === 'installation') return call.actor.installation.app.bot
  if (call.actor.kind === 'user') return call.actor.account
  throw new ApiError(401, 'Requires authentication')
}

function create(call: RepositoryCall): Reply {
  const app = call.actor.kind === 'installation' ? call.actor.installation.app : null
  const comment = addComment(call.world, issueOf(call), writer(call), call.body.body, app)
  return { status: 201, json: commentShape(call.world, comment) }
}

/** An App or a person changes own comments; who may write to the repository changes others'. */
function mayChange(call: RepositoryCall, comment: Comment): Account {
  const account = writer(call)
  const isAllowed =
    comment.author === account || (call.actor.kind === 'user' && hasRole(call.repository, account, 'write'))
  if (!isAllowed) throw new ApiError(403, 'Resource not accessible by integration')
  return account
}

function update(call: RepositoryCall): Reply {
  const comment = commentOf(call)
  changeComment(call.world, comment, mayChange(call, comment), call.body.body)
  return { json: commentShape(call.world, comment) }
}

function remove(call: RepositoryCall): Reply {
  const comment = commentOf(call)
  removeComment(call.world, comment, mayChange(call, comment))
  return { status: 204 }
}

/** Routes of comments. */
export const commentRoutes: readonly RepositoryRoute[] = [
  { method: 'GET', pattern: '/issues/:number/comments', need: read, run: (call) => list(call, issueOf(call).comments) },
  { method: 'POST', pattern: '/issues/:number/comments', need: write, run: create },
  { method: 'GET', pattern: '/issues/comments', need: read, run: listAll },
  {
    method: 'GET',
    pattern: '/issues/comments/:id',
    need: read,
    run: (call) => ({ json: commentShape(call.world, commentOf(call)) }),
  },
  { method: 'PATCH', pattern: '/issues/comments/:id', need: write, run: update },
  { method: 'DELETE', pattern: '/issues/comments/:id', need: write, run: remove },
]
