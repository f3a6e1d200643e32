import type { Acceleration } from './acceleration.ts'
import { verifyBip340Approval } from './bip340.ts'
import { verifyEcdsa } from './ecdsa.ts'
import { type SignatureCheck, signatureRefused } from './signature-check.ts'

type Verifier = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  acceleration: Acceleration,
) => SignatureCheck

/** The signature schemes that an approval key of this version may be pinned to. */
export const signatureSchemes = ['ecdsa-secp256k1-v1', 'bip340-v1'] as const
export type SignatureScheme = (typeof signatureSchemes)[number]

/** Says whether a name is one of the schemes of this version. */
export const isSignatureScheme = (name: string): name is SignatureScheme =>
  (signatureSchemes as readonly string[]).includes(name)

const verifiers: Readonly<Record<SignatureScheme, Verifier>> = {
  'ecdsa-secp256k1-v1': verifyEcdsa,
  // A BIP-340 key stands in the registry as the compressed point with even y: 02 ‖ x. One key, one key id.
  'bip340-v1': (publicKey, message, signature) =>
    publicKey.length === 33 && publicKey[0] === 2
      ? verifyBip340Approval(publicKey.subarray(1), message, signature)
      : signatureRefused('public-key-invalid'),
}

/**
 * Verifies a signature by the scheme that the key registry pins for the key.
 *
 * Trust: the scheme and the key (compressed, 33 bytes) come from the registry, never from the signed envelope; message
 * and signature are an attacker's.
 * Errs: a scheme that this version does not know is `unknown-scheme`, never skipped.
 */
export function verifySignature(
  scheme: string,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  acceleration: Acceleration = {},
): SignatureCheck {
  if (!isSignatureScheme(scheme)) return signatureRefused('unknown-scheme')
  return verifiers[scheme](publicKey, message, signature, acceleration)
}
