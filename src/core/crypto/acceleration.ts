/**
 * Faster implementations that a caller may hand to core; core's own are the reference they must agree with.
 *
 * Trust: what is handed in is trusted as much as core itself. Core has decoded and range-checked every signature, so an
 * implementation decides the equation only and never a format.
 */
export type Acceleration = {
  /** The UTF-8 bytes of a text that holds no lone surrogate (core has checked that). */
  readonly encodeUtf8?: (text: string) => Uint8Array
  /** The text of UTF-8 bytes; undefined or an exception for any byte that is not UTF-8. A byte order mark stays in the text. */
  readonly decodeUtf8?: (bytes: Uint8Array) => string | undefined
  /** SHA-256 of the bytes: 32 fresh bytes. */
  readonly sha256?: (bytes: Uint8Array) => Uint8Array
  /**
   * Verifies r‖s (64 bytes, in range, low s) over SHA-256(message) with a key of 33 bytes. Returns false or throws when the
   * key is no compressed point on secp256k1.
   */
  readonly verifyEcdsa?: (compressedKey: Uint8Array, message: Uint8Array, compactSignature: Uint8Array) => boolean
}
