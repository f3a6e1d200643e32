import type {
  AccountId,
  AdmittedStatement,
  CheckFacts,
  CommitFacts,
  CommitId,
  FileChange,
  Instant,
  Keyring,
  LogIndex,
  MergeFacts,
  Outcome,
  PolicyV1,
  RepositoryId,
  Sha256,
  TextMatch,
  TreeId,
} from '../core/index.ts'

/* ───────────── time, chance ───────────── */

export interface Clock {
  /** The machine's idea of now. May jump; the recorder alone turns it into `at`. */
  now(): Instant
}

export interface Timers {
  /** Runs `run` once, not before `ms` have passed (longer delays than a timer can hold are chained). Returns its cancel. */
  after(ms: number, run: () => void): () => void
}

export interface Random {
  /** `count` bytes from the operating system's generator. */
  bytes(count: number): Uint8Array
}

/* ───────────── the store: one way to write ───────────── */

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
}

export interface FindingRecord {
  readonly id: string
  readonly code: string
  readonly repository: RepositoryId | null
  readonly at: Instant
  readonly entry: LogIndex
  readonly data: Readonly<Record<string, string | number | boolean | null>>
}

/** One row of a change to the store. Rows of one commit take effect together or not at all. */
export type Write =
  /** Conflict `duplicate-delivery` when the GUID is known. */
  | { readonly kind: 'delivery'; readonly delivery: DeliveryRecord }
  | {
      readonly kind: 'delivery-state'
      readonly guid: string
      readonly state: DeliveryRecord['state']
      readonly reason: string | null
      readonly at: Instant
    }
  /** Inserts, or replaces lane, data, due time of the queued job of that id (attempts reset, version + 1). */
  | { readonly kind: 'job'; readonly job: Pick<JobRecord, 'id' | 'lane' | 'kind' | 'data' | 'dueAt'> }
  /** Removes the job if its version is still the given one; otherwise it was written anew and stays. */
  | { readonly kind: 'job-done'; readonly id: string; readonly version: number }
  | {
      readonly kind: 'job-retry'
      readonly id: string
      readonly version: number
      readonly dueAt: Instant
      readonly error: string
    }
  | { readonly kind: 'job-dead'; readonly id: string; readonly version: number; readonly error: string }
  | { readonly kind: 'repository'; readonly record: RepositoryRecord }
  /** Conflict `change-moved` unless the stored version is `record.version - 1` (0: not stored). */
  | { readonly kind: 'change'; readonly record: ChangeRecord }
  | { readonly kind: 'check'; readonly record: CheckRecord }
  /** Conflict `duplicate-nonce` or `duplicate-statement` ((payload digest, person) known). */
  | { readonly kind: 'statement'; readonly record: StatementRecord }
  /** Conflict `duplicate-command` when the comment was admitted before. */
  | { readonly kind: 'command'; readonly repository: RepositoryId; readonly commentId: number; readonly at: Instant }
  /** Conflict `policy-moved` unless epoch is the newest + 1. */
  | { readonly kind: 'policy'; readonly record: PolicyRecord }
  | { readonly kind: 'keyring'; readonly keyring: Keyring; readonly digest: Sha256; readonly entry: LogIndex }
  /** Content-addressed; writing a known digest again does nothing. */
  | { readonly kind: 'blob'; readonly digest: Sha256; readonly bytes: Uint8Array }
  /** Conflict `log-moved` unless the log has exactly `expectedSize` entries. */
  | {
      readonly kind: 'entries'
      readonly expectedSize: number
      readonly entries: readonly LogEntryRow[]
      readonly nodes: readonly LogNodeRow[]
      readonly head: LogHead
    }
  /** Conflict `checkpoint-moved` unless `size` is larger than the newest checkpoint's and at most the log's. */
  | { readonly kind: 'checkpoint'; readonly size: number; readonly note: string }
  | { readonly kind: 'cursor'; readonly name: string; readonly value: string }
  | { readonly kind: 'finding'; readonly record: FindingRecord }

export type CommitConflict =
  | 'duplicate-delivery'
  | 'duplicate-nonce'
  | 'duplicate-statement'
  | 'duplicate-command'
  | 'change-moved'
  | 'policy-moved'
  | 'log-moved'
  | 'checkpoint-moved'

export type CommitOutcome = { readonly ok: true } | { readonly ok: false; readonly conflict: CommitConflict }

export interface LogEntryRow {
  readonly index: LogIndex
  readonly id: string
  readonly type: string
  /** `repository/number` or another subject key under which entries are looked up; null where there is none. */
  readonly subject: string | null
  readonly at: Instant
  readonly bytes: Uint8Array
}

