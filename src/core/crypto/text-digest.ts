import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Sha256 } from '../ids.ts'
import type { Acceleration } from './acceleration.ts'
import { sha256 } from './sha256.ts'

/** SHA-256 of bytes as 64 lower-case hex characters, by the caller's implementation where one is given. */
export const bytesDigest = (bytes: Uint8Array, acceleration: Acceleration = {}): Sha256 =>
  encodeHex((acceleration.sha256 ?? sha256)(bytes)) as Sha256

/**
 * SHA-256 of the UTF-8 bytes of a text.
 *
 * @throws RangeError when the text holds a lone surrogate, whoever does the encoding
 */
export function textDigest(text: string, acceleration: Acceleration = {}): Sha256 {
  if (!text.isWellFormed()) throw new RangeError('lone surrogate has no UTF-8 form')
  return bytesDigest((acceleration.encodeUtf8 ?? encodeUtf8)(text), acceleration)
}
