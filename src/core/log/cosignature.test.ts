import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey } from '../crypto/ed25519.ts'
import { sha256 } from '../crypto/sha256.ts'
import { formatCheckpointBody, signCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { compareCheckpoints } from './compare-checkpoints.ts'
import {
  cosignatureMessage,
  cosignCheckpoint,
  formatCosignature,
  formatWitnessKey,
  parseWitnessKey,
  verifyCosignatures,
  witnessKey,
} from './cosignature.ts'
import { noteVerifierKey, parseVerifierKey } from './verifier-key.ts'

const seedOf = (text: string): Uint8Array => sha256(encodeUtf8(text))
const origin = 'gov.example.org/decisions'
const checkpoint = { origin, size: 42, root: seedOf('root') }
const note = signCheckpoint(checkpoint, seedOf('log'))
const body = formatCheckpointBody(checkpoint)
const name = 'witness.example.net/w1'
const key = witnessKey(name, ed25519PublicKey(seedOf('w1')))
const time = 1_700_000_000
const cosigned = note + cosignCheckpoint(body, name, seedOf('w1'), time)
const codeOf = (text: string | Uint8Array): string => {
  const check = verifyCosignatures(text, [key])
  return check.ok ? (check.cosignatures.length === 1 ? 'ok' : 'none') : check.code
}

test('a cosignature verifies, and the log still does under its own key', () => {
  const check = verifyCosignatures(cosigned, [key])
  assert.deepEqual(check, { ok: true, text: body, cosignatures: [{ key, time }] })
  const logKey = noteVerifierKey(origin, ed25519PublicKey(seedOf('log')))
  const verified = verifyCheckpoint(cosigned, origin, [logKey])
  assert.deepEqual(verified.ok && verified.unknown.length, 1)
})

test('the signed message is the example of the specification with its two lines before the body', () => {
  const message = cosignatureMessage('example.com/behind-the-sofa\n20852163\nroot\n', 1_679_315_147)
  assert.deepEqual(
    message,
    encodeUtf8('cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nroot\n'),
  )
})

test('keys of logs and of witnesses are never taken for each other, though the point is the same', () => {
  const logLine = `${name}+00000000+AQ==`
  assert.equal(parseWitnessKey(logLine), undefined)
  const line = formatWitnessKey(key)
  assert.deepEqual(parseWitnessKey(line), key)
  assert.equal(parseVerifierKey(line), undefined)
  assert.notEqual(key.keyId, noteVerifierKey(name, key.publicKey).keyId)
})

test('T40 one flipped bit anywhere in a cosigned head never leaves the cosignature valid over it', () => {
  const bytes = encodeUtf8(cosigned)
  const lineStart = bytes.length - encodeUtf8(cosignCheckpoint(body, name, seedOf('w1'), time)).length
  for (let at = 0; at < bytes.length; at += 1) {
    // The line of the log is not what the witness signed.
    if (at >= encodeUtf8(body).length + 1 && at < lineStart) continue
    for (const bit of [1, 16]) assert.notEqual(codeOf(bytes.with(at, (bytes[at] as number) ^ bit)), 'ok', `byte ${at}`)
  }
})

test('whatever is signed at whatever time reads back to that witness and time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.nat(), (at, size) => {
      const text = formatCheckpointBody({ ...checkpoint, size })
      const check = verifyCosignatures(`${text}\n${cosignCheckpoint(text, name, seedOf('w1'), at)}`, [key])
      assert.deepEqual(check.ok && check.cosignatures, [{ key, time: at }])
    }),
    { numRuns: 30 },
  )
})

test('times and signatures that cannot stand in a cosignature are mistakes of the caller', () => {
  assert.throws(() => formatCosignature(key, 1.5, new Uint8Array(64)), RangeError)
  assert.throws(() => formatCosignature(key, 1, new Uint8Array(63)), RangeError)
  assert.throws(() => cosignatureMessage('no newline', 1), RangeError)
})

test('T41 two watchers that compare what they were shown see a split view, and a rollback, without the log', () => {
  const other = { ...checkpoint, root: seedOf('another root') }
  assert.equal(compareCheckpoints(checkpoint, { ...checkpoint }), 'same')
  assert.equal(compareCheckpoints(checkpoint, other), 'split-view')
  assert.equal(compareCheckpoints(checkpoint, { ...other, size: 43 }), 'larger')
  assert.equal(compareCheckpoints(checkpoint, { ...other, size: 41 }), 'smaller')
  assert.equal(compareCheckpoints(checkpoint, { ...checkpoint, origin: 'other.example.org/log' }), 'other-log')
})
