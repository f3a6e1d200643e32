import { keyringDigest } from '../keyring/key-status.ts'
import { requirementDigest } from '../policy/requirement.ts'
import type { EvidenceCase } from './evidence-case.ts'
import type { PolicyStep, StatementStep } from './history.ts'
import { readRequirement } from './read-requirement.ts'
import { failed, type Finding, unknownFor } from './report.ts'

/** Why a policy that took effect by a verdict did not take effect by it. */
function verdictFault(one: EvidenceCase, { entry }: PolicyStep): Finding {
  const named = entry.data.verdict
  if (named === null) return failed('policy-without-verdict', entry.index)
  const judged = one.verdicts.find((verdict) => verdict.entry.index === named)
  if (judged === undefined || named >= entry.index) return failed('policy-verdict-missing', entry.index)
  if (judged.entry.data.outcome !== 'pass') return failed('policy-verdict-not-pass', named)
  if (judged.facts === null)
    return judged.erased === null ? failed('policy-verdict-unreadable', named) : unknownFor(judged.erased)
  const { governance } = judged.facts
  const policy = judged.state.policy?.policy
  if (governance === null || judged.facts.repository.name !== policy?.governanceRepository)
    return failed('policy-verdict-not-layer-0', named)
  // Who approved one policy must not have put another into force, and not on top of one that was not looked at.
  if (governance.proposedPolicy !== entry.data.policy || governance.inForceEpoch + 1 !== entry.data.epoch)
    return failed('policy-verdict-for-another', named)
  return null
}

/** Every policy took effect rightly: by genesis, by regenesis, or by a passing layer-0 verdict under the one before. */
export function checkPolicies(one: EvidenceCase): Finding {
  const { genesis, policies } = one.history
  if (genesis === null) return failed('genesis-missing')
  const [first] = policies
  if (first === undefined || first.root?.type !== 'genesis') return failed('policy-missing')
  let unknown: Finding = null
  for (const [i, step] of policies.entries()) {
    const { entry, root, policy } = step
    const { data } = entry
    if (data.epoch !== i + 1) return failed('policy-epoch-gap', entry.index)
    if (policy === null)
      return failed(one.evidence.blobs.has(data.policy) ? 'policy-malformed' : 'blob-missing', entry.index)
    if (policy.governanceRepository !== genesis.data.governanceRepository)
      return failed('policy-wrong-governance-repository', entry.index)
    // What an operator puts into force by hand is a genesis or a regenesis, and nothing else.
    if ((root === null) !== (entry.actor.kind === 'server')) return failed('policy-wrong-actor', entry.index)
    if (root === null) {
      const fault = verdictFault(one, step)
      if (fault?.outcome === 'fail') return fault
      unknown ??= fault
      continue
    }
    const isSame = root.data.policy === data.policy && root.data.commit === data.commit && data.verdict === null
    const isNumbered = root.type === 'genesis' || root.data.epoch === data.epoch
    if (!isSame || !isNumbered) return failed('policy-contradicts-root', entry.index)
  }
  return unknown
}

/** The keys are what the registries, suspensions and their ends make of them, at each policy and at each verdict. */
export function checkKeyring({ history, verdicts, acceleration }: EvidenceCase): Finding {
  for (const { entry, keyring } of history.policies) {
    if (keyring === null) return failed('keyring-unappliable', entry.index)
    if (keyringDigest(keyring, acceleration) !== entry.data.keyring) return failed('keyring-mismatch', entry.index)
  }
  for (const { entry, state, isJudged } of verdicts) {
    if (isJudged && keyringDigest(state.keyring, acceleration) !== entry.data.keyring)
      return failed('keyring-mismatch', entry.index)
  }
  return null
}

/** Why the entry of a statement does not say what the statement is. */
function entryFault({ entry, admitted, statement }: StatementStep, one: EvidenceCase): Finding {
  const { actor, data } = entry
  if (admitted === null || statement === null) return failed('statement-not-admitted', entry.index)
  const { signer } = statement.predicate
  const isSigner = actor.kind === 'person' && actor.account === signer.maintainer && actor.keyid === signer.keyid
  if (!isSigner) return failed('statement-wrong-actor', entry.index)
  if (data.scheme !== admitted.scheme) return failed('statement-wrong-scheme', entry.index)
  // One text per signature, so that the digest over the approvals has one value.
  if (data.signature !== admitted.signature) return failed('statement-wrong-signature', entry.index)
  const inForce = readRequirement(one.evidence.blobs.get(data.inForce))
  if (
    requirementDigest(admitted.requirement) !== data.requirement ||
    inForce === null ||
    requirementDigest(inForce) !== data.inForce
  )
    return failed('statement-wrong-requirement', entry.index)
  return null
}

/** Every statement is admitted again, with the signature and the keys, tiers and limits of its moment. */
export function checkStatements(one: EvidenceCase): Finding {
  const { blobs } = one.evidence
  let unknown: Finding = null
  for (const step of one.history.statements) {
    const { entry, admission } = step
    const { payloadDigest, requirement, inForce } = entry.data
    const isErased = one.erased.has(payloadDigest)
    for (const digest of isErased ? [requirement, inForce] : [payloadDigest, requirement, inForce])
      if (!blobs.has(digest)) return failed('blob-missing', digest)
    if (isErased) {
      unknown ??= unknownFor(payloadDigest)
      continue
    }
    if (admission === null) return failed('statement-malformed', entry.index)
    if (!admission.ok) return failed(admission.code, entry.index)
    const fault = entryFault(step, one)
    if (fault !== null) return fault
  }
  return unknown
}
