import assert from 'node:assert/strict'
import { createPublicKey, verify as nodeVerify } from 'node:crypto'
import { test } from 'node:test'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { concatBytes } from '../bytes/byte-array.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, isEd25519PublicKey, signEd25519, verifyEd25519 } from './ed25519.ts'
import { sha256 } from './sha256.ts'

const Point = ed25519.Point
const order = Point.Fn.ORDER
const fieldPrime = 2n ** 255n - 19n
const fromHex = (hex: string): Uint8Array => decodeHex(hex) as Uint8Array
const seed = sha256(encodeUtf8('ed25519 seed'))
const publicKey = ed25519PublicKey(seed)
const message = encodeUtf8('a message')
const signature = signEd25519(seed, message)

function little(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0, rest = value; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n)
  return bytes
}
const fromLittle = (bytes: Uint8Array): bigint => BigInt(`0x${encodeHex(bytes.slice().reverse())}`)

const nodeAccepts = (key: Uint8Array, text: Uint8Array, bytes: Uint8Array): boolean => {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key])
  return nodeVerify(null, text, createPublicKey({ key: spki, format: 'der', type: 'spki' }), bytes)
}

/** The eight points of small order: multiples of one of order eight. */
const torsion = (() => {
  let base = Point.ZERO
  for (let y = 2n; y < 200n && (base.is0() || base.multiplyUnsafe(4n).is0()); y++) {
    try {
      const point = Point.fromBytes(little(y), false)
      base = point.multiplyUnsafe(order - 1n).add(point)
    } catch {
      // No point has this y.
    }
  }
  return Array.from({ length: 8 }, (_, i) => (i === 0 ? Point.ZERO : base.multiplyUnsafe(BigInt(i))))
})()
const codeOf = (key: Uint8Array, text: Uint8Array, bytes: Uint8Array): string => {
  const check = verifyEd25519(key, text, bytes)
  return check.ok ? 'ok' : check.code
}

/** Signs as the scalar that it is, with a public key and a commitment of the caller's making. */
function signRaw(secret: bigint, nonce: bigint, key: Uint8Array, commitment: Uint8Array, text: Uint8Array): Uint8Array {
  const challenge = fromLittle(sha512(concatBytes(commitment, key, text))) % order
  return concatBytes(commitment, little((nonce + challenge * secret) % order))
}

test('RFC 8032 test 1 and 2 sign and verify', () => {
  const vectors = [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ] as const
  for (const [secret, key, text, expected] of vectors) {
    assert.equal(encodeHex(ed25519PublicKey(fromHex(secret))), key)
    assert.equal(encodeHex(signEd25519(fromHex(secret), fromHex(text))), expected)
    assert.equal(codeOf(fromHex(key), fromHex(text), fromHex(expected)), 'ok')
  }
})

test('honest signatures verify here and in OpenSSL; changed ones in neither', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.nat(511),
      (secret, text, bit) => {
        const key = ed25519PublicKey(secret)
        const signed = signEd25519(secret, text)
        assert.ok(verifyEd25519(key, text, signed).ok && nodeAccepts(key, text, signed))
        const changed = signed.with(bit >> 3, (signed[bit >> 3] as number) ^ (1 << (bit & 7)))
        assert.ok(!verifyEd25519(key, text, changed).ok && !nodeAccepts(key, text, changed))
      },
    ),
    { numRuns: 40 },
  )
})

test('the test has found all eight points of small order', () => {
  assert.equal(new Set(torsion.map((point) => encodeHex(point.toBytes()))).size, 8)
  for (const point of torsion) assert.ok(point.multiplyUnsafe(8n).is0())
})

test('a public key of small order is refused, though a signature "verifies" under it', () => {
  for (const point of torsion) {
    const key = point.toBytes()
    assert.equal(isEd25519PublicKey(key), false)
    assert.equal(codeOf(key, message, signature), 'public-key-small-order')
  }
  // Under the identity as key, R = S·B verifies every message, and a ZIP-215 verifier accepts it.
  const forged = concatBytes(Point.BASE.toBytes(), little(1n))
  assert.equal(ed25519.verify(forged, message, Point.ZERO.toBytes(), { zip215: true }), true)
  assert.equal(codeOf(Point.ZERO.toBytes(), message, forged), 'public-key-small-order')
})

