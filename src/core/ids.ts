/**
 * Branded identifiers: strings and numbers that look alike and must never be confused.
 * A brand is a compile-time claim only; the `as…` functions are the one place where text becomes an identifier.
 */
declare const brand: unique symbol
type Brand<T, B extends string> = T & { readonly [brand]: B }

/** Lower-case hex SHA-256, 64 characters, without prefix. */
export type Sha256 = Brand<string, 'Sha256'>
/** Lower-case hex SHA-256 of a compressed public key. */
export type KeyId = Brand<string, 'KeyId'>
/** Lower-case hex id of a git commit (SHA-1 or SHA-256 object format). */
export type CommitId = Brand<string, 'CommitId'>
/** Lower-case hex id of a git tree. */
export type TreeId = Brand<string, 'TreeId'>
/** Lower-case hex id of a git blob (or of the commit a submodule points to). */
export type BlobId = Brand<string, 'BlobId'>
/** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type Instant = Brand<number, 'Instant'>
/** The forge's immutable numeric id of a repository. */
export type RepositoryId = Brand<number, 'RepositoryId'>
/** The forge's immutable numeric id of an account. */
export type AccountId = Brand<number, 'AccountId'>
/** Position of an entry in the decision log, from 0. */
export type LogIndex = Brand<number, 'LogIndex'>

/** Milliseconds of one day of a review period (domain.md: always 86,400,000, whatever the calendar does). */
export const dayMs = 86_400_000

const hex64 = /^[0-9a-f]{64}$/
const gitId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Thrown when text or a number is not the identifier it is said to be. */
export class IdentifierError extends Error {
  override name = 'IdentifierError'
}

function checked<T>(ok: boolean, value: unknown, what: string): T {
  if (!ok) throw new IdentifierError(`not a ${what}`)
  return value as T
}

/** @throws IdentifierError unless `text` is 64 lower-case hex characters */
export const asSha256 = (text: string): Sha256 => checked(hex64.test(text), text, 'SHA-256')
/** @throws IdentifierError unless `text` is 64 lower-case hex characters */
export const asKeyId = (text: string): KeyId => checked(hex64.test(text), text, 'key id')
/** @throws IdentifierError unless `text` is 40 or 64 lower-case hex characters */
export const asCommitId = (text: string): CommitId => checked(gitId.test(text), text, 'commit id')
/** @throws IdentifierError unless `text` is 40 or 64 lower-case hex characters */
export const asTreeId = (text: string): TreeId => checked(gitId.test(text), text, 'tree id')
/** @throws IdentifierError unless `text` is 40 or 64 lower-case hex characters */
export const asBlobId = (text: string): BlobId => checked(gitId.test(text), text, 'blob id')
/** @throws IdentifierError unless `ms` is a safe, non-negative integer */
export const asInstant = (ms: number): Instant => checked(Number.isSafeInteger(ms) && ms >= 0, ms, 'point in time')
/** @throws IdentifierError unless `id` is a positive safe integer */
export const asRepositoryId = (id: number): RepositoryId =>
  checked(Number.isSafeInteger(id) && id > 0, id, 'repository id')
/** @throws IdentifierError unless `id` is a positive safe integer */
export const asAccountId = (id: number): AccountId => checked(Number.isSafeInteger(id) && id > 0, id, 'account id')
/** @throws IdentifierError unless `index` is a safe, non-negative integer */
export const asLogIndex = (index: number): LogIndex =>
  checked(Number.isSafeInteger(index) && index >= 0, index, 'log index')
