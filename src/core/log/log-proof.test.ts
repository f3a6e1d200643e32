import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { formatAddCheckpoint, parseAddCheckpoint } from './add-checkpoint.ts'
import { decodeLogProof, encodeLogProof } from './log-proof.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const note = 'any text\n\n— of a note\n'

test('a proof file reads back as it was written, and no other text reads as it', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(hash, { maxLength: 63 }),
      fc.option(fc.uint8Array({ minLength: 1, maxLength: 99 })),
      (index, hashes, extra) => {
        const text = encodeLogProof({ index, hashes, checkpoint: note, extra })
        const decoded = decodeLogProof(encodeUtf8(text))
        assert.ok(decoded.ok)
        assert.deepEqual(
          { ...decoded.proof, hashes: decoded.proof.hashes.map((each) => each.join()) },
          {
            index,
            hashes: hashes.map((each) => each.join()),
            checkpoint: note,
            extra,
          },
        )
        for (const other of [`\n${text}`, text.replace('index ', 'index +'), text.replace('index', 'Index')])
          assert.equal(decodeLogProof(other).ok, false)
      },
    ),
    { numRuns: 50 },
  )
})

test('whatever bytes come, reading a proof or a request never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      decodeLogProof(bytes)
      parseAddCheckpoint(bytes)
      assert.equal(decodeLogProof(new Uint8Array(131_073)).ok, false)
    }),
  )
})

test('a request to a witness reads back as it was written; every other form is none', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(hash, { maxLength: 63 }), (oldSize, proof) => {
      const parsed = parseAddCheckpoint(encodeUtf8(formatAddCheckpoint({ oldSize, proof, note })))
      assert.deepEqual([parsed?.oldSize, parsed?.proof.length, parsed?.note], [oldSize, proof.length, note])
    }),
    { numRuns: 50 },
  )
  for (const text of [
    '',
    'old 1',
    'old 01\n\nx',
    'old -1\n\nx',
    'old 1 \n\nx',
    'new 1\n\nx',
    'old 1\nAAAA\n\nx',
    'old 9007199254740993\n\nx',
  ])
    assert.equal(parseAddCheckpoint(encodeUtf8(text)), undefined, text)
  assert.throws(() => formatAddCheckpoint({ oldSize: 1, proof: Array(64).fill(new Uint8Array(32)), note }), RangeError)
})
