import { isReleaseTag } from '../approval/release-statement.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { FieldFault, type FieldFaultCode, readId, readList, readObject, readText } from '../bytes/field-reader.ts'
import { isJsonObject, type Json } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { asCommitId, asSha256, type CommitId } from '../ids.ts'
import { type Artifact, isArtifactName, maxArtifacts } from './artifacts.ts'

/** What somebody wants to release: the value that maintainers look at and the server signs for. */
export interface ReleaseRequest {
  /** `owner/name`. */
  readonly repository: string
  readonly revision: CommitId
  readonly tag: string
  /** By name. */
  readonly artifacts: readonly Artifact[]
}

export type RequestFaultCode =
  | FieldFaultCode
  | 'request-too-large'
  | 'request-not-json'
  | 'request-not-canonical'
  | 'request-unknown-version'

export type ReadRequest =
  | { readonly ok: true; readonly request: ReleaseRequest }
  | { readonly ok: false; readonly code: RequestFaultCode; readonly field: string | null }

export const maxRequestBytes = 1024 * 1024
const kind = 'governance-release-request'

/** The artefacts under a member, at least one, each name once, in their one order. @throws FieldFault */
export function readArtifacts(value: Json | undefined, field: string): readonly Artifact[] {
  const artifacts = readList(value, field, maxArtifacts, (element, at) => {
    const { name, sha256 } = readObject(element, at, ['name', 'sha256'])
    const read = readText(name, `${at}.name`, 200)
    if (!isArtifactName(read)) throw new FieldFault('malformed-field', `${at}.name`)
    return { name: read, sha256: readId(sha256, `${at}.sha256`, asSha256) }
  })
  if (artifacts.length === 0) throw new FieldFault('malformed-field', field)
  for (const [i, { name }] of artifacts.entries()) {
    const before = artifacts[i - 1]
    if (before !== undefined && before.name >= name) throw new FieldFault('malformed-field', `${field}[${i}].name`)
  }
  return artifacts
}

/**
 * Reads a release request; one byte string per request.
 *
 * Trust: the bytes are a stranger's.
 * Checks: canonical form, kind and version, every member and no other, names of artefacts.
 * Spec: spec/evidence/release.md.
 */
export function readReleaseRequest(bytes: Uint8Array): ReadRequest {
  const refused = (code: RequestFaultCode, field: string | null = null): ReadRequest => ({ ok: false, code, field })
  const parsed = parseJsonStrict(bytes, { maxBytes: maxRequestBytes, maxDepth: 5 })
  if (!parsed.ok) return refused(parsed.code === 'too-large' ? 'request-too-large' : 'request-not-json')
  if (!isJsonObject(parsed.value) || parsed.value.kind !== kind || parsed.value.v !== 1)
    return refused('request-unknown-version')
  if (!equalBytes(canonicalBytes(parsed.value), bytes)) return refused('request-not-canonical')
  try {
    const json = readObject(parsed.value, 'request', ['v', 'kind', 'repository', 'revision', 'tag', 'artifacts'])
    const tag = readText(json.tag, 'tag', 128)
    if (!isReleaseTag(tag)) throw new FieldFault('malformed-field', 'tag')
    return {
      ok: true,
      request: {
        repository: readText(json.repository, 'repository', 141, /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/),
        revision: readId(json.revision, 'revision', asCommitId),
        tag,
        artifacts: readArtifacts(json.artifacts, 'artifacts'),
      },
    }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}

/** Writes a request as its one byte string. @throws RangeError when `readReleaseRequest` would refuse it */
export function encodeReleaseRequest(request: ReleaseRequest): Uint8Array {
  const bytes = canonicalBytes({ v: 1, kind, ...(request as unknown as Record<string, Json>) })
  const read = readReleaseRequest(bytes)
  if (!read.ok) throw new RangeError(`no release request: ${read.code} ${read.field ?? ''}`)
  return bytes
}
