import { breakPath, decodeUtf8, readLogBreak } from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import { faulty, type LogFault } from './log-fault.ts'

/**
 * Looks whether a place says that a log ended: it holds a break of that origin. Null: it does not say so.
 *
 * Trust: the note is an attacker's. Whether the offline root signed it matters to who goes on with the next log, and that takes
 * the new trust file; whoever still reads the old one stops either way.
 * @throws AppError log-files-unavailable
 */
export async function logEnded(source: LogSource, origin: string): Promise<LogFault | null> {
  const bytes = await source.read(breakPath)
  const broken = bytes === null ? undefined : readLogBreak(decodeUtf8(bytes) ?? '')
  return broken?.old.origin === origin ? faulty('log-broken', breakPath).fault : null
}
