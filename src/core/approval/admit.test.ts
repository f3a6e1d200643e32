import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  account,
  admitContext,
  commit,
  day,
  facts,
  file,
  keyOf,
  keyring,
  nodeAcceleration,
  policy,
  registry,
  registryKey,
  requirementFor,
  sign,
  statementOf,
} from '../../../test/fakes/governed-change.ts'
import { baseStatement, decisions } from '../../../test/vectors/approval-cases.ts'
import { signBip340Approval } from '../crypto/bip340.ts'
import { decodeEcdsaSignature, encodeEcdsaDer } from '../crypto/ecdsa-encoding.ts'
import { asInstant, asLogIndex, asRepositoryId, dayMs } from '../ids.ts'
import { applyRegistry } from '../keyring/registry.ts'
import { suspend } from '../keyring/suspension.ts'
import type { RegistryKey } from '../policy/policy-v1.ts'
import { type AdmitContext, admit } from './admit.ts'
import type { Statement } from './statement.ts'
import { buildStatement, statementPae } from './statement-bytes.ts'

interface AdmitVectors {
  readonly context: AdmitContext
  readonly cases: readonly {
    readonly decision: string
    readonly field: string
    readonly payload: string
    readonly signature: string
    readonly expectedNonce: string
    readonly expect: string
  }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/approval/admit.json', import.meta.url), 'utf8'),
) as AdmitVectors

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64url'))
const node = facts()

function codeOf(statement: Statement, changes: Partial<AdmitContext> = {}, key = 'm1'): string {
  const admission = admit(sign(statement, key), admitContext(node, statement, changes))
  return admission.ok ? 'ok' : admission.code
}
const approve = statementOf(node, 'm1', 'approve')

/** The keyring after a policy changed or added keys, at a log entry. */
const after = (keys: readonly RegistryKey[], entry: number, at = day(1)) =>
  applyRegistry(keyring, keys, asLogIndex(entry), at)
const withKey = (login: string, changes: Partial<RegistryKey>) =>
  registry.map((key) => (key.login === login ? { ...key, ...changes } : key))

test('each decision admits and refuses each changed field as the vectors say', () => {
  assert.equal(new Set(vectors.cases.map(({ decision }) => decision)).size, decisions.length)
  for (const { decision, field, payload, signature, expectedNonce, expect } of vectors.cases) {
    const admission = admit(
      { payload: bytes(payload), signature: bytes(signature) },
      {
        ...vectors.context,
        signedRequirement: null,
        expectedNonce,
        nonceUsed: false,
        isRecorded: false,
        acceleration: nodeAcceleration,
      },
    )
    assert.equal(admission.ok ? 'ok' : admission.code, expect, `${decision}: ${field}`)
  }
})

test('T12 an approval replayed on another number, repository, fork, deployment or base is refused', () => {
  const subject = admitContext(node, approve).subject
  assert.equal(codeOf(approve, { subject: { ...subject, number: 8 } }), 'wrong-number')
  assert.equal(codeOf(approve, { subject: { ...subject, repositoryId: asRepositoryId(43) } }), 'wrong-repository')
  assert.equal(codeOf(approve, { subject: { ...subject, baseRef: 'release' } }), 'wrong-base')
  assert.equal(codeOf(approve, { origin: 'staging.example.org/decisions' }), 'wrong-audience')
  assert.equal(codeOf(approve, { isRecorded: true, nonceUsed: true }), 'duplicate-statement')
  assert.equal(codeOf(approve, { nonceUsed: true }), 'nonce-used')
  assert.equal(codeOf(approve, { expectedNonce: '0'.repeat(32) }), 'unknown-nonce')
})

