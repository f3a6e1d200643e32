import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  account,
  commit,
  day,
  facts,
  file,
  keyOf,
  keyring,
  policy,
  record,
  registry,
  registryKey,
  requirementFor,
  admitContext,
  sign,
} from '../../../test/fakes/governed-change.ts'
import { judge, nodesOf, has, codeAt, count, withOptions, enrol } from '../../../test/fakes/judge.ts'
import { admit } from '../approval/admit.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import { decodeEcdsaSignature } from '../crypto/ecdsa-encoding.ts'
import type { Attribution, CommitFacts, Facts } from '../facts/facts.ts'
import { asInstant, asLogIndex, asRepositoryId } from '../ids.ts'
import { lift, suspend } from '../keyring/suspension.ts'
import type { PolicyV1, RegistryKey } from './policy-v1.ts'

const change = facts()
const three = ['m1', 'm2', 'm3'].map((login) => record(change, login))
const [first, second, third] = three as [AdmittedStatement, AdmittedStatement, AdmittedStatement]

test('T10 an approval of head A is void for head B', () => {
  const pushed = facts({ head: { ...change.head, sha: commit('B') }, files: [file('docs/b.md')] })
  const verdict = judge({ of: pushed, approvals: three })
  assert.equal(verdict.outcome, 'pending')
  assert.equal(codeAt(verdict, first), 'wrong-head')
})

test('T10 a rebase with equal content keeps approvals only where the policy says so', () => {
  const rebased = facts({ head: { ...change.head, sha: commit('rebased') } })
  assert.equal(codeAt(judge({ of: rebased, approvals: three }), first), 'wrong-head')
  assert.equal(
    judge({ of: rebased, approvals: three, under: withOptions({ approvalsSurviveRebase: true }) }).outcome,
    'pass',
  )
})

test('T11 content that was approved in a decoy is not approved here', () => {
  const decoy = facts({ number: 9, group: [9] })
  const approvals = ['m1', 'm2', 'm3'].map((login) => record(decoy, login))
  assert.equal(judge({ of: decoy, approvals }).outcome, 'pass')
  const verdict = judge({ approvals })
  assert.equal(count(verdict), 0)
  const group = facts({ group: [7, 9] })
  assert.equal(count(judge({ of: group, approvals })), 0)
})

test('T12 an approval for another repository or base branch counts nowhere else', () => {
  const elsewhere = facts({ repository: { ...change.repository, id: asRepositoryId(77) } })
  assert.equal(count(judge({ of: elsewhere, approvals: three })), 0)
  const retargeted = facts({ base: { ...change.base, ref: 'lax' } })
  assert.equal(codeAt(judge({ of: retargeted, approvals: three }), first), 'wrong-base')
})

test('T12 a laxer policy voids what was signed under a stricter one, a stricter one does not', () => {
  const withDays = (reviewDays: number): PolicyV1 => ({
    ...policy,
    layers: { ...policy.layers, '4': { ...(policy.layers['4'] as PolicyV1['layers'][string]), reviewDays } },
  })
  assert.equal(codeAt(judge({ approvals: three, under: withDays(10) }), first), 'requirement-changed')
  assert.equal(judge({ approvals: three, under: withDays(90) }).outcome, 'pass')
})

test('T13 the same signature three times, two keys of one person and a malleated copy are one vote', () => {
  const two = enrol([...registry, registryKey('layer-4', 'm1', { publicKey: keyOf('m1 second').publicKey })], 3)
  const again = record(change, 'm1', 'approve', { key: 'm1 second', context: { keyring: two } })
  const statement = first.statement
  const { payload, signature } = sign(statement, 'm1')
  const decoded = decodeEcdsaSignature(signature)
  assert.ok(decoded.ok)
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = BigInt(`0x${Buffer.from(decoded.compact.subarray(32)).toString('hex')}`)
  const highS = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
  const malleated = admit(
    { payload, signature: Buffer.concat([decoded.compact.subarray(0, 32), highS]) },
    admitContext(change, statement),
  )
  assert.ok(malleated.ok)
  assert.notEqual(malleated.draft.signature, first.signature)
  const copies = [first, first, { ...malleated.draft, entry: asLogIndex(500), at: day(2) }, again]
  const verdict = judge({ approvals: copies, ring: two })
  assert.equal(count(verdict), 1)
  assert.equal(verdict.outcome, 'pending')
})

