import type { AccountId, CommitId, LogIndex, Sha256, TreeId } from '../ids.ts'
import type { Outcome } from '../policy/verdict.ts'

/** The data of the entries that a verdict stands on, by type. Spec: spec/log/entry-types.md. */
export interface DecisiveEntryData {
  readonly genesis: {
    readonly origin: string
    readonly governanceRepository: string
    readonly policy: Sha256
    readonly commit: CommitId
    readonly logKey: string
    readonly accounts: readonly { readonly login: string; readonly account: AccountId }[]
  }
  readonly 'policy-in-force': {
    readonly epoch: number
    readonly policy: Sha256
    readonly commit: CommitId
    readonly files: Readonly<Record<string, Sha256>>
    /** Index of the passing layer-0 verdict; null for genesis and regenesis. */
    readonly verdict: LogIndex | null
    readonly keyring: Sha256
  }
  readonly 'policy-regenesis': {
    readonly epoch: number
    readonly policy: Sha256
    readonly commit: CommitId
    readonly reason: string
    readonly accounts: readonly { readonly login: string; readonly account: AccountId }[]
  }
  readonly 'repository-enrolled': {
    readonly name: string
    readonly branches: readonly { readonly ref: string; readonly tip: CommitId; readonly tree: TreeId }[]
  }
  readonly 'clock-started': { readonly baseRef: string; readonly changeDigest: Sha256; readonly head: CommitId }
  readonly 'statement-admitted': {
    /** Names the payload, which is a blob: its texts may have to be erased. */
    readonly payloadDigest: Sha256
    readonly signature: string
    readonly scheme: string
    readonly commentId: number | null
    /** The requirement that the statement binds, and the one in force when it was admitted. */
    readonly requirement: Sha256
    readonly inForce: Sha256
  }
  readonly 'log-key': {
    readonly generation: number
    readonly key: string
    readonly root: string
    /** Signed note by the root and, for a successor, by the key before it. */
    readonly certificate: string
  }
  readonly 'log-broken': {
    /** Verifier key of the offline root of the log that ends here. */
    readonly root: string
    /** The break that it signed. */
    readonly break: string
    /** Head of the old log that the break names, as it was signed and cosigned. */
    readonly checkpoint: string
    /** Head of the old log over exactly the entries before this one. */
    readonly recovered: string
  }
  /** Not what a verdict stands on, but why a value that it stands on is not there. */
  readonly 'blob-erased': { readonly digest: Sha256; readonly reason: string }
  readonly verdict: {
    readonly outcome: Outcome
    readonly code: string
    readonly head: CommitId | null
    readonly baseRef: string | null
    readonly mergeTree: TreeId | null
    readonly policy: Sha256 | null
    readonly epoch: number | null
    readonly facts: Sha256 | null
    readonly approvals: Sha256 | null
    readonly keyring: Sha256 | null
    readonly requirement: Sha256 | null
    readonly verdict: Sha256
  }
  readonly 'landing-matched': {
    readonly commit: CommitId
    readonly number: number
    readonly verdict: LogIndex
    readonly how: 'merge-tree' | 'approved-paths' | 'merged-with-moved-base'
    readonly commits: number
  }
  readonly 'release-signed': {
    readonly tag: string
    readonly revision: CommitId
    /** SHA-256 of the bytes of `SHA256SUMS`. */
    readonly artifacts: Sha256
    /** The payload that was signed; a blob. */
    readonly statement: Sha256
    /** The landing that the revision is of. */
    readonly landing: LogIndex
    /** What the release needed when it was signed. */
    readonly requirement: Sha256
  }
}
