import { concatBytes } from '../bytes/byte-array.ts'
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
}

const leafPrefix = Uint8Array.of(0)
const nodePrefix = 1

/** Makes a tree hasher over core's SHA-256, or over a faster one. */
export function treeHasher(acceleration: Acceleration = {}): TreeHasher {
  const hash = acceleration.sha256 ?? sha256
  // One node is hashed at a time, so all share the room.
  const joined = new Uint8Array(65)
  joined[0] = nodePrefix
  return {
    leaf: (entry) => hash(concatBytes(leafPrefix, entry)),
    node: (left, right) => {
      if (left.length !== 32 || right.length !== 32) throw new RangeError('a hash has 32 bytes')
      joined.set(left, 1)
      joined.set(right, 33)
      return hash(joined)
    },
  }
}

/** The root of a log without entries: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0))
