/** `POST /graphql` for what REST does not tell: who wrote the commits of a pull request, co-authors included. */
import { attribute } from './accounts.ts'
import { ApiError, authorize } from './apps-auth.ts'
import type { GitCommit, GitPerson } from './git-objects.ts'
import { parseQuery, project, type Source } from './graphql-query.ts'
import type { Call, Reply } from './routing.ts'
import { pullCommits } from './shapes-pull.ts'
import { type Account, iso, type Json, type World } from './world.ts'

const user = (account: Account | null): Source | null =>
  account === null || account.type !== 'User'
    ? null
    : { __typename: 'User', databaseId: account.id, login: account.login, id: `U_${account.id}` }

const gitActor = (world: World, person: GitPerson): Source => ({
  name: person.name,
  email: person.email,
  date: iso(person.at),
  user: user(attribute(world, person.email)),
})

/** The author and everybody that a `Co-authored-by` trailer names, each address once. */
function authorsOf(world: World, commit: GitCommit): Source[] {
  const people = new Map<string, GitPerson>([[commit.author.email.toLowerCase(), commit.author]])
  for (const match of commit.message.matchAll(/^co-authored-by:\s*(.+?)\s*<([^<>]+)>\s*$/gim)) {
    const [, name = '', email = ''] = match
    if (!people.has(email.toLowerCase())) people.set(email.toLowerCase(), { name, email, at: commit.author.at })
  }
  return [...people.values()].map((person) => gitActor(world, person))
}

function connection<T>(rows: readonly T[], args: Json, render: (row: T) => Source): Source {
  const first = typeof args.first === 'number' ? args.first : typeof args.last === 'number' ? args.last : null
  if (first === null) throw new Error('You must provide a `first` or `last` value to properly paginate the connection.')
  if (first < 1 || first > 100)
    throw new Error(`Requesting ${first} records exceeds the \`first\` limit of 100 records.`)
  const after = typeof args.after === 'string' ? Number(Buffer.from(args.after, 'base64url').toString()) : 0
  const start = typeof args.last === 'number' ? Math.max(0, rows.length - first) : after
  const page = rows.slice(start, start + first)
  const end = start + page.length
  const cursor = (position: number) => Buffer.from(String(position)).toString('base64url')
  const pageInfo = {
    hasNextPage: end < rows.length,
    hasPreviousPage: start > 0,
    endCursor: page.length === 0 ? null : cursor(end),
    startCursor: page.length === 0 ? null : cursor(start + 1),
  }
  return { totalCount: rows.length, pageInfo, nodes: page.map(render) }
}

function commitSource(world: World, commit: GitCommit): Source {
  const signature =
    commit.signature === null
      ? null
      : {
          isValid: commit.verified,
          state: commit.verified ? 'VALID' : 'UNKNOWN_KEY',
          wasSignedByGitHub: commit.signer === 'web-flow',
          signer: user(commit.signer === null ? null : (world.byLogin.get(commit.signer.toLowerCase()) ?? null)),
        }
  return {
    oid: commit.id,
    tree: { oid: commit.tree },
    message: commit.message,
    authoredDate: iso(commit.author.at),
    committedDate: iso(commit.committer.at),
    author: gitActor(world, commit.author),
    committer: gitActor(world, commit.committer),
    authors: (args: Json) => connection(authorsOf(world, commit), args, (row) => row),
    parents: (args: Json) => connection(commit.parents, args, (oid) => ({ oid })),
    signature,
  }
}

/** Answers a query; `settings.graphql = false` makes the endpoint disappear, as on a host without it. */
export function graphql(call: Call): Reply {
  const { world, actor, body } = call
  if (!world.settings.graphql) throw new ApiError(404, 'Not Found')
  if (actor.kind === 'anonymous' || actor.kind === 'app')
    throw new ApiError(401, 'This endpoint requires you to be authenticated.')
  const root: Source = {
    rateLimit: () => ({
      cost: 1,
      limit: world.settings.rateLimit,
      remaining: world.settings.rateLimit,
      resetAt: iso(world.clock.now() + 3_600_000),
    }),
    viewer: () =>
      actor.kind === 'user'
        ? user(actor.account)
        : { login: actor.installation.app.bot.login, databaseId: actor.installation.app.bot.id },
    repository: (args: Json) => {
      const repository = world.byName.get(`${args.owner}/${args.name}`.toLowerCase())
      if (repository === undefined)
        throw new NotThere(`Could not resolve to a Repository with the name '${args.owner}/${args.name}'.`)
      authorize(actor, repository, { permission: ['pull_requests'], level: 'read' })
      return {
        databaseId: repository.id,
        nameWithOwner: `${repository.owner.login}/${repository.name}`,
        pullRequest: (inner: Json) => {
          const pull = repository.issues.get(Number(inner.number))?.pull
          if (pull == null) throw new NotThere(`Could not resolve to a PullRequest with the number of ${inner.number}.`)
          return {
            number: pull.issue.number,
            databaseId: pull.id,
            headRefOid: pull.headSha,
            baseRefOid: pull.baseSha,
            author: user(pull.issue.author),
            commits: (page: Json) =>
              connection(pullCommits(pull), page, (commit) => ({ commit: commitSource(world, commit) })),
          }
        },
      }
    },
  }
  try {
    const variables = typeof body.variables === 'object' && body.variables !== null ? (body.variables as Json) : {}
    return { json: { data: project(root, parseQuery(String(body.query ?? ''), variables)) } }
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) throw error
    // GraphQL answers its errors with 200.
    const message = error instanceof Error ? error.message : String(error)
    const type =
      error instanceof NotThere || error instanceof ApiError
        ? { type: error instanceof ApiError && error.status === 403 ? 'FORBIDDEN' : 'NOT_FOUND' }
        : {}
    return { json: { data: null, errors: [{ ...type, message }] } }
  }
}

class NotThere extends Error {}