test('T12 an approval under a later, laxer policy is refused; under a stricter one it is admitted', () => {
  const requirement = requirementFor(node)
  const [quorum] = requirement.quorums
  assert.ok(quorum)
  const signedRequirement = requirement
  const lax = { ...requirement, reviewDays: 1 }
  assert.equal(codeOf(approve, { requirement: lax, signedRequirement }), 'requirement-changed')
  const others = { ...requirement, quorums: [{ ...quorum, persons: quorum.persons.slice(1) }] }
  assert.equal(codeOf(approve, { requirement: others, signedRequirement }), 'requirement-changed')
  const strict = { ...requirement, quorums: [{ ...quorum, required: 5 }] }
  assert.equal(codeOf(approve, { requirement: strict, signedRequirement }), 'ok')
  assert.equal(codeOf(approve, { requirement: strict }), 'requirement-changed', 'nobody knows the signed one')
})

test('T10 an approval of head A is refused for head B, and a rebase only where the policy says so', () => {
  const subject = { ...admitContext(node, approve).subject, head: commit('B') }
  assert.equal(codeOf(approve, { subject }), 'wrong-head')
  const options = { ...policy.options, approvalsSurviveRebase: true }
  assert.equal(codeOf(approve, { subject, options }), 'ok')
  const other = facts({ files: [file('docs/b.md')] })
  assert.equal(codeOf(approve, { subject: { ...subject, changeDigest: other.changeDigest }, options }), 'wrong-head')
})

