import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { signBip340Approval, verifyBip340, verifyBip340Approval } from './bip340.ts'
import { secp256k1KeyPair, signEcdsa } from './ecdsa.ts'
import { keyIdOf, parsePublicKey } from './public-key.ts'
import { sha256, sha256Hex, taggedHash } from './sha256.ts'
import { isSignatureScheme, signatureSchemes, verifySignature } from './signature-schemes.ts'

const secretOf = (label: string): Uint8Array => sha256(encodeUtf8(label))
const to32 = (value: bigint): Uint8Array => decodeHex(value.toString(16).padStart(64, '0')) as Uint8Array
const codeOf = (text: string, scheme: (typeof signatureSchemes)[number] = 'ecdsa-secp256k1-v1'): string => {
  const parsed = parsePublicKey(text, scheme)
  return parsed.ok ? 'ok' : parsed.code
}

test('SHA-256 agrees with OpenSSL', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(sha256Hex(bytes), createHash('sha256').update(bytes).digest('hex'))
    }),
  )
})

test('one key written in every accepted way has one form and one id', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (secret) => {
      const pair = secp256k1KeyPair(secret)
      fc.pre(pair !== undefined)
      const compressed = encodeHex(pair.publicKey)
      const uncompressed = encodeHex(secp256k1.getPublicKey(secret, false))
      const expected = { ok: true, compressedHex: compressed, keyid: keyIdOf(pair.publicKey) }
      const written = [
        compressed,
        compressed.toUpperCase(),
        `0x${compressed}`,
        uncompressed,
        `0x${uncompressed}`,
        ` ${compressed}\n`,
      ]
      for (const text of written) assert.deepEqual(parsePublicKey(text), expected)
      const xOnly = compressed.slice(2)
      const even = { ok: true, compressedHex: `02${xOnly}`, keyid: keyIdOf(decodeHex(`02${xOnly}`) as Uint8Array) }
      for (const text of [...written, xOnly, `0x${xOnly}`]) assert.deepEqual(parsePublicKey(text, 'bip340-v1'), even)
    }),
    { numRuns: 20 },
  )
})

test('T20 placeholders are refused by name', () => {
  const placeholders = [
    '0x02[PLACEHOLDER_64_CHAR_HEX]',
    '0x03[PLACEHOLDER_64_CHAR_HEX]',
    '0x04[PLACEHOLDER_64_CHAR_HEX]',
    'TODO',
    'your-key-here',
    'REPLACE_ME',
    '<public key>',
    '02...',
    `02${'1'.repeat(64)}`,
    `0x03${'f'.repeat(64)}`,
    'a'.repeat(66),
  ]
  for (const text of placeholders) assert.equal(codeOf(text), 'placeholder-key', text)
})

test('T20 keys whose secret everybody knows are refused by name, in every form', () => {
  const order = secp256k1.Point.Fn.ORDER
  for (let k = 1n; k <= 256n; k++) {
    for (const secret of [k, order - k]) {
      assert.equal(codeOf(encodeHex(secp256k1.getPublicKey(to32(secret), true))), 'published-test-key')
    }
  }
  assert.equal(codeOf(encodeHex(secp256k1.getPublicKey(to32(2n), false))), 'published-test-key')
  assert.equal(codeOf(encodeHex(schnorr.getPublicKey(to32(2n))), 'bip340-v1'), 'published-test-key')
  for (const prefix of ['02', '03']) {
    assert.equal(
      codeOf(`${prefix}35573cdcac8f622dddc6a6799050d3739b016f389b0c74f954e27c9d07797363`),
      'published-test-key',
    )
    assert.equal(
      codeOf(`${prefix}46160a24e2be28933de6dc1fedeab2e52aa21c5208b3f88c16e2f607568d40b4`),
      'published-test-key',
    )
  }
})

const folder = new URL('../../../../shared/vectors/btcdecoded-governance/config/maintainers/', import.meta.url)
const absent = existsSync(folder) ? false : 'vectors absent: ../shared/vectors'

test('T20 every key of the public sample registry is refused by name', { skip: absent }, () => {
  let count = 0
  for (const file of ['layer-1-2.yml', 'layer-3.yml', 'layer-4.yml', 'emergency.yml']) {
    for (const [, text] of readFileSync(new URL(file, folder), 'utf8').matchAll(/public_key:\s*(\S+)/g)) {
      const code = codeOf(text as string)
      assert.ok(code === 'placeholder-key' || code === 'published-test-key', `${file}: ${text} is ${code}`)
      count++
    }
  }
  assert.equal(count, 24)
})

