import { decodeEntry, type JsonObject } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { LogEntryRow } from '../ports.ts'

/** The data of a stored entry. @throws AppError store-corrupt when the bytes are no entry */
export function entryData(row: LogEntryRow): JsonObject {
  const decoded = decodeEntry(row.bytes)
  if (!decoded.ok) throw new AppError('store-corrupt', `entry ${row.index} of the log is none: ${decoded.code}`)
  return decoded.entry.data
}

/** A text of an entry's data. @throws AppError store-corrupt when there is none */
export function textIn(data: JsonObject, name: string): string {
  const value = data[name]
  if (typeof value !== 'string') throw new AppError('store-corrupt', `an entry of the log has no ${name}`)
  return value
}

/** A number of an entry's data. @throws AppError store-corrupt when there is none */
export function numberIn(data: JsonObject, name: string): number {
  const value = data[name]
  if (typeof value !== 'number') throw new AppError('store-corrupt', `an entry of the log has no ${name}`)
  return value
}
