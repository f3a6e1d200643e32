import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { baseStatement, decisions } from '../../../test/vectors/approval-cases.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { asInstant } from '../ids.ts'
import { formatInstant, lastInstant, parseInstant } from './instant-text.ts'
import { buildStatement, parseStatement, statementPae } from './statement-bytes.ts'

interface ParseVectors {
  readonly cases: readonly { readonly name: string; readonly payload: string; readonly expect: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/approval/parse.json', import.meta.url), 'utf8'),
) as ParseVectors

test('every payload of the vectors gets its code', () => {
  assert.ok(vectors.cases.length >= 30)
  for (const { name, payload, expect } of vectors.cases) {
    const parsed = parseStatement(encodeUtf8(payload))
    assert.equal(parsed.ok ? 'ok' : parsed.code, expect, name)
  }
})

test('what is built is read back as the same statement, for each decision', () => {
  for (const decision of decisions) {
    const statement = baseStatement(decision)
    const parsed = parseStatement(buildStatement(statement))
    assert.deepEqual(parsed, { ok: true, statement })
  }
})

test('a statement that could not be read back is not built', () => {
  const approve = baseStatement('approve')
  assert.throws(() => buildStatement({ ...approve, predicate: { ...approve.predicate, tier: '3' } }), RangeError)
  assert.throws(() => buildStatement({ ...approve, predicate: { ...approve.predicate, nonce: 'short' } }), RangeError)
})

test('any byte changed in a payload changes the statement or is refused', () => {
  const payload = buildStatement(baseStatement('approve'))
  const original = JSON.stringify(parseStatement(payload))
  fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Uint8Array.from(payload)
      changed[at] = (changed[at] ?? 0) ^ flip
      assert.notEqual(JSON.stringify(parseStatement(changed)), original)
    }),
  )
})

test('bytes of any kind are read without a throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => !parseStatement(bytes).ok))
  fc.assert(fc.property(fc.json(), (text) => !parseStatement(Buffer.from(text)).ok))
})

test('the signed bytes are the pre-authentication encoding', () => {
  assert.equal(Buffer.from(statementPae(encodeUtf8('{}'))).toString(), 'DSSEv1 28 application/vnd.in-toto+json 2 {}')
})

test('times are written as the engine writes them and only that form is read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: lastInstant }), (ms) => {
      const text = new Date(ms).toISOString()
      assert.equal(formatInstant(asInstant(ms)), text)
      assert.equal(parseInstant(text), ms)
    }),
  )
  for (const text of [
    '2026-02-30T00:00:00.000Z',
    '2025-02-29T00:00:00.000Z',
    '2026-13-01T00:00:00.000Z',
    '2026-01-01T24:00:00.000Z',
    '2026-01-01T00:00:60.000Z',
    '2026-01-01T00:00:00Z',
    '2026-01-01 00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
  ]) {
    assert.equal(parseInstant(text), undefined, text)
  }
})
