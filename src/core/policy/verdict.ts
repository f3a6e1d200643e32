import type { AccountId, Instant, Sha256 } from '../ids.ts'
import type { ConditionId, LayerId, Requirement, SetId, TierId } from './policy-v1.ts'

/** Only `pass` is ever shown as success. */
export type Outcome = 'pass' | 'pending' | 'fail' | 'error'

/**
 * One node of the explanation. The tree is the only explanation there is: check, status comment, CLI and log render
 * this same value. `code` is from a closed, documented list; `data` holds identifiers and numbers, never free text of
 * strangers. A parent's outcome is the worst of its children unless its code says otherwise.
 */
export interface Reason {
  readonly code: string
  readonly outcome: Outcome | 'info'
  readonly data: Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>
  readonly children: readonly Reason[]
}

/** One thing that, with all the others of the list, would turn the verdict into `pass`. */
export type Missing =
  | { readonly kind: 'signatures'; readonly set: SetId; readonly count: number; readonly from: readonly AccountId[] }
  | { readonly kind: 'time'; readonly until: Instant; readonly what: 'review' | 'public-comment' }
  | { readonly kind: 'condition'; readonly condition: ConditionId }
  | { readonly kind: 'check'; readonly name: string; readonly appId: number }
  | { readonly kind: 'veto-withdrawal'; readonly by: AccountId }
  | { readonly kind: 'author-action'; readonly what: string }
  | { readonly kind: 'operator-action'; readonly what: string }

/**
 * One ground of a classification. `rule` is `path:<glob>`, `keyword:<word>`, `marker:<text>`, `repository`, `statement`,
 * `fallback` or the id of a condition rule. Long lists of paths are cut: the last entry then has `path` null and says in
 * `more` how many paths it stands for.
 */
export interface Ground {
  readonly rule: string
  readonly path: string | null
  readonly more?: number
}

/** Which tiers a change carries and why: every tier, the rule and the file (or word, or statement). */
export interface Classification {
  readonly layer: LayerId
  readonly tiers: readonly { readonly tier: TierId; readonly because: readonly Ground[] }[]
  readonly consensus: boolean
  /** Consensus paths that the change touches; empty when `consensus` is false. */
  readonly consensusBecause: readonly Ground[]
  /** Conditions that the repository's rules, its consensus paths or the fallback (manual review) add for these files. */
  readonly conditions: readonly { readonly condition: ConditionId; readonly because: readonly Ground[] }[]
}

/** The judgement on one change at one moment, with everything needed to recompute and to explain it. */
export interface Verdict {
  readonly v: 1
  readonly outcome: Outcome
  readonly at: Instant
  readonly inputs: {
    readonly policy: Sha256
    readonly epoch: number
    readonly facts: Sha256
    readonly approvals: Sha256
    readonly keyring: Sha256
  }
  readonly classification: Classification | null
  readonly requirement: Requirement | null
  readonly requirementDigest: Sha256 | null
  readonly reason: Reason
  readonly missing: readonly Missing[]
  /** When `pass` comes by time alone, given that all else is met; null when something other than time is missing. */
  readonly earliestMergeAt: Instant | null
  /** When this verdict may change without any event (period end, expiry, `not_before`); null when it cannot. */
  readonly nextChangeAt: Instant | null
  /** Per quorum, the persons whose approvals count, ascending. */
  readonly counted: readonly {
    readonly set: SetId
    readonly persons: readonly AccountId[]
    readonly required: number
  }[]
}
