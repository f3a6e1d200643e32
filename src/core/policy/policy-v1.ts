import type { AccountId, Instant, Sha256 } from '../ids.ts'

/** `"0"` (the governance repository) to `"5"`. A label: layers are never compared. */
export type LayerId = string
/** `"1"`…`"5"`, `"security-critical"`, `"cryptographic"`, `"security-enhancement"`. A label: tiers are never compared. */
export type TierId = string
/** Name of a registry of persons: `"layer-1-2"`, `"layer-3"`, `"layer-4"`, `"layer-5"`, `"emergency"`. */
export type SetId = string

/** The closed list of conditions (domain.md, "Conditions"). */
export type ConditionId =
  | 'specification'
  | 'audit'
  | 'equivalence-proof'
  | 'formal-verification'
  | 'cryptographer'
  | 'security-review'
  | 'manual-review'
  | 'public-comment'
  | 'rationale'
  | 'post-mortem'
  | 'test-vectors'
  | 'verification'
  | 'cross-layer-sync'
  | 'cross-layer-reference'
  | 'no-consensus-modifications'
  | 'dependency-import'
  | 'review-extension'

/** Signatures of `required` distinct persons of one registry. `total` is what the source states: display, not rule. */
export interface Quorum {
  readonly set: SetId
  readonly required: number
  readonly total: number
}

/** A check run that must be `success` on the current head. */
export interface RequiredCheck {
  readonly name: string
  readonly appId: number
  readonly workflow: string | null
}

export interface Layer {
  readonly name: string
  /** All must hold, each over its own set. */
  readonly quorums: readonly Quorum[]
  readonly reviewDays: number
  /** Review days when a file matches the repository's consensus paths; null where the layer has no such rule. */
  readonly consensusReviewDays: number | null
  /** Days of the second clock (public comment) over the same content; 0 where none is asked. */
  readonly publicCommentDays: number
  readonly conditions: readonly ConditionId[]
}

export interface Tier {
  readonly name: string
  readonly required: number
  readonly total: number
  /** Null: the tier's count is taken over the layer's own set. */
  readonly set: SetId | null
  readonly reviewDays: number
  readonly conditions: readonly ConditionId[]
}

/** How files and words put a change into one tier. */
export interface ClassificationRule {
  readonly tier: TierId
  readonly patterns: readonly string[]
  /** A file that matches one of these is not put into this tier by `patterns`. */
  readonly excludes: readonly string[]
  /** Whole words, ASCII case-insensitive, in title or body. They only add. */
  readonly keywords: readonly string[]
  /** Exact markers in the title, such as `[GOVERNANCE]`. They only add. */
  readonly markers: readonly string[]
}

/** A tier that title or body added, and the rule that did it. */
export interface TextMatch {
  readonly tier: TierId
  readonly rule: string
}

/** A condition that holds only for changes touching some paths (empty list: every change of the repository). */
export interface ConditionRule {
  readonly id: string
  readonly condition: ConditionId
  readonly patterns: readonly string[]
  readonly description: string
}

export interface RepositoryPolicy {
  readonly layer: LayerId
  /** Tiers that every change of this repository carries. */
  readonly tiers: readonly TierId[]
  readonly consensusPaths: readonly string[]
  readonly conditionRules: readonly ConditionRule[]
  readonly requiredChecks: readonly RequiredCheck[]
  /** Additional rules that hold in this repository alone. */
  readonly classification: readonly ClassificationRule[]
  /** Conditions, quorum and days that hold when a consensus path is touched. */
  readonly consensusConditions: readonly ConditionId[]
}

/** One key of one person in one registry, as the governance repository states it. */
export interface RegistryKey {
  readonly set: SetId
  readonly login: string
  /** Null only in a genesis policy; `governance init` resolves it and records the result. */
  readonly account: AccountId | null
  readonly scheme: string
  /** Lower-case hex of the compressed key (33 bytes), or of the x-only key (32 bytes) for `bip340-v1`. */
  readonly publicKey: string
  readonly role: string
  readonly status: 'active' | 'inactive'
  readonly notBefore: Instant | null
  readonly expires: Instant | null
  readonly revokedAt: Instant | null
  readonly compromisedSince: Instant | null
}

/** Who is in a registry. `persons` counts the declared ones, whether or not their keys can be used. */
export interface SignerSet {
  readonly persons: readonly string[]
}

export interface EmergencyTier {
  readonly name: string
  readonly reviewDays: number
  readonly required: number
  readonly total: number
  readonly activationRequired: number
  readonly activationTotal: number
  readonly maxDurationDays: number
  readonly maxExtensions: number
  readonly extensionDays: number
  readonly extensionRequired: number
  readonly postMortemDays: number
  readonly auditDays: number | null
}

export interface PolicyOptions {
  /** An approval survives a pure rebase (equal `changeDigest`, same base ref). */
  readonly approvalsSurviveRebase: boolean
  /** Author, committers and co-authors may count. */
  readonly authorsMayApprove: boolean
  /** The commenting account must be the person whose key signed. */
  readonly commenterMustBeSigner: boolean
  readonly keywords: boolean
  /** Longest lifetime of an approval in days; null: the review period + 90. */
  readonly approvalMaxDays: number | null
  /** Distinct approvals beyond the quorum that out-vote one veto; null: a veto blocks until withdrawn. */
  readonly vetoOutvotedBy: number | null
}

/**
 * The governance policy, whatever files it was read from. Its canonical JSON (RFC 8785) has one digest, which names the
 * version. Records are keyed by identifiers; lists are in source order and their order never decides anything.
 */
export interface PolicyV1 {
  readonly v: 1
  /** Owner of the governance repository; a bare repository name means this owner. */
  readonly owner: string
  /** Full name of the governance repository (layer 0). */
  readonly governanceRepository: string
  readonly layers: Readonly<Record<LayerId, Layer>>
  readonly tiers: Readonly<Record<TierId, Tier>>
  /** Keyed by `owner/name`. */
  readonly repositories: Readonly<Record<string, RepositoryPolicy>>
  readonly classification: {
    readonly rules: readonly ClassificationRule[]
    readonly fallback: { readonly tier: TierId; readonly manualReview: boolean }
  }
  readonly sets: Readonly<Record<SetId, SignerSet>>
  readonly registry: readonly RegistryKey[]
  readonly emergency: Readonly<Record<string, EmergencyTier>>
  readonly options: PolicyOptions
}

/** A quorum with the persons it is counted over, resolved to accounts, ascending. */
export interface ResolvedQuorum extends Quorum {
  readonly persons: readonly AccountId[]
}

/**
 * What one change must meet. Its digest (SHA-256 of its canonical JSON, quorums sorted by set, conditions and checks
 * sorted) is what an approval signs.
 */
export interface Requirement {
  readonly quorums: readonly ResolvedQuorum[]
  readonly reviewDays: number
  readonly publicCommentDays: number
  readonly conditions: readonly ConditionId[]
  readonly checks: readonly RequiredCheck[]
}

/** Names one version of the policy in force. */
export interface PolicyInForce {
  readonly policy: PolicyV1
  readonly digest: Sha256
  readonly epoch: number
}
