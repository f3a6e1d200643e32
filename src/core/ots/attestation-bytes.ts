import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import { encodeVaruint, type OtsBytes } from './ots-bytes.ts'
import type { OtsAttestation } from './stamp.ts'

const pendingTag = '83dfe30d2ef90c8e'
const bitcoinTag = '0588960d73d71901'
const tagBytes = 8
const maxPayloadBytes = 8192
const maxUriBytes = 1000
/** No query, no fragment, no user: whoever follows the address sends nothing but the commitment. */
const uriPattern = /^[A-Za-z0-9._/:-]*$/

/** The eight bytes by which a kind of attestation is known, as hex. */
export const attestationTag = (attestation: OtsAttestation): string =>
  attestation.kind === 'unknown' ? attestation.tag : attestation.kind === 'pending' ? pendingTag : bitcoinTag

/** Reads one attestation after its zero byte. What it refuses, it tells `bytes`. */
export function readAttestation(bytes: OtsBytes): OtsAttestation {
  const tag = encodeHex(bytes.take(tagBytes))
  const payload = bytes.takeVariable(maxPayloadBytes)
  if (tag !== pendingTag && tag !== bitcoinTag) return { kind: 'unknown', tag, payload: payload.slice() }
  const inner = bytes.within(payload)
  if (tag === bitcoinTag) {
    const height = inner.takeVaruint()
    if (inner.left > 0) inner.refuse('ots-attestation-malformed')
    return { kind: 'bitcoin', height }
  }
  const uri = decodeUtf8(inner.takeVariable(maxUriBytes))
  if (uri === undefined || !uriPattern.test(uri) || inner.left > 0) return inner.refuse('ots-attestation-malformed')
  return { kind: 'pending', uri }
}

function payloadOf(attestation: OtsAttestation): Uint8Array {
  if (attestation.kind === 'unknown') return attestation.payload
  if (attestation.kind === 'bitcoin') return encodeVaruint(attestation.height)
  const uri = encodeUtf8(attestation.uri)
  return concatBytes(encodeVaruint(uri.length), uri)
}

/** Writes one attestation with its zero byte. */
export function attestationBytes(attestation: OtsAttestation): Uint8Array {
  const payload = payloadOf(attestation)
  const tag = decodeHex(attestationTag(attestation)) as Uint8Array
  return concatBytes(Uint8Array.of(0x00), tag, encodeVaruint(payload.length), payload)
}
