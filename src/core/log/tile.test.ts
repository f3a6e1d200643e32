import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { appendLeaf, emptyFrontier } from './frontier.ts'
import {
  decodeBundle,
  encodeBundle,
  nodeOfTile,
  parseTilePath,
  tileBytes,
  tileOfNode,
  tilePath,
  tilesBetween,
} from './tile.ts'
import { treeHasher } from './tree-hash.ts'

const hasher = treeHasher()

test('tile paths are those of the standard, and no other spelling is read', () => {
  assert.equal(tilePath({ kind: 'hashes', level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067')
  assert.equal(tilePath({ kind: 'entries', index: 0, width: 17 }), 'tile/entries/000.p/17')
  for (const path of ['tile/0/x001/x234/067', 'tile/entries/000.p/17', 'tile/6/x999/000', 'tile/1/001.p/255']) {
    const file = parseTilePath(path)
    assert.ok(file !== undefined, path)
    assert.equal(tilePath(file), path)
  }
  const wrong =
    'tile/0/67 tile/0/x000/067 tile/0/x001/67 tile/7/000 tile/00/000 tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/017 tile/0/000.p tile/-1/000 tile/entries/../000 /tile/0/000 tile/0/000/ tile/0/x001/x001'
  for (const path of wrong.split(' ')) assert.equal(parseTilePath(path), undefined, path)
})

test('the files between two sizes are all that the larger log has and the smaller had not', () => {
  const paths = (size: number): Set<string> => new Set(tilesBetween(0, size).map(tilePath))
  assert.deepEqual([...paths(0)], [])
  assert.deepEqual(
    [...paths(257)],
    ['tile/entries/000', 'tile/entries/001.p/1', 'tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1'],
  )
  fc.assert(
    fc.property(fc.nat(200_000), fc.nat(70_000), (from, more) => {
      const before = paths(from)
      const added = tilesBetween(from, from + more).map(tilePath)
      assert.deepEqual(new Set(added), new Set([...paths(from + more)].filter((path) => !before.has(path))))
    }),
    { numRuns: 60 },
  )
  assert.throws(() => tilesBetween(2, 1), RangeError)
})

test('every node of a log is found in its tile', () => {
  const size = 70_000
  const nodes = new Map<string, Uint8Array>()
  let frontier = emptyFrontier
  for (let i = 0; i < size; i++)
    frontier = appendLeaf(frontier, hasher.leaf(encodeUtf8(String(i))), hasher, (level, index, hash) => {
      nodes.set(`${level}/${index}`, hash)
    })
  const read = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) as Uint8Array
  const files = new Set(tilesBetween(0, size).map(tilePath))
  for (const [name, hash] of [...nodes].filter((_, i) => i % 97 === 0 || i > 139_900)) {
    const [level = 0, index = 0] = name.split('/').map(Number)
    const file = tileOfNode(level, index, size)
    assert.ok(files.has(tilePath(file)), `${name} is in ${tilePath(file)}`)
    assert.equal(encodeHex(nodeOfTile(tileBytes(file, read), level, index, hasher)), encodeHex(hash), name)
  }
  assert.throws(() => tileOfNode(8, 273, size), RangeError)
  const short = tileBytes({ kind: 'hashes', level: 0, index: 0, width: 3 }, read)
  assert.throws(() => nodeOfTile(short, 2, 0, hasher), RangeError)
})

test('a bundle reads back, and a cut, longer or shorter one is refused', () => {
  const entry = fc.uint8Array({ maxLength: 700 })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), fc.nat(), (entries, cut) => {
      const bytes = encodeBundle(entries)
      assert.deepEqual(decodeBundle(bytes, entries.length)?.map(encodeHex), entries.map(encodeHex))
      assert.equal(decodeBundle(bytes, entries.length + 1), undefined)
      if (entries.length === 0) return
      assert.equal(decodeBundle(bytes, entries.length - 1), undefined)
      assert.equal(decodeBundle(bytes.subarray(0, cut % bytes.length), entries.length), undefined)
    }),
  )
  assert.throws(() => encodeBundle([new Uint8Array(65_536)]), RangeError)
})
