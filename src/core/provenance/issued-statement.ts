import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { isJsonObject, type JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { preAuthEncoding } from '../bytes/pae.ts'
import { approvalPayloadType, statementType } from '../approval/statement.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import type { VerifierKey } from '../log/verifier-key.ts'

/** An in-toto Statement v1 that the server issues: what it says of which subjects. */
export interface IssuedStatement {
  readonly subject: readonly JsonObject[]
  readonly predicateType: string
  readonly predicate: JsonObject
}

/** Why bytes are no statement that a trusted key issued. */
export type IssuedFaultCode =
  | 'issued-not-json'
  | 'issued-not-canonical'
  | 'issued-malformed'
  | 'issued-wrong-type'
  | 'issued-not-signed-by-log'

export type OpenedIssued =
  | { readonly ok: true; readonly statement: IssuedStatement; readonly key: VerifierKey }
  | { readonly ok: false; readonly code: IssuedFaultCode }

const maxBytes = 8 * 1024 * 1024
const maxDepth = 16
/** Names one entry of a log in what the server issues. */
export const entryUri = (origin: string, entry: number): string => `urn:governance-app:entry:${origin}/${entry}`

const refused = (code: IssuedFaultCode): OpenedIssued => ({ ok: false, code })

/** The payload of a statement: RFC 8785 bytes. */
export const issuedPayload = ({ subject, predicateType, predicate }: IssuedStatement): Uint8Array =>
  canonicalBytes({ _type: statementType, subject, predicateType, predicate })

/**
 * What the key that issues signs. No head of a log begins like this, so one key may sign both.
 *
 * Spec: DSSE v1, PAE.
 */
export const issuedPae = (payload: Uint8Array): Uint8Array => preAuthEncoding(approvalPayloadType, payload)

/** Writes the DSSE envelope with the one signature, as canonical JSON. `keyid` is the C2SP key id of the log's key. */
export const issuedEnvelope = (payload: Uint8Array, signature: Uint8Array, key: VerifierKey): Uint8Array =>
  canonicalBytes({
    payload: encodeBase64(payload),
    payloadType: approvalPayloadType,
    signatures: [{ keyid: key.keyId, sig: encodeBase64(signature) }],
  })

/** Reads a payload that the server issued, whoever signed it; a code where it is none. */
export function parseIssuedPayload(payload: Uint8Array): IssuedStatement | IssuedFaultCode {
  const parsed = parseJsonStrict(payload, { maxBytes, maxDepth })
  if (!parsed.ok || !isJsonObject(parsed.value)) return 'issued-not-json'
  if (!equalBytes(canonicalBytes(parsed.value), payload)) return 'issued-not-canonical'
  const { _type, subject, predicateType, predicate, ...more } = parsed.value
  if (_type !== statementType) return 'issued-wrong-type'
  const isWhole =
    Array.isArray(subject) &&
    subject.length > 0 &&
    subject.every((one): one is JsonObject => isJsonObject(one)) &&
    typeof predicateType === 'string' &&
    predicate !== undefined &&
    isJsonObject(predicate) &&
    Object.keys(more).length === 0
  return isWhole ? { subject, predicateType, predicate } : 'issued-malformed'
}

/**
 * Opens an envelope that the server issued.
 *
 * Trust: the bytes are an attacker's; the keys are the caller's.
 * Checks: canonical envelope and payload, one signature, by one of the keys.
 * Does not check: what the statement says; its readers do.
 * Spec: DSSE v1; in-toto Statement v1; RFC 8785.
 */
export function openIssued(envelope: Uint8Array, keys: readonly VerifierKey[]): OpenedIssued {
  const parsed = parseJsonStrict(envelope, { maxBytes: maxBytes * 2, maxDepth: 4 })
  if (!parsed.ok || !isJsonObject(parsed.value)) return refused('issued-not-json')
  if (!equalBytes(canonicalBytes(parsed.value), envelope)) return refused('issued-not-canonical')
  const { payload, payloadType, signatures, ...more } = parsed.value
  if (payloadType !== approvalPayloadType || typeof payload !== 'string' || Object.keys(more).length > 0)
    return refused('issued-malformed')
  const [line, ...others] = Array.isArray(signatures) ? signatures : []
  if (line === undefined || others.length > 0 || !isJsonObject(line)) return refused('issued-malformed')
  const { keyid, sig, ...rest } = line
  const bytes = decodeBase64(payload)
  const signature = typeof sig === 'string' ? decodeBase64(sig) : undefined
  if (bytes === undefined || signature === undefined || typeof keyid !== 'string' || Object.keys(rest).length > 0)
    return refused('issued-malformed')
  const statement = parseIssuedPayload(bytes)
  if (typeof statement === 'string') return refused(statement)
  const message = issuedPae(bytes)
  const key = keys.find(
    (candidate) => candidate.keyId === keyid && verifyEd25519(candidate.publicKey, message, signature).ok,
  )
  return key === undefined ? refused('issued-not-signed-by-log') : { ok: true, statement, key }
}
