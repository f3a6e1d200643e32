import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from './utf8.ts'
import { findJsonFault } from './json-fault.ts'
import { parseJsonStrict } from './json-strict.ts'

const limits = { maxBytes: 1_000_000, maxDepth: 32 }
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'))

function codeOf(input: string | Uint8Array, bounds = limits): string {
  const parsed = parseJsonStrict(input, bounds)
  return parsed.ok ? 'ok' : `${parsed.code}@${parsed.offset}`
}

test('T04 duplicate member names are refused at any depth, also when escapes hide them', () => {
  assert.equal(codeOf('{"a":1,"a":1}'), 'duplicate-key@7')
  assert.equal(codeOf('{"a":1,"\\u0061":2}'), 'duplicate-key@7')
  assert.equal(codeOf('[{"x":{"b":[],"c":"\\"","b":[]}}]'), 'duplicate-key@23')
  assert.equal(codeOf('{"é":1,"é":2}'), 'duplicate-key@8')
  assert.equal(codeOf('{"0":1,"0":2}'), 'duplicate-key@7')
})

test('T04 escaped quotes cannot make up for the strings that a duplicate member loses', () => {
  assert.equal(codeOf('{"a":1,"a":"\\u0022\\u0022"}'), 'duplicate-key@7')
  assert.equal(codeOf('{"a":"\\u0022","b":"\\"","b":"\\u0022\\u0022"}'), 'duplicate-key@23')
  assert.equal(codeOf('{"a":"\\u0022\\""}'), 'ok')
  assert.equal(codeOf('{"a":"\\\\"}'), 'ok')
})

test('T60 __proto__ is refused however it is written; constructor and prototype are inert data', () => {
  assert.equal(codeOf('{"__proto__":{"admin":true}}'), 'forbidden-key@1')
  assert.equal(codeOf('[{"\\u005f_proto__":null}]'), 'forbidden-key@2')
  const parsed = parseJsonStrict('{"constructor":{"prototype":{"admin":true}}}', limits)
  assert.ok(parsed.ok)
  assert.deepEqual(Object.keys(parsed.value as object), ['constructor'])
  assert.equal(({} as { admin?: boolean }).admin, undefined)
})

test('T04 nesting past the cap is refused in bounded time, in both short and long texts', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  assert.equal(codeOf(nested(32)), 'ok')
  assert.equal(codeOf(nested(33)), 'too-deep@32')
  assert.equal(codeOf('{"a":'.repeat(33) + '1' + '}'.repeat(33)), 'too-deep@160')
  const started = performance.now()
  assert.equal(codeOf(nested(10_000_000), { maxBytes: 25_000_000, maxDepth: 32 }), 'too-deep@32')
  assert.ok(performance.now() - started < 2_000)
})

test('a long text full of brackets inside strings is not deep', () => {
  const text = JSON.stringify({ body: '[{"\\'.repeat(60_000), tail: [[1]] })
  assert.equal(codeOf(text), 'ok')
})

test('T04 the size cap counts UTF-8 bytes, for text too', () => {
  assert.equal(codeOf('"aaaa"', { maxBytes: 6, maxDepth: 1 }), 'ok')
  assert.equal(codeOf('"aaaaa"', { maxBytes: 6, maxDepth: 1 }), 'too-large@6')
  assert.equal(codeOf('"ééé"', { maxBytes: 7, maxDepth: 1 }), 'too-large@7')
  assert.equal(codeOf('"ééé"', { maxBytes: 8, maxDepth: 1 }), 'ok')
  assert.equal(codeOf(bytesOf('"ééé"'), { maxBytes: 7, maxDepth: 1 }), 'too-large@7')
})

test('T04 invalid UTF-8 and lone surrogates are refused with their place', () => {
  assert.equal(codeOf(Uint8Array.of(0x22, 0xc3, 0x22)), 'invalid-utf8@1')
  assert.equal(codeOf(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)), 'invalid-utf8@1')
  assert.equal(codeOf('{"a":"\\ud800"}'), 'lone-surrogate@5')
  assert.equal(codeOf('{"\\udc00x":1}'), 'lone-surrogate@1')
  assert.equal(codeOf('["é","\ud800"]'), 'lone-surrogate@7')
  assert.equal(codeOf('"\\ud83d\\ude00"'), 'ok')
})

test('a handed-in decoder that throws or refuses means invalid UTF-8, and its text is what is parsed', () => {
  const bad = Uint8Array.of(0x22, 0xff, 0x22)
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const parsed = parseJsonStrict(bad, { ...limits, decodeUtf8: (bytes) => fatal.decode(bytes) })
  assert.deepEqual(parsed, { ok: false, code: 'invalid-utf8', offset: 1 })
  assert.deepEqual(parseJsonStrict(bytesOf('["é"]'), { ...limits, decodeUtf8: (bytes) => fatal.decode(bytes) }), {
    ok: true,
    value: ['é'],
  })
})

