import type { AdmittedStatement } from '../approval/statement.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { textDigest } from '../crypto/text-digest.ts'
import { factsDigests } from '../facts/digests.ts'
import type { Facts } from '../facts/facts.ts'
import type { Instant, Sha256 } from '../ids.ts'
import { keyringDigest } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { type ClockResult, judgeClock } from './evaluate-clock.ts'
import { type ConditionResult, judgeChecks, judgeConditions } from './evaluate-conditions.ts'
import { type Judgement, judgementOf } from './evaluate-context.ts'
import { judgeQuorums, type QuorumCount } from './evaluate-quorums.ts'
import { judgeGovernance, judgeState, judgeVetoes } from './evaluate-state.ts'
import { type Assessment, assess } from './evaluate-tiers.ts'
import type { PolicyInForce, Requirement } from './policy-v1.ts'
import { reason, worst } from './reason.ts'
import type { ReasonCode } from './reason-codes.ts'
import { policyDigest, requirementDigest } from './requirement.ts'
import type { Classification, Ground, Missing, Outcome, Reason, Verdict } from './verdict.ts'

/** Everything a verdict depends on. Equal inputs give equal verdicts, on any machine, at any later time. */
export interface EvaluateInputs {
  readonly policy: PolicyInForce
  readonly facts: Facts
  /** Every admitted statement that bears on the change or on another of its group, in any order. */
  readonly approvals: readonly AdmittedStatement[]
  readonly keyring: Keyring
  readonly at: Instant
}

/**
 * Names a list of admitted statements, whatever its order: SHA-256 of the canonical JSON of
 * `[{at, entry, payload, scheme, signature}]` by entry, where `payload` is the payload's digest.
 */
export function approvalsDigest(
  approvals: readonly Pick<AdmittedStatement, 'at' | 'entry' | 'payloadDigest' | 'scheme' | 'signature'>[],
  acceleration: Acceleration = {},
): Sha256 {
  const list = approvals
    .map(({ at, entry, payloadDigest, scheme, signature }) => ({
      at,
      entry,
      payload: payloadDigest,
      scheme,
      signature,
    }))
    .sort((a, b) => a.entry - b.entry)
  // Members are made in sorted order and hold numbers and ASCII only: the engine's own text is the canonical one.
  return textDigest(JSON.stringify(list), acceleration)
}

const rootCodes: Readonly<Record<Outcome, ReasonCode>> = {
  pass: 'merge-allowed',
  pending: 'merge-waits',
  fail: 'merge-refused',
  error: 'not-decidable',
}

const maxGroundsShown = 3
const groundText = ({ rule, path, more }: Ground): string =>
  more === undefined ? (path === null ? rule : `${rule} ${path}`) : `+${more}`

function classificationReason(classification: Classification, signed: readonly Reason[]): Reason {
  const tiers = classification.tiers.map(({ tier, because }) =>
    reason('tier', 'info', { tier, because: because.slice(0, maxGroundsShown).map(groundText) }),
  )
  const data = { layer: classification.layer, consensus: classification.consensus }
  return reason('classified', 'info', data, [...tiers, ...signed])
}

const requirementReason = (requirement: Requirement): Reason =>
  reason('required', 'info', {
    quorums: requirement.quorums.map(({ set, required }) => `${required} of ${set}`),
    reviewDays: requirement.reviewDays,
    publicCommentDays: requirement.publicCommentDays,
    conditions: requirement.conditions,
    checks: requirement.checks.map(({ name, appId }) => `${name} (${appId})`),
  })

/** When the change passes by time alone: nothing but time is missing, and what counts now still counts then. */
function earliestMerge(
  missing: readonly Missing[],
  outcome: Outcome,
  clock: ClockResult,
  counts: readonly QuorumCount[],
  conditions: readonly ConditionResult[],
): Instant | null {
  const { readyAt } = clock
  if (readyAt === null || missing.some(({ kind }) => kind !== 'time')) return null
  if (outcome === 'pass') return readyAt
  if (outcome !== 'pending' || missing.length === 0) return null
  const stillCounts = ({ quorum, lapses }: QuorumCount): boolean =>
    [...lapses.values()].filter((lapse) => lapse > readyAt).length >= quorum.required
  const stillMet = ({ lapsesAt }: ConditionResult): boolean => lapsesAt === null || lapsesAt > readyAt
  return counts.every(stillCounts) && conditions.every(stillMet) ? readyAt : null
}

