import { isJsonObject, type Json, type JsonObject } from './json.ts'

/** Why the JSON of a statement, or of stored facts, has not the shape it must have. */
export type FieldFaultCode = 'unknown-field' | 'missing-field' | 'malformed-field'

/** Carries a fault out of nested readers; the door of each reader turns it into a value. */
export class FieldFault extends Error {
  readonly code: FieldFaultCode
  readonly field: string
  constructor(code: FieldFaultCode, field: string) {
    super(`${code}: ${field}`)
    this.code = code
    this.field = field
  }
}

const refuse = (code: FieldFaultCode, field: string): never => {
  throw new FieldFault(code, field)
}

/** The object under `field`, with exactly the named members. @throws FieldFault */
export function readObject(
  value: Json | undefined,
  field: string,
  required: readonly string[],
  optional: readonly string[] = [],
): JsonObject {
  if (!isJsonObject(value)) return refuse('malformed-field', field)
  for (const key of Object.keys(value)) {
    if (!required.includes(key) && !optional.includes(key)) return refuse('unknown-field', `${field}.${key}`)
  }
  for (const key of required) if (!Object.hasOwn(value, key)) return refuse('missing-field', `${field}.${key}`)
  return value
}

/** The list under `field`, each element read by `read`. @throws FieldFault */
export function readList<T>(
  value: Json | undefined,
  field: string,
  maxLength: number,
  read: (element: Json, field: string) => T,
): readonly T[] {
  if (!Array.isArray(value) || value.length > maxLength) return refuse('malformed-field', field)
  return (value as readonly Json[]).map((element, i) => read(element, `${field}[${i}]`))
}

/** Text of 1 to `maxLength` UTF-16 code units that matches `pattern`. @throws FieldFault */
export function readText(value: Json | undefined, field: string, maxLength: number, pattern?: RegExp): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength) {
    return refuse('malformed-field', field)
  }
  return pattern === undefined || pattern.test(value) ? value : refuse('malformed-field', field)
}

/** An identifier by its own `as…` function. @throws FieldFault */
export function readId<T>(value: Json | undefined, field: string, as: (text: string) => T): T {
  if (typeof value !== 'string') return refuse('malformed-field', field)
  try {
    return as(value)
  } catch {
    return refuse('malformed-field', field)
  }
}

/** A safe integer of at least `least`. @throws FieldFault */
export function readInteger(value: Json | undefined, field: string, least: number): number {
  // Minus zero has a canonical form of its own kind (`0`) and never gets here from canonical bytes.
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
    ? value
    : refuse('malformed-field', field)
}

/** One of the named texts. @throws FieldFault */
export function readChoice<T extends string>(value: Json | undefined, field: string, choices: readonly T[]): T {
  return typeof value === 'string' && (choices as readonly string[]).includes(value)
    ? (value as T)
    : refuse('malformed-field', field)
}

/** @throws FieldFault */
export function readBoolean(value: Json | undefined, field: string): boolean {
  return typeof value === 'boolean' ? value : refuse('malformed-field', field)
}

/** Null as it is, anything else by `read`. @throws FieldFault */
export function readNullable<T>(value: Json | undefined, read: (value: Json) => T): T | null {
  return value === null || value === undefined ? null : read(value)
}
