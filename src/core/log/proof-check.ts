import { equalBytes } from '../bytes/byte-array.ts'
import { isTreeSize } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'

/** Why a proof proves nothing. */
export type ProofFaultCode =
  | 'size-invalid'
  | 'index-out-of-range'
  | 'empty-tree'
  | 'hash-malformed'
  | 'proof-too-short'
  | 'proof-too-long'
  | 'old-root-mismatch'
  | 'root-mismatch'

/** The answer of a proof check: proven, or the first reason why not. */
export type ProofCheck = { readonly ok: true } | { readonly ok: false; readonly code: ProofFaultCode }

const refused = (code: ProofFaultCode): ProofCheck => ({ ok: false, code })
const isOdd = (number: number): boolean => number % 2 === 1
const half = (number: number): number => Math.floor(number / 2)
const areHashes = (...hashes: readonly Uint8Array[]): boolean => hashes.every((hash) => hash.length === 32)

/** Where a proof stands on the way to the root: the node followed, and the last node of its level. */
type Path = { node: number; last: number }

function climb(path: Path): void {
  path.node = half(path.node)
  path.last = half(path.last)
}

/** Climbs over the levels on which the followed node is a left child without a right neighbour. */
function skipLonely(path: Path): void {
  while (!isOdd(path.node) && path.node !== 0) climb(path)
}

/** What `verifyInclusion` judges. */
export type InclusionClaim = {
  readonly index: number
  readonly size: number
  readonly leafHash: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * Decides whether the entry with this leaf hash stands at `index` in the log with this size and root.
 *
 * Trust: every part of the claim may be an attacker's; the root proves something only if it comes from a checkpoint.
 * Checks: index and size, hash lengths, exact proof length, the root.
 * Spec: RFC 9162 §2.1.3.2.
 */
export function verifyInclusion(claim: InclusionClaim, hasher: TreeHasher): ProofCheck {
  const { index, size, leafHash, root, proof } = claim
  if (!isTreeSize(size)) return refused('size-invalid')
  if (size === 0) return refused('empty-tree')
  if (!isTreeSize(index) || index >= size) return refused('index-out-of-range')
  if (!areHashes(leafHash, root, ...proof)) return refused('hash-malformed')
  const path: Path = { node: index, last: size - 1 }
  let hash = leafHash
  for (const sibling of proof) {
    if (path.last === 0) return refused('proof-too-long')
    if (isOdd(path.node) || path.node === path.last) {
      hash = hasher.node(sibling, hash)
      skipLonely(path)
    } else {
      hash = hasher.node(hash, sibling)
    }
    climb(path)
  }
  if (path.last !== 0) return refused('proof-too-short')
  return equalBytes(hash, root) ? { ok: true } : refused('root-mismatch')
}

/** What `verifyConsistency` judges. */
export type ConsistencyClaim = {
  readonly firstSize: number
  readonly firstRoot: Uint8Array
  readonly secondSize: number
  readonly secondRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

function isPowerOfTwo(size: number): boolean {
  let rest = size
  while (!isOdd(rest)) rest /= 2
  return rest === 1
}

/**
 * Decides whether the second log starts with all entries of the first, in the same order.
 *
 * Trust: every part of the claim may be an attacker's; the roots prove something only if they come from checkpoints.
 * Checks: sizes, hash lengths, exact proof length, both roots. A first log without entries is `empty-tree`: every log starts
 * with it, so a caller that holds no root yet has nothing to compare.
 * Spec: RFC 9162 §2.1.4.2.
 */
export function verifyConsistency(claim: ConsistencyClaim, hasher: TreeHasher): ProofCheck {
  const { firstSize, firstRoot, secondSize, secondRoot, proof } = claim
  if (!isTreeSize(firstSize) || !isTreeSize(secondSize) || firstSize > secondSize) return refused('size-invalid')
  if (firstSize === 0) return refused('empty-tree')
  if (!areHashes(firstRoot, secondRoot, ...proof)) return refused('hash-malformed')
  if (firstSize === secondSize) {
    if (proof.length > 0) return refused('proof-too-long')
    return equalBytes(firstRoot, secondRoot) ? { ok: true } : refused('root-mismatch')
  }
  if (proof.length === 0) return refused('proof-too-short')
  const path: Path = { node: firstSize - 1, last: secondSize - 1 }
  while (isOdd(path.node)) climb(path)
  // A first log that is one complete subtree is its own starting point.
  const [start, ...rest] = isPowerOfTwo(firstSize) ? [firstRoot, ...proof] : proof
  let first = start as Uint8Array
  let second = first
  for (const sibling of rest) {
    if (path.last === 0) return refused('proof-too-long')
    if (isOdd(path.node) || path.node === path.last) {
      first = hasher.node(sibling, first)
      second = hasher.node(sibling, second)
      skipLonely(path)
    } else {
      second = hasher.node(second, sibling)
    }
    climb(path)
  }
  if (path.last !== 0) return refused('proof-too-short')
  if (!equalBytes(first, firstRoot)) return refused('old-root-mismatch')
  return equalBytes(second, secondRoot) ? { ok: true } : refused('root-mismatch')
}
