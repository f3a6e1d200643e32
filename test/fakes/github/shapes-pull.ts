/** The REST shapes of pull requests, their files, issues and comments. */
import { attribute, roleIn } from './accounts.ts'
import { commitsBetween, mergeBase } from './git-history.ts'
import { changedRun, splitLines } from './git-merge.ts'
import { EMPTY_TREE, type ObjectStore } from './git-objects.ts'
import { compareTrees } from './git-trees.ts'
import { requiredChecks, unmetCheck } from './rulesets.ts'
import { accountOrNull, accountShape, appShape, nodeId, repositoryShape } from './shapes.ts'
import {
  type Account,
  branchTip,
  type Comment,
  fullName,
  type Issue,
  iso,
  isoOrNull,
  type Json,
  type Label,
  type Pull,
  type Repository,
  type Review,
  type World,
} from './world.ts'

/** A changed file as the forge lists it: no modes, no old blob id. */
export type ChangedFile = {
  filename: string
  previous: string | null
  status: 'added' | 'removed' | 'modified' | 'renamed' | 'changed'
  sha: string
  additions: number
  deletions: number
  patch: string | null
}

const fileCache = new WeakMap<ObjectStore, Map<string, ChangedFile[]>>()

/** Files that differ between two trees; equal or nearly equal content that moved is a rename. */
export function changedFiles(store: ObjectStore, before: string, after: string): ChangedFile[] {
  const cache = fileCache.get(store) ?? new Map<string, ChangedFile[]>()
  fileCache.set(store, cache)
  const cached = cache.get(`${before}:${after}`)
  if (cached !== undefined) return cached
  const changes = compareTrees(store, before, after)
  const removed = changes.filter((change) => change.after === null)
  const moved = new Map<string, string>()
  const taken = new Set<string>()
  for (const change of changes) {
    if (change.before !== null || change.after === null) continue
    const id = change.after.id
    const source =
      removed.find((other) => !taken.has(other.path) && other.before?.id === id) ??
      (removed.length <= 50
        ? removed.find((other) => !taken.has(other.path) && similar(store, other.before?.id, id))
        : undefined)
    if (source === undefined) continue
    taken.add(source.path)
    moved.set(change.path, source.path)
  }
  const files: ChangedFile[] = []
  for (const change of changes) {
    if (change.after === null && taken.has(change.path)) continue
    const previous = moved.get(change.path) ?? null
    const old = previous === null ? change.before : (removed.find((other) => other.path === previous)?.before ?? null)
    const status =
      previous !== null
        ? 'renamed'
        : change.before === null
          ? 'added'
          : change.after === null
            ? 'removed'
            : change.before.id === change.after.id
              ? 'changed'
              : 'modified'
    const sha = (change.after ?? change.before)?.id ?? ''
    files.push({ filename: change.path, previous, status, sha, ...textChange(store, old, change.after) })
  }
  if (cache.size > 200) cache.clear()
  cache.set(`${before}:${after}`, files)
  return files
}

const textOf = (store: ObjectStore, id: string | undefined): string | null => {
  if (id === undefined || store.typeOf(id) !== 'blob') return ''
  const bytes = store.blob(id)
  return bytes.subarray(0, 8000).includes(0) ? null : bytes.toString()
}

function similar(store: ObjectStore, a: string | undefined, b: string): boolean {
  const [left, right] = [textOf(store, a), textOf(store, b)]
  if (left === null || right === null || left === '' || right === '') return false
  const lines = new Set(splitLines(left))
  const after = splitLines(right)
  return after.filter((line) => lines.has(line)).length * 2 > Math.max(lines.size, after.length)
}

function textChange(store: ObjectStore, before: { id: string } | null, after: { id: string } | null) {
  const [old, now] = [textOf(store, before?.id), textOf(store, after?.id)]
  if (old === null || now === null || old === now) return { additions: 0, deletions: 0, patch: null }
  const [a, b] = [splitLines(old), splitLines(now)]
  const { start, beforeEnd, afterEnd } = changedRun(a, b)
  const [deletions, additions] = [beforeEnd - start, afterEnd - start]
  if (deletions + additions > 3000) return { additions, deletions, patch: null }
  const line = (sign: string) => (text: string) => `${sign}${text.replace(/\n$/, '')}`
  const head = `@@ -${deletions === 0 ? start : start + 1},${deletions} +${additions === 0 ? start : start + 1},${additions} @@`
  return {
    additions,
    deletions,
    patch: [head, ...a.slice(start, beforeEnd).map(line('-')), ...b.slice(start, afterEnd).map(line('+'))].join('\n'),
  }
}

