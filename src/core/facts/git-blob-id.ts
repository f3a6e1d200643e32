import { sha1 } from '@noble/hashes/legacy.js'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { sha256 } from '../crypto/sha256.ts'
import { asBlobId, type BlobId, type CommitId } from '../ids.ts'

/**
 * The id that git gives to the bytes of a file, in a repository whose commits are named like this one.
 *
 * Spec: git's object format: the hash over `blob <size>`, a zero byte and the bytes.
 */
export function gitBlobId(bytes: Uint8Array, like: CommitId): BlobId {
  const head = encodeUtf8(`blob ${bytes.length}\0`)
  const object = new Uint8Array(head.length + bytes.length)
  object.set(head)
  object.set(bytes, head.length)
  return asBlobId(encodeHex(like.length === 64 ? sha256(object) : sha1(object)))
}