test('T13 DER, r‖s and the high-S copy of a signature are each good, and a foreign or damaged one is bad', () => {
  const payload = buildStatement(approve)
  const decoded = decodeEcdsaSignature(sign(approve, 'm1').signature)
  assert.ok(decoded.ok)
  const signature = decoded.compact
  const context = admitContext(node, approve)
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`)
  const highS = Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
  ])
  for (const copy of [signature, encodeEcdsaDer(signature), highS]) {
    assert.equal(admit({ payload, signature: copy }, context).ok, true)
  }
  const damaged = Uint8Array.from(signature)
  damaged[40] = (damaged[40] ?? 0) ^ 1
  for (const bad of [damaged, sign(approve, 'm2').signature, signature.subarray(1), new Uint8Array(64)]) {
    const admission = admit({ payload, signature: bad }, context)
    assert.equal(admission.ok ? 'ok' : admission.code, 'bad-signature')
  }
})

test('the scheme is the one that the registry pins, never the signature’s own', () => {
  const payload = buildStatement(approve)
  const { secret, publicKey } = keyOf('m1')
  const signature = signBip340Approval(secret, statementPae(payload), new Uint8Array(32))
  const context = admitContext(node, approve)
  assert.equal(admit({ payload, signature }, context).ok, false)
  const even = `02${publicKey.slice(2)}`
  const bip340 = after(withKey('m1', { scheme: 'bip340-v1', publicKey: publicKey.slice(2) }), 3)
  const keyid = bip340.persons[0]?.keys.findLast((key) => key.scheme === 'bip340-v1')?.keyid
  assert.ok(keyid)
  const statement = {
    ...approve,
    predicate: { ...approve.predicate, signer: { ...approve.predicate.signer, keyid } },
  }
  const signed = buildStatement(statement)
  const schnorr = { payload: signed, signature: signBip340Approval(secret, statementPae(signed), new Uint8Array(32)) }
  const admission = admit(schnorr, { ...context, keyring: bip340 })
  assert.deepEqual(admission.ok && admission.draft.scheme, 'bip340-v1')
  assert.equal(keyid === keyOf('m1').keyid, even === publicKey)
  assert.equal(admit(sign(statement, 'm1'), { ...context, keyring: bip340 }).ok, false)
})

test('T15 a key that is revoked, expired, not yet valid, compromised, removed or suspended signs nothing', () => {
  const on = (changes: Partial<RegistryKey>) => codeOf(approve, { keyring: after(withKey('m1', changes), 3) })
  assert.equal(on({ revokedAt: day(2) }), 'key-revoked')
  assert.equal(on({ revokedAt: asInstant(day(2) + 1) }), 'ok')
  assert.equal(on({ expires: day(2) }), 'key-expired')
  assert.equal(on({ expires: asInstant(day(2) + 1) }), 'ok')
  assert.equal(on({ notBefore: asInstant(day(2) + 1) }), 'key-not-yet-valid')
  assert.equal(on({ notBefore: day(2) }), 'ok')
  assert.equal(on({ compromisedSince: day(2) }), 'key-compromised')
  assert.equal(on({ compromisedSince: asInstant(day(2) + 1) }), 'ok')
  assert.equal(on({ status: 'inactive' }), 'key-removed')
  assert.equal(on({ publicKey: keyOf('m1 second').publicKey }), 'key-removed')
  const suspended = suspend(keyring, account('m1'), { entry: asLogIndex(5), at: day(1), by: [account('m2')] })
  assert.equal(codeOf(approve, { keyring: suspended }), 'key-suspended')
})

test('T16 a layer-5 maintainer signs nothing about a layer-4 change', () => {
  assert.equal(codeOf(statementOf(node, 'x1', 'approve'), {}, 'x1'), 'not-in-set')
  assert.equal(codeOf(statementOf(node, 'x1', 'veto'), {}, 'x1'), 'not-in-set')
  assert.equal(codeOf(statementOf(node, 'x1', 'add-tier', { tier: '3' }), {}, 'x1'), 'not-in-set')
})

test('T18 the account number decides, not the login', () => {
  const renamed = after(withKey('m1', { login: 'someone-else' }), 3)
  assert.equal(codeOf(approve, { keyring: renamed }), 'ok')
  const takenOver = after(
    [...registry.filter(({ login }) => login !== 'm1'), registryKey('layer-4', 'stranger', { login: 'm1' })],
    3,
  )
  const impostor = statementOf(node, 'm1', 'approve', { key: 'stranger' })
  assert.equal(codeOf(impostor, { keyring: takenOver }, 'stranger'), 'key-unknown')
})

test('a condition that the change does not ask for, or a short rationale, is refused', () => {
  assert.equal(codeOf(statementOf(node, 'm1', 'attest', { condition: 'audit' })), 'condition-not-asked')
  const attest = baseStatement('attest')
  const { condition } = attest.predicate
  assert.ok(condition)
  const short = { ...attest, predicate: { ...attest.predicate, condition: { ...condition, text: 'y'.repeat(99) } } }
  const requirement = { ...requirementFor(node), conditions: ['rationale' as const] }
  const of = statementOf(node, 'm1', 'attest', { condition: 'rationale', requirement })
  const with99 = { ...of, predicate: { ...of.predicate, condition: { ...condition, text: ` ${'y'.repeat(99)} ` } } }
  assert.equal(codeOf(of, { requirement }), 'ok')
  assert.equal(codeOf(with99, { requirement }), 'rationale-too-short')
  assert.ok(buildStatement(short))
})

test('the policy’s maximum lifetime replaces the default one', () => {
  const policyMaximum = { ...policy.options, approvalMaxDays: 10 }
  assert.equal(codeOf(approve, { options: policyMaximum }), 'lifetime-too-long')
  const tenDays = statementOf(node, 'm1', 'approve', { expiresAt: asInstant(day(2) + 10 * dayMs) })
  assert.equal(codeOf(tenDays, { options: policyMaximum }), 'ok')
})

test('a policy change is signed as one, and a pull request is not', () => {
  const subject = { ...admitContext(node, approve).subject, isGovernance: true }
  assert.equal(codeOf(approve, { subject }), 'wrong-action')
})

test('who suspended themselves may take part in lifting it; who was suspended by others may not', () => {
  const lift = statementOf(node, 'm1', 'lift', { target: 'm1' })
  const by = (login: string) =>
    suspend(keyring, account('m1'), { entry: asLogIndex(5), at: day(1), by: [account(login)] })
  assert.equal(codeOf(lift, { keyring: by('m1') }), 'ok')
  assert.equal(codeOf(lift, { keyring: by('m2') }), 'key-suspended')
})
