import { type Acceleration, decodeUtf8, encodeHex, treeHasher, verifyCheckpoint } from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { continues } from './known-head.ts'
import { faulty, type LogFault } from './log-fault.ts'
import { logEnded } from './log-ended.ts'
import { type LogTrust, readLogHead } from './log-source.ts'

/** A checkpoint that somebody else says to have been shown, and who that is. */
export interface OtherHead {
  readonly from: string
  /** Null where they have none. */
  readonly note: string | null
}

/** One look at a log from outside. */
export interface Observation {
  readonly isGood: boolean
  readonly origin: string
  readonly size: number | null
  readonly root: string | null
  /** The checkpoint as it was served; to be remembered when the observation is good. */
  readonly note: string | null
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
 * Checks: the checkpoint's signature by a trusted key and its origin; that it continues the remembered one and each of the
 * others', which were read before it.
 * Errs: where the log stands behind a cache, a head served late looks like one rolled back; no new one looks like an old one.
 * @throws AppError log-files-unavailable
 */
export async function observeLog(
  needs: { readonly source: LogSource; readonly trust: LogTrust; readonly acceleration: Acceleration },
  remembered: string | null,
  readOthers: () => Promise<readonly OtherHead[]>,
): Promise<Observation> {
  const { source, trust } = needs
  const hasher = treeHasher(needs.acceleration)
  const others = await readOthers()
  const faults: Observation['faults'][number][] = []
  const previous = remembered === null ? null : verifyCheckpoint(remembered, trust.origin, trust.keys)
  const previousSize = previous?.ok ? previous.checkpoint.size : null
  // The head is read after the others', so that an honest log can only have grown since they saw theirs.
  const head = await readLogHead(source, trust)
  const ended = await logEnded(source, trust.origin)
  if (ended !== null) faults.push({ ...ended, proof: null, from: null })
  if (!head.ok) {
    const fault = { ...(ended ?? head.fault), proof: null, from: null }
    return { isGood: false, origin: trust.origin, size: null, root: null, note: null, previousSize, faults: [fault] }
  }
  const { checkpoint } = head.value
  const note = decodeUtf8(head.value.note) ?? ''

  const compare = async (other: string, from: string | null): Promise<void> => {
    const verified = verifyCheckpoint(other, trust.origin, trust.keys)
    if (!verified.ok) {
      faults.push({ ...faulty(verified.code, from ?? 'state').fault, proof: null, from })
      return
    }
    const fault = await continues(source, verified.checkpoint, checkpoint, hasher)
    const isProof = fault !== null && ['split-view', 'log-inconsistent', 'log-rolled-back'].includes(fault.code)
    if (fault !== null) faults.push({ ...fault, proof: isProof ? [note, other] : null, from })
  }
  if (remembered !== null) await compare(remembered, null)
  for (const { from, note: other } of others)
    if (other === null) faults.push({ ...faulty('checkpoint-missing', from).fault, proof: null, from })
    else await compare(other, from)
  return {
    isGood: faults.length === 0,
    origin: trust.origin,
    size: checkpoint.size,
    root: encodeHex(checkpoint.root),
    note,
    previousSize,
    faults,
  }
}
