import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, signEd25519 } from '../crypto/ed25519.ts'
import {
  formatNoteSignature,
  formatSignedNote,
  type NoteFaultCode,
  type NoteSignature,
  openSignedNote,
  parseSignedNote,
} from './signed-note.ts'
import { isTreeSize } from './subtree.ts'
import { noteVerifierKey, type VerifierKey } from './verifier-key.ts'

/** The state of a log at one size: what a log key signs. */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Uint8Array }

/** Why a checkpoint is refused. */
export type CheckpointFaultCode =
  | NoteFaultCode
  | 'checkpoint-not-signed-by-log'
  | 'checkpoint-malformed'
  | 'checkpoint-extension'
  | 'checkpoint-size-invalid'
  | 'checkpoint-root-invalid'
  | 'checkpoint-wrong-origin'

type Refused = { readonly ok: false; readonly code: CheckpointFaultCode }

/** A body taken apart, or why it is none. */
export type ParsedCheckpoint = { readonly ok: true; readonly checkpoint: Checkpoint } | Refused

/** A checkpoint that the log signed, which of the trusted keys signed it, and the lines of keys that nobody trusts. */
export type VerifiedCheckpoint =
  | {
      readonly ok: true
      readonly checkpoint: Checkpoint
      readonly verified: readonly VerifierKey[]
      readonly unknown: readonly NoteSignature[]
    }
  | Refused

const refused = (code: CheckpointFaultCode): Refused => ({ ok: false, code })
const originPattern =
  /^(?=.{1,255}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[1-9][0-9]{0,4})?(?:\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/

/** Says whether a text can be a log's origin: `host/path` without scheme, host in lower case, a port allowed. */
export const isLogOrigin = (text: string): boolean => originPattern.test(text)

/**
 * Writes the three lines that are signed and time-stamped.
 *
 * @throws RangeError when origin, size or root cannot stand in a checkpoint
 * Spec: C2SP tlog-checkpoint without extension lines.
 */
export function formatCheckpointBody({ origin, size, root }: Checkpoint): string {
  if (!isLogOrigin(origin)) throw new RangeError('not a log origin')
  if (!isTreeSize(size) || root.length !== 32) throw new RangeError('not a log state')
  return `${origin}\n${size}\n${encodeBase64(root)}\n`
}

/**
 * Reads a checkpoint body; exactly one text per state.
 *
 * Checks: three lines, no extension lines, decimal size without leading zero up to 2^53−1, a 32-byte root.
 */
export function parseCheckpointBody(text: string): ParsedCheckpoint {
  const lines = text.split('\n')
  const [origin, sizeText, rootText] = lines
  if (lines.at(-1) !== '' || lines.length < 4) return refused('checkpoint-malformed')
  if (lines.length > 4) return refused('checkpoint-extension')
  if (origin === undefined || !isLogOrigin(origin)) return refused('checkpoint-malformed')
  const size = /^(?:0|[1-9][0-9]{0,15})$/.test(sizeText ?? '') ? Number(sizeText) : Number.NaN
  if (!isTreeSize(size)) return refused('checkpoint-size-invalid')
  const root = decodeBase64(rootText ?? '')
  if (root === undefined || root.length !== 32) return refused('checkpoint-root-invalid')
  return { ok: true, checkpoint: { origin, size, root } }
}

/** The state of which a note speaks, whoever signed it: something to look for, and nothing to believe. */
export function parseCheckpoint(note: Uint8Array | string): ParsedCheckpoint {
  const parsed = parseSignedNote(note)
  return parsed.ok ? parseCheckpointBody(parsed.text) : parsed
}

/**
 * Opens a checkpoint of the log `origin` with the keys that the caller trusts (the log's and, if any, other note keys).
 *
 * Trust: the note is an attacker's; origin and keys are the caller's.
 * Checks: the note as `openSignedNote`; one good signature by a key named like the origin; the body; its origin.
 * Does not check: that this log is the one seen before; that needs a consistency proof from the last checkpoint.
 * Spec: C2SP tlog-checkpoint, signed-note; formats.md, Transparency log.
 */
export function verifyCheckpoint(
  note: Uint8Array | string,
  origin: string,
  keys: readonly VerifierKey[],
): VerifiedCheckpoint {
  const opened = openSignedNote(note, keys)
  if (!opened.ok) return opened
  const parsed = parseCheckpointBody(opened.text)
  if (!parsed.ok) return parsed
  if (parsed.checkpoint.origin !== origin) return refused('checkpoint-wrong-origin')
  if (!opened.verified.some((key) => key.name === origin)) return refused('checkpoint-not-signed-by-log')
  return { ok: true, checkpoint: parsed.checkpoint, verified: opened.verified, unknown: opened.unknown }
}

/**
 * Signs a checkpoint with the log's Ed25519 seed. A log whose key lies in custody signs `formatCheckpointBody` there and joins
 * the note with `formatNoteSignature` and `formatSignedNote`.
 *
 * @throws RangeError as `formatCheckpointBody` and `signEd25519`
 */
export function signCheckpoint(checkpoint: Checkpoint, seed: Uint8Array): string {
  const body = formatCheckpointBody(checkpoint)
  const key = noteVerifierKey(checkpoint.origin, ed25519PublicKey(seed))
  return formatSignedNote(body, [formatNoteSignature(key, signEd25519(seed, encodeUtf8(body)))])
}
