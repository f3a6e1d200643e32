import type { CommitId, Instant, LogIndex, Sha256 } from '../ids.ts'
import type { Requirement } from '../policy/policy-v1.ts'
import type { CommonPredicate } from './statement-fields.ts'

/** What one person can say about a release. */
export type ReleaseDecision = 'approve' | 'veto' | 'withdraw'

/** What one person signs about one release: the same predicate, with the release in the place of the pull request. */
export interface ReleasePredicate extends CommonPredicate {
  readonly action: 'release'
  readonly decision: ReleaseDecision
  readonly release: { readonly tag: string; readonly revision: CommitId; readonly artifacts: Sha256 }
  readonly reason?: string
}

export interface ReleaseStatement {
  readonly predicate: ReleasePredicate
}

/** A release statement that passed `admitRelease` and is an entry of the log. */
export interface AdmittedRelease {
  readonly entry: LogIndex
  readonly at: Instant
  /** Exact RFC 8785 bytes of the payload as base64url; `statement` is what they say. */
  readonly payload: string
  readonly payloadDigest: Sha256
  readonly signature: string
  readonly scheme: string
  readonly statement: ReleaseStatement
  /** The requirement whose digest the statement signs. */
  readonly requirement: Requirement
}
