/** The merge button: merge, squash, rebase, held by rulesets. */
import { gitPersonOf, hasRole } from './accounts.ts'
import { commitsBetween, mergeBase } from './git-history.ts'
import { mergeTrees } from './git-merge.ts'
import { EMPTY_TREE, type GitCommit } from './git-objects.ts'
import { finishMerge } from './pulls.ts'
import { moveBranch } from './repositories.ts'
import { requiredChecks, RuleViolation, rulesFor, unmetCheck } from './rulesets.ts'
import { type Account, branchTip, type Pull, type World } from './world.ts'

/** The three merge methods. */
export type MergeMethod = 'merge' | 'squash' | 'rebase'

/** Why the merge button would stay grey; empty when it is green. */
export function mergeProblems(pull: Pull, by: Account, bypass = false): string[] {
  const { repository, state } = pull.issue
  const problems: string[] = []
  if (state !== 'open') problems.push('Pull Request is not open')
  if (pull.draft) problems.push('Pull Request is still a draft')
  if (!hasRole(repository, by, 'write')) problems.push('You are not authorized to merge this pull request')
  const base = branchTip(repository, pull.baseRef)
  if (base === undefined) return [...problems, 'Base branch does not exist']
  if (conflicts(pull, base).length > 0) problems.push('Merge conflict')
  if (bypass) {
    if (!hasRole(repository, by, 'admin')) problems.push('Only an administrator can bypass rules')
    return problems
  }
  for (const check of requiredChecks(repository, pull.baseRef)) {
    const unmet = unmetCheck(repository, pull.headSha, check)
    if (unmet !== null) problems.push(unmet)
  }
  for (const { rule } of rulesFor(repository, pull.baseRef)) {
    const wanted = rule.type === 'pull_request' ? Number(rule.parameters?.required_approving_review_count ?? 0) : 0
    const approvals = new Set(
      pull.reviews
        .filter((review) => review.state === 'APPROVED' && review.author !== pull.issue.author)
        .map((review) => review.author.id),
    )
    if (approvals.size < wanted)
      problems.push(`At least ${wanted} approving review is required by reviewers with write access.`)
  }
  return problems
}

function conflicts(pull: Pull, base: string): readonly string[] {
  const { store } = pull.issue.repository
  return mergeTrees(store, treeOfBase(pull, base), store.commit(base).tree, store.commit(pull.headSha).tree).conflicts
}

function treeOfBase(pull: Pull, base: string): string {
  const { store } = pull.issue.repository
  const ancestor = mergeBase(store, base, pull.headSha)
  return ancestor === null ? EMPTY_TREE : store.commit(ancestor).tree
}

/**
 * Presses the merge button and answers the new tip. Sends `push` and then `pull_request` closed.
 * @throws RuleViolation when rules, conflicts or rights forbid it
 */
export function mergePull(
  world: World,
  pull: Pull,
  by: Account,
  method: MergeMethod,
  options: { bypass?: boolean; message?: string; at?: number } = {},
): string {
  const problems = mergeProblems(pull, by, options.bypass)
  if (problems.length > 0) throw new RuleViolation(problems)
  const { repository, number, title } = pull.issue
  const { store } = repository
  const base = branchTip(repository, pull.baseRef) ?? pull.baseSha
  const { tree } = mergeTrees(store, treeOfBase(pull, base), store.commit(base).tree, store.commit(pull.headSha).tree)
  const now = options.at ?? world.clock.now()
  const web = {
    committer: { name: 'GitHub', email: 'noreply@github.com', at: now },
    signature: '-----BEGIN PGP SIGNATURE-----\n\nd2ViLWZsb3c=\n-----END PGP SIGNATURE-----',
    verified: true,
    signer: 'web-flow',
  }
  let tip: string
  if (method === 'merge') {
    const message =
      options.message ??
      `Merge pull request #${number} from ${pull.headRepository.owner.login}/${pull.headRef}\n\n${title}`
    tip = store.putCommit({ ...web, tree, parents: [base, pull.headSha], author: gitPersonOf(by, now), message }).id
  } else if (method === 'squash') {
    tip = store.putCommit({
      ...web,
      tree,
      parents: [base],
      author: gitPersonOf(pull.issue.author, now),
      message: options.message ?? `${title} (#${number})`,
    }).id
  } else {
    tip = replay(pull, base, gitPersonOf(by, now))
  }
  moveBranch(world, repository, pull.baseRef, tip, { by, merging: pull })
  finishMerge(world, pull, by, tip)
  return tip
}

function replay(pull: Pull, base: string, committer: GitCommit['committer']): string {
  const { store } = pull.issue.repository
  let tip = base
  for (const commit of commitsBetween(store, base, pull.headSha)) {
    // GitHub's rebase leaves merge commits out, as `git rebase` does.
    if (commit.parents.length > 1) continue
    const parent = commit.parents[0]
    const before = parent === undefined ? EMPTY_TREE : store.commit(parent).tree
    const { tree, conflicts: clash } = mergeTrees(store, before, store.commit(tip).tree, commit.tree)
    if (clash.length > 0) throw new RuleViolation(["This branch can't be rebased due to conflicts"])
    tip = store.putCommit({
      ...commit,
      tree,
      parents: [tip],
      committer,
      signature: null,
      verified: false,
      signer: null,
    }).id
  }
  return tip
}