/** One entry of a file list. */
export function fileShape(world: World, repository: Repository, head: string, file: ChangedFile): Json {
  const path = file.filename.split('/').map(encodeURIComponent).join('/')
  const shape: Json = {
    sha: file.sha,
    filename: file.filename,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${world.url}/${fullName(repository)}/blob/${head}/${path}`,
    raw_url: `${world.url}/${fullName(repository)}/raw/${head}/${path}`,
    contents_url: `${world.url}/repos/${fullName(repository)}/contents/${path}?ref=${head}`,
  }
  if (file.patch !== null) shape.patch = file.patch
  if (file.previous !== null) shape.previous_filename = file.previous
  return shape
}

/** Commits of a pull request, oldest first. */
export const pullCommits = (pull: Pull) => commitsBetween(pull.issue.repository.store, pull.baseSha, pull.headSha)

/** Files of a pull request, uncapped. */
export function pullFiles(pull: Pull): ChangedFile[] {
  const { store } = pull.issue.repository
  const start = mergeBase(store, pull.baseSha, pull.headSha)
  return changedFiles(store, start === null ? EMPTY_TREE : store.commit(start).tree, store.commit(pull.headSha).tree)
}

/** How the author stands to the repository. */
function associationOf(world: World, repository: Repository, account: Account): string {
  if (repository.owner === account) return 'OWNER'
  const role = roleIn(repository, account)
  if (role !== null) return repository.owner.type === 'Organization' ? 'MEMBER' : 'COLLABORATOR'
  const tip = branchTip(repository, repository.defaultBranch)
  const first = tip === undefined ? undefined : repository.store.commit(tip)
  return first !== undefined && attribute(world, first.author.email) === account ? 'CONTRIBUTOR' : 'NONE'
}

/** A label. */
export const labelShape = (world: World, repository: Repository, label: Label): Json => ({
  id: label.id,
  node_id: nodeId('LA', label.id),
  url: `${world.url}/repos/${fullName(repository)}/labels/${encodeURIComponent(label.name)}`,
  name: label.name,
  color: 'd73a4a',
  default: false,
  description: null,
})

const isBlocked = (pull: Pull) =>
  requiredChecks(pull.issue.repository, pull.baseRef).some(
    (check) => unmetCheck(pull.issue.repository, pull.headSha, check) !== null,
  )

/** A pull request; `full` adds what only the single-object endpoint and webhooks carry. */
export function pullShape(world: World, pull: Pull, full: boolean): Json {
  const { issue } = pull
  const { repository } = issue
  const api = `${world.url}/repos/${fullName(repository)}`
  const url = `${api}/pulls/${issue.number}`
  const html = `${world.url}/${fullName(repository)}/pull/${issue.number}`
  const end = (repo: Repository, ref: string, sha: string): Json => ({
    label: `${repo.owner.login}:${ref}`,
    ref,
    sha,
    user: accountShape(world, repo.owner),
    repo: repositoryShape(world, repo),
  })
  const shape: Json = {
    url,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: `${api}/issues/${issue.number}`,
    number: issue.number,
    state: issue.state,
    locked: false,
    title: issue.title,
    user: accountShape(world, issue.author),
    body: issue.body,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closedAt),
    merged_at: isoOrNull(pull.mergedAt),
    merge_commit_sha: pull.mergeCommitSha ?? pull.mergeability.mergeSha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: issue.labels.map((label) => labelShape(world, repository, label)),
    milestone: null,
    draft: pull.draft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${api}/pulls/comments{/number}`,
    comments_url: `${api}/issues/${issue.number}/comments`,
    statuses_url: `${api}/statuses/${pull.headSha}`,
    head: end(pull.headRepository, pull.headRef, pull.headSha),
    base: end(repository, pull.baseRef, pull.baseSha),
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: `${api}/issues/${issue.number}` },
      comments: { href: `${api}/issues/${issue.number}/comments` },
      review_comments: { href: `${url}/comments` },
      review_comment: { href: `${api}/pulls/comments{/number}` },
      commits: { href: `${url}/commits` },
      statuses: { href: `${api}/statuses/${pull.headSha}` },
    },
    author_association: associationOf(world, repository, issue.author),
    auto_merge: null,
    active_lock_reason: null,
  }
  if (!full) return shape
  const files = pullFiles(pull)
  const known = pull.mergeability.result
  const merged = pull.mergedAt !== null
  return Object.assign(shape, {
    merged,
    mergeable: merged ? null : known,
    rebaseable: merged ? null : known,
    mergeable_state:
      merged || known === null
        ? 'unknown'
        : known
          ? pull.draft
            ? 'draft'
            : isBlocked(pull)
              ? 'blocked'
              : 'clean'
          : 'dirty',
    merged_by: accountOrNull(world, pull.mergedBy),
    comments: issue.comments.length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: pullCommits(pull).length,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
    changed_files: files.length,
  })
}

