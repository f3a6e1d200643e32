/** Reads of the store by aggregate; each sees every commit that resolved before it was called. */
import type { AccountId, CommitId, Instant, Keyring, RepositoryId, Sha256 } from '../../core/index.ts'
import type {
  ChangeRecord,
  CheckRecord,
  DeliveryRecord,
  FindingRecord,
  JobData,
  JobRecord,
  PolicyRecord,
  ReleaseStatementRecord,
  RepositoryRecord,
  StatementRecord,
} from './store-records.ts'
import type { SecurityResult } from '../audit/security-event.ts'
import type { LogEntryRow, LogHead, Store } from './store-write.ts'

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
  /** Statements about the release of this tag, in log order. */
  forRelease(repository: RepositoryId, tag: string): Promise<readonly ReleaseStatementRecord[]>
  /** Statements that bear on persons rather than changes (`suspend`, `lift`), in log order. */
  aboutPerson(person: AccountId): Promise<readonly StatementRecord[]>
  wasCommandAdmitted(repository: RepositoryId, commentId: number): Promise<boolean>
}

export interface DecisionLog {
  head(): Promise<LogHead>
  /** Entries `from` (inclusive) to `to` (exclusive), at most 1,000. */
  entries(from: number, to: number): Promise<readonly LogEntryRow[]>
  node(level: number, index: number): Promise<Uint8Array | null>
  checkpoint(): Promise<SignedHead | null>
  /** Newest first. */
  find(filter: {
    readonly type?: string
    readonly subject?: string
    readonly limit: number
  }): Promise<readonly LogEntryRow[]>
}

/** A signed head of a log. */
export interface SignedHead {
  readonly size: number
  readonly note: string
}

/** Which events are looked for; what is left out matches all. */
export interface EventFilter {
  /** First moment that counts. */
  readonly from?: Instant
  /** First moment that counts no more. */
  readonly to?: Instant
  readonly userId?: string
  readonly eventType?: string
  readonly resource?: string
  readonly result?: SecurityResult
  /** Only entries below this index: the last one of the page before. */
  readonly before?: number
  /** At most 1,000. */
  readonly limit: number
}

/** The log of security events: read like the other one, and searched. */
export interface SecurityLog extends DecisionLog {
  /** Newest first. Looks at indexes alone until it knows which entries to read. */
  search(filter: EventFilter): Promise<readonly LogEntryRow[]>
}

export interface Memory {
  blob(digest: Sha256): Promise<Uint8Array | null>
  /** Whether the value of this digest was erased: `blob` is null then, and stays so. */
  isErased(digest: Sha256): Promise<boolean>
  /** The smallest head of the decision log over the entry of this index that a quorum of witnesses is known to have cosigned. */
  cosignedOver(index: number): Promise<SignedHead | null>
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
  readonly security: SecurityLog
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