/** Hash of a complete subtree: level 0 is a leaf hash, level n covers 2^n leaves from `index · 2^n`. */
export interface LogNodeRow {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}

export interface LogHead {
  readonly size: number
  readonly root: Uint8Array
  /** `at` of the newest entry: no later entry may carry an earlier one. 0 for an empty log. */
  readonly at: Instant
}

export interface Store {
  /**
   * Applies all rows or none. On `ok: true` they survive loss of power. Callers at the same time share one disk sync.
   * Errs: a thrown `store-unavailable` may have been stored or not; the caller reads before it tries again.
   */
  commit(writes: readonly Write[]): Promise<CommitOutcome>
  /** Resolves when the store can write (a real, durable write was made just now); throws `store-unavailable` otherwise. */
  probe(): Promise<void>
  close(): Promise<void>
}

/* ───────────── the store: reads by aggregate; each sees every commit that resolved before it was called ───────────── */

export interface Deliveries {
  find(guid: string): Promise<DeliveryRecord | null>
  /** Newest first, without bodies. */
  list(filter: { readonly state?: DeliveryRecord['state']; readonly limit: number }): Promise<readonly DeliveryRecord[]>
  counts(): Promise<Readonly<Record<DeliveryRecord['state'], number>>>
  /** Forgets bodies of deliveries finished before `before`; returns how many (at most `limit`). Digests stay. */
  pruneBodies(before: Instant, limit: number): Promise<number>
}

export interface Jobs {
  /**
   * The first job of each lane that is due and not in `busyLanes`, oldest first, at most `limit`. A lane whose first job
   * waits for its retry yields nothing, so order within a lane holds. Jobs due later do not block their lane.
   */
  due(now: Instant, busyLanes: ReadonlySet<string>, limit: number): Promise<readonly JobRecord[]>
  /** Earliest due time of a queued job; null when there is none. */
  nextDueAt(): Promise<Instant | null>
  find(id: string): Promise<JobRecord | null>
  dead(limit: number): Promise<readonly JobRecord[]>
  counts(): Promise<{ readonly queued: number; readonly dead: number }>
}

export interface Changes {
  find(repository: RepositoryId, number: number): Promise<ChangeRecord | null>
  open(repository: RepositoryId): Promise<readonly ChangeRecord[]>
  byHead(repository: RepositoryId, head: CommitId): Promise<readonly ChangeRecord[]>
  /** Changes with a `lastPass` on this base that have not landed and are open or merged: what a landing may be. */
  awaitingLanding(repository: RepositoryId, baseRef: string): Promise<readonly ChangeRecord[]>
  check(repository: RepositoryId, head: CommitId, baseRef: string): Promise<CheckRecord | null>
  /** Checks that are not closed: all of them, or those not known to show what is wanted, or those created before `before`. */
  checks(filter: { readonly unsettled?: true; readonly createdBefore?: Instant }): Promise<readonly CheckRecord[]>
}

export interface Registry {
  repository(id: RepositoryId): Promise<RepositoryRecord | null>
  repositories(): Promise<readonly RepositoryRecord[]>
  policyInForce(): Promise<PolicyRecord | null>
  policies(): Promise<readonly PolicyRecord[]>
  keyring(): Promise<{ readonly keyring: Keyring; readonly digest: Sha256 } | null>
}

export interface Statements {
  /** In log order. */
  forChange(repository: RepositoryId, number: number): Promise<readonly StatementRecord[]>
  /** How many statements of this person on this change are recorded; the next nonce depends on it. */
  count(repository: RepositoryId, number: number, person: AccountId): Promise<number>
  /** Statements that bear on persons rather than changes (`suspend`, `lift`), in log order. */
  aboutPerson(person: AccountId): Promise<readonly StatementRecord[]>
  wasCommandAdmitted(repository: RepositoryId, commentId: number): Promise<boolean>
}

export interface DecisionLog {
  head(): Promise<LogHead>
  /** Entries `from` (inclusive) to `to` (exclusive), at most 1,000. */
  entries(from: number, to: number): Promise<readonly LogEntryRow[]>
  node(level: number, index: number): Promise<Uint8Array | null>
  checkpoint(): Promise<{ readonly size: number; readonly note: string } | null>
  /** Newest first. */
  find(filter: {
    readonly type?: string
    readonly subject?: string
    readonly limit: number
  }): Promise<readonly LogEntryRow[]>
}

export interface Memory {
  blob(digest: Sha256): Promise<Uint8Array | null>
  cursor(name: string): Promise<string | null>
  /** Newest first. */
  findings(limit: number): Promise<readonly FindingRecord[]>
}

