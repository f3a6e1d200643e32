import type { ChangeSubject } from '../approval/binding.ts'
import { type StandingFaultCode, stands, type VoteHistory, voteHistory } from '../approval/stands.ts'
import type { AdmittedStatement, Decision } from '../approval/statement.ts'
import type { Facts } from '../facts/facts.ts'
import type { AccountId, Instant } from '../ids.ts'
import { findPerson } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { type Authorship, type AuthorshipFault, authorshipFault, authorshipOf } from './evaluate-authorship.ts'
import type { PolicyV1, Requirement, SetId } from './policy-v1.ts'
import { reason } from './reason.ts'
import type { Reason } from './verdict.ts'

/** Everything that one evaluation judges with, prepared once. */
export interface Judgement {
  readonly policy: PolicyV1
  readonly facts: Facts
  readonly keyring: Keyring
  readonly at: Instant
  /** Statements of this pull request, and those of the whole group; by log position, each position once. */
  readonly own: readonly AdmittedStatement[]
  readonly group: readonly AdmittedStatement[]
  readonly histories: ReadonlyMap<number, VoteHistory>
  readonly subject: ChangeSubject
  readonly authorship: Authorship
  /** Moments at which something that was looked at changes by itself. */
  readonly moments: Set<Instant>
}

/** Prepares the statements that bear on the change: of this repository, of this pull request or of its group. */
export function judgementOf(inputs: {
  readonly policy: PolicyV1
  readonly facts: Facts
  readonly approvals: readonly AdmittedStatement[]
  readonly keyring: Keyring
  readonly at: Instant
}): Judgement {
  const { policy, facts, keyring, at } = inputs
  const numbers = new Set([facts.number, ...facts.group])
  const byEntry = new Map<number, AdmittedStatement>()
  for (const admitted of inputs.approvals) {
    const { repository, pullRequest } = admitted.statement.predicate
    if (repository.id !== facts.repository.id || !numbers.has(pullRequest.number)) continue
    byEntry.set(admitted.entry, admitted)
  }
  const group = [...byEntry.values()].sort((a, b) => a.entry - b.entry)
  const ofNumber = (number: number) =>
    group.filter(({ statement }) => statement.predicate.pullRequest.number === number)
  return {
    policy,
    facts,
    keyring,
    at,
    own: ofNumber(facts.number),
    group,
    histories: new Map([...numbers].map((number) => [number, voteHistory(ofNumber(number), keyring, at)])),
    subject: {
      repositoryId: facts.repository.id,
      number: facts.number,
      head: facts.head.sha,
      headTree: facts.head.tree,
      baseRef: facts.base.ref,
      changeDigest: facts.changeDigest,
      isGovernance: facts.repository.name === policy.governanceRepository,
    },
    authorship: authorshipOf(facts),
    moments: new Set(),
  }
}

export type NotCounted = { readonly code: StandingFaultCode } | AuthorshipFault

/** Who signed; what every node about a statement says. */
export const signerOf = (admitted: AdmittedStatement): AccountId => admitted.statement.predicate.signer.maintainer

export const ofDecision = (
  statements: readonly AdmittedStatement[],
  decision: Decision,
): readonly AdmittedStatement[] => statements.filter(({ statement }) => statement.predicate.decision === decision)

/** Says why a statement has no effect for a set, or null. Vetoes and tier additions of the group are judged on their own number. */
export function standingFault(
  judgement: Judgement,
  admitted: AdmittedStatement,
  set: SetId,
  requirement: Requirement,
): NotCounted | null {
  const { number } = admitted.statement.predicate.pullRequest
  const standing = stands(admitted, {
    subject: number === judgement.subject.number ? judgement.subject : { ...judgement.subject, number },
    requirement,
    approvalsSurviveRebase: judgement.policy.options.approvalsSurviveRebase,
    history: judgement.histories.get(number) ?? new Map(),
    keyring: judgement.keyring,
    set,
    at: judgement.at,
  })
  return standing.ok ? null : { code: standing.code }
}

/** Says why a statement of support does not count for a set: it has fallen, or its signer is an author of the change. */
export function supportFault(
  judgement: Judgement,
  admitted: AdmittedStatement,
  set: SetId,
  requirement: Requirement,
): NotCounted | null {
  const { notAuthorOf } = admitted.statement.predicate
  return (
    standingFault(judgement, admitted, set, requirement) ??
    authorshipFault(judgement.authorship, judgement.policy.options, signerOf(admitted), notAuthorOf)
  )
}

/** The first set of the requirement in which a statement counts, or why it counts in none. */
export function countsInSome(
  judgement: Judgement,
  admitted: AdmittedStatement,
  requirement: Requirement,
  faultOf: typeof standingFault,
): NotCounted | null {
  let fault: NotCounted = { code: 'not-in-set' }
  for (const { set, persons } of requirement.quorums) {
    const found = persons.includes(signerOf(admitted))
      ? faultOf(judgement, admitted, set, requirement)
      : { code: 'not-in-set' as const }
    if (found === null) return null
    // What is wrong with a member's statement says more than that another set does not list the person.
    if (found.code !== 'not-in-set') fault = found
  }
  return fault
}

/** Notes when a statement that has effect now loses it by time: its expiry, or a revocation that is set for later. */
export function noteLapse(judgement: Judgement, admitted: AdmittedStatement, expires: boolean): void {
  const { predicate } = admitted.statement
  if (expires) judgement.moments.add(predicate.expiresAt)
  const person = findPerson(judgement.keyring, predicate.signer.maintainer)
  for (const key of person?.keys ?? []) {
    if (key.keyid === predicate.signer.keyid && key.revokedAt !== null) judgement.moments.add(key.revokedAt)
  }
}

/** The node of one statement: that it counts, or why not. */
export function statementReason(admitted: AdmittedStatement, fault: NotCounted | null): Reason {
  const { predicate } = admitted.statement
  const data = {
    account: signerOf(admitted),
    entry: admitted.entry,
    ...(predicate.notAuthorOf.length === 0 ? {} : { denies: predicate.notAuthorOf }),
  }
  if (fault === null) return reason('statement-counts', 'pass', data)
  const commit = 'commit' in fault && fault.commit !== null ? { commit: fault.commit } : {}
  const role = 'role' in fault ? { role: fault.role } : {}
  return reason(fault.code, 'info', { ...data, ...role, ...commit })
}
