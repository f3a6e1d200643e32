import type { AdmittedStatement } from '../approval/statement.ts'
import type { AccountId, Instant } from '../ids.ts'
import { canSign, findPerson } from '../keyring/key-status.ts'
import { type Judgement, noteLapse, ofDecision, signerOf, statementReason, supportFault } from './evaluate-context.ts'
import type { Requirement, ResolvedQuorum } from './policy-v1.ts'
import { reason } from './reason.ts'
import type { Missing, Reason } from './verdict.ts'

/** How one quorum stands. */
export interface QuorumCount {
  readonly quorum: ResolvedQuorum
  /** Distinct persons whose statements count, ascending. */
  readonly persons: readonly AccountId[]
  /** Persons of the set who could still add theirs, ascending. */
  readonly open: readonly AccountId[]
  /** For each counted person, when the statement lapses by itself. */
  readonly lapses: ReadonlyMap<AccountId, Instant>
  readonly children: readonly Reason[]
}

/** Says whether a person of the set could sign now and be counted. */
function isOpen({ keyring, authorship, policy, at, moments }: Judgement, account: AccountId, set: string): boolean {
  if (authorship.certain.has(account) && !policy.options.authorsMayApprove) return false
  for (const { notBefore, expires, removed } of findPerson(keyring, account)?.keys ?? []) {
    if (removed !== null) continue
    if (notBefore !== null) moments.add(notBefore)
    if (expires !== null) moments.add(expires)
  }
  return canSign(keyring, account, set, at)
}

const isAsked = ({ quorums }: Requirement, account: AccountId): boolean =>
  quorums.some(({ persons }) => persons.includes(account))

/**
 * Counts distinct persons of one set whose statements count. Copies, re-encodings and second keys of a person add nothing
 * (T13), and persons are looked up in the resolved list, so that a signature from outside the set is explained, not counted.
 */
export function countQuorum(
  judgement: Judgement,
  quorum: ResolvedQuorum,
  statements: readonly AdmittedStatement[],
  requirement: Requirement,
): QuorumCount {
  const lapses = new Map<AccountId, Instant>()
  const children: Reason[] = []
  for (const admitted of statements) {
    const signer = signerOf(admitted)
    // Who signs for another quorum of the same requirement is explained there.
    if (!quorum.persons.includes(signer) && isAsked(requirement, signer)) continue
    const fault = quorum.persons.includes(signer)
      ? supportFault(judgement, admitted, quorum.set, requirement)
      : { code: 'not-in-set' as const }
    children.push(statementReason(admitted, fault))
    if (fault !== null) continue
    noteLapse(judgement, admitted, true)
    lapses.set(signer, admitted.statement.predicate.expiresAt)
  }
  const persons = [...lapses.keys()].sort((a, b) => a - b)
  const open = quorum.persons.filter((person) => !lapses.has(person) && isOpen(judgement, person, quorum.set))
  return { quorum, persons, open, lapses, children }
}

export interface QuorumsResult {
  readonly counts: readonly QuorumCount[]
  readonly reasons: readonly Reason[]
  readonly missing: readonly Missing[]
}

function judgeCount({ quorum, persons, open, children }: QuorumCount): { reason: Reason; missing: readonly Missing[] } {
  const { set, required, total } = quorum
  const data = { set, counted: persons.length, required, total }
  if (persons.length >= required) return { reason: reason('quorum-met', 'pass', data, children), missing: [] }
  const count = required - persons.length
  const signatures: Missing = { kind: 'signatures', set, count, from: open }
  if (quorum.persons.length === 0) {
    return {
      reason: reason('no-registry', 'pending', data, children),
      missing: [signatures, { kind: 'operator-action', what: 'no-registry' }],
    }
  }
  // Never lowered: a set that cannot reach its quorum waits, and says so.
  if (open.length < count) {
    return {
      reason: reason('quorum-unreachable', 'pending', { ...data, reachable: persons.length + open.length }, children),
      missing: [signatures, { kind: 'operator-action', what: 'quorum-unreachable' }],
    }
  }
  return { reason: reason('signatures-missing', 'pending', data, children), missing: [signatures] }
}

/** Judges every quorum of the requirement, each over its own set; all must hold. */
export function judgeQuorums(judgement: Judgement, requirement: Requirement): QuorumsResult {
  const approvals = ofDecision(judgement.own, 'approve')
  const counts = requirement.quorums.map((quorum) => countQuorum(judgement, quorum, approvals, requirement))
  const judged = counts.map(judgeCount)
  return { counts, reasons: judged.map((one) => one.reason), missing: judged.flatMap((one) => one.missing) }
}
