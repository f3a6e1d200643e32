import type { Acceleration } from '../crypto/acceleration.ts'
import { sha256 } from '../crypto/sha256.ts'

/**
 * The two hashes of a log's tree. Leaves and nodes start with different bytes, so that no node can be shown as an entry (T42).
 *
 * Spec: RFC 6962 §2.1.
 */
export type TreeHasher = {
  /** SHA-256(0x00 ‖ entry) */
  readonly leaf: (entry: Uint8Array) => Uint8Array
  /** SHA-256(0x01 ‖ left ‖ right) */
  readonly node: (left: Uint8Array, right: Uint8Array) => Uint8Array
  /** The root of a complete subtree over hashes that lie one after the other; their count is a power of two. */
  readonly complete: (hashes: Uint8Array) => Uint8Array
}

const nodePrefix = 1

/** SHA-256(0x00 ‖ entry). Spec: RFC 6962 §2.1 */
export function leafHash(entry: Uint8Array, { sha256: hash = sha256 }: Acceleration = {}): Uint8Array {
  // A new array is all zeroes, and so is the prefix of a leaf.
  const prefixed = new Uint8Array(1 + entry.length)
  prefixed.set(entry, 1)
  return hash(prefixed)
}

/** Makes a tree hasher over core's SHA-256, or over a faster one. */
export function treeHasher(acceleration: Acceleration = {}): TreeHasher {
  const hash = acceleration.sha256 ?? sha256
  // One node is hashed at a time, so all share the room.
  const joined = new Uint8Array(65)
  joined[0] = nodePrefix
  return {
    leaf: (entry) => leafHash(entry, acceleration),
    node: (left, right) => {
      if (left.length !== 32 || right.length !== 32) throw new RangeError('a hash has 32 bytes')
      joined.set(left, 1)
      joined.set(right, 33)
      return hash(joined)
    },
    complete: (hashes) => completeRoot(hashes, hash),
  }
}

const hashBytes = 32

/** Works in one piece of memory, in which each row takes the place of the one below it. */
function completeRoot(hashes: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const width = hashes.length / hashBytes
  if (!Number.isInteger(Math.log2(width))) throw new RangeError('not the hashes of a complete subtree')
  const room = new Uint8Array(1 + hashes.length)
  room.set(hashes, 1)
  for (let count = width; count > 1; count /= 2)
    for (let i = 0; i < count / 2; i++) {
      // The byte before two hashes is free, or the end of one that was hashed already: the prefix goes there.
      const start = 2 * i * hashBytes
      room[start] = nodePrefix
      room.set(hash(room.subarray(start, start + 1 + 2 * hashBytes)), 1 + i * hashBytes)
    }
  return room.slice(1, 1 + hashBytes)
}

/** The root of a log without entries: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0))
