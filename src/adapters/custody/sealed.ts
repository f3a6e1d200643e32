import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { refuseCustody } from './private-file.ts'

const base64 = z.base64()

/** Bytes under AES-256-GCM: nonce and ciphertext with its tag, as base64. */
export const sealedSchema = z.strictObject({ nonce: base64, box: base64 })
export type Sealed = z.infer<typeof sealedSchema>

/** What a box is bound to: it opens in its place only. */
export type Place = readonly (string | number)[]

const nonceBytes = 12
const tagBytes = 16

const associated = (place: Place): Buffer => Buffer.from(JSON.stringify(place))

/** Encrypts for one place. A new random nonce each time. Spec: NIST SP 800-38D. */
export function seal(key: KeyObject, place: Place, plain: Uint8Array): Sealed {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associated(place))
  const box = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return { nonce: nonce.toString('base64'), box: box.toString('base64') }
}

/**
 * Decrypts what was sealed for exactly this place.
 *
 * @throws AppError custody-refused (`entry-tampered`) for another place, another key, a changed or truncated box
 */
export function unseal(key: KeyObject, place: Place, sealed: Sealed): Buffer {
  const nonce = Buffer.from(sealed.nonce, 'base64')
  const box = Buffer.from(sealed.box, 'base64')
  if (nonce.length !== nonceBytes || box.length < tagBytes) refuseCustody('entry-tampered', 'an entry is truncated')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(associated(place))
    decipher.setAuthTag(box.subarray(-tagBytes))
    const start = decipher.update(box.subarray(0, -tagBytes))
    return Buffer.concat([start, decipher.final()])
  } catch (cause) {
    return refuseCustody('entry-tampered', 'an entry is not what was sealed for its place', cause)
  }
}