/** The next moment after `at` at which something that was looked at changes by itself. */
function nextChange({ moments, at }: Judgement): Instant | null {
  let next: Instant | null = null
  for (const moment of moments) if (moment > at && (next === null || moment < next)) next = moment
  return next
}

/** What an evaluation cannot judge at all, before anything else: never a default, never a pass. */
function undecidable(
  inputs: EvaluateInputs,
  assessment: Assessment,
  changeDigest: Sha256,
): { code: ReasonCode; data: Reason['data'] } | null {
  const { policy, facts } = inputs
  if (policyDigest(policy.policy) !== policy.digest) return { code: 'policy-digest-mismatch', data: {} }
  if (facts.changeDigest !== changeDigest) return { code: 'change-digest-mismatch', data: {} }
  if (!assessment.ok) return { code: assessment.code, data: assessment.data }
  // Quorums are what protects a change: a policy that asks for none protects nothing.
  if (!assessment.requirement.quorums.some(({ required }) => required > 0)) return { code: 'no-quorum', data: {} }
  const isGovernance = facts.repository.name === policy.policy.governanceRepository
  return isGovernance && facts.governance === null ? { code: 'governance-facts-missing', data: {} } : null
}

/**
 * Judges one change at one moment: the product's one equation.
 *
 * Trust: `policy` and `keyring` took effect by the log, `approvals` passed `admit`; facts are what the operator collected.
 * Checks: that facts and policy are what their digests say; classification with signed tiers, every quorum over distinct
 * persons who are no authors, vetoes of the group, both clocks, conditions, checks, the state of the pull request and, for the
 * governance repository, the policy in force.
 * Does not check: signatures (once, at admission) and that the facts are true (the verifier does, from a clone).
 * Errs: towards not passing; what it does not know is `error`. Pure: no clock, no chance, no memory between two calls.
 * Spec: domain.md.
 */
export function evaluate(inputs: EvaluateInputs, acceleration: Acceleration = {}): Verdict {
  const { policy, facts, approvals, keyring, at } = inputs
  const digests = factsDigests(facts, acceleration)
  const judgement = judgementOf({ policy: policy.policy, facts, approvals, keyring, at })
  const assessment = assess(judgement)
  const head = {
    v: 1 as const,
    at,
    inputs: {
      policy: policy.digest,
      epoch: policy.epoch,
      facts: digests.facts,
      approvals: approvalsDigest(approvals, acceleration),
      keyring: keyringDigest(keyring, acceleration),
    },
  }
  const fault = undecidable(inputs, assessment, digests.change)
  if (fault !== null || !assessment.ok) {
    const child = reason(fault?.code ?? 'not-decidable', 'error', fault?.data ?? {})
    return {
      ...head,
      outcome: 'error',
      classification: null,
      requirement: null,
      requirementDigest: null,
      reason: reason('not-decidable', 'error', {}, [child]),
      missing: [{ kind: 'operator-action', what: child.code }],
      earliestMergeAt: null,
      nextChangeAt: null,
      counted: [],
    }
  }
  const { classification, requirement } = assessment
  const quorums = judgeQuorums(judgement, requirement)
  const clock = judgeClock(judgement, requirement)
  const conditions = [...judgeConditions(judgement, requirement), ...judgeChecks(judgement, requirement)]
  const vetoes = judgeVetoes(judgement, requirement, quorums.counts)
  const governance = judgeGovernance(judgement)
  const state = judgeState(judgement)
  const children = [
    classificationReason(classification, assessment.reasons),
    requirementReason(requirement),
    ...governance.reasons,
    ...quorums.reasons,
    ...clock.reasons,
    ...conditions.map((condition) => condition.reason),
    ...vetoes.reasons,
    ...state.reasons,
  ]
  const outcome = worst(children.map((child) => child.outcome))
  const missing = [
    ...quorums.missing,
    ...conditions.flatMap((condition) => condition.missing),
    ...vetoes.missing,
    ...governance.missing,
    ...state.missing,
    ...clock.missing,
  ]
  return {
    ...head,
    outcome,
    classification,
    requirement,
    requirementDigest: requirementDigest(requirement),
    reason: reason(rootCodes[outcome], outcome, {}, children),
    missing,
    earliestMergeAt: earliestMerge(missing, outcome, clock, quorums.counts, conditions),
    nextChangeAt: nextChange(judgement),
    counted: quorums.counts.map(({ quorum, persons }) => ({ set: quorum.set, persons, required: quorum.required })),
  }
}
