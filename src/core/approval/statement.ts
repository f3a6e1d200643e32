import type { AccountId, CommitId, Instant, KeyId, LogIndex, RepositoryId, Sha256, TreeId } from '../ids.ts'
import type { ConditionId, Requirement, TierId } from '../policy/policy-v1.ts'

export const statementType = 'https://in-toto.io/Statement/v1'
export const approvalPredicateType = 'urn:governance-app:approval:v1'
export const approvalPayloadType = 'application/vnd.in-toto+json'

export type Action = 'pull-request' | 'policy-change' | 'key-change' | 'tier-override' | 'emergency' | 'release'
export type Decision = 'approve' | 'attest' | 'veto' | 'withdraw' | 'suspend' | 'lift' | 'add-tier' | 'remove-tier'

/** Names a required check run as a condition, so that a person can answer for it: `check:<app id>:<name>`. */
export type CheckConditionId = `check:${number}:${string}`

/**
 * What one person signs about one change: the predicate of an in-toto Statement v1 (formats.md, "Approvals").
 * Times are RFC 3339 in UTC with milliseconds (`2026-11-24T06:54:07.000Z`) in the JSON and `Instant` here.
 */
export interface ApprovalPredicate {
  readonly action: Action
  readonly decision: Decision
  /** Origin of the decision log that this statement is for. */
  readonly audience: string
  readonly repository: { readonly uri: string; readonly id: RepositoryId }
  readonly pullRequest: {
    readonly number: number
    readonly headSha: CommitId
    readonly baseRef: string
    readonly baseSha: CommitId
    readonly changeDigest: Sha256
  }
  readonly requirement: { readonly digest: { readonly sha256: Sha256 } }
  readonly policy: { readonly epoch: number }
  readonly signer: { readonly maintainer: AccountId; readonly keyid: KeyId }
  readonly notAuthorOf: readonly CommitId[]
  readonly condition?: {
    readonly id: ConditionId | CheckConditionId
    readonly evidence: { readonly uri: string; readonly digest: Sha256 }
    /** The rationale's own text, where the condition is `rationale`. */
    readonly text?: string
  }
  readonly tier?: TierId
  /** The person whose key is suspended or whose suspension is lifted. */
  readonly target?: AccountId
  readonly reason?: string
  /** 16 bytes as 32 hex characters. */
  readonly nonce: string
  readonly issuedAt: Instant
  readonly expiresAt: Instant
}

export interface Statement {
  readonly head: CommitId
  readonly headTree: TreeId
  readonly predicate: ApprovalPredicate
}

/** A statement that passed `admit` and is an entry of the log. Its time is the entry's, never its own claim. */
export interface AdmittedStatement {
  readonly entry: LogIndex
  readonly at: Instant
  /** Exact RFC 8785 bytes of the payload as base64url; `statement` is what they say. */
  readonly payload: string
  readonly payloadDigest: Sha256
  readonly signature: string
  readonly scheme: string
  readonly statement: Statement
  /** The requirement whose digest the statement signs, as it was when the challenge was issued. */
  readonly requirement: Requirement
}
