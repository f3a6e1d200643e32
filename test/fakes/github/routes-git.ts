/** Routes that read git: trees, commits, blobs, contents, comparisons. */
import { ApiError, type Need } from './apps-auth.ts'
import { commitsBetween, mergeBase } from './git-history.ts'
import { EMPTY_TREE, type GitCommit } from './git-objects.ts'
import { entryAt, listTree } from './git-trees.ts'
import { commitShape, gitCommitShape, nodeId } from './shapes.ts'
import { changedFiles, fileShape } from './shapes-pull.ts'
import { linkHeader, pageOf, type Reply, type RepositoryCall, type RepositoryRoute } from './routing.ts'
import { branchTip, fullName, type Json, type Repository } from './world.ts'

const contents: Need = { permission: ['contents'], level: 'read' }

/** The commit that a branch name, a full ref or an id means, or undefined. */
export function resolveCommit(repository: Repository, name: string): GitCommit | undefined {
  const named =
    branchTip(repository, name) ??
    repository.refs.get(name) ??
    repository.refs.get(`refs/${name}`) ??
    (name === 'HEAD' ? branchTip(repository, repository.defaultBranch) : undefined)
  if (named !== undefined) return repository.store.commit(named)
  return /^[0-9a-f]{7,40}$/.test(name) ? repository.store.findCommit(name) : undefined
}

/** The same, with GitHub's answer when there is none. @throws ApiError 422 */
export function commitOf(repository: Repository, name: string): GitCommit {
  const commit = resolveCommit(repository, name)
  if (commit === undefined)
    throw new ApiError(/^[0-9a-f]{40}$/.test(name) ? 422 : 404, `No commit found for SHA: ${name}`)
  return commit
}

function showTree(call: RepositoryCall): Reply {
  const { world, repository } = call
  const { store } = repository
  const name = call.params.sha ?? ''
  const tree = store.typeOf(name) === 'tree' ? name : resolveCommit(repository, name)?.tree
  if (tree === undefined) throw new ApiError(404, 'Not Found')
  const url = `${world.url}/repos/${fullName(repository)}/git`
  const all = call.query.has('recursive')
    ? listTree(store, tree, true)
    : store.tree(tree).map((entry) => ({ path: entry.name, mode: entry.mode, id: entry.id }))
  const limit = call.query.has('recursive') ? world.settings.treeLimit : Number.POSITIVE_INFINITY
  const rows = all.slice(0, limit).map(({ path, mode, id }) => {
    const type = mode === '40000' ? 'tree' : mode === '160000' ? 'commit' : 'blob'
    const row: Json = { path, mode: mode.padStart(6, '0'), type, sha: id }
    if (type === 'blob') row.size = store.blob(id).length
    if (type !== 'commit') row.url = `${url}/${type}s/${id}`
    return row
  })
  return { json: { sha: tree, url: `${url}/trees/${tree}`, tree: rows, truncated: all.length > limit } }
}

function showBlob(call: RepositoryCall): Reply {
  const id = call.params.sha ?? ''
  if (call.repository.store.typeOf(id) !== 'blob') throw new ApiError(404, 'Not Found')
  const bytes = call.repository.store.blob(id)
  if (isRaw(call)) return raw(bytes)
  return {
    json: {
      sha: id,
      node_id: nodeId('B', id),
      size: bytes.length,
      url: `${call.world.url}/repos/${fullName(call.repository)}/git/blobs/${id}`,
      content: wrapped(bytes),
      encoding: 'base64',
    },
  }
}

const isRaw = (call: RepositoryCall) => /application\/vnd\.github\.(v3\.)?raw/.test(call.headers.accept ?? '')
const raw = (bytes: Buffer): Reply => ({
  raw: bytes,
  headers: { 'content-type': 'application/vnd.github.raw; charset=utf-8' },
})
const wrapped = (bytes: Buffer) => bytes.toString('base64').replace(/.{60}/g, '$&\n') + (bytes.length > 0 ? '\n' : '')

function showGitCommit(call: RepositoryCall): Reply {
  const commit = /^[0-9a-f]{40}$/.test(call.params.sha ?? '')
    ? call.repository.store.findCommit(call.params.sha ?? '')
    : undefined
  if (commit === undefined) throw new ApiError(404, 'Not Found')
  return { json: gitCommitShape(call.world, call.repository, commit) }
}

function showContents(call: RepositoryCall): Reply {
  const { world, repository } = call
  const { store } = repository
  const ref = call.query.get('ref') ?? repository.defaultBranch
  const commit = resolveCommit(repository, ref)
  if (commit === undefined) throw new ApiError(404, `No commit found for the ref ${ref}`)
  const path = call.params.path ?? ''
  const entry = entryAt(store, commit.tree, path)
  if (entry === null) throw new ApiError(404, 'Not Found')
  const row = (at: string, mode: string, id: string): Json => {
    const url = `${world.url}/repos/${fullName(repository)}/contents/${at}?ref=${encodeURIComponent(ref)}`
    const type = mode === '40000' ? 'dir' : mode === '120000' ? 'symlink' : mode === '160000' ? 'submodule' : 'file'
    const git = `${world.url}/repos/${fullName(repository)}/git/${type === 'dir' ? 'trees' : 'blobs'}/${id}`
    const html = `${world.url}/${fullName(repository)}/blob/${ref}/${at}`
    return {
      name: at.split('/').at(-1),
      path: at,
      sha: id,
      size: type === 'dir' || type === 'submodule' ? 0 : store.blob(id).length,
      url,
      html_url: html,
      git_url: git,
      download_url: type === 'dir' ? null : `${world.url}/raw/${fullName(repository)}/${ref}/${at}`,
      type,
      _links: { self: url, git, html },
    }
  }
  if (entry.mode === '40000') {
    return {
      json: store
        .tree(entry.id)
        .slice(0, 1000)
        .map((child) => row(path === '' ? child.name : `${path}/${child.name}`, child.mode, child.id)),
    }
  }
  const bytes = entry.mode === '160000' ? Buffer.alloc(0) : store.blob(entry.id)
  if (isRaw(call)) return raw(bytes)
  // Above one megabyte the content is left out.
  const isBig = bytes.length > 1_000_000
  return {
    json: {
      ...row(path, entry.mode, entry.id),
      content: isBig ? '' : wrapped(bytes),
      encoding: isBig ? 'none' : 'base64',
    },
  }
}

