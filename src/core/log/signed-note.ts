import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { decodeUtf8, encodeUtf8, utf8Length } from '../bytes/utf8.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { isNoteKeyName, type VerifierKey } from './verifier-key.ts'

/** One signature line. Anybody can add a line under any name; only a verified one means something. */
export type NoteSignature = { readonly name: string; readonly keyId: string; readonly signature: Uint8Array }

/** Why a note is refused. */
export type NoteFaultCode =
  | 'note-too-large'
  | 'note-not-utf8'
  | 'note-control-character'
  | 'note-no-signatures'
  | 'note-signature-malformed'
  | 'note-too-many-signatures'
  | 'note-bad-signature'
  | 'note-no-known-key'

type Refused = { readonly ok: false; readonly code: NoteFaultCode }

/** A note taken apart; nothing about it is verified. `text` ends with its newline. */
export type ParsedNote =
  | { readonly ok: true; readonly text: string; readonly signatures: readonly NoteSignature[] }
  | Refused

/** A note with at least one good signature by a known key, and what the rest of its lines claim. */
export type OpenedNote =
  | {
      readonly ok: true
      readonly text: string
      readonly verified: readonly VerifierKey[]
      readonly unknown: readonly NoteSignature[]
    }
  | Refused

const maxNoteBytes = 65_536
const maxSignatures = 100
const linePrefix = '— '

const refused = (code: NoteFaultCode): Refused => ({ ok: false, code })

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}

function parseLine(line: string): NoteSignature | undefined {
  if (!line.startsWith(linePrefix)) return undefined
  const space = line.indexOf(' ', linePrefix.length)
  if (space < 0) return undefined
  const name = line.slice(linePrefix.length, space)
  const bytes = decodeBase64(line.slice(space + 1))
  if (!isNoteKeyName(name) || bytes === undefined || bytes.length < 5) return undefined
  return { name, keyId: encodeHex(bytes.subarray(0, 4)), signature: bytes.subarray(4) }
}

/**
 * Takes a signed note apart. The last blank line divides text and signatures, so the text may hold blank lines.
 *
 * Trust: the note is an attacker's.
 * Spec: C2SP signed-note.
 */
export function parseSignedNote(note: Uint8Array | string): ParsedNote {
  const isText = typeof note === 'string'
  if (note.length > maxNoteBytes || (isText && utf8Length(note) > maxNoteBytes)) return refused('note-too-large')
  const whole = isText ? note : decodeUtf8(note)
  if (whole === undefined || !whole.isWellFormed()) return refused('note-not-utf8')
  if (hasControlCharacter(whole)) return refused('note-control-character')
  const split = whole.lastIndexOf('\n\n')
  if (split < 0 || split + 2 === whole.length) return refused('note-no-signatures')
  if (!whole.endsWith('\n')) return refused('note-signature-malformed')
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > maxSignatures) return refused('note-too-many-signatures')
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const signature = parseLine(line)
    if (signature === undefined) return refused('note-signature-malformed')
    signatures.push(signature)
  }
  return { ok: true, text: whole.slice(0, split + 1), signatures }
}

/**
 * Opens a note with the keys that the caller trusts.
 *
 * Checks: every line that claims a known key (name and key id) verifies, or the whole note is refused; at least one does.
 * Lines of unknown keys are handed back and mean nothing.
 * Spec: C2SP signed-note; Ed25519 as `verifyEd25519`.
 */
export function openSignedNote(note: Uint8Array | string, keys: readonly VerifierKey[]): OpenedNote {
  const parsed = parseSignedNote(note)
  if (!parsed.ok) return parsed
  const message = encodeUtf8(parsed.text)
  const verified = new Set<VerifierKey>()
  const unknown: NoteSignature[] = []
  for (const line of parsed.signatures) {
    const claimed = keys.filter((key) => key.name === line.name && key.keyId === line.keyId)
    // Two trusted keys may share the four bytes of a key id; one of them must have signed.
    const signer = claimed.find((key) => verifyEd25519(key.publicKey, message, line.signature).ok)
    if (claimed.length === 0) unknown.push(line)
    else if (signer === undefined) return refused('note-bad-signature')
    else verified.add(signer)
  }
  if (verified.size === 0) return refused('note-no-known-key')
  return { ok: true, text: parsed.text, verified: [...verified], unknown }
}

/** Writes the signature line of a key, with its newline. @throws RangeError unless the signature has 64 bytes */
export function formatNoteSignature(key: VerifierKey, signature: Uint8Array): string {
  if (signature.length !== 64) throw new RangeError('an Ed25519 signature has 64 bytes')
  const keyId = decodeHex(key.keyId) as Uint8Array
  return `${linePrefix}${key.name} ${encodeBase64(concatBytes(keyId, signature))}\n`
}

/**
 * Joins a text and its signature lines into a note.
 *
 * @throws RangeError unless the text ends with a newline and there is a signature line
 */
export function formatSignedNote(text: string, signatureLines: readonly string[]): string {
  if (!text.endsWith('\n') || signatureLines.length === 0) throw new RangeError('not a note text with signatures')
  return `${text}\n${signatureLines.join('')}`
}
