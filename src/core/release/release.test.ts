import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { account, day, keyring, policy } from '../../../test/fakes/governed-change.ts'
import { admitIn, node, nodeRequirement, releaseOf, signRelease, sums } from '../../../test/vectors/release-cases.ts'
import { admitRelease, type ReleaseAdmitContext } from '../approval/admit-release.ts'
import { nonceFor, releaseNonceFor } from '../approval/nonce.ts'
import type { AdmittedRelease, ReleaseDecision, ReleasePredicate } from '../approval/release-predicate.ts'
import { buildReleaseStatement, parseReleaseStatement } from '../approval/release-statement.ts'
import { parseStatement } from '../approval/statement-bytes.ts'
import { asInstant, asLogIndex, asSha256, dayMs } from '../ids.ts'
import { suspend } from '../keyring/suspension.ts'
import { artifactsDigest, compareArtifacts, isArtifactName, sumsText } from './artifacts.ts'
import { decideRelease, releaseRequirement } from './decide-release.ts'
import { encodeReleaseRequest, readReleaseRequest } from './release-request.ts'

interface Case {
  readonly name?: string
  readonly decision?: string
  readonly field?: string
  readonly payload: string
  readonly signature: string
  readonly expectedNonce: string
  readonly expect: string
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/approval/release.json', import.meta.url), 'utf8'),
) as {
  readonly context: Omit<ReleaseAdmitContext, 'expectedNonce'>
  readonly parse: readonly Case[]
  readonly admit: readonly Case[]
}
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64url'))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

test('statements about releases are read and admitted as the vectors say', () => {
  for (const { name, payload, expect } of vectors.parse) {
    const parsed = parseReleaseStatement(utf8(payload))
    assert.equal(parsed.ok ? 'ok' : parsed.code, expect, name)
  }
  for (const { decision, field, payload, signature, expectedNonce, expect } of vectors.admit) {
    const input = { payload: bytes(payload), signature: bytes(signature) }
    const admission = admitRelease(input, { ...vectors.context, expectedNonce })
    assert.equal(admission.ok ? 'ok' : admission.code, expect, `${decision}: ${field}`)
  }
  assert.ok(vectors.admit.length >= 36 && vectors.parse.length >= 12)
})

test('T12 no payload is a statement about a change and about a release at once', () => {
  for (const { payload } of vectors.parse) {
    const isBoth = parseReleaseStatement(utf8(payload)).ok && parseStatement(utf8(payload)).ok
    assert.equal(isBoth, false)
  }
  const subject = { repositoryId: node, signer: account('m1'), keyid: 'a'.repeat(64) as never, recordedVotes: 0 }
  const key = new Uint8Array(32)
  const onChange = nonceFor(key, { ...subject, number: 1, head: 'v1' as never, baseRef: 'main' })
  assert.notEqual(onChange, releaseNonceFor(key, { ...subject, tag: 'v1', revision: 'v1' as never, artifacts: sums }))
})

test('admission asks for a landing, an unused nonce, a new payload and the signer’s own signature', () => {
  const good = releaseOf('m1', 'approve')
  const code = (changes: Partial<ReleaseAdmitContext>, key = 'm1') => {
    const admission = admitRelease(signRelease(good, key), admitIn(changes))
    return admission.ok ? 'ok' : admission.code
  }
  assert.equal(code({}), 'ok')
  assert.equal(code({ isLanded: false }), 'revision-not-matched')
  assert.equal(code({ nonceUsed: true }), 'nonce-used')
  assert.equal(code({ isRecorded: true, nonceUsed: true }), 'duplicate-statement')
  assert.equal(code({}, 'm2'), 'bad-signature')
  assert.equal(code({ tag: null }), 'ok')
  const suspended = suspend(keyring, account('m1'), { entry: asLogIndex(3), at: day(1), by: [account('m1')] })
  assert.equal(code({ keyring: suspended }), 'key-suspended')
  const outside = admitRelease(signRelease(releaseOf('x1', 'approve'), 'x1'), admitIn({}))
  assert.equal(outside.ok ? 'ok' : outside.code, 'not-in-set')
})

let entries = 0
const said = (login: string, decision: ReleaseDecision = 'approve', changes: Partial<ReleasePredicate> = {}) => {
  const statement = releaseOf(login, decision, changes)
  const entry = asLogIndex(10 + ++entries)
  const admission = admitRelease(signRelease(statement, login), admitIn({ tag: null, entry }))
  assert.ok(admission.ok)
  return { ...admission.draft, entry, at: day(2) } satisfies AdmittedRelease
}
const subject = { repositoryId: node, ...releaseOf('m1', 'approve').predicate.release }
const decide = (statements: readonly AdmittedRelease[], changes: Partial<Parameters<typeof decideRelease>[0]> = {}) =>
  decideRelease({
    subject,
    requirement: nodeRequirement(),
    options: policy.options,
    statements,
    keyring,
    at: day(3),
    ...changes,
  })

test('what a release needs are the signatures of layer and standing tiers, and nothing that content passed already', () => {
  const requirement = nodeRequirement()
  assert.deepEqual(
    requirement.quorums.map(({ set, required }) => [set, required]),
    [['layer-4', 3]],
  )
  assert.deepEqual([requirement.reviewDays, requirement.conditions, requirement.checks], [0, [], []])
  const meta = releaseRequirement(policy, 'acme/governance', keyring)
  assert.deepEqual(
    meta?.quorums.map(({ set, required }) => [set, required]),
    [
      ['emergency', 2],
      ['layer-1-2', 5],
    ],
  )
  const own = policy.repositories['acme/node']
  assert.ok(own)
  const tiered = { ...policy, repositories: { ...policy.repositories, 'acme/node': { ...own, tiers: ['3'] } } }
  assert.equal(releaseRequirement(tiered, 'acme/node', keyring)?.quorums[0]?.required, 5)
  for (const unknown of ['acme/orphan', 'acme/none', 'constructor'])
    assert.equal(releaseRequirement(policy, unknown, keyring), null, unknown)
})