const reactions = (url: string) => ({
  url: `${url}/reactions`,
  total_count: 0,
  '+1': 0,
  '-1': 0,
  laugh: 0,
  hooray: 0,
  confused: 0,
  heart: 0,
  rocket: 0,
  eyes: 0,
})

/** An issue; one that is a pull request says so. */
export function issueShape(world: World, issue: Issue): Json {
  const { repository } = issue
  const api = `${world.url}/repos/${fullName(repository)}`
  const url = `${api}/issues/${issue.number}`
  const html = `${world.url}/${fullName(repository)}/${issue.pull === null ? 'issues' : 'pull'}/${issue.number}`
  const shape: Json = {
    url,
    repository_url: api,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: html,
    id: issue.id,
    node_id: nodeId('I', issue.id),
    number: issue.number,
    title: issue.title,
    user: accountShape(world, issue.author),
    labels: issue.labels.map((label) => labelShape(world, repository, label)),
    state: issue.state,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: issue.comments.length,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closedAt),
    author_association: associationOf(world, repository, issue.author),
    active_lock_reason: null,
    body: issue.body,
    reactions: reactions(url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: null,
  }
  if (issue.pull !== null) {
    shape.draft = issue.pull.draft
    shape.pull_request = {
      url: `${api}/pulls/${issue.number}`,
      html_url: html,
      diff_url: `${html}.diff`,
      patch_url: `${html}.patch`,
      merged_at: isoOrNull(issue.pull.mergedAt),
    }
  }
  return shape
}

/** A comment. */
export function commentShape(world: World, comment: Comment): Json {
  const { issue } = comment
  const { repository } = issue
  const url = `${world.url}/repos/${fullName(repository)}/issues/comments/${comment.id}`
  return {
    url,
    html_url: `${world.url}/${fullName(repository)}/${issue.pull === null ? 'issues' : 'pull'}/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${world.url}/repos/${fullName(repository)}/issues/${issue.number}`,
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: accountShape(world, comment.author),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: comment.viaApp === null ? associationOf(world, repository, comment.author) : 'NONE',
    body: comment.body,
    reactions: reactions(url),
    performed_via_github_app: comment.viaApp === null ? null : appShape(world, comment.viaApp),
  }
}

/** A review. */
export const reviewShape = (world: World, pull: Pull, review: Review): Json => ({
  id: review.id,
  node_id: nodeId('PRR', review.id),
  user: accountShape(world, review.author),
  body: review.body,
  commit_id: review.commitId,
  submitted_at: iso(review.at),
  state: review.state,
  html_url: `${world.url}/${fullName(pull.issue.repository)}/pull/${pull.issue.number}#pullrequestreview-${review.id}`,
  pull_request_url: `${world.url}/repos/${fullName(pull.issue.repository)}/pulls/${pull.issue.number}`,
  author_association: associationOf(world, pull.issue.repository, review.author),
  _links: { html: { href: '' }, pull_request: { href: '' } },
})
