import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject, verify as nodeVerify } from 'node:crypto'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Acceleration } from './acceleration.ts'
import { isCompressedKey, secp256k1KeyPair, signEcdsa, verifyEcdsa } from './ecdsa.ts'
import { decodeEcdsaSignature, encodeEcdsaDer } from './ecdsa-encoding.ts'
import { sha256 } from './sha256.ts'

const order = secp256k1.Point.Fn.ORDER
const fromHex = (hex: string): Uint8Array => decodeHex(hex) as Uint8Array
const to32 = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'))
const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${encodeHex(bytes)}`)

function pairOf(label: string) {
  const pair = secp256k1KeyPair(sha256(encodeUtf8(label)))
  assert.ok(pair)
  return pair
}

const spkiPrefix = fromHex('3036301006072a8648ce3d020106052b8104000a032200')
const nodeKey = (compressed: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.from(concatBytes(spkiPrefix, compressed)), format: 'der', type: 'spki' })

/** OpenSSL's answer, asked in the one format that the length decides. */
function opensslAccepts(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  const dsaEncoding = signature.length === 64 ? 'ieee-p1363' : 'der'
  return nodeVerify('sha256', message, { key: publicKey, dsaEncoding }, signature)
}

const native: Acceleration = {
  verifyEcdsa: (key, message, signature) => opensslAccepts(nodeKey(key), message, signature),
}

const signer = pairOf('signer')
const message = encodeUtf8('a message')
const compactOf = (der: Uint8Array): Uint8Array => {
  const decoded = decodeEcdsaSignature(der)
  assert.ok(decoded.ok)
  return decoded.compact
}
const good = compactOf(signEcdsa(signer.secret, message))
const r = toBigInt(good.subarray(0, 32))
const s = toBigInt(good.subarray(32))

test('signing is RFC 6979 with low s: the published signature of secret 1', () => {
  const der = signEcdsa(to32(1n), encodeUtf8('Satoshi Nakamoto'))
  assert.equal(
    encodeHex(compactOf(der)),
    '934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5',
  )
})

test('what we sign OpenSSL accepts, in DER and as r‖s, and so do we', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 100 }), (seed, text) => {
      const pair = secp256k1KeyPair(seed)
      fc.pre(pair !== undefined)
      const der = signEcdsa(pair.secret, text)
      const compact = compactOf(der)
      for (const signature of [der, compact]) {
        assert.ok(opensslAccepts(nodeKey(pair.publicKey), text, signature))
        assert.deepEqual(verifyEcdsa(pair.publicKey, text, signature), { ok: true })
        assert.deepEqual(verifyEcdsa(pair.publicKey, text, signature, native), { ok: true })
      }
      assert.deepEqual(encodeEcdsaDer(compact), der)
    }),
    { numRuns: 25 },
  )
})

test('T13 a malleated copy decodes to the bytes of the original and is accepted as it', () => {
  const high = concatBytes(good.subarray(0, 32), to32(order - s))
  for (const copy of [high, encodeEcdsaDer(high)]) {
    assert.deepEqual(decodeEcdsaSignature(copy), { ok: true, compact: good, hadHighS: true })
    assert.deepEqual(verifyEcdsa(signer.publicKey, message, copy), { ok: true })
    assert.ok(opensslAccepts(nodeKey(signer.publicKey), message, copy))
  }
  assert.deepEqual(decodeEcdsaSignature(good), { ok: true, compact: good, hadHighS: false })
})

const integer = (bytes: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(2, bytes.length), bytes)
const sequence = (...parts: Uint8Array[]): Uint8Array => {
  const body = concatBytes(...parts)
  return concatBytes(Uint8Array.of(0x30, body.length), body)
}
const minimal = (value: bigint): Uint8Array => {
  const hex = value.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return fromHex(/^[89a-f]/.test(even) ? `00${even}` : even)
}
const zero = Uint8Array.of(0)
const derOf = (first: bigint, second: bigint): Uint8Array => sequence(integer(minimal(first)), integer(minimal(second)))

/** Every way in which a signature's encoding has been bent in known attacks. */
const malleations: Readonly<Record<string, Uint8Array>> = {
  empty: new Uint8Array(0),
  'trailing byte': concatBytes(derOf(r, s), zero),
  'trailing byte inside': sequence(integer(minimal(r)), integer(minimal(s)), zero),
  'padded r': sequence(integer(concatBytes(zero, minimal(r))), integer(minimal(s))),
  'padded s': sequence(integer(minimal(r)), integer(concatBytes(zero, minimal(s)))),
  'long-form length': concatBytes(Uint8Array.of(0x30, 0x81, derOf(r, s).length - 2), derOf(r, s).subarray(2)),
  'indefinite length': concatBytes(Uint8Array.of(0x30, 0x80), derOf(r, s).subarray(2), zero, zero),
  'length too long': derOf(r, s).with(1, derOf(r, s).length - 1),
  'length too short': derOf(r, s).with(1, derOf(r, s).length - 3),
  'negative r': sequence(integer(Uint8Array.of(0xff)), integer(minimal(s))),
  'empty r': sequence(integer(new Uint8Array(0)), integer(minimal(s))),
  'r is zero': derOf(0n, s),
  's is zero': derOf(r, 0n),
  'r is n': derOf(order, s),
  's is n': derOf(r, order),
  'r plus n': derOf(r + order, s),
  's plus n': derOf(r, s + order),
  'one integer': sequence(integer(minimal(r))),
  'three integers': sequence(integer(minimal(r)), integer(minimal(s)), integer(minimal(1n))),
  'octet strings': sequence(Uint8Array.of(4, 1, 1), Uint8Array.of(4, 1, 1)),
  'a set': derOf(r, s).with(0, 0x31),
  'r and s swapped': derOf(s, r),
  'compact r is zero': concatBytes(to32(0n), to32(s)),
  'compact s is zero': concatBytes(to32(r), to32(0n)),
  'compact s is n': concatBytes(to32(r), to32(order)),
  'compact all ones': new Uint8Array(64).fill(0xff),
  'compact short by one': good.subarray(1),
  'compact long by one': concatBytes(good, zero),
  'with recovery byte': concatBytes(Uint8Array.of(27), good),
}

test('bent encodings are refused, by OpenSSL too', () => {
  const key = nodeKey(signer.publicKey)
  for (const [name, signature] of Object.entries(malleations)) {
    assert.equal(opensslAccepts(key, message, signature), false, name)
    assert.equal(verifyEcdsa(signer.publicKey, message, signature).ok, false, name)
  }
  // The bending functions themselves are right: unbent, they give a good signature.
  assert.ok(verifyEcdsa(signer.publicKey, message, derOf(r, s)).ok)
})

test('a signature has one DER form: whatever decodes and is no r‖s encodes back to itself or its low-s twin', () => {
  const small = fc.bigInt({ min: 0n, max: 300n })
  const wide = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
  const number = fc.oneof(small, wide, fc.constantFrom(order, order - 1n, order / 2n, order / 2n + 1n))
  fc.assert(
    fc.property(number, number, (first, second) => {
      const der = derOf(first, second)
      fc.pre(der.length !== 64)
      const decoded = decodeEcdsaSignature(der)
      const isInRange = first > 0n && first < order && second > 0n && second < order
      assert.equal(decoded.ok, isInRange)
      if (!decoded.ok) return
      assert.equal(decoded.hadHighS, second > order / 2n)
      assert.deepEqual(encodeEcdsaDer(decoded.compact), derOf(first, decoded.hadHighS ? order - second : second))
    }),
    { numRuns: 1_000 },
  )
})

test('mutated signatures: ours, ours over OpenSSL, and OpenSSL alone give one answer', () => {
  const key = nodeKey(signer.publicKey)
  const der = derOf(r, s)
  const start = fc.constantFrom(der, good, concatBytes(good.subarray(0, 32), to32(order - s)), derOf(r, order - s))
  const edit = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      at: fc.nat(72),
      byte: fc.constantFrom(0, 1, 2, 0x20, 0x21, 0x30, 0x7f, 0x80, 0xff),
    }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(8), byte: fc.constantFrom(0, 1, 0x81) }),
    fc.record({ kind: fc.constant('drop' as const), at: fc.nat(72), byte: fc.constant(0) }),
    fc.record({ kind: fc.constant('none' as const), at: fc.constant(0), byte: fc.constant(0) }),
  )
  let accepted = 0
  fc.assert(
    fc.property(start, fc.array(edit, { minLength: 1, maxLength: 2 }), (original, edits) => {
      const bytes = [...original]
      for (const { kind, at, byte } of edits) {
        if (kind === 'set' && at < bytes.length) bytes[at] = byte
        if (kind === 'insert') bytes.splice(at, 0, byte)
        if (kind === 'drop') bytes.splice(at, 1)
      }
      const signature = Uint8Array.from(bytes)
      const expected = opensslAccepts(key, message, signature)
      assert.equal(verifyEcdsa(signer.publicKey, message, signature, native).ok, expected)
      assert.equal(verifyEcdsa(signer.publicKey, message, signature).ok, expected)
      if (expected) accepted++
    }),
    { numRuns: 400 },
  )
  assert.ok(accepted > 0)
})

test('an accelerator decides the equation only: it never sees what the rule refuses, and a throw is a refusal', () => {
  const agreeable: Acceleration = { verifyEcdsa: () => true }
  for (const [name, signature] of Object.entries(malleations)) {
    if (name === 'r and s swapped') continue
    assert.equal(verifyEcdsa(signer.publicKey, message, signature, agreeable).ok, false, name)
  }
  let seen: Uint8Array | undefined
  verifyEcdsa(signer.publicKey, message, derOf(r, order - s), {
    verifyEcdsa: (_key, _message, signature) => {
      seen = signature
      return true
    },
  })
  assert.deepEqual(seen, good)
  const failing: Acceleration = {
    verifyEcdsa: () => {
      throw new Error('no such engine')
    },
  }
  assert.deepEqual(verifyEcdsa(signer.publicKey, message, good, failing), { ok: false, code: 'signature-mismatch' })
})

test('each refusal has its code', () => {
  const offCurve = Uint8Array.of(2, ...to32(5n))
  const codeOf = (key: Uint8Array, signature: Uint8Array, options: Acceleration = {}): string => {
    const check = verifyEcdsa(key, message, signature, options)
    return check.ok ? 'ok' : check.code
  }
  for (const options of [{}, native]) {
    assert.equal(codeOf(offCurve, good, options), 'public-key-invalid')
    assert.equal(codeOf(signer.publicKey.subarray(1), good, options), 'public-key-invalid')
    assert.equal(codeOf(secp256k1.getPublicKey(signer.secret, false), good, options), 'public-key-invalid')
    assert.equal(codeOf(signer.publicKey.with(0, 4), good, options), 'public-key-invalid')
    assert.equal(codeOf(pairOf('another').publicKey, good, options), 'signature-mismatch')
    assert.equal(codeOf(signer.publicKey, new Uint8Array(64), options), 'signature-out-of-range')
    assert.equal(codeOf(signer.publicKey, new Uint8Array(10), options), 'signature-malformed')
  }
  assert.equal(isCompressedKey(offCurve), false)
})

test('secrets out of range make no key and sign nothing; the pair keeps its own copy', () => {
  for (const secret of [to32(0n), to32(order), new Uint8Array(32).fill(0xff), new Uint8Array(31), new Uint8Array(33)]) {
    assert.equal(secp256k1KeyPair(secret), undefined)
    assert.throws(() => signEcdsa(secret, message), RangeError)
  }
  const random = to32(7n)
  const pair = secp256k1KeyPair(random)
  random.fill(0)
  assert.deepEqual(pair?.secret, to32(7n))
  assert.throws(() => encodeEcdsaDer(new Uint8Array(63)), RangeError)
})
