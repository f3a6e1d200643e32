/** Repositories: made, renamed, transferred, pushed to. */
import { accountOf, attribute, gitPersonOf, hasRole } from './accounts.ts'
import { changeSelection, ownerOf } from './apps.ts'
import { covers } from './apps-auth.ts'
import { requestSuites } from './checks.ts'
import { commitsBetween, isAncestor } from './git-history.ts'
import { createObjectStore, EMPTY_TREE, type GitCommit, type GitPerson, NO_OBJECT } from './git-objects.ts'
import { compareTrees, editTree, type PathEntry } from './git-trees.ts'
import { afterPush } from './pulls.ts'
import { pushViolations, RuleViolation } from './rulesets.ts'
import { accountShape } from './shapes.ts'
import { type Account, branchTip, fullName, iso, type Json, type Pull, type Repository, type World } from './world.ts'

/** Content of a path: text, bytes, bytes with a mode, or null to remove it. */
export type FileContent = string | Uint8Array | null | { content: string | Uint8Array; mode: string }

/** Paths and their content. */
export type Files = Record<string, FileContent>

/** A login, or a name with an e-mail address that may belong to nobody. */
export type Who = string | { name: string; email: string }

/** What a commit made through the control API consists of. */
export type CommitInput = {
  files?: Files
  author: Who
  committer?: Who
  message?: string
  /** `true`: verified and signed by the author; or say by whom; a signature that does not verify has `verified: false`. */
  signed?: boolean | { verified: boolean; signer?: string }
  parents?: string[]
  at?: number
}

/** The repository with this `owner/name` or number. @throws when there is none */
export function repositoryOf(world: World, ref: string | number): Repository {
  const found = typeof ref === 'number' ? world.repositories.get(ref) : world.byName.get(ref.toLowerCase())
  if (found === undefined) throw new Error(`no repository ${ref}`)
  return found
}

/** Makes a repository; with files it has one commit on its default branch. Sends `repository` created. */
export function createRepository(
  world: World,
  owner: string,
  name: string,
  options: { private?: boolean; files?: Files; defaultBranch?: string; parent?: Repository; author?: Who } = {},
): Repository {
  const account = ownerOf(world, owner)
  if (world.byName.has(`${owner}/${name}`.toLowerCase())) throw new Error(`repository ${owner}/${name} exists`)
  const now = world.clock.now()
  const repository: Repository = {
    id: world.nextId(),
    owner: account,
    name,
    isPrivate: options.private ?? options.parent?.isPrivate ?? false,
    defaultBranch: options.defaultBranch ?? options.parent?.defaultBranch ?? 'main',
    store: options.parent?.store ?? createObjectStore(),
    refs: new Map(),
    parent: options.parent ?? null,
    collaborators: new Map(),
    issues: new Map(),
    rulesets: new Map(),
    suites: [],
    runs: [],
    runsByHead: new Map(),
    statuses: [],
    labels: new Map(),
    createdAt: now,
    pushedAt: now,
  }
  world.repositories.set(repository.id, repository)
  world.byName.set(fullName(repository).toLowerCase(), repository)
  for (const [ref, id] of options.parent?.refs ?? []) if (ref.startsWith('refs/heads/')) repository.refs.set(ref, id)
  if (options.files !== undefined) {
    const first = makeCommit(world, repository, EMPTY_TREE, {
      files: options.files,
      author: options.author ?? account.login,
      message: 'Initial commit',
      parents: [],
    })
    repository.refs.set(`refs/heads/${repository.defaultBranch}`, first.id)
  }
  world.emit('repository', { action: 'created', sender: accountShape(world, account) }, repository)
  return repository
}

/** Gives the repository another name; the old one redirects until somebody takes it. */
export function renameRepository(world: World, repository: Repository, name: string, by: Account): void {
  const from = repository.name
  move(world, repository, repository.owner, name)
  world.emit(
    'repository',
    { action: 'renamed', changes: { repository: { name: { from } } }, sender: accountShape(world, by) },
    repository,
  )
}

/** Makes the repository private or public. */
export function setPrivate(world: World, repository: Repository, isPrivate: boolean, by: Account): void {
  if (repository.isPrivate === isPrivate) return
  repository.isPrivate = isPrivate
  const action = isPrivate ? 'privatized' : 'publicized'
  world.emit('repository', { action, sender: accountShape(world, by) }, repository)
}

/** Gives the repository to another owner; installations of the old owner no longer reach it. */
export function transferRepository(world: World, repository: Repository, to: string, by: Account): void {
  const old = repository.owner
  const from =
    old.type === 'Organization' ? { organization: accountShape(world, old) } : { user: accountShape(world, old) }
  const leaving = [...world.installations.values()].filter((one) => covers(one, repository))
  move(world, repository, ownerOf(world, to), repository.name)
  for (const installation of leaving) changeSelection(world, installation, [], [repository])
  world.emit(
    'repository',
    { action: 'transferred', changes: { owner: { from } }, sender: accountShape(world, by) },
    repository,
  )
}

function move(world: World, repository: Repository, owner: Account, name: string): void {
  const old = fullName(repository).toLowerCase()
  const next = `${owner.login}/${name}`.toLowerCase()
  if (world.byName.has(next) && next !== old) throw new Error(`repository ${next} exists`)
  world.byName.delete(old)
  world.movedNames.set(old, repository.id)
  world.movedNames.delete(next)
  repository.owner = owner
  repository.name = name
  world.byName.set(next, repository)
}

