import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeBase64 } from '../../src/core/bytes/base64.ts'
import { verifyConsistency } from '../../src/core/log/proof-check.ts'
import { treeHasher } from '../../src/core/log/tree-hash.ts'
import { sharedVector } from './shared-vectors.ts'

type Vector = {
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

const { url, skip } = sharedVector('merkle/consistency/')
const bytesOf = (text: string): Uint8Array => decodeBase64(text) as Uint8Array

/**
 * Vectors where we are stricter on purpose: their "roots" are texts, and we refuse every hash that has not 32 bytes.
 */
const stricter = new Set(['additional/sizes-are-equal-one-and-proof-is-empty.json'])

test('transparency-dev/merkle: every consistency vector', { skip }, (t) => {
  const counts = { proven: 0, refused: 0, stricter: 0 }
  for (const folder of readdirSync(url).sort()) {
    for (const file of readdirSync(new URL(`${folder}/`, url)).sort()) {
      const name = `${folder}/${file}`
      const path = new URL(`${folder}/${encodeURIComponent(file)}`, url)
      const vector = JSON.parse(readFileSync(path, 'utf8')) as Vector
      const check = verifyConsistency(
        {
          firstSize: vector.size1,
          firstRoot: bytesOf(vector.root1),
          secondSize: vector.size2,
          secondRoot: bytesOf(vector.root2),
          proof: (vector.proof ?? []).map(bytesOf),
        },
        treeHasher(),
      )
      if (stricter.has(name)) {
        assert.deepEqual(check, { ok: false, code: 'hash-malformed' })
        counts.stricter++
        continue
      }
      assert.equal(check.ok, !vector.wantErr, name)
      counts[check.ok ? 'proven' : 'refused']++
    }
  }
  t.diagnostic(JSON.stringify(counts))
  assert.equal(counts.stricter, stricter.size)
  assert.ok(counts.proven >= 5 && counts.refused >= 80)
})
