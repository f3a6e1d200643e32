import {
  countsInSome,
  type Judgement,
  noteLapse,
  ofDecision,
  signerOf,
  standingFault,
  statementReason,
} from './evaluate-context.ts'
import type { QuorumCount } from './evaluate-quorums.ts'
import type { Requirement } from './policy-v1.ts'
import { reason } from './reason.ts'
import type { Missing, Reason } from './verdict.ts'

export interface Judged {
  readonly reasons: readonly Reason[]
  readonly missing: readonly Missing[]
}

const authorAction = (what: string): Missing => ({ kind: 'author-action', what })
const operatorAction = (what: string): Missing => ({ kind: 'operator-action', what })

/** Judges whether the pull request is one that could be merged at all: open, ready, without conflict. */
export function judgeState({ facts }: Judgement): Judged {
  const reasons: Reason[] = []
  const missing: Missing[] = []
  if (facts.state === 'closed') {
    reasons.push(reason('pull-request-closed', 'fail'))
    missing.push(authorAction('reopen'))
  } else if (facts.state === 'merged') {
    reasons.push(reason('pull-request-merged', 'pending'))
    missing.push(authorAction('already-merged'))
  }
  if (facts.draft) {
    reasons.push(reason('draft', 'pending'))
    missing.push(authorAction('ready-for-review'))
  }
  if (facts.merge.state === 'clean') {
    reasons.push(reason('merge-clean', 'pass', { tree: facts.merge.tree }))
  } else if (facts.merge.state === 'conflict') {
    reasons.push(reason('merge-conflict', 'fail'))
    missing.push(authorAction('resolve-conflict'))
  } else {
    reasons.push(reason('merge-tree-unknown', 'pending'))
    missing.push(operatorAction('merge-tree-unknown'))
  }
  return { reasons, missing }
}

/**
 * Judges what only a change to the governance repository has: that the branch holds the policy in force, and that what it
 * proposes can take effect.
 *
 * Checks: while the tip differs from the files in force, nothing passes but what restores them: keys that somebody pushed
 * there cannot ride along with an approved typo (T37).
 */
export function judgeGovernance({ facts }: Judgement): Judged {
  const { governance } = facts
  if (governance === null) return { reasons: [], missing: [] }
  const reasons: Reason[] = []
  const missing: Missing[] = []
  const restores = governance.mergeDiffers.length === 0
  if (governance.baseDiffers.length > 0) {
    const data = { commit: governance.inForceCommit, paths: governance.baseDiffers.slice(0, 10), restores }
    reasons.push(reason('base-not-in-force', restores ? 'info' : 'fail', data))
    if (!restores) missing.push(authorAction('restore-policy-in-force'))
  }
  if (governance.proposedFaults.length > 0) {
    reasons.push(reason('proposed-policy-faults', 'fail', { faults: governance.proposedFaults.slice(0, 20) }))
    missing.push(authorAction('repair-proposed-policy'))
  } else if (!restores && governance.proposedPolicy === null) {
    reasons.push(reason('proposed-policy-unreadable', 'fail'))
    missing.push(authorAction('repair-proposed-policy'))
  } else if (!restores) {
    const data = { policy: governance.proposedPolicy, epoch: governance.inForceEpoch + 1 }
    reasons.push(reason('proposed-policy-sound', 'pass', data))
  }
  return { reasons, missing }
}

/**
 * Judges the vetoes of the whole group. One that stands blocks until its signer withdraws it, or, where the policy says how,
 * until that many approvals beyond every quorum stand against each of them.
 */
export function judgeVetoes(judgement: Judgement, requirement: Requirement, counts: readonly QuorumCount[]): Judged {
  const vetoes = ofDecision(judgement.group, 'veto')
  const { vetoOutvotedBy } = judgement.policy.options
  const standing = new Set<number>()
  const judged = vetoes.map((admitted) => {
    const fault = countsInSome(judgement, admitted, requirement, standingFault)
    if (fault === null) {
      standing.add(signerOf(admitted))
      noteLapse(judgement, admitted, false)
    }
    return { admitted, fault }
  })
  const isOutvoted =
    vetoOutvotedBy !== null &&
    counts.length > 0 &&
    counts.every(({ persons, quorum }) => persons.length >= quorum.required + standing.size * vetoOutvotedBy)
  const blocking = judged.filter(({ fault }) => fault === null && !isOutvoted).map(({ admitted }) => signerOf(admitted))
  return {
    reasons: judged.map(({ admitted, fault }) => {
      if (fault !== null)
        return reason('veto-fallen', 'info', { account: signerOf(admitted) }, [statementReason(admitted, fault)])
      const number = admitted.statement.predicate.pullRequest.number
      const data = { account: signerOf(admitted), entry: admitted.entry, number }
      return isOutvoted ? reason('veto-outvoted', 'info', data) : reason('vetoed', 'fail', data)
    }),
    missing: [...new Set(blocking)].sort((a, b) => a - b).map((by) => ({ kind: 'veto-withdrawal', by })),
  }
}
