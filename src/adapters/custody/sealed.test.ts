import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { seal, unseal } from './sealed.ts'

const key = createSecretKey(randomBytes(32))
const tampered = (fault: unknown) => (fault as { data?: { reason?: unknown } }).data?.reason === 'entry-tampered'

test('what is sealed opens in its own place only', () => {
  const place = ['keystore', 'id', 'log', 'secret', 3]
  const sealed = seal(key, place, Buffer.from('bytes'))
  assert.equal(unseal(key, place, sealed).toString(), 'bytes')
  for (const [position, other] of ['other', 'di', 'hook', 'ed25519', 4].entries())
    assert.throws(() => unseal(key, place.with(position, other), sealed), tampered, `position ${position}`)
  assert.throws(() => unseal(createSecretKey(randomBytes(32)), place, sealed), tampered)
})

test('every changed bit, every truncation and every shortened tag is refused', () => {
  const sealed = seal(key, ['p'], Buffer.from('bytes'))
  const box = Buffer.from(sealed.box, 'base64')
  for (let bit = 0; bit < box.length * 8; bit++) {
    const flipped = Buffer.from(box)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => unseal(key, ['p'], { ...sealed, box: flipped.toString('base64') }), tampered)
  }
  for (let length = 0; length < box.length; length++)
    assert.throws(() => unseal(key, ['p'], { ...sealed, box: box.subarray(0, length).toString('base64') }), tampered)
  assert.throws(() => unseal(key, ['p'], { ...sealed, nonce: '' }), tampered)
})

test('no nonce is used twice', () => {
  const nonces = new Set(Array.from({ length: 500 }, () => seal(key, ['p'], Buffer.from('same')).nonce))
  assert.equal(nonces.size, 500)
})
