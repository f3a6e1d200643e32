import {
  type Acceleration,
  bytesDigest,
  decodeHex,
  type Keyring,
  statementPae,
  type Statement,
  verifySignature,
} from '../../core/index.ts'
import { refusedStatementEvent, type RefusedStatement } from '../audit/refusals.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { EntryDraft } from './entries.ts'

/** A statement that came with a comment and was not admitted. */
export interface Refused {
  readonly place: Pick<RefusedStatement, 'repository' | 'number' | 'commentId'>
  readonly decision: NonNullable<RefusedStatement['decision']>
  readonly signer: Statement['predicate']['signer']
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly code: string
}

/** Says whether a registered key really made this signature, at whatever time it was registered. */
function isSignedByRegistered(
  { signer, payload, signature }: Refused,
  keyring: Keyring,
  acceleration: Acceleration,
): boolean {
  const key = keyring.persons
    .find((person) => person.account === signer.maintainer)
    ?.keys.find((candidate) => candidate.keyid === signer.keyid)
  const publicKey = key && decodeHex(key.publicKey)
  return (
    key !== undefined &&
    publicKey !== undefined &&
    verifySignature(key.scheme, publicKey, statementPae(payload), signature, acceleration).ok
  )
}

/**
 * What both logs say of a refused statement. Only what a registered key really signed becomes an entry: nobody else can make
 * the log grow.
 */
export function refusedRecord(
  refused: Refused,
  keyring: Keyring,
  acceleration: Acceleration,
): { readonly entries: readonly EntryDraft[]; readonly events: readonly SecurityEvent[] } {
  if (!isSignedByRegistered(refused, keyring, acceleration)) return { entries: [], events: [] }
  const { place, signer, decision, payload, code } = refused
  const { repository, number, commentId } = place
  return {
    events: [refusedStatementEvent({ ...place, account: signer.maintainer, code, keyid: signer.keyid, decision }, 0)],
    entries: [
      {
        type: 'statement-refused',
        actor: { kind: 'person', account: signer.maintainer, keyid: signer.keyid },
        subject: { kind: 'change', repository, number },
        data: { payloadDigest: bytesDigest(payload, acceleration), code, commentId },
      },
    ],
  }
}
