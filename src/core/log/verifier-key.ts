import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/byte-array.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { isEd25519PublicKey } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'

/** A public key that may sign notes: Ed25519, C2SP type 0x01. `keyId` is 8 hex characters. */
export type VerifierKey = { readonly name: string; readonly keyId: string; readonly publicKey: Uint8Array }

const ed25519Type = 1

/** Says whether a text can name a note key: not empty, no white space, no control character, no plus sign. */
export function isNoteKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\s\p{Cc}+]+$/u.test(name)
}

/**
 * Makes the verifier key of a name and an Ed25519 public key.
 *
 * @throws RangeError when the name cannot name a key or the point is one that strict Ed25519 refuses
 * Spec: C2SP signed-note, key id = SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4].
 */
export function noteVerifierKey(name: string, publicKey: Uint8Array): VerifierKey {
  if (!isNoteKeyName(name)) throw new RangeError('not a note key name')
  if (!isEd25519PublicKey(publicKey)) throw new RangeError('not an Ed25519 public key')
  const digest = sha256(concatBytes(encodeUtf8(name), Uint8Array.of(0x0a, ed25519Type), publicKey))
  return { name, keyId: encodeHex(digest.subarray(0, 4)), publicKey }
}

/** Writes a verifier key as the one line that people copy: `name+keyid+base64`. Spec: C2SP signed-note, vkey. */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${key.keyId}+${encodeBase64(concatBytes(Uint8Array.of(ed25519Type), key.publicKey))}`
}

/**
 * Reads a verifier key line, or `undefined`.
 *
 * Checks: name, type 0x01, strict Ed25519 point, and that the key id is the one the rest gives.
 */
export function parseVerifierKey(line: string): VerifierKey | undefined {
  const [name, keyId, encoded, ...rest] = line.split('+')
  if (name === undefined || keyId === undefined || encoded === undefined || !isNoteKeyName(name)) return undefined
  // The base64 of a key may itself hold plus signs.
  const bytes = decodeBase64([encoded, ...rest].join('+'))
  if (bytes === undefined || bytes.length !== 33 || bytes[0] !== ed25519Type) return undefined
  const publicKey = bytes.subarray(1)
  if (!isEd25519PublicKey(publicKey)) return undefined
  const key = noteVerifierKey(name, publicKey)
  return key.keyId === keyId ? key : undefined
}
