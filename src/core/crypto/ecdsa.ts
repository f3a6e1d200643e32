import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Acceleration } from './acceleration.ts'
import { decodeEcdsaSignature, encodeEcdsaDer } from './ecdsa-encoding.ts'
import { type SignatureCheck, signatureRefused, signatureValid } from './signature-check.ts'

/** Says whether the bytes are a compressed point on secp256k1 (33 bytes, prefix 02 or 03; never infinity). */
export function isCompressedKey(publicKey: Uint8Array): boolean {
  return publicKey.length === 33 && secp256k1.utils.isValidPublicKey(publicKey, true)
}

/** Decides the equation; a key that is no compressed point on the curve is false, as an exception of the verifier is. */
function equationHolds(key: Uint8Array, message: Uint8Array, compact: Uint8Array, { verifyEcdsa: fast }: Acceleration) {
  try {
    if (fast !== undefined) return fast(key, message, compact)
    return secp256k1.verify(compact, message, key, { prehash: true, lowS: true, format: 'compact' })
  } catch {
    return false
  }
}

/**
 * Verifies `ecdsa-secp256k1-v1`: ECDSA over SHA-256(message), by the one acceptance rule of this scheme.
 *
 * Trust: message and signature are chosen by an attacker; the key comes from the registry.
 * Checks: key is a compressed point on the curve; signature as `decodeEcdsaSignature`; the equation.
 * Does not check: who owns the key. High s is accepted, so a signature's bytes are never its identity (T13).
 * Spec: SEC 1 §4.1.4; formats.md, `ecdsa-secp256k1-v1`.
 */
export function verifyEcdsa(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  acceleration: Acceleration = {},
): SignatureCheck {
  const decoded = decodeEcdsaSignature(signature)
  if (!decoded.ok) return signatureRefused(decoded.code)
  if (publicKey.length !== 33) return signatureRefused('public-key-invalid')
  if (equationHolds(publicKey, message, decoded.compact, acceleration)) return signatureValid
  return signatureRefused(isCompressedKey(publicKey) ? 'signature-mismatch' : 'public-key-invalid')
}

/** Says whether 32 bytes are a secret scalar in [1, n−1]. */
export function isSecp256k1Secret(secret: Uint8Array): boolean {
  return secret.length === 32 && secp256k1.utils.isValidSecretKey(secret)
}

/** A key pair made from 32 random bytes. The pair holds its own copy of the secret. */
export type Secp256k1KeyPair = { readonly secret: Uint8Array; readonly publicKey: Uint8Array }

/**
 * Makes the key pair whose secret is the 32 given bytes; the caller draws them from a cryptographic source.
 *
 * Errs: `undefined` when the bytes are no secret scalar (chance 2^-128 for random bytes); then draw again.
 */
export function secp256k1KeyPair(random: Uint8Array): Secp256k1KeyPair | undefined {
  if (!isSecp256k1Secret(random)) return undefined
  const secret = random.slice()
  return { secret, publicKey: secp256k1.getPublicKey(secret, true) }
}

/**
 * Signs SHA-256(message) and returns strict DER with low s; the same secret and message give the same bytes.
 *
 * @throws RangeError when the secret is not in [1, n−1]
 * Spec: RFC 6979 with SHA-256.
 */
export function signEcdsa(secret: Uint8Array, message: Uint8Array): Uint8Array {
  if (!isSecp256k1Secret(secret)) throw new RangeError('secret out of range')
  return encodeEcdsaDer(
    secp256k1.sign(message, secret, { prehash: true, lowS: true, format: 'compact', extraEntropy: false }),
  )
}
