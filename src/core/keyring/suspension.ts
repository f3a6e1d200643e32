import type { AdmittedStatement } from '../approval/statement.ts'
import type { AccountId, Instant, LogIndex } from '../ids.ts'
import { findPerson, keyStatus } from './key-status.ts'
import type { Keyring, Person } from './keyring.ts'

/** The registry of the persons who may activate an emergency tier, and who may suspend anybody two at a time. */
export const emergencySet = 'emergency'
const suspendersNeeded = 2

const replace = (keyring: Keyring, account: AccountId, change: (person: Person) => Person): Keyring => ({
  v: 1,
  persons: keyring.persons.map((person) => (person.account === account ? change(person) : person)),
})

/** The keyring in which a person's votes do not count from this entry on. A suspension that stands stays as it is. */
export function suspend(
  keyring: Keyring,
  account: AccountId,
  moment: { readonly entry: LogIndex; readonly at: Instant; readonly by: readonly AccountId[] },
): Keyring {
  const by = [...moment.by].sort((a, b) => a - b)
  return replace(keyring, account, (person) =>
    person.suspension === null ? { ...person, suspension: { entry: moment.entry, at: moment.at, by } } : person,
  )
}

/** The keyring in which a person is suspended no longer; votes recorded before the suspension count again. */
export const lift = (keyring: Keyring, account: AccountId): Keyring =>
  replace(keyring, account, (person) => ({ ...person, suspension: null }))

/** Sets whose members may act about a person: every set that lists the person, and the emergency keyholders. */
const concernedSets = (target: Person): readonly string[] => [...new Set([...target.sets, emergencySet])].sort()

function signersBySet(
  keyring: Keyring,
  target: Person,
  statements: readonly AdmittedStatement[],
  at: Instant,
): ReadonlyMap<string, ReadonlySet<AccountId>> {
  const found = new Map<string, Set<AccountId>>(concernedSets(target).map((set) => [set, new Set<AccountId>()]))
  for (const { statement, entry, at: signedAt } of statements) {
    const { maintainer, keyid } = statement.predicate.signer
    for (const [set, signers] of found) {
      if (keyStatus(keyring, { account: maintainer, keyid, set, entry, signedAt }, at) === 'active')
        signers.add(maintainer)
    }
  }
  return found
}

const about = (
  statements: readonly AdmittedStatement[],
  decision: 'suspend' | 'lift',
  target: AccountId,
  from: number,
) =>
  statements.filter(
    ({ statement: { predicate }, entry }) =>
      predicate.decision === decision && predicate.target === target && entry >= from,
  )

/**
 * Who suspends a person, or null while nobody does: the person alone, two registered persons of one of the person's
 * sets, or two emergency keyholders. Distinct persons are counted, never signatures.
 *
 * Trust: `statements` are admitted ones; those before `since` (the entry that ended the last suspension) say nothing anew.
 */
export function suspendersOf(
  keyring: Keyring,
  statements: readonly AdmittedStatement[],
  account: AccountId,
  at: Instant,
  since = 0,
): readonly AccountId[] | null {
  const target = findPerson(keyring, account)
  if (target === undefined || target.suspension !== null) return null
  const signed = about(statements, 'suspend', account, since)
  if (signed.some(({ statement }) => statement.predicate.signer.maintainer === account)) return [account]
  for (const signers of signersBySet(keyring, target, signed, at).values()) {
    if (signers.size >= suspendersNeeded) return [...signers].sort((a, b) => a - b)
  }
  return null
}

/**
 * Says whether signed statements lift a suspension: all who signed it, plus one more person who might have.
 *
 * Trust: `statements` are admitted ones; only those after the suspension's entry count.
 */
export function isLifted(
  keyring: Keyring,
  statements: readonly AdmittedStatement[],
  account: AccountId,
  at: Instant,
): boolean {
  const target = findPerson(keyring, account)
  if (target === undefined || target.suspension === null) return false
  const { by, entry } = target.suspension
  const signed = about(statements, 'lift', account, entry + 1)
  const signers = new Set<AccountId>()
  for (const found of signersBySet(keyring, target, signed, at).values())
    for (const signer of found) signers.add(signer)
  // Who suspended themselves cannot have an active key; their own signature is asked for all the same.
  for (const { statement } of signed) {
    const { maintainer } = statement.predicate.signer
    if (maintainer === account && by.includes(account)) signers.add(maintainer)
  }
  return by.every((signer) => signers.has(signer)) && [...signers].some((signer) => !by.includes(signer))
}

/**
 * The keyring after a `suspend` or `lift` was admitted; the same object where it changes nothing.
 *
 * Trust: `earlier` are the admitted statements about the same person that stand before it in the log, in any order.
 */
export function afterStatement(
  keyring: Keyring,
  earlier: readonly AdmittedStatement[],
  admitted: AdmittedStatement,
): Keyring {
  const { decision, target } = admitted.statement.predicate
  if (target === undefined) return keyring
  const statements = [...earlier, admitted]
  const { entry, at } = admitted
  if (decision !== 'suspend') return isLifted(keyring, statements, target, at) ? lift(keyring, target) : keyring
  const lifts = earlier.filter(({ statement }) => statement.predicate.decision === 'lift')
  const by = suspendersOf(keyring, statements, target, at, Math.max(0, ...lifts.map((one) => one.entry)))
  return by === null ? keyring : suspend(keyring, target, { entry, at, by })
}
