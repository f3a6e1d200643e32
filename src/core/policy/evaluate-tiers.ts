import { personsOf } from '../keyring/key-status.ts'
import { classify } from './classify.ts'
import {
  countsInSome,
  type Judgement,
  noteLapse,
  ofDecision,
  signerOf,
  standingFault,
  statementReason,
} from './evaluate-context.ts'
import { countQuorum } from './evaluate-quorums.ts'
import type { ConditionId, Requirement, TierId } from './policy-v1.ts'
import { reason } from './reason.ts'
import { requirementOf } from './requirement.ts'
import type { Classification, Reason } from './verdict.ts'

/** What the change carries and needs, or the one thing that the policy does not know. */
export type Assessment =
  | {
      readonly ok: true
      readonly classification: Classification
      readonly requirement: Requirement
      readonly reasons: readonly Reason[]
    }
  | {
      readonly ok: false
      readonly code: 'unknown-repository' | 'unknown-layer' | 'unknown-tier'
      readonly data: Readonly<Record<string, string>>
    }

const combine = (judgement: Judgement, added: readonly TierId[], removed: readonly TierId[]): Assessment => {
  const { policy, facts, keyring } = judgement
  const repository = facts.repository.name
  const classified = classify({
    policy,
    repository,
    files: facts.files,
    textMatches: facts.textMatches,
    addedTiers: added,
    removedTiers: removed,
  })
  if (!classified.ok) return classified
  const combined = requirementOf({
    policy,
    repository,
    classification: classified.classification,
    personsOf: (set) => personsOf(keyring, set),
  })
  if (!combined.ok) return combined
  const conditions = [...new Set<ConditionId>([...combined.requirement.conditions, ...facts.addedConditions])].sort()
  return {
    ok: true,
    classification: classified.classification,
    requirement: { ...combined.requirement, conditions },
    reasons: [],
  }
}

const tierOf = (admitted: { readonly statement: { readonly predicate: { readonly tier?: TierId } } }): TierId =>
  admitted.statement.predicate.tier ?? ''

/** Tiers that one maintainer of the change's sets each added, on any pull request of the group. */
function addedTiers(judgement: Judgement, requirement: Requirement): { tiers: TierId[]; reasons: Reason[] } {
  const tiers = new Set<TierId>()
  const reasons = ofDecision(judgement.group, 'add-tier').map((admitted) => {
    const fault = countsInSome(judgement, admitted, requirement, standingFault)
    if (fault !== null) return statementReason(admitted, fault)
    tiers.add(tierOf(admitted))
    noteLapse(judgement, admitted, false)
    return reason('tier-added', 'info', { tier: tierOf(admitted), account: signerOf(admitted), entry: admitted.entry })
  })
  return { tiers: [...tiers].sort(), reasons }
}

/** Tiers that the whole quorum which the change has with them removed, for this content. */
function removedTiers(judgement: Judgement, requirement: Requirement): { tiers: TierId[]; reasons: Reason[] } {
  const removals = ofDecision(judgement.own, 'remove-tier')
  const tiers: TierId[] = []
  const reasons = [...new Set(removals.map(tierOf))].sort().map((tier) => {
    const signed = removals.filter((admitted) => tierOf(admitted) === tier)
    const counts = requirement.quorums.map((quorum) => countQuorum(judgement, quorum, signed, requirement))
    const isRemoved = counts.length > 0 && counts.every(({ persons, quorum }) => persons.length >= quorum.required)
    if (isRemoved) tiers.push(tier)
    const data = {
      tier,
      counted: counts.map(({ persons }) => persons.length),
      required: counts.map(({ quorum }) => quorum.required),
    }
    const children = counts.flatMap((count) => count.children)
    return reason(isRemoved ? 'tier-removed' : 'tier-removal-incomplete', 'info', data, children)
  })
  return { tiers, reasons }
}

/**
 * Decides which tiers a change carries and what it needs: by files and words, then signed additions, then removals.
 *
 * Checks: adding takes one maintainer of the sets that the change has without it; removing takes every quorum that it has
 * with all its tiers, of persons who are no authors of it (T23).
 */
export function assess(judgement: Judgement): Assessment {
  const plain = combine(judgement, [], [])
  if (!plain.ok || judgement.group.length === 0) return plain
  const added = addedTiers(judgement, plain.requirement)
  const full = added.tiers.length === 0 ? plain : combine(judgement, added.tiers, [])
  if (!full.ok) return full
  const removed = removedTiers(judgement, full.requirement)
  const final = removed.tiers.length === 0 ? full : combine(judgement, added.tiers, removed.tiers)
  return final.ok ? { ...final, reasons: [...added.reasons, ...removed.reasons] } : final
}
