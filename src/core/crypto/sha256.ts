import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '../bytes/byte-array.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Sha256 } from '../ids.ts'

/** SHA-256 of the bytes, 32 bytes. Spec: FIPS 180-4. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

/** SHA-256 of the bytes as 64 lower-case hex characters. */
export function sha256Hex(bytes: Uint8Array): Sha256 {
  return encodeHex(sha256(bytes)) as Sha256
}

/** SHA-256 over a tag that no other use of the hash shares. Spec: BIP-340, tagged_hash. */
export function taggedHash(tag: string, message: Uint8Array): Uint8Array {
  const tagHash = sha256(encodeUtf8(tag))
  return sha256(concatBytes(tagHash, tagHash, message))
}
