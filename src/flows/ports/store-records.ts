/** What the store remembers, record by record. */
import type {
  AccountId,
  AdmittedRelease,
  AdmittedStatement,
  CommitId,
  Instant,
  LogIndex,
  Outcome,
  PolicyV1,
  RepositoryId,
  Sha256,
  TextMatch,
  TreeId,
} from '../../core/index.ts'

export type JobData = Readonly<Record<string, unknown>>

/** Work to do. A job that is done is gone; one that failed too often is `dead` until a person replays or drops it. */
export interface JobRecord {
  /** Chosen by the writer; writing a queued job again replaces data and due time and bumps `version`. */
  readonly id: string
  /** Jobs of one lane run one at a time, in the order in which they were first written. */
  readonly lane: string
  readonly kind: string
  readonly data: JobData
  readonly dueAt: Instant
  readonly attempts: number
  readonly state: 'queued' | 'dead'
  readonly lastError: string | null
  readonly version: number
}

export interface DeliveryRecord {
  readonly guid: string
  readonly event: string
  readonly action: string | null
  readonly repository: RepositoryId | null
  readonly number: number | null
  readonly receivedAt: Instant
  readonly bodyDigest: Sha256
  /** The raw bytes; null once they are pruned. */
  readonly body: Uint8Array | null
  readonly via: 'webhook' | 'gap-closing'
  readonly state: 'queued' | 'done' | 'ignored' | 'dead'
  readonly reason: string | null
  readonly finishedAt: Instant | null
}

export interface GovernedBranch {
  readonly ref: string
  /** Tip and tree when the branch was enrolled; landings are matched from there. */
  readonly tip: CommitId
  readonly tree: TreeId
  /** Newest tip whose landing was matched or became a finding. */
  readonly seen: CommitId
  readonly rulesetId: number | null
}

export interface RepositoryRecord {
  readonly id: RepositoryId
  readonly name: string
  readonly installation: number
  readonly private: boolean
  readonly enrolledAt: Instant
  readonly active: boolean
  readonly branches: readonly GovernedBranch[]
}

/** What the server remembers of a pull request between two events. */
export interface ChangeRecord {
  readonly repository: RepositoryId
  readonly number: number
  readonly version: number
  readonly state: 'open' | 'closed' | 'merged'
  readonly draft: boolean
  readonly head: CommitId
  readonly baseRef: string
  readonly baseSha: CommitId
  readonly changeDigest: Sha256 | null
  readonly facts: Sha256 | null
  readonly clock: {
    readonly changeDigest: Sha256
    readonly baseRef: string
    readonly startedAt: Instant
    readonly entry: LogIndex
  } | null
  readonly textMatches: { readonly changeDigest: Sha256; readonly matches: readonly TextMatch[] } | null
  readonly pushers: { readonly head: CommitId; readonly accounts: readonly AccountId[] } | null
  readonly verdict: RecordedVerdict | null
  /** Id of the test merge commit that `facts` were read from; lets a later read skip what ids commit to. */
  readonly mergeCommit: CommitId | null
  /** Newest passing verdict: what a landing of this change is matched against. */
  readonly lastPass: RecordedPass | null
  /** Commit of the governed branch with which this change landed; null while it has not. */
  readonly landed: CommitId | null
  readonly statusComment: { readonly id: number; readonly textDigest: Sha256; readonly writtenAt: Instant } | null
  readonly collectFailures: { readonly count: number; readonly since: Instant } | null
}

export interface RecordedVerdict {
  readonly outcome: Outcome
  readonly entry: LogIndex
  readonly at: Instant
  /** Blob of the canonical verdict. */
  readonly digest: Sha256
  /** Everything that decided it but `at`: equal inputs and outcome need no second entry. */
  readonly basis: Sha256
  readonly head: CommitId
  readonly baseRef: string
  readonly mergeTree: TreeId | null
  readonly nextChangeAt: Instant | null
}

/** What passed, so that a landing can be compared with it: tree, head, facts and number of commits. */
export interface RecordedPass {
  readonly entry: LogIndex
  readonly at: Instant
  readonly head: CommitId
  readonly baseRef: string
  readonly mergeTree: TreeId
  readonly facts: Sha256
  readonly commits: number
}

/** The check of one (repository, head, base ref): what the log says it must show, and what the forge is known to show. */
export interface CheckRecord {
  readonly repository: RepositoryId
  readonly head: CommitId
  readonly baseRef: string
  readonly runId: number | null
  readonly wanted: CheckContent
  /** Log size that must be under a signed checkpoint before `wanted` may be shown as success. */
  readonly wantedEntry: LogIndex
  /** `digest`: SHA-256 of UTF-8 `conclusion ⏎ title ⏎ summary`; a store compares it with `wanted`. */
  readonly shown: { readonly conclusion: CheckContent['conclusion']; readonly digest: Sha256 } | null
  readonly createdAt: Instant | null
  readonly closed: boolean
}

export interface CheckContent {
  readonly conclusion: 'success' | 'failure' | 'action_required'
  readonly title: string
  readonly summary: string
}

export interface PolicyRecord {
  readonly epoch: number
  readonly digest: Sha256
  readonly commit: CommitId
  readonly policy: PolicyV1
  /** Raw policy files in force: path → mode, git blob id and SHA-256 of the bytes (a blob of the store). */
  readonly files: Readonly<Record<string, { readonly mode: string; readonly blob: string; readonly sha256: Sha256 }>>
  readonly entry: LogIndex
  readonly at: Instant
}

export interface StatementRecord extends AdmittedStatement {
  readonly repository: RepositoryId
  readonly number: number
  readonly person: AccountId
  /** Its payload was erased: `payload` is empty, the texts in it are gone, and nobody can verify it any more. */
  readonly isErased?: true
}

export interface ReleaseStatementRecord extends AdmittedRelease {
  readonly repository: RepositoryId
  readonly tag: string
  readonly person: AccountId
  /** As of `StatementRecord`. */
  readonly isErased?: true
}

export interface FindingRecord {
  readonly id: string
  readonly code: string
  readonly repository: RepositoryId | null
  readonly at: Instant
  readonly entry: LogIndex
  readonly data: Readonly<Record<string, string | number | boolean | null>>
}