test('T13 a release counts distinct persons: no order, repetition or second vote of one makes two', () => {
  const votes = ['m1', 'm2', 'm3', 'm4'].map((login) => said(login))
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...votes), { maxLength: 12 }), (chosen) => {
      const persons = new Set(chosen.map(({ statement }) => statement.predicate.signer.maintainer))
      const decided = decide(chosen)
      assert.equal(decided.quorums[0]?.persons.length, persons.size)
      assert.equal(decided.isMet, persons.size >= 3)
    }),
  )
})

test('T19 vetoes block until withdrawn or out-voted; withdrawals, later lists and expiry take approvals back', () => {
  const three = ['m1', 'm2', 'm3'].map((login) => said(login))
  assert.equal(decide(three).isMet, true)
  const { release } = releaseOf('m1', 'approve').predicate
  const badBuild = { release: { ...release, artifacts: asSha256('b'.repeat(64)) } }
  const veto = said('m4', 'veto', badBuild)
  assert.deepEqual(decide([...three, veto]).vetoedBy, [account('m4')])
  assert.equal(decide([...three, veto]).isMet, false)
  assert.equal(decide([...three, veto, said('m4', 'withdraw')]).isMet, true)
  const outvotable = { options: { vetoOutvotedBy: 1 } }
  assert.equal(decide([...three, veto], outvotable).isMet, false)
  assert.equal(decide([...three, said('m5'), veto], outvotable).isMet, true)
  assert.equal(decide([...three, said('m3', 'withdraw')]).isMet, false)
  const other = said('m3', 'approve', badBuild)
  assert.deepEqual(
    decide([...three, other]).fallen.map(({ code }) => code),
    ['superseded', 'wrong-artifacts'],
  )
  assert.equal(decide(three, { at: asInstant(day(2) + 90 * dayMs) }).isMet, false)
  assert.equal(decide(three, { at: asInstant(day(2) + 90 * dayMs - 1) }).isMet, true)
})

test('T12 an approval under a laxer requirement than the one in force now does not count', () => {
  const three = ['m1', 'm2', 'm3'].map((login) => said(login))
  const [quorum] = nodeRequirement().quorums
  assert.ok(quorum)
  const lax = { ...nodeRequirement(), quorums: [{ ...quorum, required: 2 }] }
  assert.deepEqual(
    decide(three, { requirement: lax }).fallen.map(({ code }) => code),
    ['requirement-changed', 'requirement-changed', 'requirement-changed'],
  )
  const strict = { ...nodeRequirement(), quorums: [{ ...quorum, required: 4 }] }
  assert.equal(decide(three, { requirement: strict }).quorums[0]?.persons.length, 3)
})

const artifacts = [
  { name: 'a.tgz', sha256: sums },
  { name: 'b.zip', sha256: asSha256('c'.repeat(64)) },
]

test('artefacts have one list, by name, whose digest stands for them', () => {
  assert.equal(sumsText(artifacts.toReversed()), `${sums}  a.tgz\n${'c'.repeat(64)}  b.zip\n`)
  assert.equal(artifactsDigest(artifacts), artifactsDigest(artifacts.toReversed()))
  assert.deepEqual(
    compareArtifacts(artifacts, [
      { name: 'b.zip', sha256: sums },
      { name: 'c', sha256: sums },
    ]),
    {
      missing: ['a.tgz'],
      extra: ['c'],
      changed: ['b.zip'],
    },
  )
  for (const name of ['a.tgz', 'node_1.0-linux+x64.tar.gz', '7z']) assert.ok(isArtifactName(name), name)
  for (const name of ['', '.', '-rf', 'a b', 'a/b', 'a\nb', 'a\\b', 'SHA256SUMS', 'release.json', 'é'])
    assert.ok(!isArtifactName(name), name)
})

test('a request has one form, and what is wrong with another is told', () => {
  const request = { repository: 'acme/node', revision: subject.revision, tag: 'v1.0.0', artifacts }
  const written = encodeReleaseRequest(request)
  const read = readReleaseRequest(written)
  assert.deepEqual(read.ok && read.request, request)
  const code = (text: string): string => {
    const answer = readReleaseRequest(utf8(text))
    return answer.ok ? 'ok' : answer.code
  }
  const text = Buffer.from(written).toString()
  assert.equal(code(` ${text}`), 'request-not-canonical')
  assert.equal(code('{'), 'request-not-json')
  assert.equal(code(text.replace('"v":1', '"v":2')), 'request-unknown-version')
  assert.equal(code(text.replace('a.tgz', 'z.tgz')), 'malformed-field')
  assert.equal(code(text.replace('v1.0.0', 'v1..0')), 'malformed-field')
  assert.throws(() => encodeReleaseRequest({ ...request, artifacts: [] }), RangeError)
})

test('a statement that could not be read is not written', () => {
  const { reason: _none, ...bare } = releaseOf('m1', 'veto').predicate
  assert.throws(() => buildReleaseStatement({ predicate: bare }), RangeError)
})
