import type { AccountId, Instant } from '../ids.ts'
import { type KeyFaultCode, keyStatus } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { SetId } from '../policy/policy-v1.ts'
import { type BindingContext, type BindingFaultCode, bindingFault } from './binding.ts'
import { decisionRules } from './decision-rules.ts'
import type { AdmittedStatement, ApprovalPredicate } from './statement.ts'

/** Why a recorded statement has no effect now. */
export type StandingFaultCode = BindingFaultCode | KeyFaultCode | 'superseded' | 'withdrawn' | 'own-veto-stands'

export type Standing = { readonly ok: true } | { readonly ok: false; readonly code: StandingFaultCode }

const standing: Standing = { ok: true }
const fallen = (code: StandingFaultCode): Standing => ({ ok: false, code })
const never = -1

interface PersonHistory {
  /** Newest withdrawal by whatever key; and by a key that is good now. */
  withdrawn: number
  withdrawnByActiveKey: number
  /** Newest vote for, and newest veto. */
  approved: number
  vetoed: number
  /** Newest attestation by condition, newest tier removal by tier. */
  readonly latest: Map<string, number>
}

/** A recorded statement, as far as the order of acts looks at it: on a change or about a release. */
export type Act = Pick<AdmittedStatement, 'entry' | 'at'> & {
  readonly statement: {
    readonly predicate: Pick<ApprovalPredicate, 'decision' | 'signer' | 'condition' | 'tier'>
  }
}

/** What each person did on one pull request, or about one release, newest act of each kind. */
export type VoteHistory = ReadonlyMap<AccountId, PersonHistory>

const slot = ({ statement: { predicate } }: Act): string =>
  predicate.decision === 'attest' ? `attest ${predicate.condition?.id ?? ''}` : `remove-tier ${predicate.tier ?? ''}`

/**
 * Sorts out who did what last on one pull request.
 *
 * Trust: `statements` are the admitted ones of that pull request, in any order; only log positions order them.
 */
export function voteHistory(statements: readonly Act[], keyring: Keyring, at: Instant): VoteHistory {
  const persons = new Map<AccountId, PersonHistory>()
  for (const admitted of statements) {
    const { decision, signer } = admitted.statement.predicate
    let history = persons.get(signer.maintainer)
    if (history === undefined) {
      history = { withdrawn: never, withdrawnByActiveKey: never, approved: never, vetoed: never, latest: new Map() }
      persons.set(signer.maintainer, history)
    }
    const { entry } = admitted
    if (decision === 'approve') history.approved = Math.max(history.approved, entry)
    else if (decision === 'veto') history.vetoed = Math.max(history.vetoed, entry)
    else if (decision === 'withdraw') {
      history.withdrawn = Math.max(history.withdrawn, entry)
      if (keyIsGood(admitted, keyring, null, at) === 'active') {
        history.withdrawnByActiveKey = Math.max(history.withdrawnByActiveKey, entry)
      }
    } else if (decision === 'attest' || decision === 'remove-tier') {
      const name = slot(admitted)
      history.latest.set(name, Math.max(history.latest.get(name) ?? never, entry))
    }
  }
  return persons
}

/** Rule 10 now: the key speaks for its person in the set (null: any), at the entry of the act and at `at`. */
export const keyIsGood = ({ statement, entry, at: signedAt }: Act, keyring: Keyring, set: SetId | null, at: Instant) =>
  keyStatus(
    keyring,
    { account: statement.predicate.signer.maintainer, keyid: statement.predicate.signer.keyid, set, entry, signedAt },
    at,
  )

/** Rule 11: of one person, the latest vote; a withdrawal takes back everything before it that helps, and the own veto. */
export function historyFault(admitted: Act, history: PersonHistory): StandingFaultCode | null {
  const { decision } = admitted.statement.predicate
  const { entry } = admitted
  if (decision === 'veto') {
    // Taking back a veto raises trust: a key that is no longer good may not do it. Taking back an approval lowers it.
    if (entry < history.withdrawnByActiveKey) return 'withdrawn'
    return entry < history.vetoed ? 'superseded' : null
  }
  if (decision === 'withdraw' || decision === 'add-tier' || decision === 'suspend' || decision === 'lift') return null
  if (entry < history.withdrawn) return 'withdrawn'
  if (decision !== 'approve') return entry < (history.latest.get(slot(admitted)) ?? never) ? 'superseded' : null
  if (entry < history.approved || entry < history.vetoed) return 'superseded'
  // A veto stands until its signer withdraws it: approving later is no withdrawal.
  return history.vetoed > history.withdrawnByActiveKey ? 'own-veto-stands' : null
}

export interface StandingContext extends BindingContext {
  readonly history: VoteHistory
  readonly keyring: Keyring
  /** The set that the signer must be of; null for any. */
  readonly set: SetId | null
  readonly at: Instant
}

/**
 * Decides whether a recorded statement has effect now: rules 5 to 8, 10 and 11.
 *
 * Trust: `admitted` passed `admit` and stands in the log at its entry; everything else can have changed since.
 * Checks: by the subject table; expiry to the millisecond; the key both at its entry and now.
 * Does not check: the signature (once, at admission); authorship.
 * Spec: formats.md "Replay rules"; domain.md "Approvals".
 */
export function stands(admitted: AdmittedStatement, context: StandingContext): Standing {
  const { predicate } = admitted.statement
  const binding = bindingFault(admitted.statement, admitted.requirement, context)
  if (binding === 'wrong-repository' || binding === 'wrong-number') return fallen(binding)
  const history = context.history.get(predicate.signer.maintainer)
  const old = history === undefined ? null : historyFault(admitted, history)
  if (old !== null) return fallen(old)
  if (binding !== null) return fallen(binding)
  if (decisionRules[predicate.decision].expires && predicate.expiresAt <= context.at) return fallen('expired')
  const key = keyIsGood(admitted, context.keyring, context.set, context.at)
  return key === 'active' ? standing : fallen(key)
}
