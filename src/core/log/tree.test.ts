import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { concatBytes, equalBytes } from '../bytes/byte-array.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { appendLeaf, emptyFrontier, frontierRoot, loadFrontier, rootOfLeaves } from './frontier.ts'
import { verifyConsistency, verifyInclusion } from './proof-check.ts'
import { buildConsistencyProof, buildInclusionProof, planConsistency, planInclusion } from './proof-plan.ts'
import { emptyRoot, treeHasher } from './tree-hash.ts'

const hasher = treeHasher()

/** A log kept as a store keeps it: every complete subtree by level and index. */
function storedLog(size: number) {
  const nodes = new Map<string, Uint8Array>()
  const roots = [emptyRoot()]
  const leaves: Uint8Array[] = []
  let frontier = emptyFrontier
  for (let i = 0; i < size; i++) {
    const leaf = hasher.leaf(encodeUtf8(`entry ${i}`))
    leaves.push(leaf)
    frontier = appendLeaf(frontier, leaf, hasher, (level, index, hash) => {
      assert.ok(!nodes.has(`${level}/${index}`), 'a node is told once')
      nodes.set(`${level}/${index}`, hash)
    })
    roots.push(frontierRoot(frontier, hasher))
  }
  const readHash = (level: number, index: number): Uint8Array => {
    const hash = nodes.get(`${level}/${index}`)
    if (hash === undefined) throw new Error(`no node ${level}/${index}`)
    return hash
  }
  return { leaves, roots, readHash, frontier }
}

/** RFC 6962 §2.1 word for word. */
function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot()
  if (leaves.length === 1) return leaves[0] as Uint8Array
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hasher.node(referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)))
}

/** RFC 6962 §2.1.1 word for word. */
function referencePath(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return m < k
    ? [...referencePath(m, leaves.slice(0, k)), referenceRoot(leaves.slice(k))]
    : [...referencePath(m - k, leaves.slice(k)), referenceRoot(leaves.slice(0, k))]
}

/** RFC 6962 §2.1.2 word for word. */
function referenceSubproof(m: number, leaves: readonly Uint8Array[], isStart: boolean): Uint8Array[] {
  if (m === leaves.length) return isStart ? [] : [referenceRoot(leaves)]
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return m <= k
    ? [...referenceSubproof(m, leaves.slice(0, k), isStart), referenceRoot(leaves.slice(k))]
    : [...referenceSubproof(m - k, leaves.slice(k), false), referenceRoot(leaves.slice(0, k))]
}

const largest = 70
const log = storedLog(largest)

