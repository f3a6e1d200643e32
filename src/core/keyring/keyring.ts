import type { AccountId, Instant, KeyId, LogIndex } from '../ids.ts'
import type { SetId } from '../policy/policy-v1.ts'

/** One key of one person, with everything that ever happened to it. Entries are positions in the decision log. */
export interface KeyRecord {
  readonly keyid: KeyId
  readonly scheme: string
  /** Lower-case hex of the 33 compressed bytes, for every scheme; of `bip340-v1` the point with even y. */
  readonly publicKey: string
  /** Registries in which this key speaks for its person. */
  readonly sets: readonly SetId[]
  readonly enrolled: { readonly entry: LogIndex; readonly at: Instant }
  /** Set when a policy that took effect no longer holds the key, or holds it as inactive. */
  readonly removed: { readonly entry: LogIndex; readonly at: Instant } | null
  readonly notBefore: Instant | null
  readonly expires: Instant | null
  readonly revokedAt: Instant | null
  readonly compromisedSince: Instant | null
}

export interface Suspension {
  readonly entry: LogIndex
  readonly at: Instant
  readonly by: readonly AccountId[]
}

/** A maintainer or keyholder. One person is one vote, whatever the number of keys. */
export interface Person {
  readonly account: AccountId
  readonly login: string
  /** Registries that list this person now. */
  readonly sets: readonly SetId[]
  readonly keys: readonly KeyRecord[]
  readonly suspension: Suspension | null
}

/** Who could sign what, and when: the registry of all policies that ever took effect, as a history. Sorted by account. */
export interface Keyring {
  readonly v: 1
  readonly persons: readonly Person[]
}
