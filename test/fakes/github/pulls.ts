/** Pull requests: opened, pushed to, retargeted, closed; what a push does to them; the test merge. */
import { isAncestor, mergeBase } from './git-history.ts'
import { mergeTrees } from './git-merge.ts'
import { EMPTY_TREE } from './git-objects.ts'
import { accountShape } from './shapes.ts'
import { labelShape, pullShape, reviewShape } from './shapes-pull.ts'
import {
  type Account,
  branchTip,
  fullName,
  type Issue,
  type Json,
  type Mergeability,
  type Pull,
  type Repository,
  type Review,
  type World,
} from './world.ts'

/** The number that the next issue or pull request gets. */
const nextNumber = (repository: Repository) => repository.issues.size + 1

/** Makes an issue; no event is sent for plain issues. */
export function createIssue(
  world: World,
  repository: Repository,
  author: Account,
  title: string,
  body: string | null,
): Issue {
  const now = world.clock.now()
  const issue: Issue = {
    id: world.nextId(),
    number: nextNumber(repository),
    repository,
    title,
    body,
    author,
    state: 'open',
    labels: [],
    comments: [],
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    pull: null,
  }
  repository.issues.set(issue.number, issue)
  return issue
}

/** The pull request with this number. @throws when there is none */
export function pullOf(repository: Repository, number: number): Pull {
  const pull = repository.issues.get(number)?.pull
  if (pull == null) throw new Error(`no pull request ${fullName(repository)}#${number}`)
  return pull
}

/** Sends a `pull_request` event. */
function tellPull(world: World, pull: Pull, action: string, by: Account, more: Json = {}): void {
  const payload = {
    action,
    number: pull.issue.number,
    pull_request: pullShape(world, pull, true),
    ...more,
    sender: accountShape(world, by),
  }
  world.emit('pull_request', payload, pull.issue.repository)
}

const unknown = (world: World, pull: Omit<Pull, 'mergeability'>, old: string | null): Mergeability => ({
  key: `${branchTip(pull.issue.repository, pull.baseRef) ?? ''}:${pull.headSha}`,
  readsLeft: world.settings.mergeableReads,
  readyAt: world.clock.now() + world.settings.mergeableMs,
  result: null,
  // Until the test merge is made again the old one is still shown, as GitHub does.
  mergeSha: old,
})

/** What a new pull request is made of. */
export type NewPull = {
  base: string
  headRepository: Repository
  head: string
  author: Account
  title: string
  body: string | null
  draft: boolean
}

/** Opens a pull request and sends `opened`. */
export function openPull(world: World, repository: Repository, input: NewPull): Pull {
  const headSha = branchTip(input.headRepository, input.head)
  const baseSha = branchTip(repository, input.base)
  if (headSha === undefined || baseSha === undefined)
    throw new Error(`no branch ${headSha === undefined ? input.head : input.base}`)
  if (input.headRepository.store !== repository.store) throw new Error('head is not in the network of base')
  const issue = createIssue(world, repository, input.author, input.title, input.body)
  const { headRepository, head: headRef, base: baseRef, draft } = input
  const fields = {
    id: world.nextId(),
    issue,
    headRepository,
    headRef,
    headSha,
    baseRef,
    baseSha,
    draft,
    mergedAt: null,
    mergedBy: null,
    mergeCommitSha: null,
    reviews: [],
  }
  const pull: Pull = { ...fields, mergeability: unknown(world, fields, null) }
  issue.pull = pull
  world.lag.note(issue, null)
  repository.refs.set(`refs/pull/${issue.number}/head`, headSha)
  tellPull(world, pull, 'opened', input.author)
  return pull
}

/** Makes the test merge now, or says that it conflicts; `refs/pull/N/merge` follows. */
export function computeMerge(world: World, pull: Pull): void {
  const { repository, number } = pull.issue
  const { store } = repository
  const base = branchTip(repository, pull.baseRef) ?? pull.baseSha
  const ancestor = mergeBase(store, base, pull.headSha)
  const ancestorTree = ancestor === null ? EMPTY_TREE : store.commit(ancestor).tree
  const merged = mergeTrees(store, ancestorTree, store.commit(base).tree, store.commit(pull.headSha).tree)
  pull.mergeability.key = `${base}:${pull.headSha}`
  pull.mergeability.result = merged.conflicts.length === 0
  if (merged.conflicts.length > 0) return
  const author = store.commit(pull.headSha).author
  const now = world.clock.now()
  const commit = store.putCommit({
    tree: merged.tree,
    parents: [base, pull.headSha],
    author: { ...author, at: now },
    committer: { name: 'GitHub', email: 'noreply@github.com', at: now },
    message: `Merge ${pull.headSha} into ${base}`,
    signature: '-----BEGIN PGP SIGNATURE-----\n\nd2ViLWZsb3c=\n-----END PGP SIGNATURE-----',
    verified: true,
    signer: 'web-flow',
  })
  pull.mergeability.mergeSha = commit.id
  repository.refs.set(`refs/pull/${number}/merge`, commit.id)
}

/** A read of the single pull request: the test merge becomes known after the configured reads or time. */
export function readPull(world: World, pull: Pull): Json {
  if (pull.issue.state === 'open') {
    const key = `${branchTip(pull.issue.repository, pull.baseRef) ?? ''}:${pull.headSha}`
    if (pull.mergeability.key !== key) pull.mergeability = unknown(world, pull, pull.mergeability.mergeSha)
    const state = pull.mergeability
    if (state.result === null) {
      if (state.readsLeft <= 0 || world.clock.now() >= state.readyAt) computeMerge(world, pull)
      else state.readsLeft--
    }
  }
  return pullShape(world, pull, true)
}

