/** What a test can make happen at the stand-in: the typed control API. */
import type { DeliveryFaults } from './deliveries.ts'
import type { Faults, RequestLog } from './faults.ts'
import type { MergeMethod } from './merges.ts'
import type { CommitInput, Files, Who } from './repositories.ts'
import type { CheckInput } from './checks.ts'
import type { Delivery, Json, Permissions, Review, Role, Settings } from './world.ts'

/** `owner/name`, or the numeric id. */
export type RepositoryName = string | number

/** A pull request in a call. */
export type PullNumber = { repo: RepositoryName; number: number }

/** How `installApp` sets up an App. Without `repositories` the App reaches all repositories of the account. */
export type InstallApp = {
  appId: number
  privateKeyPem: string
  webhookSecret: string
  webhookUrl: string
  account: string
  repositories?: string[]
  permissions?: Permissions
  events?: string[]
  name?: string
  /** Whether `ping` is sent first; default true. */
  ping?: boolean
}

/** How a branch is pushed. `bypass` needs an administrator of the repository. */
export type Push = { by: string; force?: boolean; bypass?: boolean }

/** What a pull request is opened with. `fromFork` names the owner of the fork that has the head branch. */
export type OpenPull = {
  repo: RepositoryName
  head: string
  base?: string
  author: string
  title: string
  body?: string | null
  draft?: boolean
  fromFork?: string
}

/** A pull request as the control API answers it. */
export type PullState = {
  number: number
  id: number
  state: 'open' | 'closed'
  headSha: string
  baseRef: string
  merged: boolean
  mergeCommitSha: string | null
}

/** A check run as the control API answers it. */
export type CheckState = {
  id: number
  name: string
  appId: number
  headSha: string
  status: string
  conclusion: string | null
  title: string | null
  summary: string | null
}

