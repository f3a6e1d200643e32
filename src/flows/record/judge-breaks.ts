import {
  type Acceleration,
  asLogIndex,
  followLogEras,
  readTypedEntry,
  type TrustFile,
  type TypedEntry,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type LogFault } from './log-fault.ts'
import type { LogTrust } from './log-source.ts'
import { readDecisions } from './read-decisions.ts'

const eraTypes: ReadonlySet<string> = new Set(['genesis', 'log-key', 'log-broken'])

/**
 * Judges the breaks that a trust file knows of: a log that goes on from another one holds its word for word.
 *
 * Trust: every file is an attacker's; `trust` and `file` are the caller's.
 * Checks: as `readDecisions`, and that the offline root of each log before ended it, for the key that begins the next one, over the
 * head and the beginning that its entry names (`followLogEras`).
 * @throws AppError log-files-unavailable
 */
export async function judgeBreaks(
  source: LogSource,
  trust: LogTrust,
  file: TrustFile,
  acceleration: Acceleration,
): Promise<LogFault | null> {
  const read = await readDecisions(source, trust, { isWanted: (type) => eraTypes.has(type), acceleration })
  if (!read.ok) return read.fault
  const typed: TypedEntry[] = []
  for (const { index, entry } of read.value.entries) {
    const one = readTypedEntry(asLogIndex(index), entry).entry
    if (one !== null) typed.push(one)
  }
  const eras = followLogEras(file, typed)
  return eras.ok ? null : faulty(eras.code, null, eras.index).fault
}