test('T14 a bad statement among good ones is explained and the good ones count', () => {
  const expired = record(change, 'm4', 'approve', { expiresAt: day(50) })
  const verdict = judge({ approvals: [...three, expired] })
  assert.equal(verdict.outcome, 'pass')
  assert.equal(codeAt(verdict, expired), 'expired')
})

test('an approval counts until the millisecond before it expires', () => {
  const short = record(change, 'm4', 'approve', { expiresAt: day(50) })
  assert.equal(codeAt(judge({ approvals: [short], at: asInstant(day(50) - 1) }), short), 'statement-counts')
  assert.equal(codeAt(judge({ approvals: [short], at: day(50) }), short), 'expired')
})

test('T15 a key that is revoked, compromised or removed after the approval takes the vote away', () => {
  const withM1 = (changes: Partial<RegistryKey>) =>
    judge({
      approvals: three,
      ring: enrol(
        registry.map((key) => (key.login === 'm1' ? { ...key, ...changes } : key)),
        50,
      ),
    })
  assert.equal(codeAt(withM1({ revokedAt: day(90) }), first), 'key-revoked')
  assert.equal(codeAt(withM1({ compromisedSince: day(1) }), first), 'key-compromised')
  assert.equal(withM1({ compromisedSince: day(3) }).outcome, 'pass', 'compromised after it was recorded')
  assert.equal(withM1({ expires: day(3) }).outcome, 'pass', 'expired after it was recorded')
  const scheduled = withM1({ revokedAt: day(101) })
  assert.equal(scheduled.outcome, 'pass')
  assert.equal(scheduled.nextChangeAt, day(101))
})

test('T15 a rotated key keeps what it signed; a person who left the set does not', () => {
  const rotated = enrol(
    registry.map((key) => (key.login === 'm1' ? { ...key, publicKey: keyOf('m1 new').publicKey } : key)),
    50,
  )
  assert.equal(judge({ approvals: three, ring: rotated }).outcome, 'pass')
  const gone = enrol(
    registry.filter(({ login, set }) => login !== 'm1' || set !== 'layer-4'),
    50,
  )
  const verdict = judge({ approvals: three, ring: gone })
  assert.notEqual(verdict.outcome, 'pass')
})

test('T15 a suspension takes the person’s votes and no quorum; lifting gives them back', () => {
  const suspended = suspend(keyring, account('m1'), { entry: asLogIndex(60), at: day(90), by: [account('m2')] })
  const verdict = judge({ approvals: three, ring: suspended })
  assert.equal(verdict.outcome, 'pending')
  assert.equal(codeAt(verdict, first), 'key-suspended')
  assert.equal(verdict.counted[0]?.required, 3)
  assert.deepEqual(verdict.requirement, judge({ approvals: three }).requirement)
  assert.equal(judge({ approvals: three, ring: lift(suspended, account('m1')) }).outcome, 'pass')
})

test('T16 a maintainer of another layer is not counted', () => {
  const foreign = { ...third, ...{ statement: structuredClone(third.statement) } }
  const statement = {
    ...foreign.statement,
    predicate: { ...foreign.statement.predicate, signer: { maintainer: account('x1'), keyid: keyOf('x1').keyid } },
  }
  const verdict = judge({ approvals: [first, second, { ...foreign, statement }] })
  assert.equal(count(verdict), 2)
  assert.equal(codeAt(verdict, third), 'not-in-set')
})

