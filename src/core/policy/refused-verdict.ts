import { sha256Hex } from '../crypto/sha256.ts'
import type { Instant, Sha256 } from '../ids.ts'
import type { Verdict } from './verdict.ts'

/** Why there is nothing to judge: the facts could not be had, or nobody knows what time it is. */
export const refusalCodes = [
  'clock-untrusted',
  'facts-incomplete',
  'facts-unavailable',
  'no-policy',
  'not-supported',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

/** Digest of nothing: what stands for an input that could not be had. */
export const nothingDigest = sha256Hex(new Uint8Array(0))

/** The verdict `error` on a change whose facts cannot be judged. It is recorded and shown like any other. */
export function refusedVerdict(
  code: RefusalCode,
  data: Verdict['reason']['data'],
  policy: { readonly digest: Sha256; readonly epoch: number } | null,
  at: Instant,
): Verdict {
  return {
    v: 1,
    outcome: 'error',
    at,
    inputs: {
      policy: policy?.digest ?? nothingDigest,
      epoch: policy?.epoch ?? 0,
      facts: nothingDigest,
      approvals: nothingDigest,
      keyring: nothingDigest,
    },
    classification: null,
    requirement: null,
    requirementDigest: null,
    reason: { code, outcome: 'error', data, children: [] },
    missing: [{ kind: 'operator-action', what: code }],
    earliestMergeAt: null,
    nextChangeAt: null,
    counted: [],
  }
}