/** The control API. Every change sends the webhooks that GitHub would send. */
export type Control = {
  readonly settings: Settings
  readonly faults: Faults
  readonly deliveryFaults: DeliveryFaults
  readonly requests: RequestLog

  createUser: (
    login: string,
    options?: { emails?: string[]; type?: 'User' | 'Organization' },
  ) => { id: number; login: string }
  renameUser: (login: string, to: string) => { id: number; login: string }
  /** A personal access token of the user, with the user's own rights. */
  createToken: (login: string) => string
  addCollaborator: (repo: RepositoryName, login: string, role: Role) => void
  removeCollaborator: (repo: RepositoryName, login: string) => void

  createRepository: (
    owner: string,
    name: string,
    options?: { private?: boolean; files?: Files; defaultBranch?: string; author?: Who },
  ) => { id: number; fullName: string; head: string | null }
  forkRepository: (repo: RepositoryName, owner: string, name?: string) => { id: number; fullName: string }
  renameRepository: (repo: RepositoryName, name: string) => void
  /** Sends `repository` privatized or publicized. */
  setPrivate: (repo: RepositoryName, isPrivate: boolean) => void
  transferRepository: (repo: RepositoryName, owner: string) => void
  createRuleset: (
    repo: RepositoryName,
    ruleset: {
      name: string
      include: string[]
      rules: { type: string; parameters?: Json }[]
      enforcement?: 'active' | 'evaluate' | 'disabled'
    },
  ) => number
  deleteRuleset: (repo: RepositoryName, id: number) => void
  exportTo: (repo: RepositoryName, dir: string, options?: { bare?: boolean }) => void

  /** Makes a commit on the branch's tip (or on `from`, a new branch's start) and pushes it; answers its id. */
  commit: (repo: RepositoryName, branch: string, input: CommitInput & Partial<Push> & { from?: string }) => string
  /** Makes a commit object on a start (branch or id) and moves nothing; answers its id. */
  makeCommit: (repo: RepositoryName, from: string, input: CommitInput) => string
  createBranch: (repo: RepositoryName, branch: string, from: string, by: string) => string
  /** Moves a branch to a commit; `directPush` with force and bypass as wanted. */
  push: (repo: RepositoryName, branch: string, sha: string, push: Push) => void
  deleteBranch: (repo: RepositoryName, branch: string, push: Push) => void
  branch: (repo: RepositoryName, branch: string) => string
  /** Mode, blob id and text of a path at a branch or commit, or null. */
  file: (repo: RepositoryName, ref: string, path: string) => { mode: string; id: string; text: string } | null

  createApp: (app: {
    appId?: number
    name?: string
    webhookUrl?: string
    webhookSecret?: string
    privateKeyPem?: string
    permissions?: Permissions
    events?: string[]
  }) => { appId: number; slug: string }
  installApp: (app: InstallApp) => { appId: number; installationId: number; botLogin: string; botId: number }
  /** Installs an App that exists (made by manifest, or another one). */
  installExisting: (appId: number, account: string, repositories?: string[]) => number
  setWebhook: (appId: number, webhook: { url?: string | null; secret?: string | null }) => void
  changeInstallation: (installationId: number, change: { add?: string[]; remove?: string[] }) => void
  setPermissions: (installationId: number, permissions: Permissions) => void
  suspendInstallation: (installationId: number) => void
  unsuspendInstallation: (installationId: number) => void
  deleteInstallation: (installationId: number) => void
  mintManifestCode: (manifest: Json) => string

  createIssue: (repo: RepositoryName, input: { author: string; title: string; body?: string }) => number
  openPullRequest: (input: OpenPull) => PullState
  pullRequest: (pull: PullNumber) => PullState
  /** Commits onto the head branch, wherever it lies. */
  pushToPullRequest: (pull: PullNumber, input: CommitInput & { by?: string }) => string
  /** Moves the head branch to a commit that exists, by force. */
  forcePushPullRequest: (pull: PullNumber, sha: string, by: string) => void
  retargetPullRequest: (pull: PullNumber, base: string, by: string) => void
  editPullRequest: (pull: PullNumber, change: { title?: string; body?: string | null }, by: string) => void
  closePullRequest: (pull: PullNumber, by: string) => void
  reopenPullRequest: (pull: PullNumber, by: string) => void
  setDraft: (pull: PullNumber, draft: boolean, by: string) => void
  setLabel: (pull: PullNumber, label: string, present: boolean, by: string) => void
  review: (pull: PullNumber, by: string, state: Review['state'], body?: string) => number
  /** What keeps the merge button grey for this person. */
  mergeProblems: (pull: PullNumber, by: string) => string[]
  /** @throws RuleViolation */
  mergePullRequest: (
    pull: PullNumber,
    by: string,
    method?: MergeMethod,
    options?: { bypass?: boolean; message?: string },
  ) => string
  /** Sends `merge_group` checks_requested for a queue entry whose commit is really made; answers its id. */
  enqueueMergeGroup: (pull: PullNumber, by: string) => string

  comment: (pull: PullNumber, by: string, body: string) => number
  editComment: (repo: RepositoryName, id: number, body: string, by: string) => void
  deleteComment: (repo: RepositoryName, id: number, by: string) => void
  comments: (
    pull: PullNumber,
  ) => { id: number; author: string; isApp: boolean; body: string; createdAt: number; updatedAt: number }[]

  createCheckRun: (repo: RepositoryName, appId: number, input: CheckInput) => number
  updateCheckRun: (repo: RepositoryName, appId: number, id: number, input: CheckInput) => void
  /** Every check run of a head, oldest first, duplicates included. */
  checkRuns: (repo: RepositoryName, headSha: string) => CheckState[]
  createStatus: (
    repo: RepositoryName,
    sha: string,
    by: string,
    status: { context: string; state: string; description?: string; appId?: number },
  ) => number

  deliveries: (appId: number) => Delivery[]
  redeliver: (appId: number, deliveryId: number) => void
  /** Resolves when no webhook is on its way. */
  settled: () => Promise<void>
}
