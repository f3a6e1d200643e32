import assert from 'node:assert/strict'
import { test } from 'node:test'
import { account, commit, keyOf, sign } from '../../../test/fakes/governed-change.ts'
import { baseStatement } from '../../../test/vectors/approval-cases.ts'
import { asRepositoryId } from '../ids.ts'
import { buildEnvelope, parseEnvelope } from './envelope.ts'
import { nonceFor } from './nonce.ts'

const signed = sign(baseStatement('approve'), 'm1')
const bytes = buildEnvelope(signed.payload, signed.signature, keyOf('m1').keyid)
const json = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown> & { signatures: object[] }
const codeOf = (value: unknown): string => {
  const parsed = parseEnvelope(Buffer.from(JSON.stringify(value)))
  return parsed.ok ? 'ok' : parsed.code
}

test('an envelope is read back, in either base64 alphabet', () => {
  const parsed = parseEnvelope(bytes)
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.envelope, { ...signed, keyid: keyOf('m1').keyid })
  const urlSafe = Buffer.from(signed.payload).toString('base64url')
  assert.equal(codeOf({ ...json, payload: urlSafe }), 'ok')
})

test('anything but one signature over an in-toto payload is refused', () => {
  assert.equal(codeOf({ ...json, signatures: [] }), 'not-one-signature')
  assert.equal(codeOf({ ...json, signatures: [json.signatures[0], json.signatures[0]] }), 'not-one-signature')
  assert.equal(codeOf({ ...json, payloadType: 'application/json' }), 'wrong-payload-type')
  assert.equal(codeOf({ ...json, extra: 1 }), 'unknown-field')
  assert.equal(codeOf({ ...json, payload: 'not base64' }), 'malformed-field')
  assert.equal(codeOf([]), 'malformed-field')
})

test('a nonce depends on its key and on every part of what it is for', () => {
  const subject = {
    repositoryId: asRepositoryId(42),
    number: 7,
    head: commit('head'),
    baseRef: 'main',
    signer: account('m1'),
    keyid: keyOf('m1').keyid,
    recordedVotes: 0,
  }
  const key = new Uint8Array(32).fill(1)
  const nonces = [
    nonceFor(key, subject),
    nonceFor(new Uint8Array(32).fill(2), subject),
    nonceFor(key, { ...subject, repositoryId: asRepositoryId(43) }),
    nonceFor(key, { ...subject, number: 8 }),
    nonceFor(key, { ...subject, head: commit('other') }),
    nonceFor(key, { ...subject, baseRef: 'lax' }),
    nonceFor(key, { ...subject, signer: account('m2') }),
    nonceFor(key, { ...subject, keyid: keyOf('m2').keyid }),
    nonceFor(key, { ...subject, recordedVotes: 1 }),
  ]
  assert.equal(new Set(nonces).size, nonces.length)
  assert.match(nonces[0] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(nonceFor(key, subject), nonces[0])
  assert.throws(() => nonceFor(new Uint8Array(16), subject), RangeError)
})
