/** The forge, read and written, without a vendor. */
import type {
  AccountId,
  CheckFacts,
  CommitFacts,
  CommitId,
  FileChange,
  Instant,
  MergeFacts,
  RepositoryId,
  TreeId,
} from '../../core/index.ts'
import type { CheckContent } from './store-records.ts'

/** How to reach a repository: by its numeric id, through an installation. The name is for display. */
export interface ForgeRepository {
  readonly id: RepositoryId
  readonly name: string
  readonly installation: number
}

export interface ForgeAccount {
  readonly id: AccountId
  readonly login: string
  readonly isBot: boolean
}

/** A pull request as the forge tells it, complete or not at all. Titles and bodies are strangers' text. */
export interface ForgeChange {
  readonly repository: { readonly id: RepositoryId; readonly name: string; readonly private: boolean }
  readonly number: number
  readonly state: 'open' | 'closed' | 'merged'
  readonly draft: boolean
  readonly head: { readonly sha: CommitId; readonly tree: TreeId }
  readonly base: { readonly ref: string; readonly sha: CommitId }
  readonly mergeBase: CommitId
  readonly merge: MergeFacts
  readonly mergeCommit: CommitId | null
  readonly files: readonly FileChange[]
  readonly commits: readonly CommitFacts[]
  readonly opener: ForgeAccount
  readonly title: string
  readonly body: string
  readonly labels: readonly string[]
  /** The forge's `Date` header of the newest answer. */
  readonly forgeDate: Instant
}

/** What an earlier read established and commits to by ids; the adapter skips the requests that ids make redundant. */
export type KnownChange = Pick<
  ForgeChange,
  'head' | 'base' | 'mergeBase' | 'merge' | 'mergeCommit' | 'files' | 'commits'
>

export interface ForgeComment {
  readonly id: number
  readonly number: number
  readonly author: ForgeAccount
  readonly body: string
  readonly createdAt: Instant
  readonly updatedAt: Instant
}

export interface ForgeFile {
  readonly mode: string
  readonly blob: string
  readonly bytes: Uint8Array
}

/** One first-parent commit of a branch. */
export interface ForgeLanding {
  readonly commit: CommitId
  readonly tree: TreeId
  readonly parents: readonly CommitId[]
}

export interface ForgeReader {
  /** Whether only members may see the repository: by its id, also after a rename. @throws AppError forge-not-found */
  isPrivate(repository: ForgeRepository): Promise<boolean>
  /**
   * Reads a pull request completely: at most 6 requests for an ordinary change, at most 2 when `known` still holds.
   * Errs: throws `forge-incomplete` rather than return a partial list (caps of the forge, truncated trees that cannot
   * be walked).
   */
  change(repository: ForgeRepository, number: number, known: KnownChange | null): Promise<ForgeChange>
  openChanges(repository: ForgeRepository): Promise<
    readonly {
      readonly number: number
      readonly head: CommitId
      readonly baseRef: string
      readonly updatedAt: Instant
    }[]
  >
  /** Newest run per (name, App) on `head`, of the named checks; one request where the forge allows. */
  checkRuns(repository: ForgeRepository, head: CommitId): Promise<readonly CheckFacts[]>
  /** The wanted files of a commit (or tree) with their bytes. */
  files(
    repository: ForgeRepository,
    commit: CommitId,
    isWanted: (path: string) => boolean,
  ): Promise<ReadonlyMap<string, ForgeFile>>
  /** Comments of all pull requests created or edited since, oldest first. */
  comments(repository: ForgeRepository, since: Instant): Promise<readonly ForgeComment[]>
}

export interface ForgeHistory {
  branchTip(repository: ForgeRepository, ref: string): Promise<{ readonly commit: CommitId; readonly tree: TreeId }>
  /** First-parent commits after `from` up to `to`, oldest first; null when `from` is not an ancestor on that line (forced). */
  landings(repository: ForgeRepository, from: CommitId, to: CommitId): Promise<readonly ForgeLanding[] | null>
  /** Paths that differ between two trees or commits. */
  diff(repository: ForgeRepository, from: CommitId | TreeId, to: CommitId | TreeId): Promise<readonly FileChange[]>
}

export interface ForgeCheck {
  readonly id: number
  readonly name: string
  readonly status: string
  readonly conclusion: string | null
  readonly title: string | null
  readonly startedAt: Instant | null
}

export interface ForgeChecks {
  /** All runs of our App with this name on `head`, oldest first. */
  list(repository: ForgeRepository, head: CommitId, name: string): Promise<readonly ForgeCheck[]>
  /** @throws AppError forge-ambiguous when the run may have been created */
  create(
    repository: ForgeRepository,
    head: CommitId,
    name: string,
    content: CheckContent,
    detailsUrl: string | null,
  ): Promise<{ readonly id: number }>
  /** Idempotent. @throws AppError forge-ambiguous when the run may have been changed */
  update(
    repository: ForgeRepository,
    id: number,
    name: string,
    content: CheckContent,
    detailsUrl: string | null,
  ): Promise<void>
}

export interface ForgeComments {
  /** Id of our own newest comment on the pull request that holds `marker`; null when there is none. */
  find(repository: ForgeRepository, number: number, marker: string): Promise<number | null>
  create(repository: ForgeRepository, number: number, body: string): Promise<{ readonly id: number }>
  /** @throws AppError forge-not-found when a person deleted it */
  update(repository: ForgeRepository, id: number, body: string): Promise<void>
}

export interface ForgeDeliveries {
  /** Deliveries the forge remembers since `since`, oldest first. */
  list(
    since: Instant,
  ): Promise<
    readonly { readonly id: number; readonly guid: string; readonly deliveredAt: Instant; readonly event: string }[]
  >
  /** The request as it was sent. The forge keeps parsed JSON, so the bytes are a serialisation, not the originals. */
  fetch(id: number): Promise<{ readonly guid: string; readonly event: string; readonly body: Uint8Array }>
}

export interface Ruleset {
  readonly name: string
  readonly ref: string
  readonly checkName: string
  readonly appId: number
}

export interface ForgeAdmin {
  app(): Promise<{
    readonly id: number
    readonly slug: string
    readonly permissions: Readonly<Record<string, string>>
    readonly forgeDate: Instant
  }>
  /** By `owner/name`; follows renames. @throws AppError forge-not-found when the App is not installed there */
  resolve(name: string): Promise<ForgeRepository & { readonly private: boolean; readonly defaultBranch: string }>
  account(login: string): Promise<ForgeAccount | null>
  /** Rulesets on the branch that fulfil `wanted` (active, no bypass), by id; with an administrator's token where given. */
  findRuleset(repository: ForgeRepository, wanted: Ruleset): Promise<number | null>
  /** Creates the ruleset with the administrator's token, which is used for this call and never kept. */
  createRuleset(repository: ForgeRepository, wanted: Ruleset, adminToken: string): Promise<number>
}
