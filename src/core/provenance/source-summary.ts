import type { Json, JsonObject } from '../bytes/json.ts'
import { isJsonObject } from '../bytes/json.ts'
import { formatInstant } from '../approval/instant-text.ts'
import type { CommitId, Instant, LogIndex, Sha256 } from '../ids.ts'
import { entryUri, type IssuedStatement } from './issued-statement.ts'

const predicateType = 'https://slsa.dev/verification_summary/v1'

/** What the log says of one revision that landed on a governed branch. */
export interface LandedRevision {
  /** Origin of the decision log, whose key signs. */
  readonly origin: string
  /** Address of the repository, e.g. `https://github.com/acme/sdk`. */
  readonly repositoryUri: string
  readonly ref: string
  readonly commit: CommitId
  readonly landedAt: Instant
  readonly landing: LogIndex
  readonly verdict: { readonly entry: LogIndex; readonly digest: Sha256 }
  readonly policy: { readonly epoch: number; readonly digest: Sha256 }
  readonly layer: string
  readonly tiers: readonly string[]
  /** How many persons' approvals counted, over all quorums. */
  readonly approvers: number
  readonly approvals: readonly { readonly entry: LogIndex; readonly payload: Sha256 }[]
}

const level = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')

/**
 * The SLSA Source Verification Summary of a merged revision. Its levels are the organisation's own: what this system has
 * seen by itself. Whether the forge meets a level of SLSA's source track is not for this log to say.
 *
 * Spec: SLSA v1.2, verification_summary/v1; SLSA source track, `ORG_SOURCE_`.
 */
export function sourceSummary(revision: LandedRevision): IssuedStatement {
  const { origin, repositoryUri, ref, commit, policy, verdict } = revision
  const levels = [
    'ORG_SOURCE_GOVERNED',
    `ORG_SOURCE_LAYER_${level(revision.layer)}`,
    ...revision.tiers.map((tier) => `ORG_SOURCE_TIER_${level(tier)}`),
    `ORG_SOURCE_APPROVERS_${revision.approvers}`,
  ]
  return {
    subject: [
      {
        uri: `${repositoryUri}/commit/${commit}`,
        digest: { gitCommit: commit },
        annotations: { source_refs: [ref.startsWith('refs/') ? ref : `refs/heads/${ref}`] },
      },
    ],
    predicateType,
    predicate: {
      verifier: { id: `urn:governance-app:log:${origin}` },
      timeVerified: formatInstant(revision.landedAt),
      resourceUri: `git+${repositoryUri}`,
      policy: { uri: `urn:governance-app:policy:${origin}/${policy.epoch}`, digest: { sha256: policy.digest } },
      inputAttestations: [
        { uri: entryUri(origin, verdict.entry), digest: { sha256: verdict.digest } },
        ...revision.approvals.map(({ entry, payload }) => ({
          uri: entryUri(origin, entry),
          digest: { sha256: payload },
        })),
      ],
      verificationResult: 'PASSED',
      verifiedLevels: levels,
      slsaVersion: '1.2',
    },
  }
}

/** What a verifier wants a summary to say. */
export interface SummaryExpectation {
  readonly origin: string
  readonly repositoryUri: string | null
  readonly commit: CommitId | null
  readonly levels: readonly string[]
}

export type SummaryFaultCode =
  | 'summary-wrong-type'
  | 'summary-malformed'
  | 'summary-other-verifier'
  | 'summary-other-repository'
  | 'summary-other-commit'
  | 'summary-not-passed'
  | 'summary-level-missing'

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  value !== undefined && isJsonObject(value) ? value[name] : undefined

function fault(statement: IssuedStatement, expected: SummaryExpectation): SummaryFaultCode | null {
  if (statement.predicateType !== predicateType) return 'summary-wrong-type'
  const { predicate, subject } = statement
  const levels = predicate.verifiedLevels
  if (subject.length !== 1 || !Array.isArray(levels)) return 'summary-malformed'
  if (memberOf(predicate.verifier, 'id') !== `urn:governance-app:log:${expected.origin}`)
    return 'summary-other-verifier'
  if (expected.repositoryUri !== null && predicate.resourceUri !== `git+${expected.repositoryUri}`)
    return 'summary-other-repository'
  const commit = memberOf((subject[0] as JsonObject).digest, 'gitCommit')
  if (expected.commit !== null && commit !== expected.commit) return 'summary-other-commit'
  if (predicate.verificationResult !== 'PASSED') return 'summary-not-passed'
  return expected.levels.every((one) => levels.includes(one)) ? null : 'summary-level-missing'
}

/**
 * Says whether a statement is the summary that somebody asked for.
 *
 * Trust: `openIssued` has checked who issued it.
 * Does not check: that the log holds what it names; evidence does.
 */
export function checkSourceSummary(
  statement: IssuedStatement,
  expected: SummaryExpectation,
): { readonly ok: true } | { readonly ok: false; readonly code: SummaryFaultCode } {
  const code = fault(statement, expected)
  return code === null ? { ok: true } : { ok: false, code }
}