function touch(world: World, pull: Pull): Json {
  const before = pullShape(world, pull, false)
  pull.issue.updatedAt = world.clock.now()
  return before
}

/** Changes title or body and sends `edited` with what it was. */
export function editPull(
  world: World,
  pull: Pull,
  by: Account,
  change: { title?: string; body?: string | null },
): void {
  const changes: Json = {}
  world.lag.note(pull.issue, touch(world, pull))
  if (change.title !== undefined && change.title !== pull.issue.title) {
    changes.title = { from: pull.issue.title }
    pull.issue.title = change.title
  }
  if (change.body !== undefined && change.body !== pull.issue.body) {
    changes.body = { from: pull.issue.body }
    pull.issue.body = change.body
  }
  tellPull(world, pull, 'edited', by, { changes })
}

/** Aims the pull request at another base branch. */
export function retargetPull(world: World, pull: Pull, by: Account, base: string): void {
  const tip = branchTip(pull.issue.repository, base)
  if (tip === undefined) throw new Error(`no branch ${base}`)
  world.lag.note(pull.issue, touch(world, pull))
  const changes = { base: { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } } }
  pull.baseRef = base
  pull.baseSha = tip
  pull.mergeability = unknown(world, pull, pull.mergeability.mergeSha)
  tellPull(world, pull, 'edited', by, { changes })
}

/** Closes without merging, or opens again with the head as it is now. */
export function setPullState(world: World, pull: Pull, by: Account, state: 'open' | 'closed'): void {
  if (pull.issue.state === state) return
  if (pull.mergedAt !== null) throw new Error('a merged pull request stays closed')
  world.lag.note(pull.issue, touch(world, pull))
  pull.issue.state = state
  pull.issue.closedAt = state === 'closed' ? world.clock.now() : null
  if (state === 'open') {
    const tip = branchTip(pull.headRepository, pull.headRef)
    if (tip !== undefined) pull.headSha = tip
    pull.issue.repository.refs.set(`refs/pull/${pull.issue.number}/head`, pull.headSha)
    pull.mergeability = unknown(world, pull, pull.mergeability.mergeSha)
  }
  tellPull(world, pull, state === 'closed' ? 'closed' : 'reopened', by)
}

/** Converts to draft or marks as ready. */
export function setDraft(world: World, pull: Pull, by: Account, draft: boolean): void {
  if (pull.draft === draft) return
  world.lag.note(pull.issue, touch(world, pull))
  pull.draft = draft
  tellPull(world, pull, draft ? 'converted_to_draft' : 'ready_for_review', by)
}

/** Adds or removes a label. */
export function setLabel(world: World, pull: Pull, by: Account, name: string, present: boolean): void {
  const { repository, labels } = pull.issue
  const label = repository.labels.get(name) ?? { id: world.nextId(), name }
  repository.labels.set(name, label)
  if (labels.includes(label) === present) return
  world.lag.note(pull.issue, touch(world, pull))
  pull.issue.labels = present ? [...labels, label] : labels.filter((one) => one !== label)
  tellPull(world, pull, present ? 'labeled' : 'unlabeled', by, { label: labelShape(world, repository, label) })
}

/** Submits a review. */
export function reviewPull(world: World, pull: Pull, author: Account, state: Review['state'], body: string): Review {
  const review: Review = { id: world.nextId(), author, state, body, commitId: pull.headSha, at: world.clock.now() }
  pull.reviews.push(review)
  const payload = {
    action: 'submitted',
    review: { ...reviewShape(world, pull, review), state: state.toLowerCase() },
    pull_request: pullShape(world, pull, false),
    sender: accountShape(world, author),
  }
  world.emit('pull_request_review', payload, pull.issue.repository)
  return review
}

/** Marks as merged and sends `closed`. */
export function finishMerge(world: World, pull: Pull, by: Account, mergeCommit: string): void {
  const now = world.clock.now()
  world.lag.note(pull.issue, touch(world, pull))
  Object.assign(pull, { mergedAt: now, mergedBy: by, mergeCommitSha: mergeCommit })
  Object.assign(pull.issue, { state: 'closed', closedAt: now })
  pull.issue.repository.refs.delete(`refs/pull/${pull.issue.number}/merge`)
  tellPull(world, pull, 'closed', by)
}

/** What a moved branch means for pull requests that have it as head or base. */
export function afterPush(
  world: World,
  repository: Repository,
  branch: string,
  before: string | undefined,
  after: string | null,
  by: Account,
  merging: Pull | null,
): void {
  for (const candidate of world.repositories.values()) {
    if (candidate.store !== repository.store) continue
    for (const issue of candidate.issues.values()) {
      const pull = issue.pull
      if (pull === null || issue.state !== 'open') continue
      if (pull.headRepository === repository && pull.headRef === branch) {
        if (after === null) setPullState(world, pull, by, 'closed')
        else synchronize(world, pull, by, before ?? pull.headSha, after)
      }
      if (candidate === repository && pull.baseRef === branch && after !== null && issue.state === 'open') {
        // A head that reached its base by another way counts as merged there.
        const landed = pull !== merging && pull.headSha !== before && isAncestor(repository.store, pull.headSha, after)
        if (landed) finishMerge(world, pull, by, after)
        else pull.mergeability = unknown(world, pull, pull.mergeability.mergeSha)
      }
    }
  }
}

function synchronize(world: World, pull: Pull, by: Account, before: string, after: string): void {
  const { repository, number } = pull.issue
  world.lag.note(pull.issue, touch(world, pull))
  pull.headSha = after
  pull.baseSha = branchTip(repository, pull.baseRef) ?? pull.baseSha
  repository.refs.set(`refs/pull/${number}/head`, after)
  pull.mergeability = unknown(world, pull, pull.mergeability.mergeSha)
  tellPull(world, pull, 'synchronize', by, { before, after })
}
