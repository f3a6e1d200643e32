import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../bytes/base64.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/utf8.ts'
import { ed25519PublicKey, signEd25519 } from '../crypto/ed25519.ts'
import { sha256, sha256Hex } from '../crypto/sha256.ts'
import { asCommitId, asInstant, asLogIndex, asSha256 } from '../ids.ts'
import { noteVerifierKey } from '../log/verifier-key.ts'
import { issuedEnvelope, issuedPae, issuedPayload, type IssuedStatement, openIssued } from './issued-statement.ts'
import { checkSourceSummary, sourceSummary } from './source-summary.ts'

const origin = 'gov.example.org/decisions'
const seed = sha256(encodeUtf8('log seed'))
const key = noteVerifierKey(origin, ed25519PublicKey(seed))
const digestOf = (text: string) => asSha256(sha256Hex(encodeUtf8(text)))
const commit = asCommitId('a'.repeat(40))
const repositoryUri = 'https://github.com/acme/sdk'
const summary = sourceSummary({
  origin,
  repositoryUri,
  ref: 'main',
  commit,
  landedAt: asInstant(Date.UTC(2026, 10, 24)),
  landing: asLogIndex(14),
  verdict: { entry: asLogIndex(12), digest: digestOf('verdict') },
  policy: { epoch: 1, digest: digestOf('policy') },
  layer: '5',
  tiers: ['1', 'security-critical'],
  approvers: 3,
  approvals: [{ entry: asLogIndex(6), payload: digestOf('bob') }],
})
const signed = (statement: IssuedStatement, secret = seed): Uint8Array => {
  const payload = issuedPayload(statement)
  return issuedEnvelope(payload, signEd25519(secret, issuedPae(payload)), key)
}
const envelope = signed(summary)
const codeOf = (bytes: Uint8Array): string => {
  const opened = openIssued(bytes, [key])
  return opened.ok ? 'ok' : opened.code
}

test('a summary states the levels of the organisation, names every approval, and any DSSE verifier can check it', () => {
  const opened = openIssued(envelope, [key])
  assert.ok(opened.ok)
  assert.deepEqual(opened.statement, summary)
  assert.deepEqual(summary.predicate.verifiedLevels, [
    'ORG_SOURCE_GOVERNED',
    'ORG_SOURCE_LAYER_5',
    'ORG_SOURCE_TIER_1',
    'ORG_SOURCE_TIER_SECURITY_CRITICAL',
    'ORG_SOURCE_APPROVERS_3',
  ])
  const { payload, payloadType, signatures } = JSON.parse(decodeUtf8(envelope) ?? '') as {
    payload: string
    payloadType: string
    signatures: { sig: string }[]
  }
  const body = Buffer.from(payload, 'base64')
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body])
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey])
  const node = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  assert.ok(verify(null, pae, node, Buffer.from(signatures[0]?.sig ?? '', 'base64')))
})

test('an envelope of another key, other bytes or another form is refused with its own code', () => {
  assert.equal(codeOf(envelope), 'ok')
  assert.equal(codeOf(signed(summary, sha256(encodeUtf8('other seed')))), 'issued-not-signed-by-log')
  const parsed = JSON.parse(decodeUtf8(envelope) ?? '') as Record<string, unknown> & { signatures: object[] }
  const changed = (part: Record<string, unknown>): string => codeOf(canonicalBytes({ ...parsed, ...part } as never))
  assert.equal(codeOf(encodeUtf8(`${decodeUtf8(envelope)} `)), 'issued-not-canonical')
  assert.equal(codeOf(envelope.subarray(1)), 'issued-not-json')
  assert.equal(changed({ more: 1 }), 'issued-malformed')
  assert.equal(changed({ payloadType: 'text/plain' }), 'issued-malformed')
  assert.equal(changed({ signatures: [...parsed.signatures, ...parsed.signatures] }), 'issued-malformed')
  const payload = (value: unknown): string => encodeBase64(encodeUtf8(JSON.stringify(value)))
  assert.equal(changed({ payload: payload({ b: 1, a: 2 }) }), 'issued-not-canonical')
  assert.equal(changed({ payload: payload({ _type: 'x' }) }), 'issued-wrong-type')
  assert.equal(changed({ payload: payload({ _type: 'https://in-toto.io/Statement/v1' }) }), 'issued-malformed')
  const other = { ...summary, predicate: { ...summary.predicate, verifiedLevels: [] } }
  assert.equal(changed({ payload: encodeBase64(issuedPayload(other)) }), 'issued-not-signed-by-log')
})

test('a summary of another verifier, repository, commit or level than was asked for is refused', () => {
  const asked = { origin, repositoryUri, commit, levels: ['ORG_SOURCE_LAYER_5'] }
  const check = (expected: Partial<typeof asked>, statement = summary): string => {
    const checked = checkSourceSummary(statement, { ...asked, ...expected })
    return checked.ok ? 'ok' : checked.code
  }
  assert.equal(check({}), 'ok')
  assert.equal(check({ origin: 'else.example.org/log' }), 'summary-other-verifier')
  assert.equal(check({ repositoryUri: 'https://github.com/acme/sdk-fork' }), 'summary-other-repository')
  assert.equal(check({ commit: asCommitId('b'.repeat(40)) }), 'summary-other-commit')
  assert.equal(check({ levels: ['ORG_SOURCE_APPROVERS_4'] }), 'summary-level-missing')
  const failed = { ...summary, predicate: { ...summary.predicate, verificationResult: 'FAILED' } }
  assert.equal(check({}, failed), 'summary-not-passed')
  assert.equal(check({}, { ...summary, predicateType: 'https://slsa.dev/provenance/v1' }), 'summary-wrong-type')
  assert.equal(check({}, { ...summary, subject: [] }), 'summary-malformed')
})
