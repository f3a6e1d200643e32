import { canonicalize } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { textDigest } from '../crypto/text-digest.ts'
import type { AccountId, Instant, KeyId, LogIndex, Sha256 } from '../ids.ts'
import type { SetId } from '../policy/policy-v1.ts'
import type { KeyRecord, Keyring, Person } from './keyring.ts'

/** Why a key does not speak for its person in a set. */
export type KeyFaultCode =
  | 'key-unknown'
  | 'key-removed'
  | 'key-not-yet-valid'
  | 'key-expired'
  | 'key-revoked'
  | 'key-compromised'
  | 'key-suspended'
  | 'not-in-set'

export type KeyStatus = 'active' | KeyFaultCode

/** A signature's claim: by whose key, for which set (null: any), and where in the log it stands. */
export interface KeyUse {
  readonly account: AccountId
  readonly keyid: KeyId
  readonly set: SetId | null
  readonly entry: LogIndex
  /** Time of the log entry, never the statement's own. */
  readonly signedAt: Instant
}

/** The person with this account, or undefined. */
export function findPerson(keyring: Keyring, account: AccountId): Person | undefined {
  // Persons are sorted by account.
  let low = 0
  let high = keyring.persons.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const person = keyring.persons[middle] as Person
    if (person.account === account) return person
    if (person.account < account) low = middle + 1
    else high = middle - 1
  }
  return undefined
}

/** The enrolment of a key that was in force at a log position, or undefined. */
export function keyRecordAt(person: Person, keyid: KeyId, entry: LogIndex): KeyRecord | undefined {
  return person.keys.findLast(
    (key) => key.keyid === keyid && key.enrolled.entry <= entry && (key.removed === null || key.removed.entry > entry),
  )
}

/**
 * Says whether a signature at a log position counts for its person in a set, judged at that position and at `at`.
 *
 * Checks: the key is that person's, was enrolled in the set and inside its own dates at the position of the signature; and,
 * as of `at`, is neither revoked nor compromised at or before the signature, the person is still in the set and not suspended.
 * A key that rotation removed, or whose time ran out after the signature, keeps what it signed standing. Later enrolments of
 * the same key speak about earlier ones: a key put back as revoked is revoked.
 * Trust: the account is the signed claim; the keyring decides whether the key is that account's.
 */
export function keyStatus(keyring: Keyring, use: KeyUse, at: Instant): KeyStatus {
  const person = findPerson(keyring, use.account)
  if (person === undefined) return 'key-unknown'
  const record = keyRecordAt(person, use.keyid, use.entry)
  if (record === undefined) {
    const wasEnrolled = person.keys.some((key) => key.keyid === use.keyid && key.enrolled.entry <= use.entry)
    return wasEnrolled ? 'key-removed' : 'key-unknown'
  }
  if (use.set !== null && !record.sets.includes(use.set)) return 'not-in-set'
  if (record.notBefore !== null && use.signedAt < record.notBefore) return 'key-not-yet-valid'
  if (record.expires !== null && use.signedAt >= record.expires) return 'key-expired'
  for (const key of person.keys) {
    if (key.keyid !== use.keyid || key.enrolled.entry < record.enrolled.entry) continue
    if (key.compromisedSince !== null && key.compromisedSince <= use.signedAt) return 'key-compromised'
    if (key.revokedAt !== null && key.revokedAt <= at) return 'key-revoked'
  }
  if (use.set === null ? person.sets.length === 0 : !person.sets.includes(use.set)) return 'key-removed'
  return person.suspension === null ? 'active' : 'key-suspended'
}

/** Says whether a person holds a key that could sign for a set at `at`; a suspended person does not. */
export function canSign(keyring: Keyring, account: AccountId, set: SetId, at: Instant): boolean {
  const person = findPerson(keyring, account)
  if (person === undefined || person.suspension !== null) return false
  return person.keys.some(
    (key) =>
      key.removed === null &&
      key.sets.includes(set) &&
      (key.notBefore === null || key.notBefore <= at) &&
      (key.expires === null || key.expires > at) &&
      (key.revokedAt === null || key.revokedAt > at) &&
      (key.compromisedSince === null || key.compromisedSince > at),
  )
}

/**
 * The persons that a registry lists now, ascending. Suspended persons and persons without a usable key are among them:
 * their signatures do not count, and the quorum stays what it is.
 */
export function personsOf(keyring: Keyring, set: SetId): readonly AccountId[] {
  const accounts: AccountId[] = []
  for (const person of keyring.persons) if (person.sets.includes(set)) accounts.push(person.account)
  return accounts
}

const keyringDigests = new WeakMap<Keyring, Sha256>()

/** SHA-256 of the keyring's canonical JSON. Keyrings are never changed in place, so each is hashed once. */
export function keyringDigest(keyring: Keyring, acceleration: Acceleration = {}): Sha256 {
  const known = keyringDigests.get(keyring)
  if (known !== undefined) return known
  const digest = textDigest(canonicalize(keyring as unknown as Json), acceleration)
  keyringDigests.set(keyring, digest)
  return digest
}
