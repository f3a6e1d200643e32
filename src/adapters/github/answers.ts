import { type Instant, isJsonObject, type Json, type JsonObject } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Answer } from './call.ts'
import { FieldFault, textAt } from './payload-fields.ts'

/**
 * Runs a reader of the forge's answer; a field that is not as promised makes the answer unusable as a whole.
 *
 * @throws AppError forge-incomplete naming the field
 */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FieldFault)) throw error
    throw new AppError('forge-incomplete', `the forge's answer lacks ${error.field}`, { data: { field: error.field } })
  }
}

/** An answer, or a part of one, that is an object. @throws FieldFault */
export function objectOf(value: unknown, path: string): JsonObject {
  if (!isJsonObject(value as Json)) throw new FieldFault(path)
  return value as JsonObject
}

/** An answer that is a list of objects. @throws FieldFault */
export function objectsOf(value: unknown, path: string): readonly JsonObject[] {
  if (!Array.isArray(value)) throw new FieldFault(path)
  return value.map((one) => objectOf(one, path))
}

/** A point in time as the forge writes it. @throws FieldFault */
export function instantAt(from: JsonObject, key: string, path: string): Instant {
  const ms = Date.parse(textAt(from, key, path, 64))
  if (Number.isNaN(ms) || ms < 0) throw new FieldFault(path)
  return ms as Instant
}

/** The forge's clock, which is never made up. @throws AppError forge-incomplete when the answer carries none */
export function forgeDateOf(answer: Answer): Instant {
  if (answer.date === null) {
    throw new AppError('forge-incomplete', "the forge's answer has no Date", { data: { field: 'date' } })
  }
  return answer.date
}