const attributed = (author: Attribution, coAuthors: readonly Attribution[] = []): readonly CommitFacts[] => [
  { sha: commit('head'), author, committer: { account: null, how: 'forge' }, coAuthors },
]
const by = (login: string, how: 'signature' | 'email' | 'trailer'): Attribution => ({ account: account(login), how })

test('T17 author, committer, co-author, opener and pusher do not count', () => {
  const worlds: readonly [string, Partial<Facts>][] = [
    ['author', { commits: attributed(by('m1', 'email')) }],
    ['co-author', { commits: attributed(by('author', 'email'), [by('m1', 'trailer')]) }],
    ['signature', { commits: attributed(by('m1', 'signature')) }],
    [
      'committer',
      {
        commits: [{ sha: commit('head'), author: by('author', 'email'), committer: by('m1', 'email'), coAuthors: [] }],
      },
    ],
    ['opener', { opener: account('m1') }],
    ['pusher', { pushers: [account('m1')] }],
  ]
  for (const [name, changes] of worlds) {
    const of = facts(changes)
    const verdict = judge({ of, approvals: three })
    assert.equal(codeAt(verdict, first), 'author-of-change', name)
    assert.equal(verdict.outcome, 'pending', name)
    assert.equal(judge({ of, approvals: three, under: withOptions({ authorsMayApprove: true }) }).outcome, 'pass', name)
  }
})

test('T17 a commit that nobody can be named for must be denied by each approver', () => {
  const of = facts({ commits: attributed({ account: null, how: 'none' }) })
  assert.equal(codeAt(judge({ of, approvals: three }), first), 'unattributed-commit-not-denied')
  const denying = ['m1', 'm2', 'm3'].map((login) => record(of, login, 'approve', { notAuthorOf: [commit('head')] }))
  const verdict = judge({ of, approvals: denying })
  assert.equal(verdict.outcome, 'pass')
  const node = nodesOf(verdict.reason).find(({ data }) => data.entry === denying[0]?.entry)
  assert.deepEqual(node?.data.denies, [commit('head')])
  assert.equal(judge({ of, approvals: [...denying.slice(0, 2), third] }).outcome, 'pending')
})

test('T17 the forge’s own committer is nobody', () => {
  const of = facts({ commits: attributed(by('author', 'email')) })
  assert.equal(judge({ of, approvals: three }).outcome, 'pass')
})

test('T39 who is named by forged words counts when the signed statement denies it; the opener can never deny', () => {
  const forged = facts({ commits: attributed(by('m1', 'email'), [by('m2', 'trailer')]) })
  const denial = { notAuthorOf: [commit('head')] }
  const denying = ['m1', 'm2', 'm3'].map((login) => record(forged, login, 'approve', denial))
  assert.equal(judge({ of: forged, approvals: denying }).outcome, 'pass')
  for (const certain of [
    { opener: account('m1') },
    { pushers: [account('m1')] },
    { commits: attributed(by('m1', 'signature')) },
  ]) {
    const verdict = judge({ of: facts({ ...forged, ...certain }), approvals: denying })
    assert.equal(codeAt(verdict, denying[0] as AdmittedStatement), 'author-of-change')
  }
})

test('T18 the account number counts, whatever the login is now', () => {
  const renamed = enrol(
    registry.map((key) => (key.login === 'm1' ? { ...key, login: 'renamed' } : key)),
    50,
  )
  assert.equal(judge({ approvals: three, ring: renamed }).outcome, 'pass')
})

test('T19 a withdrawn approval does not count, and a later one does again', () => {
  const withdrawal = record(change, 'm1', 'withdraw')
  const verdict = judge({ approvals: [...three, withdrawal] })
  assert.equal(codeAt(verdict, first), 'withdrawn')
  assert.equal(verdict.outcome, 'pending')
  const again = record(change, 'm1')
  assert.equal(judge({ approvals: [...three, withdrawal, again] }).outcome, 'pass')
})