/** Tree edits for files given as text or bytes. */
function editsOf(repository: Repository, files: Files): Map<string, PathEntry | null> {
  const edits = new Map<string, PathEntry | null>()
  for (const [path, content] of Object.entries(files)) {
    if (content === null) edits.set(path, null)
    else if (typeof content === 'string' || content instanceof Uint8Array)
      edits.set(path, { mode: '100644', id: repository.store.putBlob(content) })
    else
      edits.set(path, {
        mode: content.mode,
        id: content.mode === '160000' ? String(content.content) : repository.store.putBlob(content.content),
      })
  }
  return edits
}

/** The git identity of a login or of a free name and address. */
const personOf = (world: World, who: Who, at: number): GitPerson =>
  typeof who === 'string' ? gitPersonOf(accountOf(world, who), at) : { ...who, at }

/** Makes a commit object on top of a tree; moves no branch. */
export function makeCommit(
  world: World,
  repository: Repository,
  tree: string,
  input: CommitInput & { parents: string[] },
): GitCommit {
  const at = input.at ?? world.clock.now()
  const author = personOf(world, input.author, at)
  const signed = input.signed ?? false
  const signer =
    typeof signed === 'object' ? (signed.signer ?? null) : typeof input.author === 'string' ? input.author : null
  return repository.store.putCommit({
    tree: editTree(repository.store, tree, editsOf(repository, input.files ?? {})),
    parents: input.parents,
    author,
    committer: input.committer === undefined ? author : personOf(world, input.committer, at),
    message: input.message ?? 'Change',
    signature:
      signed === false
        ? null
        : `-----BEGIN PGP SIGNATURE-----\n\n${Buffer.from(`${author.email}:${at}`).toString('base64')}\n-----END PGP SIGNATURE-----`,
    verified: signed === true || (typeof signed === 'object' && signed.verified),
    signer: signed === false ? null : signer,
  })
}

/** How a branch is moved. */
export type PushOptions = { by: Account; force?: boolean; bypass?: boolean; merging?: Pull }

/**
 * Moves a branch (null deletes it) with everything that follows at GitHub: rules, `push`, check suites, pull requests.
 * @throws RuleViolation when an active rule forbids it and the pusher does not bypass as an administrator
 */
export function moveBranch(
  world: World,
  repository: Repository,
  branch: string,
  after: string | null,
  options: PushOptions,
): void {
  const { by, force = false, bypass = false, merging = null } = options
  const before = branchTip(repository, branch)
  if (before === (after ?? undefined)) return
  const isForced = before !== undefined && after !== null && !isAncestor(repository.store, before, after)
  if (isForced && !force)
    throw new RuleViolation([
      'Updates were rejected because the tip of your current branch is behind (non-fast-forward)',
    ])
  if (bypass && !hasRole(repository, by, 'admin')) throw new RuleViolation(['Only an administrator can bypass rules'])
  if (!bypass && merging === null) {
    const violations = pushViolations(repository, branch, before, after)
    if (violations.length > 0) throw new RuleViolation(violations)
  }
  if (after === null) repository.refs.delete(`refs/heads/${branch}`)
  else repository.refs.set(`refs/heads/${branch}`, after)
  repository.pushedAt = world.clock.now()
  world.emit('push', pushPayload(world, repository, branch, before, after, isForced, by), repository)
  if (after !== null) requestSuites(world, repository, after, branch, before ?? null, by)
  afterPush(world, repository, branch, before, after, by, merging)
}

function pushPayload(
  world: World,
  repository: Repository,
  branch: string,
  before: string | undefined,
  after: string | null,
  forced: boolean,
  by: Account,
): Json {
  const home = `${world.url}/${fullName(repository)}`
  const start = before ?? branchTip(repository, repository.defaultBranch)
  const commits =
    after === null
      ? []
      : start === undefined || start === after
        ? []
        : commitsBetween(repository.store, start, after).slice(0, 2048)
  const person = ({ name, email }: GitPerson) => {
    const username = attribute(world, email)?.login
    return username === undefined ? { name, email } : { name, email, username }
  }
  const shape = (commit: GitCommit) => {
    const parent = commit.parents[0]
    const changes = compareTrees(
      repository.store,
      parent === undefined ? EMPTY_TREE : repository.store.commit(parent).tree,
      commit.tree,
    )
    return {
      id: commit.id,
      tree_id: commit.tree,
      distinct: true,
      message: commit.message,
      timestamp: iso(commit.committer.at),
      url: `${home}/commit/${commit.id}`,
      author: person(commit.author),
      committer: person(commit.committer),
      added: changes.filter((change) => change.before === null).map((change) => change.path),
      removed: changes.filter((change) => change.after === null).map((change) => change.path),
      modified: changes
        .filter((change) => change.before !== null && change.after !== null)
        .map((change) => change.path),
    }
  }
  return {
    ref: `refs/heads/${branch}`,
    before: before ?? NO_OBJECT,
    after: after ?? NO_OBJECT,
    created: before === undefined,
    deleted: after === null,
    forced,
    base_ref: null,
    compare: `${home}/compare/${(before ?? NO_OBJECT).slice(0, 12)}...${(after ?? NO_OBJECT).slice(0, 12)}`,
    commits: commits.map(shape),
    head_commit: after === null ? null : shape(repository.store.commit(after)),
    pusher: { name: by.login, email: by.emails[0] ?? null },
    sender: accountShape(world, by),
  }
}
