import { type AccountId, encodeHex, type JsonObject, type RepositoryId } from '../../core/index.ts'
import { invariant } from '../app-error.ts'
import { catalogue, type EventType } from './catalogue.ts'
import type { DetailKind, EventRow } from './event-row.ts'
import type { SecurityEvent } from './security-event.ts'

type ValueOf = {
  readonly word: string
  readonly digest: string
  readonly 'digest?': string | null
  readonly number: number
  readonly 'number?': number | null
  readonly flag: boolean
}

type Row<T extends EventType> = (typeof catalogue)[T]
type DetailsOf<T extends EventType> = {
  readonly [M in keyof Row<T>['details']]: ValueOf[Row<T>['details'][M] & DetailKind]
}

export const wordShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
export const digestShape = /^[0-9a-f]{32,128}$/
export const resourceShape = /^[a-z]+(?::[\x21-\x7e]{1,128})?$/
export const userShape = /^(?:server|operator|operator:[A-Za-z0-9._-]{1,64}|account:\d{1,16}|client:[0-9a-f]{32})$/

const fits: { readonly [K in DetailKind]: (value: unknown) => boolean } = {
  word: (value) => typeof value === 'string' && wordShape.test(value),
  digest: (value) => typeof value === 'string' && digestShape.test(value),
  'digest?': (value) => value === null || (typeof value === 'string' && digestShape.test(value)),
  number: (value) => Number.isSafeInteger(value),
  'number?': (value) => value === null || Number.isSafeInteger(value),
  flag: (value) => typeof value === 'boolean',
}

/**
 * Says why an event is not what its row of the catalogue allows; null when it is.
 *
 * Checks: type, resource kind, action, result, exactly the members of `details` and the shape of each.
 */
export function eventFault(event: SecurityEvent): string | null {
  if (!Object.hasOwn(catalogue, event.eventType)) return 'unknown event type'
  const is: EventRow = catalogue[event.eventType as EventType]
  const [kind = ''] = event.resource.split(':')
  if (!resourceShape.test(event.resource) || !(is.resource as readonly string[]).includes(kind)) return 'resource'
  if (event.userId !== null && !userShape.test(event.userId)) return 'userId'
  if (!is.actions.includes(event.action)) return 'action'
  if (!is.results.includes(event.result)) return 'result'
  const wanted = Object.entries(is.details)
  if (Object.keys(event.details).length !== wanted.length) return 'details'
  return wanted.find(([name, detail]) => !fits[detail](event.details[name]))?.[0] ?? null
}

/** Makes an event of one type of the catalogue. What does not fit its row is a mistake of ours. */
export function eventOf<T extends EventType>(
  eventType: T,
  event: {
    readonly userId: string | null
    readonly resource: string
    readonly action: Row<T>['actions'][number]
    readonly result?: Row<T>['results'][number]
    readonly details: DetailsOf<T>
  },
): SecurityEvent {
  const { userId, resource, action, details } = event
  const result = event.result ?? catalogue[eventType].results[0]
  const made = { eventType, userId, resource, action, result, details: details as unknown as JsonObject }
  const fault = eventFault(made)
  invariant(fault === null, `an event ${eventType} fits the catalogue: ${fault}`)
  return made
}

/** The name of the product itself, where nobody else caused an event. */
export const serverUser = 'server'

/** The name of an account of the forge. */
export const accountUser = (account: AccountId | number): string => `account:${account}`

/** The name of a person at the command line, by the login of the machine; what is unusual in a login becomes `_`. */
export const operatorUser = (login: string | null): string =>
  login === null || login === '' ? 'operator' : `operator:${login.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 64)}`

export const changeResource = (repository: RepositoryId, number: number): string => `change:${repository}/${number}`
export const repositoryResource = (repository: RepositoryId): string => `repository:${repository}`

/** The event that goes with the entry of a policy that took effect. */
export const policyInForce = (
  epoch: number,
  userId: string,
  details: {
    readonly policy: string
    readonly commit: string
    readonly verdict: number | null
    readonly entry: number
  },
): SecurityEvent =>
  eventOf('policy-in-force', { userId, resource: `policy:${epoch}`, action: 'enforce', details: { ...details } })

/** The event of a key or secret that was put into custody; `publicKey` is null for a secret. */
export const keyCreated = (
  userId: string,
  action: 'create' | 'import',
  name: string,
  publicKey: Uint8Array | null,
): SecurityEvent =>
  eventOf('key-created', {
    userId,
    resource: `key:${name}`,
    action,
    details: { publicKey: publicKey === null ? null : encodeHex(publicKey) },
  })
