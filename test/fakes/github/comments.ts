/** Comments on issues and pull requests. */
import { ApiError } from './apps-auth.ts'
import { accountShape } from './shapes.ts'
import { commentShape, issueShape } from './shapes-pull.ts'
import type { Account, App, Comment, Issue, Json, Repository, World } from './world.ts'

function tell(
  world: World,
  comment: Comment,
  action: 'created' | 'edited' | 'deleted',
  by: Account,
  more: Json = {},
): void {
  const payload = {
    action,
    ...more,
    issue: issueShape(world, comment.issue),
    comment: commentShape(world, comment),
    sender: accountShape(world, by),
  }
  world.emit('issue_comment', payload, comment.issue.repository)
}

function checkBody(body: unknown): asserts body is string {
  if (typeof body !== 'string' || body.trim() === '')
    throw new ApiError(422, 'Validation Failed', [{ resource: 'IssueComment', code: 'missing_field', field: 'body' }])
  if (body.length > 65_536)
    throw new ApiError(422, 'Validation Failed', [
      {
        resource: 'IssueComment',
        code: 'unprocessable',
        field: 'data',
        message: 'Body is too long (maximum is 65536 characters)',
      },
    ])
}

/** Writes a comment and sends `created`, to the App that wrote it as well. @throws ApiError 422 */
export function addComment(
  world: World,
  issue: Issue,
  author: Account,
  body: unknown,
  viaApp: App | null = null,
): Comment {
  checkBody(body)
  const now = world.clock.now()
  const comment: Comment = { id: world.nextId(), issue, author, viaApp, body, createdAt: now, updatedAt: now }
  world.lag.note(comment, null)
  issue.comments.push(comment)
  issue.updatedAt = now
  tell(world, comment, 'created', author)
  return comment
}

/** Changes a comment's text and sends `edited` with what it was. */
export function changeComment(world: World, comment: Comment, by: Account, body: unknown): void {
  checkBody(body)
  world.lag.note(comment, commentShape(world, comment))
  const from = comment.body
  comment.body = body
  comment.updatedAt = world.clock.now()
  tell(world, comment, 'edited', by, { changes: { body: { from } } })
}

/** Removes a comment and sends `deleted`. */
export function removeComment(world: World, comment: Comment, by: Account): void {
  comment.issue.comments = comment.issue.comments.filter((one) => one !== comment)
  tell(world, comment, 'deleted', by)
}

/** The comment with this id in the repository, or undefined. */
export function findComment(repository: Repository, id: number): Comment | undefined {
  for (const issue of repository.issues.values()) {
    const found = issue.comments.find((comment) => comment.id === id)
    if (found !== undefined) return found
  }
  return undefined
}
