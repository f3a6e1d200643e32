import { type Instant, sha256Hex, type Verdict } from '../../core/index.ts'
import type { ChangeRecord, PolicyRecord, Write } from '../ports.ts'

/** Why there is nothing to judge: the facts could not be had, or nobody knows what time it is. */
export type RefusalCode = 'clock-untrusted' | 'facts-incomplete' | 'facts-unavailable' | 'no-policy' | 'not-supported'

/** Digest of nothing: what stands for an input that could not be had. */
export const nothingDigest = sha256Hex(new Uint8Array(0))

/** The verdict `error` on a change whose facts cannot be judged. It is recorded and shown like any other. */
export function refusedVerdict(
  code: RefusalCode,
  data: Readonly<Record<string, string | number | boolean | null>>,
  policy: PolicyRecord | null,
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

/** Rows after which a change waits to be decided anew: no earlier success of it is shown again. */
export const undecided = (change: ChangeRecord): readonly Write[] =>
  change.verdict === null
    ? []
    : [
        {
          kind: 'change',
          record: { ...change, version: change.version + 1, verdict: { ...change.verdict, basis: nothingDigest } },
        },
      ]