function showCommit(call: RepositoryCall): Reply {
  const { world, repository } = call
  const commit = commitOf(repository, call.params.ref ?? '')
  if (/application\/vnd\.github\.(v3\.)?sha/.test(call.headers.accept ?? ''))
    return { raw: Buffer.from(commit.id), headers: { 'content-type': 'application/vnd.github.sha' } }
  const parent = commit.parents[0]
  const files = changedFiles(
    repository.store,
    parent === undefined ? EMPTY_TREE : repository.store.commit(parent).tree,
    commit.tree,
  )
  const { page, perPage } = pageOf(call.query, 300, 300)
  const additions = files.reduce((sum, file) => sum + file.additions, 0)
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0)
  const capped = files.slice(0, 3000)
  const rows = capped
    .slice((page - 1) * perPage, page * perPage)
    .map((file) => fileShape(world, repository, commit.id, file))
  return {
    json: {
      ...commitShape(world, repository, commit),
      stats: { total: additions + deletions, additions, deletions },
      files: rows,
    },
    headers: linkHeader(call, page, Math.max(1, Math.ceil(capped.length / perPage))),
  }
}

function listCommits(call: RepositoryCall): Reply {
  const { world, repository } = call
  const tip = commitOf(repository, call.query.get('sha') ?? repository.defaultBranch)
  const { page, perPage } = pageOf(call.query)
  const all: GitCommit[] = []
  const seen = new Set<string>([tip.id])
  const queue = [tip]
  while (queue.length > 0 && all.length <= page * perPage) {
    queue.sort((a, b) => b.committer.at - a.committer.at)
    const next = queue.shift()
    if (next === undefined) break
    all.push(next)
    for (const parent of next.parents) {
      if (!seen.has(parent)) queue.push(repository.store.commit(parent))
      seen.add(parent)
    }
  }
  const rows = all.slice((page - 1) * perPage, page * perPage).map((commit) => commitShape(world, repository, commit))
  return { json: rows, headers: linkHeader(call, page, all.length > page * perPage ? page + 1 : page) }
}

function compare(call: RepositoryCall): Reply {
  const { world, repository } = call
  const { store } = repository
  const [left = '', right = ''] = (call.params.range ?? '').split('...')
  const base = commitOf(repository, left.split(':').at(-1) ?? '')
  const head = resolveInNetwork(call, right)
  const start = mergeBase(store, base.id, head.id)
  if (start === null) throw new ApiError(404, `No common ancestor between ${left} and ${right}.`)
  const ahead = commitsBetween(store, base.id, head.id)
  const behind = commitsBetween(store, head.id, base.id).length
  const files = changedFiles(store, store.commit(start).tree, head.tree)
  const { page, perPage } =
    call.query.has('page') || call.query.has('per_page') ? pageOf(call.query) : { page: 1, perPage: 250 }
  const url = `${world.url}/repos/${fullName(repository)}/compare/${call.params.range}`
  const status = ahead.length === 0 ? (behind === 0 ? 'identical' : 'behind') : behind === 0 ? 'ahead' : 'diverged'
  return {
    json: {
      url,
      html_url: url,
      permalink_url: url,
      base_commit: commitShape(world, repository, base),
      merge_base_commit: commitShape(world, repository, store.commit(start)),
      status,
      ahead_by: ahead.length,
      behind_by: behind,
      total_commits: ahead.length,
      commits: ahead
        .slice((page - 1) * perPage, page * perPage)
        .map((commit) => commitShape(world, repository, commit)),
      // Files come with the first page only, and never more than 300.
      files: page === 1 ? files.slice(0, 300).map((file) => fileShape(world, repository, head.id, file)) : [],
    },
    headers: linkHeader(call, page, Math.max(1, Math.ceil(ahead.length / perPage))),
  }
}

/** `owner:branch` names a branch of that owner's fork. */
function resolveInNetwork(call: RepositoryCall, name: string): GitCommit {
  const [owner, branch] = name.includes(':') ? name.split(':') : [undefined, name]
  if (owner === undefined || branch === undefined) return commitOf(call.repository, name)
  const fork = [...call.world.repositories.values()].find(
    (one) => one.store === call.repository.store && one.owner.login.toLowerCase() === owner.toLowerCase(),
  )
  if (fork === undefined) throw new ApiError(404, 'Not Found')
  return commitOf(fork, branch)
}

/** Routes that read git. */
export const gitRoutes: readonly RepositoryRoute[] = [
  { method: 'GET', pattern: '/git/trees/*sha', need: contents, run: showTree },
  { method: 'GET', pattern: '/git/blobs/:sha', need: contents, run: showBlob },
  { method: 'GET', pattern: '/git/commits/:sha', need: contents, run: showGitCommit },
  { method: 'GET', pattern: '/contents', need: contents, run: showContents },
  { method: 'GET', pattern: '/contents/*path', need: contents, run: showContents },
  { method: 'GET', pattern: '/compare/*range', need: contents, run: compare },
  { method: 'GET', pattern: '/commits', need: contents, run: listCommits },
  { method: 'GET', pattern: '/commits/:ref', need: contents, run: showCommit },
]
