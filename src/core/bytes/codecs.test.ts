import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from './base64.ts'
import { concatBytes, equalBytes } from './byte-array.ts'
import { decodeHex, encodeHex } from './hex.ts'
import { preAuthEncoding } from './pae.ts'
import { decodeUtf8, encodeUtf8, utf8Fault, utf8Length } from './utf8.ts'

const anyBytes = fc.uint8Array({ maxLength: 300 })
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer)

test('every codec agrees with Node and reads back what it wrote', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const buffer = Buffer.from(bytes)
      assert.equal(encodeHex(bytes), buffer.toString('hex'))
      assert.equal(encodeBase64(bytes), buffer.toString('base64'))
      assert.equal(encodeBase64Url(bytes), buffer.toString('base64url'))
      assert.deepEqual(decodeHex(encodeHex(bytes)), bytes)
      assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes)
      assert.deepEqual(decodeBase64Url(encodeBase64Url(bytes)), bytes)
    }),
  )
})

test('a text decodes only if it is the one text of its bytes', () => {
  const letters = fc.constantFrom(...Array.from('ABab01+/-_=f \n'))
  const texts = fc.array(letters, { maxLength: 9 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(texts, (text) => {
      const hex = decodeHex(text)
      const standard = decodeBase64(text)
      const url = decodeBase64Url(text)
      assert.ok(hex === undefined || encodeHex(hex) === text)
      assert.ok(standard === undefined || encodeBase64(standard) === text)
      assert.ok(url === undefined || encodeBase64Url(url) === text)
      // Node is lenient, so its decoding proves a refusal right: re-encoding gives another text.
      assert.equal(standard !== undefined, Buffer.from(text, 'base64').toString('base64') === text)
      assert.equal(url !== undefined, Buffer.from(text, 'base64url').toString('base64url') === text)
      assert.equal(hex !== undefined, Buffer.from(text, 'hex').toString('hex') === text)
    }),
    { numRuns: 5_000 },
  )
})

test('loose forms are refused', () => {
  for (const text of ['AB', 'ab=', '0xab', 'aB', ' ab', 'a']) assert.equal(decodeHex(text), undefined)
  for (const text of ['QQ', 'QQ=', 'QR==', 'QUJ=', 'QQ==\n', '=QQ=', '====', 'QQ==QQ==', 'Q===', 'Qé==']) {
    assert.equal(decodeBase64(text), undefined, text)
  }
  for (const text of ['QQ==', 'QR', 'Q', 'QUJ', 'a+b/']) assert.equal(decodeBase64Url(text), undefined, text)
})

test('UTF-8 agrees with a fatal TextDecoder on valid and broken input', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const reference = (bytes: Uint8Array): string | undefined => {
    try {
      return fatal.decode(bytes)
    } catch {
      return undefined
    }
  }
  const edges = fc.constantFrom(
    0x00,
    0x41,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  )
  const broken = fc.array(edges, { maxLength: 8 }).map((values) => Uint8Array.from(values))
  const valid = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => plain(Buffer.from(text, 'utf8')))
  fc.assert(
    fc.property(fc.oneof(broken, valid), (bytes) => {
      const expected = reference(bytes)
      assert.equal(decodeUtf8(bytes), expected)
      assert.equal(utf8Fault(bytes) === -1, expected !== undefined)
    }),
    { numRuns: 10_000 },
  )
})

test('text longer than one chunk survives with characters of every length at the seams', () => {
  for (const character of ['a', 'é', '€', '😀']) {
    for (const shift of [0, 1, 2, 3]) {
      const text = 'x'.repeat(shift) + character.repeat(5_000)
      const bytes = encodeUtf8(text)
      assert.deepEqual(bytes, plain(Buffer.from(text, 'utf8')))
      assert.equal(bytes.length, utf8Length(text))
      assert.equal(decodeUtf8(bytes), text)
    }
  }
})

test('a lone surrogate is never written', () => {
  for (const text of ['\ud800', 'a\udc00', '\ud800\ud800\udc00']) assert.throws(() => encodeUtf8(text), RangeError)
})

test('equalBytes compares every byte and the length', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      assert.equal(equalBytes(a, b), Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0)
      assert.ok(equalBytes(a, a.slice()))
      assert.ok(!equalBytes(a, concatBytes(a, Uint8Array.of(0))))
      for (let i = 0; i < a.length; i++) {
        const changed = a.slice()
        changed[i] = (changed[i] as number) ^ 1
        assert.ok(!equalBytes(a, changed))
      }
    }),
    { numRuns: 50 },
  )
})

test('pre-authentication encoding is the published DSSE example, with lengths in bytes', () => {
  const body = encodeUtf8('hello world')
  assert.equal(
    decodeUtf8(preAuthEncoding('http://example.com/HelloWorld', body)),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  )
  assert.equal(decodeUtf8(preAuthEncoding('é', new Uint8Array(0))), 'DSSEv1 2 é 0 ')
})
