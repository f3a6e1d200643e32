import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { FieldFault, readId, readInteger, readObject, readText } from '../bytes/field-reader.ts'
import { isJsonObject, type Json, type JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { type AccountId, asKeyId, asSha256, type Instant, type RepositoryId, type Sha256 } from '../ids.ts'
import { parseInstant } from './instant-text.ts'
import type { ApprovalPredicate } from './statement.ts'

/** The largest payload that is looked at; its base64 still fits into one comment and one log entry. */
export const maxPayloadBytes = 32_768
const maxDepth = 8
const maxReasonLength = 2000

export const printable = /^[\x21-\x7e]+$/
export const freeText = /^(?:\n|\P{Cc})+$/u

/** What every statement says, whatever it is about: for which log, of whom, under what, and until when. */
export type CommonPredicate = Pick<
  ApprovalPredicate,
  'audience' | 'repository' | 'requirement' | 'policy' | 'signer' | 'nonce' | 'issuedAt' | 'expiresAt'
>

export type ParsedPayload =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: 'too-large' | 'not-json' | 'not-canonical' }

/** Reads a payload as the one byte string of its JSON (RFC 8785). Trust: the bytes are an attacker's. */
export function parsePayload(payload: Uint8Array): ParsedPayload {
  const parsed = parseJsonStrict(payload, { maxBytes: maxPayloadBytes, maxDepth })
  if (!parsed.ok) return { ok: false, code: parsed.code === 'too-large' ? 'too-large' : 'not-json' }
  if (!equalBytes(canonicalBytes(parsed.value), payload)) return { ok: false, code: 'not-canonical' }
  return parsed
}

/** Says whether a value means to be a statement about a release; nothing else about it is known then. */
export const isReleaseValue = (value: Json): boolean =>
  isJsonObject(value) && isJsonObject(value.predicate ?? null) && (value.predicate as JsonObject).action === 'release'

function readInstant(value: Json | undefined, field: string): Instant {
  const instant = parseInstant(readText(value, field, 24))
  if (instant === undefined) throw new FieldFault('malformed-field', field)
  return instant
}

export const readReason = (value: Json | undefined): string => readText(value, 'reason', maxReasonLength, freeText)

export const readSha256 = (value: Json | undefined, field: string): Sha256 => readId(value, field, asSha256)

/** @throws FieldFault */
export function readCommon(predicate: JsonObject): CommonPredicate {
  const repository = readObject(predicate.repository, 'repository', ['uri', 'id'])
  const requirement = readObject(predicate.requirement, 'requirement', ['digest'])
  const policy = readObject(predicate.policy, 'policy', ['epoch'])
  const signer = readObject(predicate.signer, 'signer', ['maintainer', 'keyid'])
  const digest = readObject(requirement.digest, 'requirement.digest', ['sha256'])
  return {
    audience: readText(predicate.audience, 'audience', 255, printable),
    repository: {
      uri: readText(repository.uri, 'repository.uri', 500, printable),
      id: readInteger(repository.id, 'repository.id', 1) as RepositoryId,
    },
    requirement: { digest: { sha256: readSha256(digest.sha256, 'requirement.digest.sha256') } },
    policy: { epoch: readInteger(policy.epoch, 'policy.epoch', 0) },
    signer: {
      maintainer: readInteger(signer.maintainer, 'signer.maintainer', 1) as AccountId,
      keyid: readId(signer.keyid, 'signer.keyid', asKeyId),
    },
    nonce: readText(predicate.nonce, 'nonce', 32, /^[0-9a-f]{32}$/),
    issuedAt: readInstant(predicate.issuedAt, 'issuedAt'),
    expiresAt: readInstant(predicate.expiresAt, 'expiresAt'),
  }
}
