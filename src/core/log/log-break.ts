import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { type Checkpoint, isLogOrigin } from './checkpoint.ts'
import { isSignedBy } from './log-key.ts'
import { parseSignedNote } from './signed-note.ts'
import { isTreeSize } from './subtree.ts'
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from './verifier-key.ts'

/** The end of a log that lost entries, and the one that goes on in its place: what the offline root signs. */
export interface LogBreak {
  /** The newest head of the broken log that is known outside. */
  readonly old: Checkpoint
  readonly next: VerifierKey
  /** One line of printable text. */
  readonly reason: string
}

const firstLine = 'governance-app log break v1'
const reasonPattern = /^[\x20-\x7e]{20,500}$/

/**
 * The text of a break that the offline root of the old log signs as a note.
 *
 * @throws RangeError when a part cannot stand in it, or the new log has the old origin: a log never forks under its name
 * Spec: spec/log/log-keys.md.
 */
export function formatLogBreak({ old, next, reason }: LogBreak): string {
  if (!isLogOrigin(old.origin) || !isTreeSize(old.size) || old.root.length !== 32) throw new RangeError('not a head')
  if (!isLogOrigin(next.name) || next.name === old.origin) throw new RangeError('a break starts another origin')
  if (!reasonPattern.test(reason)) throw new RangeError('a reason is one printable line of 20 to 500 characters')
  return `${firstLine}\n${old.origin}\n${old.size}\n${encodeBase64(old.root)}\n${formatVerifierKey(next)}\n${reason}\n`
}

/** Reads a break; exactly one text per break, undefined for every other. */
export function parseLogBreak(text: string): LogBreak | undefined {
  const [first, origin = '', size = '', root = '', line = '', reason = '', end, ...more] = text.split('\n')
  const next = parseVerifierKey(line)
  const bytes = decodeBase64(root)
  if (first !== firstLine || end !== '' || more.length > 0 || next === undefined || bytes === undefined)
    return undefined
  const parsed = { old: { origin, size: Number(size), root: bytes }, next, reason }
  try {
    return formatLogBreak(parsed) === text ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Why a signed break is refused. */
export type LogBreakFaultCode =
  | 'log-break-malformed'
  | 'log-break-wrong-origin'
  | 'log-break-root-missing'
  | 'log-break-not-signed-by-root'

export type OpenedLogBreak =
  | { readonly ok: true; readonly broken: LogBreak }
  | { readonly ok: false; readonly code: LogBreakFaultCode }

/** Reads a note that says to be a break, whoever signed it; undefined when it is none. */
export function readLogBreak(note: string): LogBreak | undefined {
  const parsed = parseSignedNote(note)
  return parsed.ok ? parseLogBreak(parsed.text) : undefined
}

/**
 * Opens the break of a log: who alone may end it is the offline root of that log.
 *
 * Trust: the note is an attacker's; origin and root are the caller's.
 * Does not check: that the head which it names is the newest one, nor who signs the next log.
 * Spec: spec/log/log-keys.md.
 */
export function openLogBreak(note: string, origin: string, root: VerifierKey | null): OpenedLogBreak {
  const broken = readLogBreak(note)
  if (broken === undefined) return { ok: false, code: 'log-break-malformed' }
  if (broken.old.origin !== origin) return { ok: false, code: 'log-break-wrong-origin' }
  if (root === null) return { ok: false, code: 'log-break-root-missing' }
  return isSignedBy(note, root) ? { ok: true, broken } : { ok: false, code: 'log-break-not-signed-by-root' }
}
