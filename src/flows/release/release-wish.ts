import {
  asCommitId,
  asSha256,
  type CommitId,
  isReleaseDecision,
  isReleaseTag,
  type ReleaseDecision,
  releaseRules,
  type Sha256,
} from '../../core/index.ts'

/** What a signer wants to say about which release. */
export interface ReleaseWish {
  readonly tag: string
  readonly revision: CommitId
  /** SHA-256 of the bytes of `SHA256SUMS`. */
  readonly artifacts: Sha256
  readonly decision: ReleaseDecision
  /** Of a veto, and of nothing else. */
  readonly reason: string | null
}

const longestReason = 2_000

/**
 * Reads a wish from the fields of a request; null when they do not make one decision with exactly what it carries.
 *
 * Trust: every field is a stranger's.
 */
export function parseReleaseWish(fields: Readonly<Record<string, unknown>>): ReleaseWish | null {
  const { tag, revision, artifacts, decision = 'approve', reason, ...more } = fields
  if (Object.keys(more).length > 0 || typeof decision !== 'string' || !isReleaseDecision(decision)) return null
  if (typeof tag !== 'string' || typeof revision !== 'string' || typeof artifacts !== 'string') return null
  if (!isReleaseTag(tag) || releaseRules[decision].carriesReason !== (reason !== undefined)) return null
  if (reason !== undefined && !isReason(reason)) return null
  try {
    const named = { tag, revision: asCommitId(revision), artifacts: asSha256(artifacts) }
    return { ...named, decision, reason: reason ?? null }
  } catch {
    return null
  }
}

const isReason = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= longestReason && /^(?:\n|\P{Cc})+$/u.test(value) && value.isWellFormed()
