import { canonicalize, type KeyRecord, type Keyring, type Json } from '../../core/index.ts'
import { eventOf } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'

const nameOf = (account: number, key: KeyRecord): string => `${account} ${key.keyid} ${key.scheme}`

function keysOf({ persons }: Keyring): ReadonlyMap<string, { readonly account: number; readonly key: KeyRecord }> {
  return new Map(
    persons.flatMap(({ account, keys }) => keys.map((key) => [nameOf(account, key), { account, key }] as const)),
  )
}

const isGone = (key: KeyRecord): boolean =>
  key.removed !== null || key.revokedAt !== null || key.compromisedSince !== null

/** What a policy that took effect at `entry` did to the keys of persons, one event for each key that is not as before. */
export function keyringEvents(
  before: Keyring,
  after: Keyring,
  userId: string,
  entry: number,
): readonly SecurityEvent[] {
  const known = keysOf(before)
  const events: SecurityEvent[] = []
  for (const [name, { account, key }] of keysOf(after)) {
    const old = known.get(name)?.key
    if (old !== undefined && canonicalize(old as unknown as Json) === canonicalize(key as unknown as Json)) continue
    const told = { userId, resource: `key:${key.keyid}`, details: { account, scheme: key.scheme, entry } }
    if (isGone(key) && (old === undefined || !isGone(old)))
      events.push(eventOf('maintainer-key-revoked', { ...told, action: 'revoke' }))
    else if (old === undefined || (isGone(old) && !isGone(key)))
      events.push(eventOf('maintainer-key-added', { ...told, action: 'add' }))
    else events.push(eventOf('maintainer-key-changed', { ...told, action: 'change' }))
  }
  return events
}
