import {
  type AccountId,
  type CommitId,
  isJsonObject,
  type Json,
  type JsonObject,
  type RepositoryId,
} from '../../core/index.ts'
import type { ForgeAccount } from '../../flows/ports.ts'

/** Carries the name of the field that is not what its event promises; never leaves this folder. */
export class FieldFault extends Error {
  override name = 'FieldFault'
  readonly field: string
  constructor(field: string) {
    super(`field ${field} is not as promised`)
    this.field = field
  }
}

const gitId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
const repositoryName = /^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/
const maxRef = 1024
const maxLogin = 128

/** The text has no control character, which no ref, login or action of the forge holds. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code === 0x7f) return false
  }
  return true
}

/** A member that is an object. @throws FieldFault */
export function objectAt(from: JsonObject, key: string, path: string): JsonObject {
  const value = from[key]
  if (!isJsonObject(value)) throw new FieldFault(path)
  return value
}

/** A member that is an object, or null when it is absent or null. @throws FieldFault */
export function optionalObjectAt(from: JsonObject, key: string, path: string): JsonObject | null {
  const value = from[key]
  return value === undefined || value === null ? null : objectAt(from, key, path)
}

/** A member that is a list, or an empty one when it is absent. @throws FieldFault */
export function listAt(from: JsonObject, key: string, path: string): readonly Json[] {
  const value = from[key] ?? []
  if (!Array.isArray(value)) throw new FieldFault(path)
  return value
}

/** A member that is text of at most `maxLength` code units. @throws FieldFault */
export function textAt(from: JsonObject, key: string, path: string, maxLength: number): string {
  const value = from[key]
  if (typeof value !== 'string' || value.length > maxLength) throw new FieldFault(path)
  return value
}

/** Text as `textAt` reads it, or null when it is absent or null. @throws FieldFault */
export function optionalTextAt(from: JsonObject, key: string, path: string, maxLength: number): string | null {
  const value = from[key]
  return value === undefined || value === null ? null : textAt(from, key, path, maxLength)
}

/** A positive safe integer. @throws FieldFault */
export function idAt(from: JsonObject, key: string, path: string): number {
  const value = from[key]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0) throw new FieldFault(path)
  return value
}

/** @throws FieldFault */
export function booleanAt(from: JsonObject, key: string, path: string): boolean {
  const value = from[key]
  if (typeof value !== 'boolean') throw new FieldFault(path)
  return value
}

/** The name of a ref, as git allows it, bounded. @throws FieldFault */
export function refAt(from: JsonObject, key: string, path: string): string {
  const value = textAt(from, key, path, maxRef)
  if (value === '' || !isPlain(value) || /[ ~^:?*[\\]|\.\./.test(value)) throw new FieldFault(path)
  return value
}

/** A git object id in lower-case hex, all zeros included. @throws FieldFault */
export function gitIdAt(from: JsonObject, key: string, path: string): string {
  const value = from[key]
  if (typeof value !== 'string' || !gitId.test(value)) throw new FieldFault(path)
  return value
}

/** @throws FieldFault */
export const commitAt = (from: JsonObject, key: string, path: string): CommitId => gitIdAt(from, key, path) as CommitId

/** An account by its numeric id; the login is for display. @throws FieldFault */
export function accountFrom(value: JsonObject, path: string): ForgeAccount {
  const login = textAt(value, 'login', `${path}.login`, maxLogin)
  if (login === '' || !isPlain(login)) throw new FieldFault(`${path}.login`)
  return { id: idAt(value, 'id', `${path}.id`) as AccountId, login, isBot: value.type === 'Bot' }
}

/** `owner/name` with the characters that the forge allows. @throws FieldFault */
export function repositoryNameAt(from: JsonObject, key: string, path: string): string {
  const value = textAt(from, key, path, 201)
  if (!repositoryName.test(value)) throw new FieldFault(path)
  return value
}

/** A repository by its numeric id; the name is for display. @throws FieldFault */
export const repositoryFrom = (value: JsonObject, path: string): { id: RepositoryId; name: string } => ({
  id: idAt(value, 'id', `${path}.id`) as RepositoryId,
  name: repositoryNameAt(value, 'full_name', `${path}.full_name`),
})

/** What `read` gives, or null where it meets a field that is not as promised. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof FieldFault) return null
    throw error
  }
}
