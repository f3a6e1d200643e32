/** The one way to write to the store. */
import type { CommitId, Instant, Keyring, LogIndex, RepositoryId, Sha256 } from '../../core/index.ts'
import type { SecurityResult } from '../audit/security-event.ts'
import type { LogName } from './record.ts'
import type {
  ChangeRecord,
  CheckRecord,
  DeliveryRecord,
  FindingRecord,
  JobRecord,
  PolicyRecord,
  ReleaseStatementRecord,
  RepositoryRecord,
  StatementRecord,
} from './store-records.ts'

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
  /** Says of a stored repository whether it is private, and nothing else; does nothing where there is none. */
  | { readonly kind: 'repository-private'; readonly repository: RepositoryId; readonly private: boolean }
  /** Moves what was seen of one governed branch, and nothing else; does nothing where there is none. */
  | { readonly kind: 'branch-seen'; readonly repository: RepositoryId; readonly ref: string; readonly seen: CommitId }
  /** Conflict `change-moved` unless the stored version is `record.version - 1` (0: not stored). */
  | { readonly kind: 'change'; readonly record: ChangeRecord }
  | { readonly kind: 'check'; readonly record: CheckRecord }
  /** Conflict `duplicate-nonce` or `duplicate-statement` ((payload digest, person) known). */
  | { readonly kind: 'statement'; readonly record: StatementRecord }
  /** The same for a statement about a release, with the same conflicts. */
  | { readonly kind: 'release-statement'; readonly record: ReleaseStatementRecord }
  /** Conflict `duplicate-command` when the comment was admitted before. */
  | { readonly kind: 'command'; readonly repository: RepositoryId; readonly commentId: number; readonly at: Instant }
  /** Conflict `policy-moved` unless epoch is the newest + 1. */
  | { readonly kind: 'policy'; readonly record: PolicyRecord }
  | { readonly kind: 'keyring'; readonly keyring: Keyring; readonly digest: Sha256; readonly entry: LogIndex }
  /**
   * Content-addressed; writing a known digest again does nothing. Conflict `blob-erased` when the digest was erased: what had to
   * go does not come back, and nothing is recorded that names it.
   */
  | { readonly kind: 'blob'; readonly digest: Sha256; readonly bytes: Uint8Array }
  /**
   * Erases a value for good, with every copy of its text that the store holds: the payload and the texts of a statement that it
   * is the payload of, and of `changes` the bodies of deliveries that are over and the jobs that are dead. Once the commit
   * resolved, the bytes stand in no file of the store, in clear or encrypted. Conflict `blob-erased` when it was erased before.
   */
  | {
      readonly kind: 'erase-blob'
      readonly digest: Sha256
      readonly changes: readonly { readonly repository: RepositoryId; readonly number: number }[]
      /**
       * Repositories in which something was said of it below a pull request that nobody remembers: the bodies of all deliveries of
       * comments that are over go, and the dead jobs that carry what somebody wrote.
       */
      readonly comments?: readonly RepositoryId[]
    }
  /** Conflict `log-moved` unless the log (`decisions` when none is named) has exactly `expectedSize` entries. */
  | {
      readonly kind: 'entries'
      readonly log?: LogName
      readonly expectedSize: number
      readonly entries: readonly LogEntryRow[]
      readonly nodes: readonly LogNodeRow[]
      readonly head: LogHead
    }
  /** Conflict `checkpoint-moved` unless `size` is larger than the newest checkpoint's and at most the log's. */
  | { readonly kind: 'checkpoint'; readonly log?: LogName; readonly size: number; readonly note: string }
  /** A head of the decision log with the cosignatures of a quorum. The first of one size stays: it vouches earliest. */
  | { readonly kind: 'cosigned-head'; readonly size: number; readonly note: string }
  | { readonly kind: 'cursor'; readonly name: string; readonly value: string }
  | { readonly kind: 'finding'; readonly record: FindingRecord }

export type CommitConflict =
  | 'duplicate-delivery'
  | 'duplicate-nonce'
  | 'duplicate-statement'
  | 'duplicate-command'
  | 'change-moved'
  | 'policy-moved'
  | 'blob-erased'
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
  /** Of the security log's entries, and of them alone: what events are searched by besides type, subject and time. */
  readonly event?: { readonly userId: string | null; readonly result: SecurityResult }
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