test('numbers beyond a double and a byte order mark are refused', () => {
  assert.equal(codeOf('1e400'), 'number-not-finite@0')
  assert.equal(codeOf('{"n":[-1e999]}'), 'number-not-finite@6')
  assert.equal(codeOf('\ufeff{}'), 'invalid-syntax@0')
  assert.equal(codeOf(''), 'invalid-syntax@0')
})

test('members inherited from a polluted prototype do not change the answer', () => {
  Object.defineProperty(Object.prototype, 'polluted', { value: 'x', enumerable: true, configurable: true })
  try {
    assert.equal(codeOf('{"a":1}'), 'ok')
    assert.equal(codeOf('{"a":1,"a":""}'), 'duplicate-key@7')
    assert.equal(codeOf('{"a":{},"b":"","b":""}'), 'duplicate-key@15')
  } finally {
    delete (Object.prototype as { polluted?: string }).polluted
  }
})

test('the depth cap itself is bounded', () => {
  assert.throws(() => parseJsonStrict('1', { maxBytes: 1, maxDepth: 513 }), RangeError)
  assert.throws(() => parseJsonStrict('1', { maxBytes: 1, maxDepth: Number.NaN }), RangeError)
})

/** Text pieces that meet in interesting ways: near-JSON with repeated names and every kind of escape. */
const fragment = fc.constantFrom(
  ...['{', '}', '[', ']', ':', ',', '"a"', '"b"', '"\\u0061"', '"\\u0022"', '"\\""', '"__proto__"', '"\\ud800"'],
  ...['"\\\\"', '"a:1"', '1', '-0', '1e999', '0.5e-3', '01', 'true', 'null', ' ', '\n', '"é"', '"', '\\'],
)
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      '1',
      'null',
      '"a"',
      '"\\""',
      '"\\u0022"',
      '"\\u0022\\u0022"',
      '"x\\\\"',
      '"\\ud800"',
      '1e999',
      '""',
    ),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('"a"', '"b"', '"\\u0061"', '"\\u0022"', '"\\""', '"c"'), tie('value')), {
        maxLength: 4,
      })
      .map((members) => `{${members.map(([key, value]) => `${key}: ${value}`).join(',')}}`),
  ),
})).value

test('counting accepts exactly what the fault finder accepts, and gives the value of JSON.parse', () => {
  const texts = fc.oneof(
    jsonText,
    fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  let accepted = 0
  fc.assert(
    fc.property(texts, (text) => {
      const fault = findJsonFault(text, limits.maxDepth)
      for (const input of [text, encodeUtf8(text)]) {
        const parsed = parseJsonStrict(input, limits)
        assert.equal(parsed.ok, fault === undefined)
        if (!parsed.ok) continue
        accepted++
        assert.deepEqual(parsed.value, JSON.parse(text))
      }
    }),
    { numRuns: 4_000 },
  )
  assert.ok(accepted > 500)
})

test('bytes at every alignment give the same answer', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 7 }), (value, shift) => {
      const encoded = bytesOf(JSON.stringify(value))
      const shifted = new Uint8Array(encoded.length + shift).subarray(shift)
      shifted.set(encoded)
      const parsed = parseJsonStrict(shifted, { maxBytes: 1_000_000, maxDepth: 64 })
      const isRefusedName = JSON.stringify(value).includes('__proto__')
      assert.ok(isRefusedName || (parsed.ok && JSON.stringify(parsed.value) === JSON.stringify(value)))
    }),
  )
})

test("GitHub's published payloads parse strictly, and a duplicated member in any of them is found", () => {
  const index = new URL('../../../node_modules/@octokit/webhooks-examples/api.github.com/index.json', import.meta.url)
  const events = JSON.parse(readFileSync(index, 'utf8')) as { name: string; examples: unknown[] }[]
  let count = 0
  for (const event of events) {
    for (const example of event.examples) {
      const text = JSON.stringify(example)
      assert.deepEqual(parseJsonStrict(bytesOf(text), limits), { ok: true, value: JSON.parse(text) })
      const at = text.indexOf('"id":')
      if (at < 0) continue
      count++
      const doubled = `${text.slice(0, at)}"id":0,${text.slice(at)}`
      assert.equal(codeOf(bytesOf(doubled)).split('@')[0], 'duplicate-key')
    }
  }
  assert.ok(count > 250)
})
