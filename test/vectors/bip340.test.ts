import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeHex, encodeHex } from '../../src/core/bytes/hex.ts'
import { bip340PublicKey, signBip340, verifyBip340 } from '../../src/core/crypto/bip340.ts'
import { sharedVector } from './shared-vectors.ts'

const { url, skip } = sharedVector('bip340/test-vectors.csv')
const bytesOf = (hex: string): Uint8Array => decodeHex(hex.toLowerCase()) as Uint8Array

/** The reason that each refused vector must give. */
const refusals: Readonly<Record<string, string>> = {
  5: 'public-key-invalid',
  6: 'signature-mismatch',
  7: 'signature-mismatch',
  8: 'signature-mismatch',
  9: 'signature-mismatch',
  10: 'signature-mismatch',
  11: 'signature-mismatch',
  12: 'signature-out-of-range',
  13: 'signature-out-of-range',
  14: 'public-key-invalid',
}

test('BIP-340: every published vector, signing where a secret is given', { skip }, () => {
  const rows = readFileSync(url, 'utf8').trim().split(/\r?\n/).slice(1)
  let signed = 0
  for (const row of rows) {
    const [index, secret, key, auxiliary, message, signature, result] = row.split(',')
    const text = bytesOf(message as string)
    const check = verifyBip340(bytesOf(key as string), text, bytesOf(signature as string))
    if (result === 'TRUE') assert.deepEqual(check, { ok: true }, `vector ${index}`)
    else assert.deepEqual(check, { ok: false, code: refusals[index as string] }, `vector ${index}`)
    if (!secret) continue
    signed++
    assert.equal(encodeHex(bip340PublicKey(bytesOf(secret))), key?.toLowerCase())
    assert.equal(encodeHex(signBip340(bytesOf(secret), text, bytesOf(auxiliary as string))), signature?.toLowerCase())
  }
  assert.equal(rows.length, 19)
  assert.equal(signed, 8)
})
