import {
  type Acceleration,
  type CheckReport,
  type EvidenceVerdict,
  quorumTime,
  readTrustFile,
  trustFingerprint,
  verifyEvidence,
} from '../../core/index.ts'

/** What a person is told of a file of evidence. */
export interface Judgement {
  readonly verdict: EvidenceVerdict
  readonly checks: readonly CheckReport[]
  /** What two people compare by voice; null where no trust file was handed in. */
  readonly fingerprint: string | null
}

/**
 * Judges evidence without git, network or clock: at best `consistent`.
 *
 * Trust: the evidence is a stranger's; the trust file is what the reader was given and compared by its fingerprint.
 */
export function judge(evidence: Uint8Array, trust: Uint8Array | null, acceleration: Acceleration = {}): Judgement {
  const read = trust === null ? null : readTrustFile(trust)
  if (read?.ok === false) {
    const { code, field } = read
    const check: CheckReport = { check: 'trust', outcome: 'fail', code, ...(field === null ? {} : { detail: field }) }
    return { verdict: 'invalid', checks: [check], fingerprint: null }
  }
  const context = { trust: read?.trust ?? null, cloneCheck: null, quorumTime, acceleration }
  return { ...verifyEvidence(evidence, context), fingerprint: trust === null ? null : trustFingerprint(trust) }
}

/** What each answer means, in words. */
export const verdictWords: Readonly<Record<EvidenceVerdict, string>> = {
  verified: 'Everything was recomputed and agrees, under keys that you trust.',
  consistent:
    'Everything that could be recomputed here agrees, under keys that you trust. The facts were not recomputed from git: `governance verify evidence --clone` does that.',
  untrusted: 'The file agrees with itself. Nobody said whom to trust, so it proves nothing: hand in a trust file.',
  invalid: 'A check failed. This file proves nothing.',
}