test('what is no key at all is refused by name', () => {
  const key = encodeHex((secp256k1KeyPair(secretOf('key')) as { publicKey: Uint8Array }).publicKey)
  const uncompressed = encodeHex(secp256k1.getPublicKey(secretOf('key'), false))
  assert.equal(codeOf(''), 'malformed-key')
  assert.equal(codeOf('0x'), 'malformed-key')
  assert.equal(codeOf('ssh-ed25519 AAAAC3'), 'malformed-key')
  assert.equal(codeOf(key.slice(1)), 'malformed-key')
  assert.equal(codeOf(`0x0x${key}`), 'malformed-key')
  assert.equal(codeOf(`04${key.slice(2)}`), 'malformed-key')
  assert.equal(codeOf(`06${uncompressed.slice(2)}`), 'malformed-key')
  assert.equal(codeOf(`07${uncompressed.slice(2)}`), 'malformed-key')
  assert.equal(codeOf(key.slice(2)), 'x-only-key')
  assert.equal(codeOf('00'), 'infinity')
  assert.equal(codeOf('00'.repeat(33)), 'infinity')
  assert.equal(codeOf('00'.repeat(65)), 'infinity')
  assert.equal(codeOf(`02${encodeHex(to32(5n))}`), 'not-on-curve')
  assert.equal(codeOf(encodeHex(to32(5n)), 'bip340-v1'), 'not-on-curve')
  const bent = uncompressed.slice(0, -2) + (uncompressed.endsWith('00') ? '01' : '00')
  assert.equal(codeOf(bent), 'not-on-curve')
  // A coordinate of p or more is a second name for a smaller one.
  assert.equal(codeOf(`02${(2n ** 256n - 1n - 100n).toString(16)}`), 'not-on-curve')
})

test('bip340-v1 signs the tagged hash: a plain BIP-340 signature of the message is no approval', () => {
  const secret = secretOf('bip340')
  const key = schnorr.getPublicKey(secret)
  const message = encodeUtf8('approve')
  const auxiliary = new Uint8Array(32)
  const signature = signBip340Approval(secret, message, auxiliary)
  assert.deepEqual(verifyBip340Approval(key, message, signature), { ok: true })
  assert.deepEqual(verifyBip340(key, message, signature), { ok: false, code: 'signature-mismatch' })
  assert.deepEqual(verifyBip340(key, taggedHash('governance-app/approval/v1', message), signature), { ok: true })
  const tag = createHash('sha256').update('governance-app/approval/v1').digest()
  const expected = createHash('sha256').update(tag).update(tag).update(message).digest('hex')
  assert.equal(encodeHex(taggedHash('governance-app/approval/v1', message)), expected)
})

test('the scheme table verifies each scheme with the key form of the registry, and an unknown scheme is refused', () => {
  const secret = secretOf('both')
  const { publicKey } = secp256k1KeyPair(secret) as { publicKey: Uint8Array }
  const message = encodeUtf8('payload')
  const der = signEcdsa(secret, message)
  const schnorrSignature = signBip340Approval(secret, message, new Uint8Array(32))
  const even = publicKey.with(0, 2)
  assert.deepEqual(verifySignature('ecdsa-secp256k1-v1', publicKey, message, der), { ok: true })
  assert.deepEqual(verifySignature('bip340-v1', even, message, schnorrSignature), { ok: true })
  const refusedAs = (code: string) => ({ ok: false, code })
  assert.deepEqual(verifySignature('bip340-v1', even, message, der), refusedAs('signature-malformed'))
  assert.deepEqual(
    verifySignature('bip340-v1', even.with(0, 3), message, schnorrSignature),
    refusedAs('public-key-invalid'),
  )
  assert.deepEqual(
    verifySignature('bip340-v1', even.subarray(1), message, schnorrSignature),
    refusedAs('public-key-invalid'),
  )
  assert.equal(verifySignature('ecdsa-secp256k1-v1', publicKey, message, schnorrSignature).ok, false)
  for (const scheme of ['', 'none', 'ecdsa', 'sshsig-v1', 'toString', '__proto__', 'ECDSA-SECP256K1-V1']) {
    assert.equal(isSignatureScheme(scheme), false)
    assert.deepEqual(verifySignature(scheme, publicKey, message, der), refusedAs('unknown-scheme'))
  }
})
