import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { FieldFault, type FieldFaultCode, readInteger, readObject } from '../bytes/field-reader.ts'
import { isJsonObject, type JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import type { LogIndex } from '../ids.ts'
import { maxEvidenceBytes, type ProvenEntries, provenJson, provenMembers, readProven } from './evidence.ts'

/** A release as it is published: the signed statement, and everything of the log that it stands on. */
export interface ReleaseFile extends ProvenEntries {
  /** DSSE envelope of the in-toto statement; its bytes are its canonical JSON. */
  readonly envelope: JsonObject
  /** Index of the `release-signed` entry. */
  readonly signed: LogIndex
}

export type ReleaseFileFaultCode =
  | FieldFaultCode
  | 'release-too-large'
  | 'release-not-json'
  | 'release-not-canonical'
  | 'release-unknown-kind'
  | 'release-unknown-version'

export type ReadReleaseFile =
  | { readonly ok: true; readonly file: ReleaseFile }
  | { readonly ok: false; readonly code: ReleaseFileFaultCode; readonly field: string | null }

const maxDepth = 128

/**
 * Reads the file of a release; exactly one byte string per release.
 *
 * Trust: the bytes are a stranger's.
 * Checks: size, strict JSON, exact canonical form, kind and version, every member and no other, entries in ascending order.
 * Does not check: that anything in it is true; `verifyRelease` does.
 * Spec: spec/evidence/release.md; RFC 8785.
 */
export function readReleaseFile(bytes: Uint8Array): ReadReleaseFile {
  const refused = (code: ReleaseFileFaultCode, field: string | null = null): ReadReleaseFile => ({
    ok: false,
    code,
    field,
  })
  const parsed = parseJsonStrict(bytes, { maxBytes: maxEvidenceBytes, maxDepth })
  if (!parsed.ok) return refused(parsed.code === 'too-large' ? 'release-too-large' : 'release-not-json')
  if (!isJsonObject(parsed.value) || parsed.value.kind !== 'governance-release') return refused('release-unknown-kind')
  if (parsed.value.v !== 1) return refused('release-unknown-version')
  if (!equalBytes(canonicalBytes(parsed.value), bytes)) return refused('release-not-canonical')
  try {
    const json = readObject(parsed.value, 'release', ['v', 'kind', 'envelope', 'signed', ...provenMembers])
    if (!isJsonObject(json.envelope ?? null)) throw new FieldFault('malformed-field', 'envelope')
    const signed = readInteger(json.signed, 'signed', 0) as LogIndex
    return { ok: true, file: { ...readProven(json), envelope: json.envelope as JsonObject, signed } }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}

/** Writes a release as its one byte string. @throws RangeError when `readReleaseFile` would refuse it */
export function encodeReleaseFile(file: ReleaseFile): Uint8Array {
  const { envelope, signed } = file
  const bytes = canonicalBytes({ v: 1, kind: 'governance-release', envelope, signed, ...provenJson(file) })
  const read = readReleaseFile(bytes)
  if (!read.ok) throw new RangeError(`no release file: ${read.code} ${read.field ?? ''}`)
  return bytes
}
