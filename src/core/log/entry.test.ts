import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json, JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import { decodeEntry, encodeEntry, type LogEntry, maxEntryBytes } from './entry.ts'

const entry: LogEntry = {
  v: 1,
  id: '01J9',
  at: 1_790_000_000_000,
  type: 'verdict',
  actor: { kind: 'server' },
  subject: { repository: 7, pullRequest: 42 },
  data: { outcome: 'pending' },
}
const decodeCode = (bytes: Uint8Array): string => {
  const decoded = decodeEntry(bytes)
  return decoded.ok ? 'ok' : decoded.code
}
const encodeCode = (value: unknown): string => {
  const encoded = encodeEntry(value as LogEntry)
  return encoded.ok ? 'ok' : encoded.code
}

test('an entry is canonical JSON and its leaf hash is the RFC 6962 hash of those bytes', () => {
  const encoded = encodeEntry(entry)
  assert.ok(encoded.ok)
  assert.equal(
    decodeUtf8(encoded.bytes),
    '{"actor":{"kind":"server"},"at":1790000000000,"data":{"outcome":"pending"},"id":"01J9","subject":{"pullRequest":42,"repository":7},"type":"verdict","v":1}',
  )
  const expected = createHash('sha256').update(Uint8Array.of(0)).update(encoded.bytes).digest()
  assert.deepEqual(encoded.leafHash, new Uint8Array(expected))
  assert.deepEqual(decodeEntry(encoded.bytes), { ok: true, entry: { ...entry } })
})

test('whatever is encoded decodes to itself', () => {
  const members = fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.jsonValue({ maxDepth: 3 }),
  )
  fc.assert(
    fc.property(members, members, fc.maxSafeNat(), (subject, data, at) => {
      const encoded = encodeEntry({ ...entry, at, subject: subject as JsonObject, data: data as JsonObject })
      fc.pre(encoded.ok || encoded.code !== 'entry-not-json')
      assert.ok(encoded.ok)
      const decoded = decodeEntry(encoded.bytes)
      assert.ok(decoded.ok)
      assert.deepEqual(encodeEntry(decoded.entry), encoded)
    }),
  )
})

test('T40 one changed byte of a stored entry gives no entry or another leaf hash', () => {
  const encoded = encodeEntry(entry)
  assert.ok(encoded.ok)
  for (let at = 0; at < encoded.bytes.length; at++) {
    for (const bit of [1, 2, 32, 128]) {
      const decoded = decodeEntry(encoded.bytes.with(at, (encoded.bytes[at] as number) ^ bit))
      if (!decoded.ok) continue
      const again = encodeEntry(decoded.entry)
      assert.ok(again.ok)
      assert.notDeepEqual(again.leafHash, encoded.leafHash)
    }
  }
})

test('entries are at most 65,535 bytes', () => {
  const sized = (length: number): string => encodeCode({ ...entry, data: { text: 'x'.repeat(length) } })
  const empty = encodeEntry({ ...entry, data: { text: '' } })
  assert.ok(empty.ok)
  const room = maxEntryBytes - empty.bytes.length
  assert.equal(sized(room), 'ok')
  assert.equal(sized(room + 1), 'entry-too-large')
})

test('what is no entry is refused by name when written', () => {
  assert.equal(encodeCode({ ...entry, v: 2 }), 'entry-unknown-version')
  assert.equal(encodeCode({ ...entry, extra: 1 }), 'entry-unknown-member')
  const { data: _, ...without } = entry
  assert.equal(encodeCode(without), 'entry-missing-member')
  for (const change of [
    { id: '' },
    { id: 'a b' },
    { id: 'é' },
    { type: '' },
    { type: 'x'.repeat(65) },
    { at: -1 },
    { at: 1.5 },
    { at: '1' },
    { actor: [] },
    { subject: null },
    { data: 'text' },
  ]) {
    assert.equal(encodeCode({ ...entry, ...change }), 'entry-bad-member', JSON.stringify(change))
  }
  assert.equal(encodeCode({ ...entry, data: { x: undefined } }), 'entry-not-json')
  assert.equal(encodeCode({ ...entry, data: { x: '\ud800' } }), 'entry-not-json')
  assert.equal(encodeCode([]), 'entry-not-json')
  // As deep as it may be read, and one deeper.
  const nested = (depth: number): Json => (depth === 0 ? 1 : { x: nested(depth - 1) })
  const deepest = encodeEntry({ ...entry, data: nested(63) as JsonObject })
  assert.ok(deepest.ok && decodeEntry(deepest.bytes).ok)
  assert.equal(encodeCode({ ...entry, data: nested(64) }), 'entry-not-json')
})

test('what is no entry is refused by name when read', () => {
  const text = decodeUtf8((encodeEntry(entry) as { bytes: Uint8Array }).bytes) as string
  assert.equal(decodeCode(encodeUtf8(text)), 'ok')
  assert.equal(decodeCode(encodeUtf8(` ${text}`)), 'entry-not-canonical')
  assert.equal(decodeCode(encodeUtf8(text.replace('1790000000000', '1.79e12'))), 'entry-not-canonical')
  assert.equal(decodeCode(encodeUtf8(text.replace('"pending"', '"\\u0070ending"'))), 'entry-not-canonical')
  assert.equal(decodeCode(encodeUtf8(text.replace('"id"', '"at":1,"id"'))), 'entry-not-json')
  assert.equal(decodeCode(encodeUtf8(text.slice(0, -1))), 'entry-not-json')
  assert.equal(decodeCode(encodeUtf8('null')), 'entry-not-json')
  assert.equal(decodeCode(Uint8Array.of(0xff)), 'entry-not-json')
  assert.equal(decodeCode(new Uint8Array(maxEntryBytes + 1)), 'entry-too-large')
})

test('the quick way to read an entry accepts no byte string that the strict parser and the canonical writer refuse', () => {
  const strictly = (bytes: Uint8Array): boolean => {
    const parsed = parseJsonStrict(bytes, { maxBytes: 65_535, maxDepth: 64 })
    return parsed.ok && equalBytes(canonicalBytes(parsed.value), bytes)
  }
  const wrap = (data: string): Uint8Array =>
    encodeUtf8(`{"actor":{},"at":1,"data":{${data}},"id":"a","subject":{},"type":"t","v":1}`)
  const texts = [
    '"a":1',
    '"b":1,"a":2',
    '"a":1,"a":1',
    '"10":1,"9":2',
    '"9":1,"10":2',
    '"":0,"a":1',
    '"a":1e999',
    '"a":-0',
    '"a":1.0',
  ]
  texts.push(
    '"a":"\\ud800"',
    '"a":"\\ud83d\\ude00"',
    '"a":"😀"',
    '"__proto__":1',
    '"a":"__proto__"',
    '"\\u0061":1',
    '"a" :1',
  )
  texts.push(
    '"ﬀ":1,"😀":2',
    '"😀":1,"ﬀ":2',
    `"a":${'['.repeat(62)}${']'.repeat(62)}`,
    `"a":${'['.repeat(63)}${']'.repeat(63)}`,
  )
  for (const text of texts) assert.equal(decodeEntry(wrap(text)).ok, strictly(wrap(text)), text.slice(0, 40))
  const names = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('1', '9', '10', 'a', 'b', '__proto__'),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.jsonValue({ depthSize: 'small' })), { maxLength: 6 }), (members) => {
      const bytes = wrap(members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(','))
      assert.equal(decodeEntry(bytes).ok, strictly(bytes))
    }),
    { numRuns: 1000 },
  )
})