test('a public key with a torsion part is refused where OpenSSL accepts it', () => {
  const secret = 123_456_789n
  const mixed = Point.BASE.multiply(secret)
    .add(torsion[1] as typeof Point.BASE)
    .toBytes()
  assert.equal(isEd25519PublicKey(mixed), false)
  const commitment = Point.BASE.multiply(987_654_321n).toBytes()
  let foundAccepted = false
  for (let i = 0; i < 64 && !foundAccepted; i++) {
    const text = encodeUtf8(`message ${i}`)
    const crafted = signRaw(secret, 987_654_321n, mixed, commitment, text)
    foundAccepted = nodeAccepts(mixed, text, crafted)
    assert.equal(codeOf(mixed, text, crafted), 'public-key-torsion')
  }
  assert.ok(foundAccepted)
})

test('a commitment with a torsion part or of small order is refused where the cofactored equation accepts it', () => {
  const secret = 42n
  const key = Point.BASE.multiply(secret).toBytes()
  const mixed = Point.BASE.multiply(77n)
    .add(torsion[1] as typeof Point.BASE)
    .toBytes()
  const crafted = signRaw(secret, 77n, key, mixed, message)
  assert.equal(ed25519.verify(crafted, message, key, { zip215: true }), true)
  assert.equal(codeOf(key, message, crafted), 'signature-torsion')
  for (const point of torsion) {
    const small = signRaw(secret, 0n, key, point.toBytes(), message)
    assert.equal(ed25519.verify(small, message, key, { zip215: true }), true)
    assert.equal(codeOf(key, message, small), 'signature-small-order')
  }
})

test('encodings that are not canonical are refused for key and commitment', () => {
  let seen = 0
  for (let y = 0n; y < 19n; y++) {
    for (const sign of [0, 0x80]) {
      const loose = little(fieldPrime + y)
      loose[31] = (loose[31] as number) | sign
      assert.equal(codeOf(loose, message, signature), 'public-key-invalid')
      assert.equal(codeOf(publicKey, message, concatBytes(loose, signature.subarray(32))), 'signature-malformed')
      seen++
    }
  }
  assert.equal(seen, 38)
  // x = 0 has no negative: the sign bit on y = 1 and y = −1 is a second encoding.
  for (const y of [1n, fieldPrime - 1n]) {
    const negativeZero = little(y)
    negativeZero[31] = (negativeZero[31] as number) | 0x80
    assert.equal(codeOf(negativeZero, message, signature), 'public-key-invalid')
  }
})

test('S plus the group order is refused: a signature has one form', () => {
  const scalar = fromLittle(signature.subarray(32))
  for (let times = 1n; scalar + times * order < 2n ** 256n; times++) {
    const malleated = concatBytes(signature.subarray(0, 32), little(scalar + times * order))
    assert.equal(codeOf(publicKey, message, malleated), 'signature-out-of-range')
  }
  assert.equal(
    codeOf(publicKey, message, concatBytes(signature.subarray(0, 32), little(order))),
    'signature-out-of-range',
  )
})

test('wrong lengths, keys and messages have their codes', () => {
  assert.equal(codeOf(publicKey, message, signature), 'ok')
  assert.equal(codeOf(publicKey, encodeUtf8('another'), signature), 'signature-mismatch')
  assert.equal(codeOf(ed25519PublicKey(sha256(seed)), message, signature), 'signature-mismatch')
  assert.equal(codeOf(publicKey.subarray(1), message, signature), 'public-key-invalid')
  assert.equal(codeOf(publicKey, message, signature.subarray(1)), 'signature-malformed')
  assert.throws(() => signEd25519(seed.subarray(1), message), RangeError)
  assert.throws(() => ed25519PublicKey(new Uint8Array(33)), RangeError)
})
