import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { facts, file, gitId, nodeAcceleration } from '../../../test/fakes/governed-change.ts'
import { canonicalize } from '../bytes/canonical-json.ts'
import type { Json, JsonObject } from '../bytes/json.ts'
import { asBlobId } from '../ids.ts'
import { checkFacts } from './check-facts.ts'
import { diffTrees, type TreeEntry } from './diff-trees.ts'
import { changeDigest, encodeFacts, factsDigest } from './digests.ts'
import type { FileChange } from './facts.ts'

const nodeHash = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

interface FactsVectors {
  readonly changeDigest: readonly { readonly name: string; readonly files: FileChange[]; readonly sha256: string }[]
  readonly checkFacts: readonly { readonly name: string; readonly facts: Json; readonly expect: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/facts/facts.json', import.meta.url), 'utf8'),
) as FactsVectors

test('the vectors of the change digest and of the shape hold', () => {
  assert.ok(vectors.changeDigest.length >= 5 && vectors.checkFacts.length >= 15)
  for (const { name, files, sha256 } of vectors.changeDigest) {
    assert.equal(changeDigest(files), sha256, name)
    assert.equal(changeDigest([...files].reverse(), nodeAcceleration), sha256, name)
  }
  for (const { name, facts: value, expect } of vectors.checkFacts) {
    const checked = checkFacts(value)
    assert.equal(checked.ok ? 'ok' : checked.code, expect, name)
  }
})

const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const entry = fc.record(
  {
    mode: fc.constantFrom('100644', '100755', '120000', '160000'),
    blob: fc.constantFrom('a', 'b', 'c').map((label) => asBlobId(gitId(label))),
  },
  { noNullPrototype: true },
)
const tree = fc.array(fc.tuple(path, entry), { maxLength: 12 }).map((entries) => new Map<string, TreeEntry>(entries))

test('the digests are SHA-256 of canonical JSON, with and without acceleration', () => {
  fc.assert(
    fc.property(tree, tree, (base, head) => {
      const files = diffTrees(base, head)
      const of = facts({ files })
      assert.equal(of.changeDigest, nodeHash(canonicalize(files as unknown as Json)))
      for (const acceleration of [{}, nodeAcceleration]) {
        assert.equal(changeDigest(files, acceleration), of.changeDigest)
        const { files: _files, ...head } = of
        assert.equal(factsDigest(of, acceleration), nodeHash(canonicalize(head as unknown as Json)))
        const encoded = encodeFacts(of)
        assert.deepEqual(
          [encoded.facts, encoded.files].map((bytes) => nodeHash(Buffer.from(bytes).toString())),
          [factsDigest(of, acceleration), of.changeDigest],
        )
      }
      assert.equal(checkFacts(JSON.parse(JSON.stringify(of)) as Json).ok, true)
    }),
  )
})

test('two trees differ exactly where a path, mode or blob differs, each path once, in order', () => {
  fc.assert(
    fc.property(tree, tree, (base, head) => {
      const files = diffTrees(base, head)
      const names = files.map((change) => change.newPath ?? change.oldPath ?? '')
      assert.deepEqual(names, [...new Set(names)].sort())
      const rebuilt = new Map(base)
      for (const change of files) {
        if (change.newPath === null) rebuilt.delete(change.oldPath ?? '')
        else if (change.newMode !== null && change.newBlob !== null) {
          rebuilt.set(change.newPath, { mode: change.newMode, blob: change.newBlob })
        }
      }
      assert.deepEqual(rebuilt, new Map(head))
      assert.equal(diffTrees(head, head).length, 0)
    }),
  )
})

test('T21 a rename is two changes, so that both names are judged', () => {
  const blob = asBlobId(gitId('same'))
  const files = diffTrees(
    new Map([['consensus/rules.rs', { mode: '100644', blob }]]),
    new Map([['docs/rules.md', { mode: '100644', blob }]]),
  )
  assert.deepEqual(
    files.map((change) => [change.oldPath, change.newPath]),
    [
      ['consensus/rules.rs', null],
      [null, 'docs/rules.md'],
    ],
  )
})

test('a change of any field of any file changes the digest', () => {
  const original = file('a')
  const digests = [
    original,
    { ...original, newPath: 'b' },
    { ...original, oldPath: 'b' },
    { ...original, newMode: '100755' },
    { ...original, oldMode: '100755' },
    { ...original, newBlob: original.oldBlob },
    { ...original, oldBlob: original.newBlob },
    { ...original, oldPath: null, oldMode: null, oldBlob: null },
  ].map((change) => changeDigest([change]))
  assert.equal(new Set(digests).size, digests.length)
})

test('a path with a lone surrogate has no digest', () => {
  assert.throws(() => changeDigest([file('a\ud800')]), RangeError)
  assert.throws(() => factsDigest(facts({ files: [], labels: ['\udfff'] })))
})

test('each member of the facts is needed and no other is taken', () => {
  const good = JSON.parse(JSON.stringify(facts())) as JsonObject
  assert.deepEqual(checkFacts(good), { ok: true, facts: facts() })
  for (const name of Object.keys(good)) {
    const { [name]: _, ...rest } = good
    const checked = checkFacts(rest)
    assert.equal(checked.ok ? 'ok' : checked.code, 'missing-field', name)
    assert.equal(checkFacts({ ...good, [name]: 'x' }).ok, false, name)
  }
  const extra = checkFacts({ ...good, extra: 1 })
  assert.equal(extra.ok ? 'ok' : extra.code, 'unknown-field')
})
