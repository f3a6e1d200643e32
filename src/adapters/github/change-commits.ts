import {
  type AccountId,
  type Attribution,
  coAuthorAddresses,
  type CommitFacts,
  type CommitId,
  type Instant,
  type JsonObject,
  type TreeId,
} from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Clock, ForgeRepository } from '../../flows/ports.ts'
import { objectOf, objectsOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import { byEmail, bySignature, byTrailer, committerOf, type Person } from './attribution.ts'
import type { Call, Client } from './call.ts'
import { pageSize, readPages } from './pages.ts'
import { booleanAt, commitAt, gitIdAt, idAt, listAt, objectAt, optionalObjectAt, textAt } from './payload-fields.ts'

/** Commits of a pull request, oldest first, and the tree of its head where the listing told it. */
export interface ChangeCommits {
  readonly commits: readonly CommitFacts[]
  readonly headTree: TreeId | null
}

/** What identifies the listing that is wanted. */
export interface CommitsWanted {
  readonly repository: ForgeRepository
  /** Name as the forge tells it now. */
  readonly name: string
  readonly number: number
  readonly head: CommitId
  /** How many the forge says there are. */
  readonly count: number
}

/** The forge lists no more commits of a pull request than this. */
export const maxCommits = 250
const maxAuthors = 50
const maxMessage = 1_000_000
/** How long a forge without GraphQL is not asked again. */
const absentForMs = 10 * 60_000

/** Thrown when the pull request moved while it was read; the reader starts over. */
export class ChangeMoved extends Error {
  override name = 'ChangeMoved'
}

const query = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $number) {
      headRefOid
      commits(first: ${pageSize}, after: $after) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          commit {
            oid
            tree { oid }
            author { email user { databaseId } }
            committer { email user { databaseId login } }
            authors(first: ${maxAuthors}) { totalCount nodes { email user { databaseId } } }
            signature { isValid wasSignedByGitHub signer { databaseId } }
          }
        }
      }
    }
  }
}`

const incomplete = (reason: string) =>
  new AppError('forge-incomplete', "the forge does not list all of the change's commits", { data: { reason } })

/** @throws FieldFault */
function personOf(from: JsonObject | null, field: string): Person {
  if (from === null) return { email: '', account: null }
  const user = optionalObjectAt(from, 'user', `${field}.user`)
  const email = typeof from.email === 'string' ? from.email : ''
  return { email, account: user === null ? null : (idAt(user, 'databaseId', `${field}.databaseId`) as AccountId) }
}

/** @throws FieldFault */
function factsOfNode(node: JsonObject): { facts: CommitFacts; tree: TreeId } {
  const commit = objectAt(node, 'commit', 'commit')
  const author = personOf(optionalObjectAt(commit, 'author', 'commit.author'), 'commit.author')
  const committerActor = optionalObjectAt(commit, 'committer', 'commit.committer')
  const committer = personOf(committerActor, 'commit.committer')
  const login = committerActor === null ? null : optionalObjectAt(committerActor, 'user', 'user')?.login
  const authors = objectAt(commit, 'authors', 'commit.authors')
  const people = objectsOf(listAt(authors, 'nodes', 'authors.nodes'), 'authors.nodes')
  if (idAt(authors, 'totalCount', 'authors.totalCount') > people.length) throw incomplete('co-authors')
  const signed = optionalObjectAt(commit, 'signature', 'commit.signature')
  const isValid = signed !== null && booleanAt(signed, 'isValid', 'signature.isValid')
  const isForge = isValid && booleanAt(signed, 'wasSignedByGitHub', 'signature.wasSignedByGitHub')
  const signerOf = isValid && !isForge ? optionalObjectAt(signed, 'signer', 'signature.signer') : null
  const signer = signerOf === null ? null : (idAt(signerOf, 'databaseId', 'signer.databaseId') as AccountId)
  return {
    tree: gitIdAt(objectAt(commit, 'tree', 'commit.tree'), 'oid', 'commit.tree.oid') as TreeId,
    facts: {
      sha: commitAt(commit, 'oid', 'commit.oid'),
      author: bySignature(author, signer),
      committer: committerOf(committer, login === 'web-flow', isValid ? { signer, isForge } : null),
      // The git author always comes first; who follows is named by trailers only.
      coAuthors: people.slice(1).map((one) => byTrailer(personOf(one, 'authors'))),
    },
  }
}

/** Through GraphQL, 100 commits a request. @throws AppError, ChangeMoved */
async function readByGraphql(client: Client, wanted: CommitsWanted): Promise<ChangeCommits> {
  const { repository, number, head } = wanted
  const [owner = '', name = ''] = wanted.name.split('/')
  const commits: CommitFacts[] = []
  let headTree: TreeId | null = null
  let after: string | null = null
  for (;;) {
    const { json } = await client.call({
      as: { kind: 'installation', id: repository.installation },
      kind: 'read',
      method: 'POST',
      path: 'graphql',
      body: { query, variables: { owner, name, number, after } },
    })
    const next: string | null = reading(() => {
      const answer = objectOf(json, 'graphql')
      if (answer.errors !== undefined) throw new AppError('forge-unavailable', 'GraphQL answers with errors')
      const found = objectAt(objectAt(answer, 'data', 'data'), 'repository', 'repository')
      // A name may have changed hands; the number may not.
      if (found.databaseId !== repository.id)
        throw new AppError('forge-unavailable', 'GraphQL knows another repository')
      const pull = objectAt(found, 'pullRequest', 'pullRequest')
      if (gitIdAt(pull, 'headRefOid', 'headRefOid') !== head) throw new ChangeMoved()
      const list = objectAt(pull, 'commits', 'commits')
      for (const node of objectsOf(listAt(list, 'nodes', 'commits.nodes'), 'commits.nodes')) {
        const { facts, tree } = factsOfNode(node)
        if (facts.sha === head) headTree = tree
        commits.push(facts)
      }
      const info = objectAt(list, 'pageInfo', 'pageInfo')
      return booleanAt(info, 'hasNextPage', 'hasNextPage') ? textAt(info, 'endCursor', 'endCursor', 1024) : null
    })
    if (next === null) return { commits, headTree }
    if (commits.length > maxCommits) throw incomplete('commits')
    after = next
  }
}

/** @throws FieldFault */
function factsOfRow(row: JsonObject): { facts: CommitFacts; tree: TreeId } {
  const commit = objectAt(row, 'commit', 'commit')
  const role = (key: 'author' | 'committer'): Person & { readonly login: unknown } => {
    const written = optionalObjectAt(commit, key, `commit.${key}`)
    const account = optionalObjectAt(row, key, key)
    // An address that the forge maps to nobody is null or an empty object.
    const id = account === null || account.id === undefined ? null : (idAt(account, 'id', `${key}.id`) as AccountId)
    return { email: typeof written?.email === 'string' ? written.email : '', account: id, login: account?.login }
  }
  const author = role('author')
  const committer = role('committer')
  const verification = optionalObjectAt(commit, 'verification', 'verification')
  const isForge = verification?.verified === true && committer.login === 'web-flow'
  const message = textAt(commit, 'message', 'commit.message', maxMessage)
  const coAuthors: Attribution[] = coAuthorAddresses(message, author.email).map((email) =>
    byTrailer({ email, account: null }),
  )
  return {
    tree: gitIdAt(objectAt(commit, 'tree', 'commit.tree'), 'sha', 'commit.tree.sha') as TreeId,
    facts: {
      sha: commitAt(row, 'sha', 'sha'),
      author: byEmail(author),
      // REST says that a signature verifies, not whose it is.
      committer: committerOf(committer, committer.login === 'web-flow', isForge ? { signer: null, isForge } : null),
      coAuthors,
    },
  }
}

/** Through REST, with trailers read here. @throws AppError */
async function readByRest(client: Client, { repository, number, head }: CommitsWanted): Promise<ChangeCommits> {
  const commits: CommitFacts[] = []
  let headTree: TreeId | null = null
  const call: Call = {
    as: { kind: 'installation', id: repository.installation },
    kind: 'read',
    path: path`/repositories/${repository.id}/pulls/${number}/commits`,
  }
  await readPages(client, call, Math.ceil(maxCommits / pageSize), ({ json }) => {
    reading(() => {
      for (const row of objectsOf(json, 'commits')) {
        const { facts, tree } = factsOfRow(row)
        if (facts.sha === head) headTree = tree
        commits.push(facts)
      }
    })
    return true
  })
  return { commits, headTree }
}

/** Reads who wrote the commits of a pull request. */
export interface CommitsReader {
  read(wanted: CommitsWanted): Promise<ChangeCommits>
}

/**
 * Makes a reader that prefers GraphQL, which knows co-authors and signers, and does without where it is missing.
 *
 * Errs: never returns a part: a list that is shorter than the forge's own count throws `forge-incomplete` (T27).
 */
export function createCommitsReader(client: Client, clock: Clock): CommitsReader {
  let absentUntil: Instant | null = null
  async function readAny(wanted: CommitsWanted): Promise<ChangeCommits> {
    if (absentUntil === null || clock.now() >= absentUntil) {
      try {
        return await readByGraphql(client, wanted)
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'forge-incomplete' || error.code === 'forge-suspended') {
          throw error
        }
        if (error.code === 'forge-not-found') absentUntil = (clock.now() + absentForMs) as Instant
      }
    }
    return readByRest(client, wanted)
  }
  return {
    async read(wanted) {
      if (wanted.count > maxCommits) throw incomplete('commits')
      const found = await readAny(wanted)
      const listed = new Set(found.commits.map((commit) => commit.sha))
      if (found.commits.length !== wanted.count || listed.size !== wanted.count) throw incomplete('commits')
      if (wanted.count > 0 && !listed.has(wanted.head)) throw incomplete('commits')
      return found
    },
  }
}
