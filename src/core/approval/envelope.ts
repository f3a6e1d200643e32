import { decodeBase64, decodeBase64Url, encodeBase64 } from '../bytes/base64.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { FieldFault, type FieldFaultCode, readList, readObject, readText } from '../bytes/field-reader.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import type { KeyId } from '../ids.ts'
import { approvalPayloadType } from './statement.ts'
import { maxPayloadBytes } from './statement-fields.ts'

/** A payload with its one signature. `keyid` is a hint only: which key counts is what the payload and the registry say. */
export interface Envelope {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly keyid: string
}

export type EnvelopeFaultCode = FieldFaultCode | 'too-large' | 'not-json' | 'wrong-payload-type' | 'not-one-signature'

export type ParsedEnvelope =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly code: EnvelopeFaultCode }

/** Writes a DSSE envelope with one signature as canonical JSON. Spec: DSSE v1. */
export function buildEnvelope(payload: Uint8Array, signature: Uint8Array, keyid: KeyId): Uint8Array {
  return canonicalBytes({
    payload: encodeBase64(payload),
    payloadType: approvalPayloadType,
    signatures: [{ keyid, sig: encodeBase64(signature) }],
  })
}

/** Bytes of either alphabet of base64, as DSSE asks of a reader. */
const eitherBase64 = (text: string): Uint8Array | undefined => decodeBase64(text) ?? decodeBase64Url(text)

function readBytes(text: string, field: string): Uint8Array {
  const bytes = eitherBase64(text)
  if (bytes === undefined || bytes.length === 0) throw new FieldFault('malformed-field', field)
  return bytes
}

/**
 * Reads a DSSE envelope that carries exactly one signature over an in-toto payload.
 *
 * Trust: the bytes are an attacker's; the key id in it is not believed.
 * Checks: size, strict JSON, no unknown field, the payload type, one signature, base64 of either alphabet.
 * Spec: DSSE v1; formats.md rule 1.
 */
export function parseEnvelope(bytes: Uint8Array): ParsedEnvelope {
  const parsed = parseJsonStrict(bytes, { maxBytes: maxPayloadBytes * 2, maxDepth: 4 })
  if (!parsed.ok) return { ok: false, code: parsed.code === 'too-large' ? 'too-large' : 'not-json' }
  try {
    const json = readObject(parsed.value, 'envelope', ['payload', 'payloadType', 'signatures'])
    if (json.payloadType !== approvalPayloadType) return { ok: false, code: 'wrong-payload-type' }
    const signatures = readList(json.signatures, 'signatures', 100, (element, field) =>
      readObject(element, field, ['sig'], ['keyid']),
    )
    const [signature] = signatures
    if (signature === undefined || signatures.length !== 1) return { ok: false, code: 'not-one-signature' }
    return {
      ok: true,
      envelope: {
        payload: readBytes(readText(json.payload, 'payload', maxPayloadBytes * 2), 'payload'),
        signature: readBytes(readText(signature.sig, 'sig', 1024), 'sig'),
        keyid: typeof signature.keyid === 'string' ? signature.keyid : '',
      },
    }
  } catch (error) {
    if (error instanceof FieldFault) return { ok: false, code: error.code }
    throw error
  }
}
