import { encodeBase64Url } from '../bytes/base64.ts'
import { decodeHex } from '../bytes/hex.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { verifySignature } from '../crypto/signature-schemes.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import type { Instant, LogIndex } from '../ids.ts'
import { findPerson, keyRecordAt } from '../keyring/key-status.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { AdmittedStatement, ApprovalPredicate } from './statement.ts'
import { statementPae } from './statement-bytes.ts'

/** How far a signer's clock may run ahead of `at`. */
const clockGraceMs = 300_000

/** Rule 8 at issuance. `maxMs`: the longest lifetime that the policy allows. */
export function issuanceFault(
  { issuedAt, expiresAt }: Pick<ApprovalPredicate, 'issuedAt' | 'expiresAt'>,
  { at, maxMs }: { readonly at: Instant; readonly maxMs: number },
): 'issued-in-future' | 'lifetime-empty' | 'lifetime-too-long' | 'expired' | null {
  if (issuedAt > at + clockGraceMs) return 'issued-in-future'
  if (expiresAt <= issuedAt) return 'lifetime-empty'
  if (expiresAt - issuedAt > maxMs) return 'lifetime-too-long'
  return expiresAt <= at ? 'expired' : null
}

/** A payload with a signature that verified, as an entry of the log holds them. */
export type SignedParts = Pick<AdmittedStatement, 'payload' | 'payloadDigest' | 'signature' | 'scheme'>

export type SignerCheck =
  | { readonly ok: true; readonly signed: SignedParts }
  | { readonly ok: false; readonly code: 'key-unknown' | 'bad-signature'; readonly detail: string | null }

/**
 * The last part of rule 10: the signature is that of the key that the signer names, in its pinned scheme.
 *
 * Trust: payload and signature are an attacker's; key and scheme come from the keyring, never from the statement.
 */
export function checkSigner(
  { payload, signature }: { readonly payload: Uint8Array; readonly signature: Uint8Array },
  signer: ApprovalPredicate['signer'],
  context: { readonly keyring: Keyring; readonly entry: LogIndex; readonly acceleration: Acceleration },
): SignerCheck {
  const { keyring, entry, acceleration } = context
  const person = findPerson(keyring, signer.maintainer)
  const record = person && keyRecordAt(person, signer.keyid, entry)
  const publicKey = record && decodeHex(record.publicKey)
  if (record === undefined || publicKey === undefined) return { ok: false, code: 'key-unknown', detail: null }
  const check = verifySignature(record.scheme, publicKey, statementPae(payload), signature, acceleration)
  if (!check.ok) return { ok: false, code: 'bad-signature', detail: check.code }
  return {
    ok: true,
    signed: {
      payload: encodeBase64Url(payload),
      payloadDigest: bytesDigest(payload, acceleration),
      signature: encodeBase64Url(signature),
      scheme: record.scheme,
    },
  }
}
