import {
  type Acceleration,
  type Checkpoint,
  decodeEntry,
  followLogKeys,
  kindOfLog,
  type LogEntry,
  type LogKeyCertificate,
  parseCheckpoint,
  parseLogKeyClaim,
  parseSignedNote,
  verifyCheckpoint,
  verifyHead,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type Read } from './log-fault.ts'
import { entriesOf, type LogTrust } from './log-source.ts'

/** A head as it was served. Who signed it is known when the entries under it were read: they say which key may. */
export interface ClaimedHead {
  readonly checkpoint: Checkpoint
  readonly note: Uint8Array
}

/** How far a reader has followed the keys of a log: the certificates that its first `size` entries hold. */
export interface FollowedKeys {
  readonly size: number
  readonly certificates: readonly LogKeyCertificate[]
}

const nothingFollowed: FollowedKeys = { size: 0, certificates: [] }

/**
 * Reads the newest checkpoint of a log.
 *
 * Trust: the file is an attacker's.
 * Checks: form and origin; without a root to follow keys under, also the signature by a trusted key.
 * Does not check: with a root, who signed it; `judgeHead` does, once the certificates under it are known. Nor that it is the
 * newest, or continues one seen before.
 * @throws AppError log-files-unavailable
 */
export async function readClaimedHead(source: LogSource, trust: LogTrust): Promise<Read<ClaimedHead>> {
  const note = await source.read('checkpoint')
  if (note === null) return faulty('checkpoint-missing', 'checkpoint')
  const verified = verifyCheckpoint(note, trust.origin, trust.keys)
  const mayFollow = trust.root !== null && !verified.ok && verified.code === 'note-no-known-key'
  if (!verified.ok && !mayFollow) return faulty(verified.code, 'checkpoint')
  const claimed = parseCheckpoint(note)
  if (!claimed.ok) return faulty(claimed.code, 'checkpoint')
  if (claimed.checkpoint.origin !== trust.origin) return faulty('checkpoint-wrong-origin', 'checkpoint')
  return { ok: true, value: { checkpoint: claimed.checkpoint, note } }
}

/** The certificate that an entry of a decision log holds; null for every other entry. What it says is judged by `judgeHead`. */
export function certificateOf({ type, data }: LogEntry, index: number): LogKeyCertificate | null {
  if (type !== 'log-key') return null
  return { note: typeof data.certificate === 'string' ? data.certificate : '', entry: index }
}

const isOfLog =
  (origin: string) =>
  ({ note }: LogKeyCertificate): boolean => {
    const parsed = parseSignedNote(note)
    const claim = parsed.ok ? parseLogKeyClaim(parsed.text) : undefined
    return claim === undefined || claim.origin === origin
  }

/**
 * Decides whether a head is signed by the key that signs heads of its size.
 *
 * Trust: the note is an attacker's, and so are the certificates: all that the entries under the head hold, each included in
 * its root.
 * Checks: as `followLogKeys` and `verifyHead`. `place` is what a fault of the note names. Certificates of another origin say
 * nothing of this log: it holds those of a log that was broken and that it goes on from.
 */
export function judgeHead(
  trust: LogTrust,
  note: Uint8Array | string,
  certificates: readonly LogKeyCertificate[],
  place: string | null = 'checkpoint',
): Read<Checkpoint> {
  const chain = followLogKeys(trust.origin, trust.keys, trust.root, certificates.filter(isOfLog(trust.origin)))
  if (!chain.ok) return faulty(chain.code, null, chain.entry)
  const verified = verifyHead(note, trust.origin, chain.spans)
  return verified.ok ? { ok: true, value: verified.checkpoint } : faulty(verified.code, place)
}

/**
 * Follows the keys of a log up to the entry `to`: reads the entries that the reader has not followed yet, and no others.
 *
 * Trust: the files are an attacker's; `known` is the reader's own, of a head that this log must be found to continue.
 * Checks: every entry that is read is included in the checkpoint's root, whoever signed that.
 * Does not check: the certificates; `judgeHead` does.
 * Errs: a place that shows an endless log under a key that nobody knows keeps its reader busy.
 * @throws AppError log-files-unavailable
 */
export async function followKeys(
  source: LogSource,
  checkpoint: Checkpoint,
  options: {
    readonly known?: FollowedKeys | null
    readonly to?: number
    readonly onProgress?: (done: number, of: number) => void
    readonly acceleration?: Acceleration
  } = {},
): Promise<Read<FollowedKeys>> {
  const { known, to = checkpoint.size, onProgress, acceleration = {} } = options
  // No certificate names a key of a security log.
  if (kindOfLog(checkpoint.origin) === 'security') return { ok: true, value: { size: to, certificates: [] } }
  const { size: from, certificates: before } = known ?? nothingFollowed
  const certificates = before.filter(({ entry }) => entry !== null && entry < to)
  for await (const range of entriesOf(source, checkpoint, { from: Math.min(from, to), to }, acceleration)) {
    if (!range.ok) return range
    for (const [offset, bytes] of range.entries.entries()) {
      const index = range.first + offset
      const decoded = decodeEntry(bytes, acceleration)
      if (!decoded.ok) return faulty(decoded.code, null, index)
      const certificate = certificateOf(decoded.entry, index)
      if (certificate !== null) certificates.push(certificate)
    }
    onProgress?.(range.first + range.entries.length, to)
  }
  return { ok: true, value: { size: to, certificates } }
}
