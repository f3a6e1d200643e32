import { equalBytes } from '../bytes/byte-array.ts'
import { CanonicalJsonError, canonicalBytes, canonicalize } from '../bytes/canonical-json.ts'
import { isJsonObject, type Json, type JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import { leafHash } from './tree-hash.ts'
import type { Acceleration } from '../crypto/acceleration.ts'

/** One entry of a log. `at` is in milliseconds since 1970; larger things stand in `data` by their SHA-256. */
export type LogEntry = {
  readonly v: 1
  readonly id: string
  readonly at: number
  readonly type: string
  readonly actor: JsonObject
  readonly subject: JsonObject
  readonly data: JsonObject
}

/** Why bytes or a value are not a log entry. */
export type EntryFaultCode =
  | 'entry-too-large'
  | 'entry-not-json'
  | 'entry-not-canonical'
  | 'entry-unknown-version'
  | 'entry-unknown-member'
  | 'entry-missing-member'
  | 'entry-bad-member'

type Refused = { readonly ok: false; readonly code: EntryFaultCode }

/** The stored bytes of an entry and their leaf hash, or why the value has none. */
export type EncodedEntry = { readonly ok: true; readonly bytes: Uint8Array; readonly leafHash: Uint8Array } | Refused

/** The entry, or why the bytes are none. */
export type DecodedEntry = { readonly ok: true; readonly entry: LogEntry } | Refused

/** The most bytes that an entry may have: entry bundles count them in 16 bits. */
export const maxEntryBytes = 65_535
const maxEntryDepth = 64

const members = ['v', 'id', 'at', 'type', 'actor', 'subject', 'data'] as const
const idPattern = /^[\x21-\x7e]{1,128}$/
const typePattern = /^[\x21-\x7e]{1,64}$/
const refused = (code: EntryFaultCode): Refused => ({ ok: false, code })

function entryFault(value: JsonObject): EntryFaultCode | undefined {
  // The version comes first, so that an entry of a later format is named as such.
  if (Object.hasOwn(value, 'v') && value.v !== 1) return 'entry-unknown-version'
  if (!members.every((name) => Object.hasOwn(value, name))) return 'entry-missing-member'
  if (Object.keys(value).length !== members.length) return 'entry-unknown-member'
  const { id, at, type, actor, subject, data } = value
  if (typeof id !== 'string' || !idPattern.test(id)) return 'entry-bad-member'
  if (typeof type !== 'string' || !typePattern.test(type)) return 'entry-bad-member'
  if (typeof at !== 'number' || !Number.isSafeInteger(at) || at < 0) return 'entry-bad-member'
  return isJsonObject(actor) && isJsonObject(subject) && isJsonObject(data) ? undefined : 'entry-bad-member'
}

/**
 * Writes an entry as the bytes that the log keeps for ever: canonical JSON of at most 65,535 bytes.
 *
 * Checks: all that `decodeEntry` checks, so whatever is written can be read.
 * Spec: RFC 8785; formats.md, Transparency log.
 */
export function encodeEntry(entry: LogEntry, acceleration: Acceleration = {}): EncodedEntry {
  let bytes: Uint8Array
  try {
    bytes = (acceleration.encodeUtf8 ?? encodeUtf8)(canonicalize(entry))
  } catch (error) {
    if (error instanceof CanonicalJsonError) return refused('entry-not-json')
    throw error
  }
  // What canonical JSON guarantees needs no second look: the rest is what `decodeEntry` asks of the value.
  if (bytes.length > maxEntryBytes) return refused('entry-too-large')
  if (!isJsonObject(entry) || !nestsWithin(entry, maxEntryDepth)) return refused('entry-not-json')
  const fault = entryFault(entry)
  return fault === undefined ? { ok: true, bytes, leafHash: leafHash(bytes, acceleration) } : refused(fault)
}

function nestsWithin(value: Json, depthLeft: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depthLeft > 0 && Object.values(value).every((one: Json) => nestsWithin(one, depthLeft - 1))
}

/** Whether every object's members stand in the order of canonical JSON, in a value that nests no deeper. */
function isInOrder(value: Json, depthLeft: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depthLeft === 0) return false
  if (Array.isArray(value)) return value.every((one: Json) => isInOrder(one, depthLeft - 1))
  const members = value as JsonObject
  let before = ''
  for (const name of Object.keys(members)) {
    // The default order of `<` is by UTF-16 code unit, as RFC 8785 asks; the empty name is the least.
    if (name < before || !isInOrder(members[name] as Json, depthLeft - 1)) return false
    before = name
  }
  return true
}

/**
 * The value of bytes that are their own canonical form, at a third of what the strict parser costs; undefined for others,
 * which the strict parser then judges. A text that the engine's writer gives back byte by byte holds no repeated name, no
 * white space and no other spelling of a text or a number; what is left are the order of names, which is looked at, and
 * lone surrogates and `__proto__`, which the strict parser is asked about.
 */
function parseCanonical(bytes: Uint8Array, decode: (bytes: Uint8Array) => string | undefined): JsonObject | undefined {
  try {
    const text = decode(bytes)
    if (text === undefined || text.includes('\\ud') || text.includes('__proto__')) return undefined
    const value = JSON.parse(text) as Json
    return isJsonObject(value) && JSON.stringify(value) === text && isInOrder(value, maxEntryDepth) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Reads the bytes of an entry; exactly one byte string per entry.
 *
 * Trust: the bytes may come from a database or a file that an attacker holds.
 * Checks: size, strict JSON, canonical form, exactly the seven members, their kinds.
 * Does not check: what `type` means, nor that `actor`, `subject` and `data` fit it.
 */
export function decodeEntry(bytes: Uint8Array, acceleration: Acceleration = {}): DecodedEntry {
  if (bytes.length > maxEntryBytes) return refused('entry-too-large')
  let value = parseCanonical(bytes, acceleration.decodeUtf8 ?? decodeUtf8)
  if (value === undefined) {
    const parsed = parseJsonStrict(bytes, { maxBytes: maxEntryBytes, maxDepth: maxEntryDepth })
    if (!parsed.ok || !isJsonObject(parsed.value)) return refused('entry-not-json')
    if (!equalBytes(canonicalBytes(parsed.value), bytes)) return refused('entry-not-canonical')
    value = parsed.value
  }
  const fault = entryFault(value)
  return fault === undefined ? { ok: true, entry: value as unknown as LogEntry } : refused(fault)
}
