import type { RepositoryId } from '../../core/index.ts'
import { accountUser, changeResource, eventOf } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'
import type { SecurityEvents } from './security-events.ts'

type Rationed = Pick<SecurityEvents, 'noteRationed'>

/** A webhook that was not taken in. `client`: the salted name of the address, where the listener knows it. */
export function webhookRefused(events: Rationed, code: string, isOurs: boolean, client: string | null): void {
  // What follows a colon is which event it was: a word of the sender's.
  const [reason = code] = code.split(':')
  events.noteRationed(`webhook-refused ${reason}`, (unsaidBefore) =>
    eventOf('webhook-refused', {
      userId: client,
      resource: 'deployment',
      action: 'verify',
      result: isOurs ? 'error' : 'denied',
      details: { code: reason, unsaidBefore },
    }),
  )
}

/** A challenge or page that a stranger was not given. */
export function challengeRefused(events: Rationed, code: string, client: string): void {
  events.noteRationed(`challenge-refused ${code}`, (unsaidBefore) =>
    eventOf('challenge-refused', {
      userId: client,
      resource: 'deployment',
      action: 'read',
      details: { code, unsaidBefore },
    }),
  )
}

/** What a signed command came with and why it was refused. */
export interface RefusedStatement {
  readonly repository: RepositoryId
  readonly number: number
  readonly commentId: number
  /** Who commented, or whose registered key really signed. */
  readonly account: number
  readonly code: string
  /** Null while nobody knows whose signature it is. */
  readonly keyid: string | null
  /** What was asked for; null when the statement cannot be read. */
  readonly decision: DecisionName | null
}

type DecisionName = 'approve' | 'attest' | 'veto' | 'withdraw' | 'suspend' | 'lift' | 'add-tier' | 'remove-tier'

/** Refusals that say "not you": everything else says "not this". */
const authorizationCodes: ReadonlySet<string> = new Set([
  'key-unknown',
  'key-removed',
  'key-not-yet-valid',
  'key-expired',
  'key-revoked',
  'key-compromised',
  'key-suspended',
  'not-in-set',
  'commenter-not-signer',
])

/** The event of a refused command: an authorization that was refused, or a statement that was. */
export function refusedStatementEvent(refused: RefusedStatement, unsaidBefore: number): SecurityEvent {
  const { code, keyid, commentId, decision } = refused
  const told = {
    userId: accountUser(refused.account),
    resource: changeResource(refused.repository, refused.number),
    details: { code, keyid, commentId, unsaidBefore },
  }
  return decision !== null && authorizationCodes.has(code)
    ? eventOf('authorization-refused', { ...told, action: decision })
    : eventOf('statement-refused', { ...told, action: 'verify' })
}

/** Notes the refusal of a command that no registered key signed: anybody with an account can cause it. */
export function statementRefused(events: Rationed, refused: RefusedStatement): void {
  events.noteRationed(`statement-refused ${refused.code}`, (unsaidBefore) =>
    refusedStatementEvent({ ...refused, keyid: null }, unsaidBefore),
  )
}
