/** The control API over a world. */
import { accountOf, createAccount, renameAccount } from './accounts.ts'
import * as apps from './apps.ts'
import { issueUserToken } from './apps-auth.ts'
import { createRun, createStatus, updateRun } from './checks.ts'
import { addComment, changeComment, findComment, removeComment } from './comments.ts'
import type { CheckState, Control, PullNumber, PullState, RepositoryName } from './control-api.ts'
import type { Deliveries } from './deliveries.ts'
import type { FaultState } from './faults.ts'
import { exportRepository } from './git-export.ts'
import { EMPTY_TREE } from './git-objects.ts'
import { entryAt } from './git-trees.ts'
import { mergeProblems, mergePull } from './merges.ts'
import * as pulls from './pulls.ts'
import * as repositories from './repositories.ts'
import { resolveCommit } from './routes-git.ts'
import { accountShape } from './shapes.ts'
import {
  type Account,
  branchTip,
  type Comment,
  fullName,
  iso,
  type Pull,
  type Repository,
  type World,
} from './world.ts'

const pullState = (pull: Pull): PullState => ({
  number: pull.issue.number,
  id: pull.issue.id,
  state: pull.issue.state,
  headSha: pull.headSha,
  baseRef: pull.baseRef,
  merged: pull.mergedAt !== null,
  mergeCommitSha: pull.mergeCommitSha,
})

