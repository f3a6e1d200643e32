import { ed25519 } from '@noble/curves/ed25519.js'
import { type SignatureCheck, signatureRefused, signatureValid } from './signature-check.ts'

type Point = ReturnType<typeof ed25519.Point.fromBytes>
type PointFault = 'not-canonical' | 'small-order' | 'torsion'

const order = ed25519.Point.Fn.ORDER

function readPoint(bytes: Uint8Array): Point | PointFault {
  let point: Point
  try {
    point = ed25519.Point.fromBytes(bytes, false)
  } catch {
    return 'not-canonical'
  }
  if (point.isSmallOrder()) return 'small-order'
  return point.isTorsionFree() ? point : 'torsion'
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}

/** Says whether the bytes are a public key that `verifyEd25519` may accept: canonical, of prime order. */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  return publicKey.length === 32 && typeof readPoint(publicKey) !== 'string'
}

/**
 * Verifies Ed25519 by one strict rule, so that no two verifiers of this project can disagree on a crafted point.
 *
 * Trust: every argument may be chosen by an attacker.
 * Checks: A and R canonically encoded, neither of small order nor with a torsion part, S below the group order, and the
 * equation. With A and R of prime order the equation with and without cofactor are the same.
 * Spec: RFC 8032 §5.1.7 (cofactorless), narrowed as formats.md says.
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): SignatureCheck {
  if (signature.length !== 64) return signatureRefused('signature-malformed')
  if (publicKey.length !== 32) return signatureRefused('public-key-invalid')
  if (littleEndian(signature.subarray(32)) >= order) return signatureRefused('signature-out-of-range')
  const key = readPoint(publicKey)
  if (key === 'small-order') return signatureRefused('public-key-small-order')
  if (key === 'torsion') return signatureRefused('public-key-torsion')
  if (typeof key === 'string') return signatureRefused('public-key-invalid')
  const commitment = readPoint(signature.subarray(0, 32))
  if (commitment === 'small-order') return signatureRefused('signature-small-order')
  if (commitment === 'torsion') return signatureRefused('signature-torsion')
  if (typeof commitment === 'string') return signatureRefused('signature-malformed')
  const isValid = ed25519.verify(signature, message, publicKey, { zip215: false })
  return isValid ? signatureValid : signatureRefused('signature-mismatch')
}

/** The public key of a 32-byte seed. @throws RangeError unless the seed has 32 bytes */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  if (seed.length !== 32) throw new RangeError('an Ed25519 seed has 32 bytes')
  return ed25519.getPublicKey(seed)
}

/** Signs a message with a 32-byte seed: 64 bytes, deterministic. @throws RangeError unless the seed has 32 bytes */
export function signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  if (seed.length !== 32) throw new RangeError('an Ed25519 seed has 32 bytes')
  return ed25519.sign(message, seed)
}
