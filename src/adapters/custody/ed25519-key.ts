import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { refuseCustody } from './private-file.ts'

export const ed25519SeedBytes = 32

/** DER of a PKCS#8 Ed25519 key up to its seed. Spec: RFC 8410 §7. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
/** DER of an Ed25519 SubjectPublicKeyInfo up to its 32 bytes. Spec: RFC 8410 §4. */
const spkiHeadBytes = 12

/** The private key of a 32-byte seed, as an object whose bytes live outside of the JavaScript heap. */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== ed25519SeedBytes) refuseCustody('key-length', 'an Ed25519 seed is 32 bytes')
  const der = Buffer.concat([pkcs8Head, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** The raw 32 bytes of the public key. */
export function ed25519PublicBytes(privateKey: KeyObject): Uint8Array {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(spkiHeadBytes))
}
