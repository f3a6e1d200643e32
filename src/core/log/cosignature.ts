import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, isEd25519PublicKey, signEd25519, verifyEd25519 } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'
import { type NoteFaultCode, type NoteSignature, parseSignedNote } from './signed-note.ts'
import { isNoteKeyName } from './verifier-key.ts'

/** A public key of a witness: Ed25519, C2SP type 0x04. `keyId` is 8 hex characters. Never the key of a log. */
export type WitnessKey = {
  readonly role: 'witness'
  readonly name: string
  readonly keyId: string
  readonly publicKey: Uint8Array
}

/** What a witness said: at this time, in seconds since 1970, this was the largest head that it had seen of the log. */
export type Cosignature = { readonly key: WitnessKey; readonly time: number }

/** Why cosignatures are refused. */
export type CosignatureFaultCode = NoteFaultCode | 'cosignature-malformed' | 'cosignature-time' | 'cosignature-bad'

/** The cosignatures of trusted witnesses on a note; `text` is what they signed. */
export type VerifiedCosignatures =
  | { readonly ok: true; readonly text: string; readonly cosignatures: readonly Cosignature[] }
  | { readonly ok: false; readonly code: CosignatureFaultCode }

const cosignatureType = 4
const timeBytes = 8
const signatureBytes = timeBytes + 64

/**
 * Makes the witness key of a name and an Ed25519 public key.
 *
 * @throws RangeError when the name cannot name a key or the point is one that strict Ed25519 refuses
 * Spec: C2SP tlog-cosignature, key id = SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public key)[:4].
 */
export function witnessKey(name: string, publicKey: Uint8Array): WitnessKey {
  if (!isNoteKeyName(name)) throw new RangeError('not a note key name')
  if (!isEd25519PublicKey(publicKey)) throw new RangeError('not an Ed25519 public key')
  const digest = sha256(concatBytes(encodeUtf8(name), Uint8Array.of(0x0a, cosignatureType), publicKey))
  return { role: 'witness', name, keyId: encodeHex(digest.subarray(0, 4)), publicKey }
}

/** Writes a witness key as the one line that people copy. Spec: C2SP signed-note, vkey, with type 0x04. */
export function formatWitnessKey(key: WitnessKey): string {
  return `${key.name}+${key.keyId}+${encodeBase64(concatBytes(Uint8Array.of(cosignatureType), key.publicKey))}`
}

/**
 * Reads a witness key line, or `undefined`.
 *
 * Checks: name, type 0x04, strict Ed25519 point, and that the key id is the one the rest gives.
 */
export function parseWitnessKey(line: string): WitnessKey | undefined {
  const [name, keyId, encoded, ...rest] = line.split('+')
  if (name === undefined || keyId === undefined || encoded === undefined || !isNoteKeyName(name)) return undefined
  const bytes = decodeBase64([encoded, ...rest].join('+'))
  if (bytes === undefined || bytes.length !== 33 || bytes[0] !== cosignatureType) return undefined
  const publicKey = bytes.subarray(1)
  if (!isEd25519PublicKey(publicKey)) return undefined
  const key = witnessKey(name, publicKey)
  return key.keyId === keyId ? key : undefined
}

const isTime = (time: number): boolean => Number.isSafeInteger(time) && time >= 0

/**
 * The bytes that a witness signs over the text of a checkpoint note.
 *
 * @throws RangeError unless the time is a whole number of seconds and the text ends with a newline
 * Spec: C2SP tlog-cosignature, "Ed25519 signed message".
 */
export function cosignatureMessage(text: string, time: number): Uint8Array {
  if (!isTime(time) || !text.endsWith('\n')) throw new RangeError('not what a witness signs')
  return encodeUtf8(`cosignature/v1\ntime ${time}\n${text}`)
}

/** Writes the line of a cosignature, with its newline. @throws RangeError unless time and signature have their shape */
export function formatCosignature(key: WitnessKey, time: number, signature: Uint8Array): string {
  if (!isTime(time) || signature.length !== 64) throw new RangeError('not a cosignature')
  const timestamped = new Uint8Array(timeBytes)
  new DataView(timestamped.buffer).setBigUint64(0, BigInt(time))
  return `— ${key.name} ${encodeBase64(concatBytes(decodeHex(key.keyId) as Uint8Array, timestamped, signature))}\n`
}

/**
 * Cosigns with a witness's seed. A witness whose key lies in custody signs `cosignatureMessage` there.
 *
 * @throws RangeError as `cosignatureMessage` and `signEd25519`
 */
export function cosignCheckpoint(text: string, name: string, seed: Uint8Array, time: number): string {
  const key = witnessKey(name, ed25519PublicKey(seed))
  return formatCosignature(key, time, signEd25519(seed, cosignatureMessage(text, time)))
}

type Judged = { readonly time: number; readonly key: WitnessKey } | CosignatureFaultCode

function judge(text: string, { signature }: NoteSignature, claimed: readonly WitnessKey[]): Judged {
  if (signature.length !== signatureBytes) return 'cosignature-malformed'
  const stamped = new DataView(signature.buffer, signature.byteOffset, timeBytes).getBigUint64(0)
  const time = Number(stamped)
  if (!isTime(time)) return 'cosignature-time'
  const message = cosignatureMessage(text, time)
  // Two trusted keys may share the four bytes of a key id; one of them must have signed.
  const key = claimed.find(({ publicKey }) => verifyEd25519(publicKey, message, signature.subarray(timeBytes)).ok)
  return key === undefined ? 'cosignature-bad' : { time, key }
}

/**
 * Finds the cosignatures of the witnesses that the caller trusts. Each witness stands in the answer once, with the earliest
 * time it vouches for; none at all is an answer too.
 *
 * Trust: the note is an attacker's; the keys are the caller's.
 * Checks: every line that claims a known key (name and key id) verifies, or the whole note is refused. Lines of unknown keys,
 * the log's own among them, mean nothing here.
 * Does not check: the log's signature and the checkpoint's form, which `verifyCheckpoint` does; whether a time is in the future.
 * Spec: C2SP tlog-cosignature; Ed25519 as `verifyEd25519`; times up to 2^53−1 seconds.
 */
export function verifyCosignatures(note: Uint8Array | string, keys: readonly WitnessKey[]): VerifiedCosignatures {
  const parsed = parseSignedNote(note)
  if (!parsed.ok) return parsed
  const earliest = new Map<WitnessKey, number>()
  for (const line of parsed.signatures) {
    const claimed = keys.filter((key) => key.name === line.name && key.keyId === line.keyId)
    if (claimed.length === 0) continue
    const judged = judge(parsed.text, line, claimed)
    if (typeof judged === 'string') return { ok: false, code: judged }
    earliest.set(judged.key, Math.min(judged.time, earliest.get(judged.key) ?? judged.time))
  }
  const cosignatures = [...earliest].map(([key, time]) => ({ key, time }))
  return { ok: true, text: parsed.text, cosignatures }
}
