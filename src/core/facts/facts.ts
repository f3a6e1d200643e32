import type { AccountId, BlobId, CommitId, Instant, LogIndex, RepositoryId, Sha256, TreeId } from '../ids.ts'
import type { ConditionId, TextMatch } from '../policy/policy-v1.ts'

/**
 * One path that differs between the two trees of a change.
 *
 * Renames are never guessed: a rename is the deletion of one path and the addition of another, so both names are
 * classified and a stranger with `git diff-tree -r --no-renames` gets the same list. Of an added path the `old…`
 * fields are null, of a deleted one the `new…` fields.
 */
export interface FileChange {
  readonly oldPath: string | null
  readonly newPath: string | null
  /** Git's octal mode as six characters, e.g. `100644`. */
  readonly oldMode: string | null
  readonly newMode: string | null
  readonly oldBlob: BlobId | null
  readonly newBlob: BlobId | null
}

/**
 * How the forge came to name an account for a commit. `signature`: the account's own verified key is on the commit.
 * `email`, `trailer`: words that anybody can write. `forge`: the forge's own committer, who is nobody.
 * `none`: nobody could be named.
 */
export type AttributionKind = 'signature' | 'email' | 'trailer' | 'forge' | 'none'

/** Whom one role of one commit is attributed to, and on what ground. `account` is null for `forge` and `none`. */
export interface Attribution {
  readonly account: AccountId | null
  readonly how: AttributionKind
}

/** What a policy may know of one commit of the change. */
export interface CommitFacts {
  readonly sha: CommitId
  readonly author: Attribution
  readonly committer: Attribution
  readonly coAuthors: readonly Attribution[]
}

/** The newest run of one named check by one App on the current head. */
export interface CheckFacts {
  readonly name: string
  readonly appId: number
  /** `success`, `failure`, … as the forge says; null while the run is not completed. */
  readonly conclusion: string | null
  /** Path of the workflow that produced the run, where the forge tells. */
  readonly workflow: string | null
}

/** The test merge of head into base. */
export type MergeFacts =
  | { readonly state: 'clean'; readonly tree: TreeId }
  | { readonly state: 'conflict' }
  | { readonly state: 'unknown' }

/** What is known, beyond the files, of a change to the governance repository itself (layer 0). */
export interface GovernanceFacts {
  /** Commit whose policy files are in force. */
  readonly inForceCommit: CommitId
  readonly inForceEpoch: number
  /** Policy paths in which the base branch's tip differs from the files in force; empty when it is in force. */
  readonly baseDiffers: readonly string[]
  /** Policy paths in which the merge tree differs from the files in force. */
  readonly mergeDiffers: readonly string[]
  /** Digest of the policy that the merge tree holds; null when it cannot be read or has faults that block it. */
  readonly proposedPolicy: Sha256 | null
  /** Reason codes of the faults that keep the proposed policy from taking effect. */
  readonly proposedFaults: readonly string[]
}

/**
 * A frozen snapshot of a pull request: everything about the world that a policy may look at.
 *
 * It holds no text that may have to be erased later (titles and bodies are salted digests) and no name that can change
 * owner (persons are numeric ids). Canonical JSON of this value is hashed, stored and named by every verdict.
 */
export interface Facts {
  readonly v: 1
  readonly repository: { readonly id: RepositoryId; readonly name: string; readonly private: boolean }
  readonly number: number
  readonly state: 'open' | 'closed' | 'merged'
  readonly draft: boolean
  readonly head: { readonly sha: CommitId; readonly tree: TreeId }
  readonly base: { readonly ref: string; readonly sha: CommitId }
  readonly mergeBase: CommitId
  readonly merge: MergeFacts
  /** Sorted by path (UTF-16 code units), complete. */
  readonly files: readonly FileChange[]
  readonly changeDigest: Sha256
  readonly opener: AccountId
  /** Accounts that the forge says pushed this head, as far as deliveries told. */
  readonly pushers: readonly AccountId[]
  /** All commits from merge base to head, oldest first. */
  readonly commits: readonly CommitFacts[]
  readonly checks: readonly CheckFacts[]
  readonly labels: readonly string[]
  readonly title: Sha256
  readonly body: Sha256
  /** Tiers that title or body added, once and for all, to this (pull request, `changeDigest`). */
  readonly textMatches: readonly TextMatch[]
  /** The review clock of this (pull request, base ref, `changeDigest`); null while it does not run. */
  readonly clock: { readonly startedAt: Instant; readonly entry: LogIndex } | null
  /** Numbers of the open pull requests with the same (repository, head, base ref), this one included, ascending. */
  readonly group: readonly number[]
  /** Conditions that check runs decide and whose evidence the author of this change controls (`.github/**`, workflow). */
  readonly authorControlledChecks: readonly string[]
  /** Conditions added by rules that look at the change and not at one file. */
  readonly addedConditions: readonly ConditionId[]
  readonly governance: GovernanceFacts | null
}
