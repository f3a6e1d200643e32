import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tilePath, treeHasher, verifyInclusion } from '../../core/index.ts'
import { fileLog, mapSource, sampleEntry } from '../../../test/fixtures/log-files.ts'
import { proveInclusion } from './prove-from-files.ts'

const hasher = treeHasher()
const entries = Array.from({ length: 700 }, (_, i) => sampleEntry(i))

test('an entry of any place in a log of any size is proven from the files alone, each of which is read once', async () => {
  for (const size of [1, 2, 255, 256, 257, 512, 700]) {
    const { files, root } = fileLog('gov.example.org/decisions', entries.slice(0, size))
    for (const index of new Set([0, size >> 1, size - 1])) {
      const asked: string[] = []
      const source = mapSource(files)
      const read = async (path: string) => (asked.push(path), source.read(path))
      const proof = await proveInclusion({ read }, index, size, hasher)
      assert.ok(proof.ok)
      const leafHash = hasher.leaf(entries[index] as Uint8Array)
      assert.deepEqual(verifyInclusion({ index, size, leafHash, root, proof: proof.value }, hasher), { ok: true })
      assert.equal(new Set(asked).size, asked.length)
    }
  }
})

test('a tile that is gone or cut is named, and one that was changed gives a proof of nothing', async () => {
  const { files, root } = fileLog('gov.example.org/decisions', entries)
  const path = tilePath({ kind: 'hashes', level: 0, index: 1, width: 256 })
  const prove = async (tile: Uint8Array | null) => {
    const changed = new Map(files)
    if (tile === null) changed.delete(path)
    else changed.set(path, tile)
    const proof = await proveInclusion(mapSource(changed), 300, 700, hasher)
    if (!proof.ok) return proof.fault.code
    const leafHash = hasher.leaf(entries[300] as Uint8Array)
    const check = verifyInclusion({ index: 300, size: 700, leafHash, root, proof: proof.value }, hasher)
    return check.ok ? 'ok' : check.code
  }
  const tile = files.get(path) as Uint8Array
  assert.equal(await prove(tile), 'ok')
  assert.equal(await prove(null), 'tile-missing')
  assert.equal(await prove(tile.subarray(1)), 'size-wrong')
  assert.equal(await prove(new Uint8Array(tile).fill(0, 0, 32)), 'root-mismatch')
})
