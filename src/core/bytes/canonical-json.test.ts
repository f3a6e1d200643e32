import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CanonicalJsonError, canonicalBytes, canonicalize } from './canonical-json.ts'
import type { Json } from './json.ts'
import { parseJsonStrict } from './json-strict.ts'

/** The naive way: sort the names, let the engine write each scalar. */
function naive(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(naive).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const names = Object.keys(value).sort((a, b) => {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i)
    }
    return a.length - b.length
  })
  return `{${names.map((name) => `${JSON.stringify(name)}:${naive((value as Record<string, unknown>)[name])}`).join(',')}}`
}

const anyJson = fc
  .jsonValue({ stringUnit: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), maxDepth: 5 })
  .filter((value) => !JSON.stringify(value).includes('__proto__'))

test('canonical JSON agrees with a naive reference and parses strictly to itself', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const text = canonicalize(value as Json)
      assert.equal(text, naive(value))
      const parsed = parseJsonStrict(canonicalBytes(value as Json), { maxBytes: 1_000_000, maxDepth: 64 })
      assert.ok(parsed.ok)
      assert.equal(canonicalize(parsed.value), text)
    }),
  )
})

test('numbers are written as ECMAScript writes them, for every double', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      assert.equal(canonicalize(number), Object.is(number, -0) ? '0' : String(number))
    }),
  )
})

const refusedWith = (code: string) => (error: unknown) => error instanceof CanonicalJsonError && error.code === code

test('what JSON cannot carry is refused by name, never dropped', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  const cases: readonly (readonly [unknown, string])[] = [
    [undefined, 'not-json'],
    [{ a: undefined }, 'not-json'],
    [Array.from({ length: 1 }), 'not-json'],
    [() => 1, 'not-json'],
    [Symbol('x'), 'not-json'],
    [1n, 'not-json'],
    [new Date(0), 'not-json'],
    [new Map(), 'not-json'],
    [new Uint8Array(1), 'not-json'],
    [{ toJSON: () => 1 }, 'not-json'],
    [Object('text'), 'not-json'],
    [Number.NaN, 'number-not-finite'],
    [[Number.POSITIVE_INFINITY], 'number-not-finite'],
    ['\ud800', 'lone-surrogate'],
    [{ '\udc00': 1 }, 'lone-surrogate'],
    [JSON.parse('{"__proto__":1}'), 'forbidden-key'],
    [cyclic, 'too-deep'],
  ]
  for (const [value, code] of cases) assert.throws(() => canonicalize(value as Json), refusedWith(code))
})
