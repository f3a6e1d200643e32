import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { isSecp256k1Secret } from './ecdsa.ts'
import { taggedHash } from './sha256.ts'
import { type SignatureCheck, signatureRefused, signatureValid } from './signature-check.ts'

/** The tag that keeps an approval's hash apart from every Bitcoin use of the same key. */
export const approvalTag = 'governance-app/approval/v1'

const order = secp256k1.Point.Fn.ORDER
const field = secp256k1.Point.Fp.ORDER

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function isOnCurve(xOnlyKey: Uint8Array): boolean {
  try {
    schnorr.utils.lift_x(toBigInt(xOnlyKey))
    return true
  } catch {
    return false
  }
}

/**
 * Verifies a BIP-340 signature over the message as it is, of any length.
 *
 * Trust: every argument may be chosen by an attacker.
 * Checks: 32-byte x of a point on the curve, 64 bytes, r below p, s below n, the equation with even y.
 * Spec: BIP-340, Verification.
 */
export function verifyBip340(xOnlyKey: Uint8Array, message: Uint8Array, signature: Uint8Array): SignatureCheck {
  if (signature.length !== 64) return signatureRefused('signature-malformed')
  if (xOnlyKey.length !== 32 || !isOnCurve(xOnlyKey)) return signatureRefused('public-key-invalid')
  if (toBigInt(signature.subarray(0, 32)) >= field || toBigInt(signature.subarray(32)) >= order) {
    return signatureRefused('signature-out-of-range')
  }
  return schnorr.verify(signature, message, xOnlyKey) ? signatureValid : signatureRefused('signature-mismatch')
}

/**
 * Signs a message with BIP-340. `auxiliary` is 32 bytes of fresh randomness; all zero gives a deterministic signature.
 *
 * @throws RangeError when the secret is not in [1, n−1] or `auxiliary` has not 32 bytes
 * Spec: BIP-340, Default Signing.
 */
export function signBip340(secret: Uint8Array, message: Uint8Array, auxiliary: Uint8Array): Uint8Array {
  if (!isSecp256k1Secret(secret)) throw new RangeError('secret out of range')
  if (auxiliary.length !== 32) throw new RangeError('auxiliary randomness has 32 bytes')
  return schnorr.sign(message, secret, auxiliary)
}

/** The x coordinate of the public key of a secret, 32 bytes. @throws RangeError when the secret is not in [1, n−1] */
export function bip340PublicKey(secret: Uint8Array): Uint8Array {
  if (!isSecp256k1Secret(secret)) throw new RangeError('secret out of range')
  return schnorr.getPublicKey(secret)
}

/** Verifies `bip340-v1`: BIP-340 over tagged_hash("governance-app/approval/v1", message). Spec: formats.md. */
export function verifyBip340Approval(xOnlyKey: Uint8Array, message: Uint8Array, signature: Uint8Array): SignatureCheck {
  return verifyBip340(xOnlyKey, taggedHash(approvalTag, message), signature)
}

/** Signs a message as `bip340-v1`. @throws RangeError as `signBip340` */
export function signBip340Approval(secret: Uint8Array, message: Uint8Array, auxiliary: Uint8Array): Uint8Array {
  return signBip340(secret, taggedHash(approvalTag, message), auxiliary)
}
