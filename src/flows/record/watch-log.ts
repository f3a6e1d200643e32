import {
  type Acceleration,
  decodeUtf8,
  encodeHex,
  type LogKeyCertificate,
  parseCheckpoint,
  treeHasher,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { type FollowedKeys, followKeys, judgeHead, readClaimedHead } from './follow-log.ts'
import { continues } from './known-head.ts'
import { faulty, type LogFault } from './log-fault.ts'
import { logEnded } from './log-ended.ts'
import type { LogTrust } from './log-source.ts'

/** A checkpoint that somebody else says to have been shown, and who that is. */
export interface OtherHead {
  readonly from: string
  /** Null where they have none. */
  readonly note: string | null
  /** The certificates of log keys that they have followed, where they remember them. */
  readonly certificates?: readonly LogKeyCertificate[]
}

/** What a watcher remembers of its last good look. */
export interface Remembered {
  readonly note: string
  /** Null where it looked before it followed keys: they are followed from the beginning. */
  readonly keys: FollowedKeys | null
}

/** One look at a log from outside. */
export interface Observation {
  readonly isGood: boolean
  readonly origin: string
  readonly size: number | null
  readonly root: string | null
  /** The checkpoint as it was served; to be remembered when the observation is good. */
  readonly note: string | null
  /** The keys as they were followed up to this head; to be remembered with the note. */
  readonly keys: FollowedKeys | null
  readonly previousSize: number | null
  readonly faults: readonly (LogFault & {
    /** Two signed notes that no honest log can have signed both; null where the fault is of another kind. */
    readonly proof: readonly [string, string] | null
    /** Whose note the second one is; null for the watcher's own memory. */
    readonly from: string | null
  })[]
}

/**
 * Looks at a log once: does it still hold what it held, and do others see the same?
 *
 * Trust: the log's files are an attacker's; what was remembered is the watcher's; what others say is theirs, and counts only
 * as far as the log's key signed it.
 * Checks: that the key of its size signed the checkpoint, following keys through the entries since the remembered one; its
 * origin; that it continues the remembered one and each of the others', which were read before it.
 * Errs: where the log stands behind a cache, a head served late looks like one rolled back; no new one looks like an old one.
 * @throws AppError log-files-unavailable
 */
export async function observeLog(
  needs: {
    readonly source: LogSource
    readonly trust: LogTrust
    readonly acceleration: Acceleration
    /** Told while entries are read for the keys that they certify. */
    readonly onProgress?: (done: number, of: number) => void
  },
  remembered: Remembered | null,
  readOthers: () => Promise<readonly OtherHead[]>,
): Promise<Observation> {
  const { source, trust, acceleration, onProgress } = needs
  const hasher = treeHasher(acceleration)
  const others = await readOthers()
  const faults: Observation['faults'][number][] = []
  const previous = remembered === null ? null : parseCheckpoint(remembered.note)
  const seen = { origin: trust.origin, previousSize: previous?.ok ? previous.checkpoint.size : null }
  const unseen = (fault: LogFault): Observation => ({
    ...seen,
    isGood: false,
    size: null,
    root: null,
    note: null,
    keys: null,
    faults: [{ ...fault, proof: null, from: null }],
  })
  // The head is read after the others', so that an honest log can only have grown since they saw theirs.
  const head = await readClaimedHead(source, trust)
  const ended = await logEnded(source, trust.origin)
  if (!head.ok) return unseen(ended ?? head.fault)
  if (ended !== null) faults.push({ ...ended, proof: null, from: null })
  const { checkpoint } = head.value
  const known = remembered?.keys ?? null
  const options = { known, acceleration, ...(onProgress === undefined ? {} : { onProgress }) }
  const keys = await followKeys(source, checkpoint, options)
  if (!keys.ok) return unseen(keys.fault)
  const { certificates } = keys.value
  const signed = judgeHead(trust, head.value.note, certificates)
  if (!signed.ok) return unseen(signed.fault)
  const note = decodeUtf8(head.value.note) ?? ''

  const compare = async (
    other: string,
    from: string | null,
    theirs: readonly LogKeyCertificate[] = [],
  ): Promise<void> => {
    // A head that is ahead of this one may be signed by a key that this one does not know yet.
    const later = theirs.filter(({ entry }) => entry !== null && entry >= checkpoint.size)
    const verified = judgeHead(trust, other, [...certificates, ...later], from ?? 'state')
    if (!verified.ok) {
      faults.push({ ...verified.fault, proof: null, from })
      return
    }
    const fault = await continues(source, verified.value, checkpoint, hasher)
    const isProof = fault !== null && ['split-view', 'log-inconsistent', 'log-rolled-back'].includes(fault.code)
    if (fault !== null) faults.push({ ...fault, proof: isProof ? [note, other] : null, from })
  }
  if (remembered !== null) await compare(remembered.note, null, known?.certificates)
  for (const other of others)
    if (other.note === null)
      faults.push({ ...faulty('checkpoint-missing', other.from).fault, proof: null, from: other.from })
    else await compare(other.note, other.from, other.certificates)
  return {
    ...seen,
    isGood: faults.length === 0,
    size: checkpoint.size,
    root: encodeHex(checkpoint.root),
    note,
    keys: keys.value,
    faults,
  }
}
