import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { keyIdOf } from '../crypto/public-key.ts'
import type { AccountId, Instant, KeyId, LogIndex } from '../ids.ts'
import type { RegistryKey, SetId } from '../policy/policy-v1.ts'
import type { KeyRecord, Keyring, Person } from './keyring.ts'

/** The keyring before any policy took effect. */
export const emptyKeyring: Keyring = { v: 1, persons: [] }

export type KeyringFaultCode = 'unresolved-account' | 'malformed-key' | 'two-persons-one-key'

/** Thrown when a registry that took effect cannot be applied; lint refuses each of these before. */
export class KeyringError extends Error {
  override name = 'KeyringError'
  readonly code: KeyringFaultCode
  constructor(code: KeyringFaultCode, what: string) {
    super(`${code}: ${what}`)
    this.code = code
  }
}

interface StatedKey {
  readonly keyid: KeyId
  readonly scheme: string
  readonly publicKey: string
  readonly sets: SetId[]
  notBefore: Instant | null
  expires: Instant | null
  revokedAt: Instant | null
  compromisedSince: Instant | null
}

interface StatedPerson {
  login: string
  readonly keys: Map<string, StatedKey>
}

const least = (a: Instant | null, b: Instant | null): Instant | null => (a === null || (b !== null && b < a) ? b : a)
const greatest = (a: Instant | null, b: Instant | null): Instant | null => (a === null || (b !== null && b > a) ? b : a)

/** The one form of a key in the keyring: 33 compressed bytes; a key of `bip340-v1` is the point with even y. */
function compressedKey({ publicKey, scheme, login }: RegistryKey): Uint8Array {
  const isXOnly = scheme === 'bip340-v1' && publicKey.length === 64
  const bytes = decodeHex(isXOnly ? `02${publicKey}` : publicKey)
  if (bytes === undefined || bytes.length !== 33) throw new KeyringError('malformed-key', login)
  if (scheme === 'bip340-v1') bytes[0] = 2
  return bytes
}

/** What a registry says, by person and key; the same key in two sets is one key, with the stricter of the stated dates. */
function stated(
  registry: readonly RegistryKey[],
  accounts: Readonly<Record<string, AccountId>>,
): Map<AccountId, StatedPerson> {
  const persons = new Map<AccountId, StatedPerson>()
  const owners = new Map<KeyId, AccountId>()
  for (const entry of registry) {
    if (entry.status !== 'active') continue
    const account = entry.account ?? (Object.hasOwn(accounts, entry.login) ? accounts[entry.login] : undefined)
    if (account === undefined) throw new KeyringError('unresolved-account', entry.login)
    const compressed = compressedKey(entry)
    const keyid = keyIdOf(compressed)
    // One key that speaks for two persons would be two votes by one hand.
    if ((owners.get(keyid) ?? account) !== account) throw new KeyringError('two-persons-one-key', entry.login)
    owners.set(keyid, account)
    const person = persons.get(account) ?? { login: entry.login, keys: new Map<string, StatedKey>() }
    persons.set(account, person)
    person.login = entry.login
    const name = `${keyid} ${entry.scheme}`
    const known = person.keys.get(name)
    if (known === undefined) {
      const { scheme, notBefore, expires, revokedAt, compromisedSince } = entry
      person.keys.set(name, {
        keyid,
        scheme,
        publicKey: encodeHex(compressed),
        sets: [entry.set],
        notBefore,
        expires,
        revokedAt,
        compromisedSince,
      })
      continue
    }
    if (!known.sets.includes(entry.set)) known.sets.push(entry.set)
    known.notBefore = greatest(known.notBefore, entry.notBefore)
    known.expires = least(known.expires, entry.expires)
    known.revokedAt = least(known.revokedAt, entry.revokedAt)
    known.compromisedSince = least(known.compromisedSince, entry.compromisedSince)
  }
  return persons
}

const sameSets = (a: readonly SetId[], b: readonly SetId[]): boolean =>
  a.length === b.length && a.every((set, i) => set === b[i])

interface Moment {
  readonly entry: LogIndex
  readonly at: Instant
}

/** The history of a person's keys after a registry took effect, and whether it says anything new about them. */
function nextKeys(
  before: readonly KeyRecord[],
  now: StatedPerson | undefined,
  moment: Moment,
): { keys: readonly KeyRecord[]; isChanged: boolean } {
  const keys: KeyRecord[] = []
  let isChanged = false
  const carried = new Map<string, KeyRecord>()
  const kept = new Set<string>()
  for (const record of before) {
    const name = `${record.keyid} ${record.scheme}`
    const next = record.removed === null ? now?.keys.get(name) : undefined
    if (record.removed !== null) {
      keys.push(record)
      continue
    }
    // Once revoked or compromised, a key stays so for this enrolment: a later file that forgets it changes nothing.
    const revokedAt = least(record.revokedAt, next?.revokedAt ?? null)
    const compromisedSince = least(record.compromisedSince, next?.compromisedSince ?? null)
    isChanged ||= revokedAt !== record.revokedAt || compromisedSince !== record.compromisedSince
    if (next !== undefined && sameSets(record.sets, [...next.sets].sort())) {
      const { notBefore, expires } = next
      isChanged ||= notBefore !== record.notBefore || expires !== record.expires
      keys.push({ ...record, notBefore, expires, revokedAt, compromisedSince })
      kept.add(name)
      continue
    }
    // A key that speaks for other sets than before is enrolled anew, so that what it signed keeps the sets of that time.
    isChanged = true
    const ended = { ...record, revokedAt, compromisedSince, removed: moment }
    keys.push(ended)
    if (next !== undefined) carried.set(name, ended)
  }
  for (const [name, key] of now?.keys ?? []) {
    if (kept.has(name)) continue
    isChanged = true
    const earlier = carried.get(name)
    keys.push({
      ...key,
      sets: [...key.sets].sort(),
      enrolled: moment,
      removed: null,
      revokedAt: least(key.revokedAt, earlier?.revokedAt ?? null),
      compromisedSince: least(key.compromisedSince, earlier?.compromisedSince ?? null),
    })
  }
  return { keys, isChanged }
}

/**
 * The keyring after a policy with this registry took effect at a log entry: new keys enrolled, those it no longer holds
 * removed, nothing forgotten.
 *
 * Trust: the registry passed lint and a layer-0 verdict; `accounts` gives the numeric ids that genesis resolved for logins.
 * Checks: persons are numeric accounts, so a changed login is the same person and a taken-over login another (T18). A key
 * that was removed and comes back is a new enrolment. A registry that changes anything about a suspended person's keys lifts
 * the suspension.
 * @throws KeyringError
 */
export function applyRegistry(
  keyring: Keyring,
  registry: readonly RegistryKey[],
  entry: LogIndex,
  at: Instant,
  accounts: Readonly<Record<string, AccountId>> = {},
): Keyring {
  const now = stated(registry, accounts)
  const before = new Map(keyring.persons.map((person) => [person.account, person]))
  const everybody = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => a - b)
  const persons = everybody.map((account): Person => {
    const known = before.get(account)
    const next = now.get(account)
    const { keys, isChanged } = nextKeys(known?.keys ?? [], next, { entry, at })
    const sets = [...new Set([...(next?.keys.values() ?? [])].flatMap((key) => key.sets))].sort()
    const login = next?.login ?? (known as Person).login
    return { account, login, sets, keys, suspension: isChanged ? null : (known?.suspension ?? null) }
  })
  return { v: 1, persons }
}