/** Makes the control API. */
export function createControl(world: World, deliveries: Deliveries, faults: FaultState): Control {
  const repo = (name: RepositoryName): Repository => repositories.repositoryOf(world, name)
  const user = (login: string): Account => accountOf(world, login)
  const pull = ({ repo: name, number }: PullNumber): Pull => pulls.pullOf(repo(name), number)
  const tip = (repository: Repository, branch: string): string => {
    const found = branchTip(repository, branch)
    if (found === undefined) throw new Error(`no branch ${branch} in ${fullName(repository)}`)
    return found
  }
  const start = (repository: Repository, from: string) => {
    const commit = resolveCommit(repository, from)
    if (commit === undefined) throw new Error(`no commit ${from} in ${fullName(repository)}`)
    return commit
  }
  const comment = (name: RepositoryName, id: number): Comment => {
    const found = findComment(repo(name), id)
    if (found === undefined) throw new Error(`no comment ${id}`)
    return found
  }
  const named = (names: string[] | undefined) => names?.map(repo) ?? null

  const commitOn: Control['commit'] = (name, branch, input) => {
    const repository = repo(name)
    const { from, by, force, bypass, ...rest } = input
    const existing = branchTip(repository, branch)
    const base =
      existing ?? (from === undefined ? branchTip(repository, repository.defaultBranch) : start(repository, from).id)
    const tree = base === undefined ? EMPTY_TREE : repository.store.commit(base).tree
    const made = repositories.makeCommit(world, repository, tree, {
      ...rest,
      parents: rest.parents ?? (base === undefined ? [] : [base]),
    })
    const pusher = by ?? (typeof input.author === 'string' ? input.author : repository.owner.login)
    repositories.moveBranch(world, repository, branch, made.id, {
      by: user(pusher),
      force: force ?? false,
      bypass: bypass ?? false,
    })
    return made.id
  }

  return {
    settings: world.settings,
    faults: faults.faults,
    deliveryFaults: deliveries,
    requests: faults.log,

    createUser: (login, options = {}) => {
      const { id } = createAccount(world, login, options.type ?? 'User', options.emails ?? [`${login}@example.test`])
      return { id, login }
    },
    renameUser: (login, to) => ({ id: renameAccount(world, login, to).id, login: to }),
    createToken: (login) => issueUserToken(world, user(login)),
    addCollaborator: (name, login, role) => void repo(name).collaborators.set(user(login).id, role),
    removeCollaborator: (name, login) => void repo(name).collaborators.delete(user(login).id),

    createRepository: (owner, name, options = {}) => {
      const repository = repositories.createRepository(world, owner, name, options)
      return {
        id: repository.id,
        fullName: fullName(repository),
        head: branchTip(repository, repository.defaultBranch) ?? null,
      }
    },
    forkRepository: (name, owner, as) => {
      const parent = repo(name)
      const repository = repositories.createRepository(world, owner, as ?? parent.name, { parent })
      return { id: repository.id, fullName: fullName(repository) }
    },
    setPrivate: (name, isPrivate) => repositories.setPrivate(world, repo(name), isPrivate, repo(name).owner),
    renameRepository: (name, to) => repositories.renameRepository(world, repo(name), to, repo(name).owner),
    transferRepository: (name, owner) => repositories.transferRepository(world, repo(name), owner, repo(name).owner),
    createRuleset: (name, ruleset) => {
      const id = world.nextId()
      const now = world.clock.now()
      repo(name).rulesets.set(id, {
        id,
        target: 'branch',
        bypassActors: [],
        exclude: [],
        createdAt: now,
        updatedAt: now,
        ...ruleset,
        enforcement: ruleset.enforcement ?? 'active',
      })
      return id
    },
    deleteRuleset: (name, id) => void repo(name).rulesets.delete(id),
    exportTo: (name, dir, options) => exportRepository(repo(name), dir, options),

    commit: commitOn,
    makeCommit: (name, from, input) => {
      const repository = repo(name)
      const base = start(repository, from)
      return repositories.makeCommit(world, repository, base.tree, { ...input, parents: input.parents ?? [base.id] }).id
    },
    createBranch: (name, branch, from, by) => {
      const { id } = start(repo(name), from)
      repositories.moveBranch(world, repo(name), branch, id, { by: user(by) })
      return id
    },
    push: (name, branch, sha, { by, ...how }) =>
      repositories.moveBranch(world, repo(name), branch, sha, { by: user(by), ...how }),
    deleteBranch: (name, branch, { by, ...how }) =>
      repositories.moveBranch(world, repo(name), branch, null, { by: user(by), ...how }),
    branch: (name, branch) => tip(repo(name), branch),
    file: (name, ref, path) => {
      const repository = repo(name)
      const entry = entryAt(repository.store, start(repository, ref).tree, path)
      return entry === null || entry.mode === '40000'
        ? null
        : { mode: entry.mode, id: entry.id, text: repository.store.blob(entry.id).toString() }
    },

    createApp: (input) => {
      const app = apps.createApp(world, input)
      return { appId: app.id, slug: app.slug }
    },
    installApp: (input) => {
      const app = apps.createApp(world, input)
      if (input.ping !== false) apps.pingApp(world, app)
      const installation = apps.install(world, app, apps.ownerOf(world, input.account), named(input.repositories))
      return { appId: app.id, installationId: installation.id, botLogin: app.bot.login, botId: app.bot.id }
    },
    installExisting: (appId, account, names) =>
      apps.install(world, apps.appOf(world, appId), apps.ownerOf(world, account), named(names)).id,
    setWebhook: (appId, { url, secret }) => {
      const app = apps.appOf(world, appId)
      if (url !== undefined) app.webhookUrl = url
      if (secret !== undefined) app.webhookSecret = secret
    },
    changeInstallation: (id, { add = [], remove = [] }) =>
      apps.changeSelection(world, apps.installationOf(world, id), add.map(repo), remove.map(repo)),
    setPermissions: (id, permissions) => {
      const installation = apps.installationOf(world, id)
      installation.permissions = { ...permissions }
      apps.announce(world, installation, 'new_permissions_accepted')
    },
    suspendInstallation: (id) => {
      const installation = apps.installationOf(world, id)
      installation.suspendedAt = world.clock.now()
      apps.announce(world, installation, 'suspend')
    },
    unsuspendInstallation: (id) => {
      const installation = apps.installationOf(world, id)
      installation.suspendedAt = null
      apps.announce(world, installation, 'unsuspend')
    },
    deleteInstallation: (id) => {
      apps.announce(world, apps.installationOf(world, id), 'deleted')
      world.installations.delete(id)
    },
    mintManifestCode: (manifest) => apps.mintManifestCode(world, manifest),

    createIssue: (name, { author, title, body }) =>
      pulls.createIssue(world, repo(name), user(author), title, body ?? null).number,
    openPullRequest: ({ repo: name, head, base, author, title, body, draft, fromFork }) => {
      const repository = repo(name)
      const fork = [...world.repositories.values()].find(
        (one) => one.store === repository.store && one.owner.login === fromFork,
      )
      if (fromFork !== undefined && fork === undefined)
        throw new Error(`${fromFork} has no fork of ${fullName(repository)}`)
      return pullState(
        pulls.openPull(world, repository, {
          base: base ?? repository.defaultBranch,
          headRepository: fork ?? repository,
          head,
          author: user(author),
          title,
          body: body ?? null,
          draft: draft ?? false,
        }),
      )
    },
    pullRequest: (at) => pullState(pull(at)),
    pushToPullRequest: (at, input) => commitOn(pull(at).headRepository.id, pull(at).headRef, input),
    forcePushPullRequest: (at, sha, by) =>
      repositories.moveBranch(world, pull(at).headRepository, pull(at).headRef, sha, { by: user(by), force: true }),
    retargetPullRequest: (at, base, by) => pulls.retargetPull(world, pull(at), user(by), base),
    editPullRequest: (at, change, by) => pulls.editPull(world, pull(at), user(by), change),
    closePullRequest: (at, by) => pulls.setPullState(world, pull(at), user(by), 'closed'),
    reopenPullRequest: (at, by) => pulls.setPullState(world, pull(at), user(by), 'open'),
    setDraft: (at, draft, by) => pulls.setDraft(world, pull(at), user(by), draft),
    setLabel: (at, label, present, by) => pulls.setLabel(world, pull(at), user(by), label, present),
    review: (at, by, state, body = '') => pulls.reviewPull(world, pull(at), user(by), state, body).id,
    mergeProblems: (at, by) => mergeProblems(pull(at), user(by)),
    mergePullRequest: (at, by, method = 'merge', options = {}) => mergePull(world, pull(at), user(by), method, options),
    enqueueMergeGroup: (at, by) => enqueue(world, pull(at), user(by)),

    comment: (at, by, body) => {
      const issue = repo(at.repo).issues.get(at.number)
      if (issue === undefined) throw new Error(`no issue ${at.number}`)
      return addComment(world, issue, user(by), body).id
    },
    editComment: (name, id, body, by) => changeComment(world, comment(name, id), user(by), body),
    deleteComment: (name, id, by) => removeComment(world, comment(name, id), user(by)),
    comments: (at) =>
      (repo(at.repo).issues.get(at.number)?.comments ?? []).map((one) => ({
        id: one.id,
        author: one.author.login,
        isApp: one.viaApp !== null,
        body: one.body,
        createdAt: one.createdAt,
        updatedAt: one.updatedAt,
      })),

    createCheckRun: (name, appId, input) => createRun(world, repo(name), apps.appOf(world, appId), input).id,
    updateCheckRun: (name, appId, id, input) => void updateRun(world, repo(name), apps.appOf(world, appId), id, input),
    checkRuns: (name, head) =>
      (repo(name).runsByHead.get(head) ?? []).map(
        (run): CheckState => ({
          id: run.id,
          name: run.name,
          appId: run.app.id,
          headSha: run.headSha,
          status: run.status,
          conclusion: run.conclusion,
          title: run.output.title,
          summary: run.output.summary,
        }),
      ),
    createStatus: (name, sha, by, { appId, ...input }) =>
      createStatus(world, repo(name), sha, user(by), {
        ...input,
        ...(appId === undefined ? {} : { app: apps.appOf(world, appId) }),
      }).id,

    deliveries: (appId) => deliveries.log(apps.appOf(world, appId)),
    redeliver: (appId, id) => {
      const app = apps.appOf(world, appId)
      const delivery = deliveries.log(app).find((one) => one.id === id)
      if (delivery === undefined) throw new Error(`no delivery ${id}`)
      deliveries.redeliver(app, delivery)
    },
    settled: () => deliveries.settled(),
  }
}

/** Makes a merge queue's temporary branch with the merged commit and asks for checks on it. */
function enqueue(world: World, pull: Pull, by: Account): string {
  const { repository, number } = pull.issue
  pulls.computeMerge(world, pull)
  const sha = pull.mergeability.mergeSha
  if (sha === null || pull.mergeability.result !== true) throw new Error('merge conflict')
  const base = branchTip(repository, pull.baseRef) ?? pull.baseSha
  const ref = `refs/heads/gh-readonly-queue/${pull.baseRef}/pr-${number}-${base}`
  repository.refs.set(ref, sha)
  const commit = repository.store.commit(sha)
  const group = {
    head_sha: sha,
    head_ref: ref,
    base_sha: base,
    base_ref: `refs/heads/${pull.baseRef}`,
    head_commit: {
      id: sha,
      tree_id: commit.tree,
      message: commit.message,
      timestamp: iso(commit.committer.at),
      author: { name: commit.author.name, email: commit.author.email },
      committer: { name: commit.committer.name, email: commit.committer.email },
    },
  }
  world.emit(
    'merge_group',
    { action: 'checks_requested', merge_group: group, sender: accountShape(world, by) },
    repository,
  )
  return sha
}