test('T12 a withdrawal or a veto of another repository with the same number does nothing here', () => {
  const other = facts({ repository: { ...change.repository, id: asRepositoryId(77) } })
  const foreign = [record(other, 'm1', 'withdraw'), record(other, 'm5', 'veto')]
  assert.equal(judge({ approvals: [...three, ...foreign] }).outcome, 'pass')
})

test('T19 a veto survives a push and a retarget, and blocks until its signer withdraws it', () => {
  const veto = record(change, 'm5', 'veto')
  assert.equal(judge({ approvals: [...three, veto] }).outcome, 'fail')
  const pushed = facts({
    head: { ...change.head, sha: commit('B') },
    base: { ...change.base, ref: 'release' },
    files: [file('docs/b.md')],
  })
  const anew = ['m1', 'm2', 'm3'].map((login) => record(pushed, login))
  const verdict = judge({ of: pushed, approvals: [...anew, veto] })
  assert.equal(verdict.outcome, 'fail')
  assert.deepEqual(verdict.missing, [{ kind: 'veto-withdrawal', by: account('m5') }])
  assert.equal(judge({ of: pushed, approvals: [...anew, veto], at: day(5000) }).outcome === 'pass', false)
  const withdrawal = record(pushed, 'm5', 'withdraw')
  assert.equal(judge({ of: pushed, approvals: [...anew, veto, withdrawal] }).outcome, 'pass')
})

test('T19 approving does not withdraw the own veto, and a stolen key cannot withdraw it', () => {
  const veto = record(change, 'm1', 'veto')
  const later = record(change, 'm1')
  const verdict = judge({ approvals: [second, third, veto, later] })
  assert.equal(verdict.outcome, 'fail')
  assert.equal(codeAt(verdict, later), 'own-veto-stands')
  const two = enrol([...registry, registryKey('layer-4', 'm1', { publicKey: keyOf('m1 second').publicKey })], 3)
  const stolen = record(change, 'm1', 'withdraw', { key: 'm1 second', context: { keyring: two } })
  const revoked = enrol(
    [...registry, registryKey('layer-4', 'm1', { publicKey: keyOf('m1 second').publicKey, revokedAt: day(4) })],
    90,
    two,
  )
  assert.equal(judge({ approvals: [...three, veto, stolen], ring: two }).outcome, 'pending')
  assert.equal(judge({ approvals: [...three, veto, stolen], ring: revoked }).outcome, 'fail')
})

test('T19 a veto is out-voted only where and as the policy says', () => {
  const veto = record(change, 'm5', 'veto')
  const four = [...three, record(change, 'm4')]
  assert.equal(judge({ approvals: [...four, veto] }).outcome, 'fail')
  const under = withOptions({ vetoOutvotedBy: 1 })
  assert.equal(judge({ approvals: [...three, veto], under }).outcome, 'fail')
  const outvoted = judge({ approvals: [...four, veto], under })
  assert.equal(outvoted.outcome, 'pass')
  assert.ok(has(outvoted, 'veto-outvoted'))
})

test('a veto by somebody outside of the change’s sets does not stand', () => {
  const veto = record(facts({ repository: { ...change.repository, name: 'acme/sdk' } }), 'x1', 'veto', {
    context: { requirement: requirementFor(facts({ repository: { ...change.repository, name: 'acme/sdk' } })) },
  })
  const verdict = judge({ approvals: [...three, veto] })
  assert.equal(verdict.outcome, 'pass')
  assert.ok(has(verdict, 'veto-fallen'))
})

test('of one person the latest approval is the live one', () => {
  const later = record(change, 'm1')
  const verdict = judge({ approvals: [first, second, third, later] })
  assert.equal(codeAt(verdict, first), 'superseded')
  assert.equal(count(verdict), 3)
})
