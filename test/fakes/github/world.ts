/** Everything the stand-in knows, as plain data; the other files are the rules that change it. */
import type { KeyObject } from 'node:crypto'
import type { ObjectStore } from './git-objects.ts'
import { createLag, type Lag } from './lag.ts'

/** Where the stand-in takes the time from, in milliseconds. */
export type Clock = { now: () => number }

/** A plain JSON object. */
export type Json = Record<string, unknown>

/** A person, an organization or the bot of an App. */
export type Account = {
  id: number
  login: string
  type: 'User' | 'Organization' | 'Bot'
  emails: string[]
  createdAt: number
}

/** A person's role in a repository. */
export type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read'

/** Permission names of an App and their level. */
export type Permissions = Record<string, 'read' | 'write' | 'admin'>

/** A GitHub App. */
export type App = {
  id: number
  slug: string
  name: string
  owner: Account
  bot: Account
  publicKey: KeyObject | null
  clientId: string
  webhookSecret: string | null
  webhookUrl: string | null
  hookId: number
  permissions: Permissions
  events: string[]
  createdAt: number
  deliveries: Delivery[]
}

/** An App on an account; `repositoryIds` is null for "all repositories". */
export type Installation = {
  id: number
  app: App
  account: Account
  permissions: Permissions
  repositoryIds: Set<number> | null
  suspendedAt: number | null
  createdAt: number
}

/** One attempt to deliver an event to an App. */
export type Delivery = {
  id: number
  guid: string
  at: number
  redelivery: boolean
  durationMs: number
  status: string
  statusCode: number
  event: string
  action: string | null
  installationId: number | null
  repositoryId: number | null
  requestHeaders: Record<string, string>
  payload: string
  responseHeaders: Record<string, string>
  responseBody: string
  done: boolean
}

/** A label. */
export type Label = { id: number; name: string }

/** A comment on an issue or pull request. */
export type Comment = {
  id: number
  issue: Issue
  author: Account
  viaApp: App | null
  body: string
  createdAt: number
  updatedAt: number
}

/** A review of a pull request. */
export type Review = {
  id: number
  author: Account
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED'
  body: string
  commitId: string
  at: number
}

/** An issue; a pull request is an issue with `pull`. */
export type Issue = {
  id: number
  number: number
  repository: Repository
  title: string
  body: string | null
  author: Account
  state: 'open' | 'closed'
  labels: Label[]
  comments: Comment[]
  createdAt: number
  updatedAt: number
  closedAt: number | null
  pull: Pull | null
}

/** What is known about the test merge, for which pair of commits. */
export type Mergeability = {
  key: string
  readsLeft: number
  readyAt: number
  result: boolean | null
  mergeSha: string | null
}

/** The part of a pull request that a plain issue has not. */
export type Pull = {
  id: number
  issue: Issue
  headRepository: Repository
  headRef: string
  headSha: string
  baseRef: string
  baseSha: string
  draft: boolean
  mergedAt: number | null
  mergedBy: Account | null
  mergeCommitSha: string | null
  mergeability: Mergeability
  reviews: Review[]
}

/** A check suite: one per App and head. */
export type CheckSuite = {
  id: number
  app: App
  headSha: string
  headBranch: string | null
  before: string | null
  createdAt: number
  updatedAt: number
}

/** The text of a check run. */
export type CheckOutput = { title: string | null; summary: string | null; text: string | null }

/** A check run; every POST makes one. */
export type CheckRun = {
  id: number
  suite: CheckSuite
  app: App
  name: string
  headSha: string
  status: string
  conclusion: string | null
  startedAt: number | null
  completedAt: number | null
  detailsUrl: string | null
  externalId: string
  output: CheckOutput
  createdAt: number
}

/** A commit status. */
export type Status = {
  id: number
  sha: string
  context: string
  state: string
  description: string | null
  targetUrl: string | null
  creator: Account
  app: App | null
  at: number
}

/** A rule of a ruleset. */
export type Rule = { type: string; parameters?: Json }

/** A repository ruleset in the shape of the REST API. */
export type Ruleset = {
  id: number
  name: string
  target: string
  enforcement: 'active' | 'evaluate' | 'disabled'
  bypassActors: Json[]
  include: string[]
  exclude: string[]
  rules: Rule[]
  createdAt: number
  updatedAt: number
}

/** A repository; identity is `id`, never the name. */
export type Repository = {
  id: number
  owner: Account
  name: string
  isPrivate: boolean
  defaultBranch: string
  store: ObjectStore
  refs: Map<string, string>
  parent: Repository | null
  collaborators: Map<number, Role>
  issues: Map<number, Issue>
  rulesets: Map<number, Ruleset>
  suites: CheckSuite[]
  runs: CheckRun[]
  runsByHead: Map<string, CheckRun[]>
  statuses: Status[]
  labels: Map<string, Label>
  createdAt: number
  pushedAt: number
}

/** A bearer token and what it stands for. */
export type Token =
  | {
      kind: 'installation'
      installation: Installation
      repositoryIds: Set<number> | null
      permissions: Permissions
      expiresAt: number
    }
  | { kind: 'user'; account: Account }

/** Sends one event to every App that should see it. */
export type Emit = (event: string, payload: Json, repository: Repository | null, only?: App) => void

/** Numbers that decide how much like the real thing the stand-in behaves. */
export type Settings = {
  /** Reads of a pull request that answer `mergeable: null` before the test merge is known. */
  mergeableReads: number
  /** Time after which the test merge is known without any read. */
  mergeableMs: number
  /** Entries above which a recursive tree is answered with `truncated: true`. */
  treeLimit: number
  /** Requests per hour for an App installation or a user. */
  rateLimit: number
  /** Deliveries kept at most, beside the three days. */
  deliveriesKept: number
  /** Whether `POST /graphql` exists. */
  graphql: boolean
  /** Milliseconds after which a webhook receiver counts as dead. */
  deliveryTimeoutMs: number
}

/** The whole state. */
export type World = {
  readonly clock: Clock
  readonly random: () => number
  readonly settings: Settings
  readonly lag: Lag
  url: string
  accounts: Map<number, Account>
  byLogin: Map<string, Account>
  repositories: Map<number, Repository>
  byName: Map<string, Repository>
  movedNames: Map<string, number>
  apps: Map<number, App>
  installations: Map<number, Installation>
  tokens: Map<string, Token>
  manifests: Map<string, { manifest: Json; at: number }>
  emit: Emit
  nextId: () => number
}

/** An empty world. */
export function createWorld(clock: Clock, random: () => number, settings: Settings): World {
  let id = 1000
  return {
    clock,
    random,
    settings,
    lag: createLag(clock),
    url: '',
    accounts: new Map(),
    byLogin: new Map(),
    repositories: new Map(),
    byName: new Map(),
    movedNames: new Map(),
    apps: new Map(),
    installations: new Map(),
    tokens: new Map(),
    manifests: new Map(),
    emit: () => {},
    nextId: () => ++id,
  }
}

/** A time as the REST API writes it: seconds, UTC. */
export const iso = (at: number): string => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')

/** The same, or null. */
export const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at))

/** `owner/name` as it is now. */
export const fullName = (repository: Repository): string => `${repository.owner.login}/${repository.name}`

/** Hex digits from the world's randomness. */
export function randomHex(world: World, digits: number): string {
  let out = ''
  while (out.length < digits) out += Math.floor(world.random() * 16).toString(16)
  return out
}

/** The tip of a branch, or undefined. */
export const branchTip = (repository: Repository, branch: string): string | undefined =>
  repository.refs.get(`refs/heads/${branch}`)