/** Everything a store adapter hands out. */
export interface StorePorts {
  readonly store: Store
  readonly deliveries: Deliveries
  readonly jobs: Jobs
  readonly changes: Changes
  readonly registry: Registry
  readonly statements: Statements
  readonly log: DecisionLog
  readonly memory: Memory
}

/** Where trust-lowering acts go while the store is down: an append-only file outside the database. */
export interface Journal {
  /** On return the record survives loss of power. */
  append(record: JobData): Promise<void>
  read(): Promise<readonly JobData[]>
  /** Forgets the first `count` records, after they became entries. */
  drop(count: number): Promise<void>
}

/* ───────────── custody ───────────── */

/** Where the server's own secrets live. Never returns a key that signs the log. */
export interface Custody {
  /** The bytes of a secret that has to be handed to somebody else's code. @throws AppError custody-not-found, custody-refused */
  reveal(name: string): Promise<Uint8Array>
  /** Signs with a key that never leaves custody (Ed25519). */
  sign(name: string, message: Uint8Array): Promise<Uint8Array>
  /** Raw 32-byte Ed25519 public key. */
  publicKey(name: string): Promise<Uint8Array>
  names(): Promise<readonly string[]>
}

/* ───────────── the forge ───────────── */

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

/* ───────────── the policy's files ───────────── */

/** A reason why policy files cannot take effect, where it stands and what to do. */
export interface PolicyFileFault {
  readonly code: string
  readonly file: string
  readonly line: number | null
  readonly message: string
  readonly remedy: string
}

export interface PolicyFiles {
  readonly isPolicyPath: (path: string) => boolean
  /** `policy` is null when structure is faulty; `blocking` holds every fault that keeps it from taking effect. */
  read(input: {
    readonly governanceRepository: string
    readonly files: ReadonlyMap<string, Uint8Array>
    readonly isGenesis: boolean
  }): { readonly policy: PolicyV1 | null; readonly blocking: readonly PolicyFileFault[] }
}

/* ───────────── webhooks, decoded narrowly ───────────── */

export type ForgeEventDetail =
  | {
      readonly kind: 'change'
      readonly number: number
      readonly head: CommitId
      readonly baseRef: string
      readonly merged: boolean
      readonly pusher: AccountId | null
    }
  | {
      readonly kind: 'comment'
      readonly number: number
      readonly commentId: number
      readonly author: ForgeAccount
      readonly body: string
      readonly onChange: boolean
    }
  | {
      readonly kind: 'checks'
      readonly head: CommitId
      readonly name: string | null
      readonly appId: number | null
      readonly runId: number | null
      /** Of a check run: what it concluded; null for anything else and while it runs. */
      readonly conclusion: string | null
    }
  | {
      readonly kind: 'push'
      readonly ref: string
      readonly before: string
      readonly after: string
      readonly forced: boolean
      readonly pusher: AccountId | null
    }
  | { readonly kind: 'merge-group'; readonly head: CommitId; readonly baseRef: string }
  | { readonly kind: 'installation'; readonly repositories: readonly RepositoryId[] }
  | { readonly kind: 'repository'; readonly previousName: string | null }
  | { readonly kind: 'other' }

/** What the gate needs of a delivery: numbers and ids, and the one text (a comment) that may hold a command. */
export interface ForgeEvent {
  readonly guid: string
  readonly event: string
  readonly action: string | null
  readonly installation: number | null
  readonly repository: { readonly id: RepositoryId; readonly name: string } | null
  readonly sender: ForgeAccount | null
  readonly detail: ForgeEventDetail
}

export interface Webhooks {
  /** Compares in constant time with every current secret, over the raw bytes, before anything is parsed. */
  authenticate(
    signatureHeader: string | undefined,
    body: Uint8Array,
  ): { readonly ok: true } | { readonly ok: false; readonly code: string }
  /** Strict JSON, required fields by event. Unknown events decode to `other`. */
  decode(
    headers: { readonly guid: string; readonly event: string },
    body: Uint8Array,
  ): { readonly ok: true; readonly event: ForgeEvent } | { readonly ok: false; readonly code: string }
}

/* ───────────── telemetry ───────────── */

export interface Telemetry {
  /** One event, with fields that hold no secret and no stranger's text beyond identifiers. */
  event(name: string, level: 'debug' | 'info' | 'warn' | 'error', fields?: Readonly<Record<string, unknown>>): void
  count(name: string, labels?: Readonly<Record<string, string>>): void
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void
}