test('the empty root and the first leaf hash are the published ones', () => {
  assert.equal(encodeHex(emptyRoot()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(
    encodeHex(hasher.leaf(new Uint8Array(0))),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  )
})

test('T42 a node shown as an entry, and an entry shown as a node, hash differently; the last leaf is never doubled', () => {
  const [left, right] = log.leaves as [Uint8Array, Uint8Array, ...Uint8Array[]]
  const joined = Uint8Array.from([...left, ...right])
  assert.ok(!equalBytes(hasher.leaf(joined), hasher.node(left, right)))
  assert.ok(!equalBytes(hasher.leaf(Uint8Array.of(1, ...joined)), hasher.node(left, right)))
  const three = log.leaves.slice(0, 3)
  assert.ok(!equalBytes(rootOfLeaves(three, hasher), rootOfLeaves([...three, three[2] as Uint8Array], hasher)))
  const forged = { index: 0, size: 1, leafHash: hasher.leaf(joined), root: hasher.node(left, right), proof: [] }
  assert.deepEqual(verifyInclusion(forged, hasher), { ok: false, code: 'root-mismatch' })
})

test('the root of a complete subtree is the one of its hashes added one by one, and other counts are refused', () => {
  const hashes = Array.from({ length: 256 }, (_, i) => hasher.leaf(Uint8Array.of(i)))
  for (const count of [1, 2, 4, 64, 256]) {
    let frontier = emptyFrontier
    for (const hash of hashes.slice(0, count)) frontier = appendLeaf(frontier, hash, hasher)
    assert.deepEqual(hasher.complete(concatBytes(...hashes.slice(0, count))), frontierRoot(frontier, hasher))
  }
  for (const length of [0, 31, 3 * 32]) assert.throws(() => hasher.complete(new Uint8Array(length)), RangeError)
})

test('roots of all sizes to 70 are those of the definition, appended, loaded and built at once', () => {
  for (let size = 0; size <= largest; size++) {
    const expected = referenceRoot(log.leaves.slice(0, size))
    assert.deepEqual(log.roots[size], expected)
    assert.deepEqual(rootOfLeaves(log.leaves.slice(0, size), hasher), expected)
    assert.deepEqual(frontierRoot(loadFrontier(size, log.readHash), hasher), expected)
  }
  assert.deepEqual(loadFrontier(largest, log.readHash), log.frontier)
})

test('inclusion proofs of every leaf in all sizes to 70 are those of the definition and verify; every change is refused', () => {
  for (let size = 1; size <= largest; size++) {
    const root = log.roots[size] as Uint8Array
    for (let index = 0; index < size; index++) {
      const leafHash = log.leaves[index] as Uint8Array
      const proof = buildInclusionProof(index, size, log.readHash, hasher)
      assert.deepEqual(proof, referencePath(index, log.leaves.slice(0, size)))
      const claim = { index, size, leafHash, root, proof }
      assert.deepEqual(verifyInclusion(claim, hasher), { ok: true })
      assert.deepEqual(verifyInclusion({ ...claim, proof: [...proof, root] }, hasher), {
        ok: false,
        code: 'proof-too-long',
      })
      if (proof.length > 0) {
        const shorter = { ...claim, proof: proof.slice(0, -1) }
        assert.deepEqual(verifyInclusion(shorter, hasher), { ok: false, code: 'proof-too-short' })
      }
      const other = (index + 1) % size
      if (other !== index) assert.equal(verifyInclusion({ ...claim, index: other }, hasher).ok, false)
      const wrongLeaf = { ...claim, leafHash: hasher.leaf(encodeUtf8('another entry')) }
      assert.deepEqual(verifyInclusion(wrongLeaf, hasher), { ok: false, code: 'root-mismatch' })
    }
  }
})

test('consistency proofs between all sizes to 70 are those of the definition and verify; every change is refused', () => {
  for (let second = 1; second <= largest; second++) {
    for (let first = 1; first <= second; first++) {
      const proof = buildConsistencyProof(first, second, log.readHash, hasher)
      assert.deepEqual(proof, referenceSubproof(first, log.leaves.slice(0, second), true))
      const claim = {
        firstSize: first,
        firstRoot: log.roots[first] as Uint8Array,
        secondSize: second,
        secondRoot: log.roots[second] as Uint8Array,
        proof,
      }
      assert.deepEqual(verifyConsistency(claim, hasher), { ok: true })
      const longer = { ...claim, proof: [...proof, claim.firstRoot] }
      assert.deepEqual(verifyConsistency(longer, hasher), { ok: false, code: 'proof-too-long' })
      if (first === second) continue
      assert.equal(verifyConsistency({ ...claim, proof: proof.slice(0, -1) }, hasher).ok, false)
      assert.equal(verifyConsistency({ ...claim, proof: proof.slice(1) }, hasher).ok, false)
      const otherStart = { ...claim, firstRoot: hasher.leaf(encodeUtf8('other')) }
      assert.equal(verifyConsistency(otherStart, hasher).ok, false)
      const otherEnd = { ...claim, secondRoot: hasher.leaf(encodeUtf8('other')) }
      assert.deepEqual(verifyConsistency(otherEnd, hasher), { ok: false, code: 'root-mismatch' })
    }
  }
})

test('T40 proofs of larger logs verify, and one flipped bit anywhere is found', () => {
  const large = storedLog(3_000)
  const sizes = fc.integer({ min: 1, max: 3_000 })
  fc.assert(
    fc.property(sizes, sizes, fc.nat(), fc.nat(), (a, b, place, bit) => {
      const [first, second] = a < b ? [a, b] : [b, a]
      const flip = (hashes: readonly Uint8Array[], at: number): Uint8Array[] =>
        hashes.map((hash, i) =>
          i === at ? hash.map((byte, j) => (j === bit % 32 ? byte ^ (1 << (bit % 8)) : byte)) : hash,
        )
      const roots = { firstRoot: large.roots[first] as Uint8Array, secondRoot: large.roots[second] as Uint8Array }
      const proof = buildConsistencyProof(first, second, large.readHash, hasher)
      const claim = { firstSize: first, secondSize: second, ...roots, proof }
      assert.ok(verifyConsistency(claim, hasher).ok)
      if (proof.length > 0) {
        assert.ok(!verifyConsistency({ ...claim, proof: flip(proof, place % proof.length) }, hasher).ok)
      }
      const index = first - 1
      const path = buildInclusionProof(index, second, large.readHash, hasher)
      const inclusion = {
        index,
        size: second,
        leafHash: large.leaves[index] as Uint8Array,
        root: roots.secondRoot,
        proof: path,
      }
      assert.ok(verifyInclusion(inclusion, hasher).ok)
      if (path.length > 0) {
        assert.ok(!verifyInclusion({ ...inclusion, proof: flip(path, place % path.length) }, hasher).ok)
      }
    }),
    { numRuns: 300 },
  )
})

test('T40 a log that dropped, swapped or changed an entry is no continuation of the log seen before', () => {
  const rewritten = [
    log.leaves.filter((_, i) => i !== 3),
    log.leaves.with(3, log.leaves[4] as Uint8Array).with(4, log.leaves[3] as Uint8Array),
    log.leaves.with(0, hasher.leaf(encodeUtf8('changed'))),
  ]
  for (const leaves of rewritten) {
    const nodes = new Map<string, Uint8Array>()
    let frontier = emptyFrontier
    for (const leaf of leaves)
      frontier = appendLeaf(frontier, leaf, hasher, (l, i, hash) => nodes.set(`${l}/${i}`, hash))
    const proof = buildConsistencyProof(10, leaves.length, (l, i) => nodes.get(`${l}/${i}`) as Uint8Array, hasher)
    const check = verifyConsistency(
      {
        firstSize: 10,
        firstRoot: log.roots[10] as Uint8Array,
        secondSize: leaves.length,
        secondRoot: frontierRoot(frontier, hasher),
        proof,
      },
      hasher,
    )
    assert.deepEqual(check, { ok: false, code: 'old-root-mismatch' })
  }
})

test('claims that no log can make are refused by name', () => {
  const hash = emptyRoot()
  const inclusion = { index: 0, size: 1, leafHash: hash, root: hash, proof: [] }
  const codeOf = (change: object): string => {
    const check = verifyInclusion({ ...inclusion, ...change }, hasher)
    return check.ok ? 'ok' : check.code
  }
  assert.equal(codeOf({}), 'ok')
  assert.equal(codeOf({ size: 0 }), 'empty-tree')
  assert.equal(codeOf({ size: -1 }), 'size-invalid')
  assert.equal(codeOf({ size: 1.5 }), 'size-invalid')
  assert.equal(codeOf({ size: 2 ** 53 }), 'size-invalid')
  assert.equal(codeOf({ index: 1 }), 'index-out-of-range')
  assert.equal(codeOf({ index: -1 }), 'index-out-of-range')
  assert.equal(codeOf({ root: hash.subarray(1) }), 'hash-malformed')
  assert.equal(codeOf({ size: 2, proof: [hash.subarray(1)] }), 'hash-malformed')
  const consistency = { firstSize: 1, firstRoot: hash, secondSize: 1, secondRoot: hash, proof: [] }
  const consistencyCode = (change: object): string => {
    const check = verifyConsistency({ ...consistency, ...change }, hasher)
    return check.ok ? 'ok' : check.code
  }
  assert.equal(consistencyCode({}), 'ok')
  assert.equal(consistencyCode({ firstSize: 0 }), 'empty-tree')
  assert.equal(consistencyCode({ firstSize: 2 }), 'size-invalid')
  assert.equal(consistencyCode({ secondSize: 2 }), 'proof-too-short')
  assert.equal(consistencyCode({ secondRoot: hash.subarray(1) }), 'hash-malformed')
  assert.throws(() => planInclusion(1, 1), RangeError)
  assert.throws(() => planConsistency(0, 1), RangeError)
  assert.throws(() => planConsistency(2, 1), RangeError)
})

test('plans for logs near 2^53 stay exact', () => {
  const size = Number.MAX_SAFE_INTEGER
  const plan = planInclusion(size - 1, size)
  assert.equal(plan.length, 52)
  for (const subtree of plan.flat()) assert.ok(Number.isSafeInteger(subtree.index))
  assert.equal(planInclusion(0, size).length, 53)
})

test('a handed-in SHA-256 builds the same tree', () => {
  const fast = treeHasher({ sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()) })
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 40 }), (entries) => {
      assert.deepEqual(rootOfLeaves(entries.map(fast.leaf), fast), rootOfLeaves(entries.map(hasher.leaf), hasher))
    }),
  )
})
