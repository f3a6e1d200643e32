import { isRationale } from '../approval/rationale.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import type { CheckFacts } from '../facts/facts.ts'
import type { Instant } from '../ids.ts'
import {
  countsInSome,
  type Judgement,
  noteLapse,
  ofDecision,
  signerOf,
  statementReason,
  supportFault,
} from './evaluate-context.ts'
import type { RequiredCheck, Requirement } from './policy-v1.ts'
import { reason } from './reason.ts'
import type { Missing, Reason } from './verdict.ts'

/** How one condition or check stands. `lapsesAt` is when what meets it ends by itself; null when it does not. */
export interface ConditionResult {
  readonly reason: Reason
  readonly missing: readonly Missing[]
  readonly lapsesAt: Instant | null
}

/** The statement that vouches for a condition, if one does, and a node for each that tried. */
function attested(
  judgement: Judgement,
  requirement: Requirement,
  id: string,
): { readonly by: AdmittedStatement | null; readonly children: readonly Reason[] } {
  let by: AdmittedStatement | null = null
  const children: Reason[] = []
  for (const admitted of ofDecision(judgement.own, 'attest')) {
    const { condition } = admitted.statement.predicate
    if (condition?.id !== id) continue
    const fault = countsInSome(judgement, admitted, requirement, supportFault)
    if (fault === null && id === 'rationale' && !isRationale(condition.text ?? '')) {
      children.push(reason('rationale-too-short', 'info', { account: signerOf(admitted), entry: admitted.entry }))
      continue
    }
    children.push(statementReason(admitted, fault))
    if (fault !== null) continue
    noteLapse(judgement, admitted, true)
    const expires = admitted.statement.predicate.expiresAt
    if (by === null || expires > by.statement.predicate.expiresAt) by = admitted
  }
  return { by, children }
}

/** Judges the conditions that a signed statement meets. Public comment is a clock where the policy gives it days. */
export function judgeConditions(judgement: Judgement, requirement: Requirement): readonly ConditionResult[] {
  const asked = requirement.conditions.filter(
    (condition) => condition !== 'public-comment' || requirement.publicCommentDays === 0,
  )
  return asked.map((condition): ConditionResult => {
    const { by, children } = attested(judgement, requirement, condition)
    if (by === null) {
      return {
        reason: reason('condition-unmet', 'pending', { condition }, children),
        missing: [{ kind: 'condition', condition }],
        lapsesAt: null,
      }
    }
    const data = { condition, account: signerOf(by), entry: by.entry }
    return {
      reason: reason('condition-met', 'pass', data, children),
      missing: [],
      lapsesAt: by.statement.predicate.expiresAt,
    }
  })
}

function judgeCheck(judgement: Judgement, requirement: Requirement, required: RequiredCheck): ConditionResult {
  const { facts } = judgement
  const { name, appId, workflow } = required
  const data = { name, appId }
  const unmet = (code: Parameters<typeof reason>[0], outcome: 'pending' | 'fail', more: Reason['data'] = {}) => ({
    reason: reason(code, outcome, { ...data, ...more }),
    missing: [{ kind: 'check', name, appId } satisfies Missing],
    lapsesAt: null,
  })
  const runs: readonly CheckFacts[] = facts.checks.filter((run) => run.name === name && run.appId === appId)
  if (runs.length === 0) return unmet('check-missing', 'pending')
  // Facts hold one run per name and App. Should they hold more, every one must be good.
  for (const run of runs) {
    if (run.conclusion === null) return unmet('check-running', 'pending')
    if (run.conclusion !== 'success') return unmet('check-failed', 'fail', { conclusion: run.conclusion })
    // A forge that does not tell the workflow proves nothing against the run: what an author can change is caught below.
    if (workflow !== null && run.workflow !== null && run.workflow !== workflow)
      return unmet('check-wrong-workflow', 'pending')
  }
  if (!facts.authorControlledChecks.includes(name)) {
    return { reason: reason('check-met', 'pass', data), missing: [], lapsesAt: null }
  }
  // The run is the author's own word (T38): somebody else has to vouch for it.
  const { by, children } = attested(judgement, requirement, `check:${appId}:${name}`)
  if (by === null) {
    return {
      reason: reason('check-author-controlled', 'pending', data, children),
      missing: [{ kind: 'check', name, appId }],
      lapsesAt: null,
    }
  }
  const vouched = { ...data, account: signerOf(by), entry: by.entry }
  return {
    reason: reason('check-met', 'pass', vouched, children),
    missing: [],
    lapsesAt: by.statement.predicate.expiresAt,
  }
}

/** Judges the required check runs: of the named App, on this head, `success` and nothing else. */
export const judgeChecks = (judgement: Judgement, requirement: Requirement): readonly ConditionResult[] =>
  requirement.checks.map((required) => judgeCheck(judgement, requirement, required))
