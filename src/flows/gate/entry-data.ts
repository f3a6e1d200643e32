import { decodeEntry, type JsonObject } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { LogEntryRow } from '../ports.ts'

/** The data of a stored entry. @throws AppError store-corrupt when the bytes are no entry */
export function entryData(row: LogEntryRow): JsonObject {
  const decoded = decodeEntry(row.bytes)
  if (!decoded.ok) throw new AppError('store-corrupt', `entry ${row.index} of the log is none: ${decoded.code}`)
  return decoded.entry.data
}
