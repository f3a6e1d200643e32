import { concatBytes } from './byte-array.ts'
import { encodeUtf8 } from './utf8.ts'

/**
 * Frames a payload and its type so that no two pairs give the same bytes: what a DSSE signature is made over.
 *
 * Spec: DSSE v1, PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body; lengths are bytes, in decimal.
 * @throws RangeError when the type holds a lone surrogate
 */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const type = encodeUtf8(payloadType)
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${body.length} `), body)
}
