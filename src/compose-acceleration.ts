import { createPublicKey, verify } from 'node:crypto'
import type { Acceleration } from './core/index.ts'
import { platformAcceleration } from './delivery/cli/platform-acceleration.ts'

/** Core's slow parts, done by the platform. Core's own stay the reference. */
export const acceleration: Acceleration = {
  ...platformAcceleration,
  verifyEcdsa: (compressedKey, message, compact) =>
    verify('sha256', message, { key: spkiOf(compressedKey), dsaEncoding: 'ieee-p1363' }, compact),
}

/** SubjectPublicKeyInfo of a compressed secp256k1 point (RFC 5480 section 2). */
const spkiPrefix = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex')
const spkiOf = (compressedKey: Uint8Array) =>
  createPublicKey({ key: Buffer.concat([spkiPrefix, compressedKey]), format: 'der', type: 'spki' })
