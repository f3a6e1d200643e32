import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { appendLeaf, emptyFrontier, frontierRoot } from './frontier.ts'
import { coverOfLeaves, rangeRoot } from './range-root.ts'
import { treeHasher } from './tree-hash.ts'

const hasher = treeHasher()
const leaf = (i: number): Uint8Array => hasher.leaf(Uint8Array.of(i >> 8, i & 255))

/** The root of the first `size` leaves, and every complete subtree under it. */
function tree(size: number) {
  const nodes = new Map<string, Uint8Array>()
  let frontier = emptyFrontier
  for (let i = 0; i < size; i++)
    frontier = appendLeaf(frontier, leaf(i), hasher, (level, index, hash) => nodes.set(`${level}/${index}`, hash))
  return { root: frontierRoot(frontier, hasher), nodes }
}

const ranges = fc
  .tuple(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 }))
  .map((three) => three.toSorted((a, b) => a - b) as [number, number, number])

test('the leaves of a range and the subtrees around it make up the root of the whole log', () => {
  fc.assert(
    fc.property(ranges, ([first, next, size]) => {
      const { root, nodes } = tree(size)
      const sum = rangeRoot(hasher)
      const pushAll = (from: number, to: number): void => {
        for (const { level, index } of coverOfLeaves(from, to))
          sum.push(level, nodes.get(`${level}/${index}`) as Uint8Array)
      }
      pushAll(0, first)
      for (let i = first; i < next; i++) sum.push(0, leaf(i))
      pushAll(next, size)
      assert.equal(sum.size, size)
      assert.deepEqual(sum.root(), root)
    }),
    { numRuns: 300 },
  )
})

test('one leaf that is changed, left out or twice there gives another root', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.nat(),
      fc.constantFrom('changed', 'left out', 'twice'),
      (size, i, how) => {
        const sum = rangeRoot(hasher)
        for (let at = 0; at < size; at++) {
          if (at !== i % size) sum.push(0, leaf(at))
          else if (how === 'changed') sum.push(0, leaf(1_000))
          else if (how === 'twice') for (let n = 0; n < 2; n++) sum.push(0, leaf(at))
        }
        assert.notDeepEqual(sum.root(), tree(size).root)
      },
    ),
  )
})

test('a subtree stands only where one of its size can', () => {
  const sum = rangeRoot(hasher)
  sum.push(0, leaf(0))
  assert.throws(() => sum.push(1, leaf(1)), RangeError)
})
