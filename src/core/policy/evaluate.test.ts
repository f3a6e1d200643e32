import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  account,
  commit,
  day,
  facts,
  file,
  inForce,
  keyOf,
  keyring,
  nodeAcceleration,
  policy,
  record,
  registry,
  registryKey,
  requirementFor,
} from '../../../test/fakes/governed-change.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import type { Attribution, CommitFacts, Facts } from '../facts/facts.ts'
import { asInstant, asLogIndex, asRepositoryId, dayMs, type Instant } from '../ids.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { applyRegistry } from '../keyring/registry.ts'
import { lift, suspend } from '../keyring/suspension.ts'
import { evaluate } from './evaluate.ts'
import type { PolicyOptions, PolicyV1, RegistryKey } from './policy-v1.ts'
import type { Reason, Verdict } from './verdict.ts'

interface World {
  readonly of?: Facts
  readonly approvals?: readonly AdmittedStatement[]
  readonly at?: Instant
  readonly ring?: Keyring
  readonly under?: PolicyV1
}
const judge = ({ of = facts(), approvals = [], at = day(100), ring = keyring, under = policy }: World): Verdict =>
  evaluate({ policy: inForce(under), facts: of, approvals, keyring: ring, at }, nodeAcceleration)

const all = (node: Reason): Reason[] => [node, ...node.children.flatMap(all)]
const codes = (verdict: Verdict): string[] => all(verdict.reason).map(({ code }) => code)
const has = (verdict: Verdict, code: string): boolean => codes(verdict).includes(code)
/** Why the statement at this entry does not count; `statement-counts` when it does. */
const codeAt = (verdict: Verdict, { entry }: AdmittedStatement): string | undefined =>
  all(verdict.reason).find(({ data, code }) => data.entry === entry && code !== 'vetoed')?.code
const count = (verdict: Verdict): number => verdict.counted[0]?.persons.length ?? -1
const options = (changes: Partial<PolicyOptions>): PolicyV1 => ({
  ...policy,
  options: { ...policy.options, ...changes },
})
const enrol = (keys: readonly RegistryKey[], entry: number, ring = keyring) =>
  applyRegistry(ring, keys, asLogIndex(entry), day(3))

const change = facts()
const three = ['m1', 'm2', 'm3'].map((login) => record(change, login))
const [first, second, third] = three as [AdmittedStatement, AdmittedStatement, AdmittedStatement]

test('three of five signatures and sixty days pass, and each alone does not', () => {
  const pass = judge({ approvals: three })
  assert.equal(pass.outcome, 'pass')
  assert.deepEqual(pass.missing, [])
  assert.equal(pass.earliestMergeAt, day(61))
  assert.deepEqual(pass.counted, [{ set: 'layer-4', persons: ['m1', 'm2', 'm3'].map(account), required: 3 }])
  const two = judge({ approvals: three.slice(0, 2) })
  assert.equal(two.outcome, 'pending')
  assert.deepEqual(two.missing, [
    { kind: 'signatures', set: 'layer-4', count: 1, from: ['m3', 'm4', 'm5'].map(account) },
  ])
  assert.equal(two.earliestMergeAt, null)
  const early = judge({ approvals: three, at: day(60) })
  assert.equal(early.outcome, 'pending')
  assert.deepEqual(early.missing, [{ kind: 'time', until: day(61), what: 'review' }])
  assert.equal(early.earliestMergeAt, day(61))
  assert.equal(early.nextChangeAt, day(61))
})

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
    judge({ of: rebased, approvals: three, under: options({ approvalsSurviveRebase: true }) }).outcome,
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
  const copies = [first, first, { ...first, entry: asLogIndex(500) }, again]
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
    assert.equal(judge({ of, approvals: three, under: options({ authorsMayApprove: true }) }).outcome, 'pass', name)
  }
})

test('T17 a commit that nobody can be named for must be denied by each approver', () => {
  const of = facts({ commits: attributed({ account: null, how: 'none' }) })
  assert.equal(codeAt(judge({ of, approvals: three }), first), 'unattributed-commit-not-denied')
  const denying = ['m1', 'm2', 'm3'].map((login) => record(of, login, 'approve', { notAuthorOf: [commit('head')] }))
  const verdict = judge({ of, approvals: denying })
  assert.equal(verdict.outcome, 'pass')
  const node = all(verdict.reason).find(({ data }) => data.entry === denying[0]?.entry)
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
  const under = options({ vetoOutvotedBy: 1 })
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

test('T21 a title adds its tier and never takes one; T22 an emergency title shortens nothing', () => {
  const of = facts({ files: [file('consensus/a.rs')] })
  const touched = judge({ of })
  assert.deepEqual(
    touched.classification?.tiers.map(({ tier }) => tier),
    ['3'],
  )
  const emergency = judge({ of: facts({ textMatches: [{ tier: '4', rule: 'marker:[EMERGENCY]' }] }) })
  assert.equal(emergency.requirement?.reviewDays, 60)
  assert.deepEqual(
    emergency.classification?.tiers.map(({ tier }) => tier),
    ['1'],
  )
})

test('T22 tier 4 shortens nothing even when a maintainer adds it by a signed statement', () => {
  const verdict = judge({ approvals: [record(change, 'm1', 'add-tier', { tier: '4' })] })
  assert.equal(verdict.requirement?.reviewDays, 60)
  assert.equal(verdict.requirement?.quorums[0]?.required, 4)
})

test('T23 one maintainer adds a tier; removing one takes the whole quorum that the change has with it', () => {
  const adding = record(change, 'm1', 'add-tier', { tier: '3' })
  const raised = judge({ approvals: [...three, adding] })
  assert.equal(raised.outcome, 'pending')
  assert.equal(raised.requirement?.quorums[0]?.required, 5)
  assert.equal(count(raised), 3, 'what was signed under less stands under more')
  const removing = ['m1', 'm2', 'm3', 'm4', 'm5'].map((login) => record(change, login, 'remove-tier', { tier: '3' }))
  for (const some of [1, 3, 4]) {
    const verdict = judge({ approvals: [...three, adding, ...removing.slice(0, some)] })
    assert.equal(verdict.requirement?.quorums[0]?.required, 5, `${some} of 5`)
    assert.ok(has(verdict, 'tier-removal-incomplete'))
  }
  const copies = [
    ...removing.slice(0, 4),
    ...removing.slice(0, 4).map((s, i) => ({ ...s, entry: asLogIndex(900 + i) })),
  ]
  assert.equal(judge({ approvals: [...three, adding, ...copies] }).requirement?.quorums[0]?.required, 5)
  const lowered = judge({ approvals: [...three, adding, ...removing] })
  assert.equal(lowered.requirement?.quorums[0]?.required, 3)
  assert.equal(lowered.outcome, 'pass')
  const pushed = facts({ head: { ...change.head, sha: commit('B') }, files: [file('docs/b.md')] })
  const after = judge({ of: pushed, approvals: [...three, adding, ...removing] })
  assert.equal(after.requirement?.quorums[0]?.required, 5, 'a removal is for the content it was signed for')
  const withdrawn = record(change, 'm1', 'withdraw')
  assert.equal(judge({ approvals: [...three, adding, ...removing, withdrawn] }).requirement?.quorums[0]?.required, 5)
})

test('T23 the author of a change does not help to lower it', () => {
  const of = facts({ opener: account('m5'), files: [file('consensus/a.rs')] })
  const removing = ['m1', 'm2', 'm3', 'm4', 'm5'].map((login) => record(of, login, 'remove-tier', { tier: '3' }))
  assert.equal(judge({ of, approvals: removing }).requirement?.quorums[0]?.required, 5)
})

test('T24 a period is met at exactly its last millisecond', () => {
  const until = day(61)
  assert.equal(judge({ approvals: three, at: asInstant(until - 1) }).outcome, 'pending')
  assert.equal(judge({ approvals: three, at: until }).outcome, 'pass')
})

test('T33 a decoy on another base, or a stranger’s title, changes nothing for this pull request', () => {
  const loud = facts({ number: 9, group: [7, 9], textMatches: [{ tier: '3', rule: 'marker:[CONSENSUS-ADJACENT]' }] })
  assert.equal(judge({ of: loud, approvals: three }).outcome, 'pending')
  const honest = facts({ group: [7, 9] })
  assert.equal(judge({ of: honest, approvals: three }).outcome, 'pass')
  const lax = facts({ repository: { ...change.repository, name: 'acme/sdk' }, base: { ...change.base, ref: 'lax' } })
  const cheap = ['x1', 'x2', 'x3'].map((login) => record(lax, login, 'approve', { requirement: requirementFor(lax) }))
  assert.equal(judge({ of: lax, approvals: cheap }).outcome, 'pass')
  assert.equal(count(judge({ of: honest, approvals: cheap })), 0)
})

test('T33 signed vetoes and tier additions count for the whole group', () => {
  const other = facts({ number: 9, group: [7, 9] })
  const honest = facts({ group: [7, 9] })
  const veto = record(other, 'm5', 'veto')
  assert.equal(judge({ of: honest, approvals: [...three, veto] }).outcome, 'fail')
  assert.equal(judge({ approvals: [...three, veto] }).outcome, 'pass', 'not of the group')
  const adding = record(other, 'm5', 'add-tier', { tier: '3' })
  assert.equal(judge({ of: honest, approvals: [...three, adding] }).requirement?.quorums[0]?.required, 5)
})

test('T36 the clock of content that came back starts anew', () => {
  const back = facts({ clock: { startedAt: day(90), entry: asLogIndex(80) } })
  const verdict = judge({ of: back, approvals: three })
  assert.equal(verdict.outcome, 'pending')
  assert.equal(verdict.earliestMergeAt, day(150))
  const stopped = judge({ of: facts({ clock: null }), approvals: three })
  assert.equal(stopped.outcome, 'pending')
  assert.ok(has(stopped, 'clock-not-running'))
  assert.equal(stopped.earliestMergeAt, null)
})

const checkedRepository = { ...change.repository, name: 'acme/checked' }
const run = (conclusion: string | null, workflow: string | null = '.github/workflows/build.yml', appId = 15368) => ({
  name: 'build',
  appId,
  conclusion,
  workflow,
})

test('T38 a check that the author controls is unmet until somebody else vouches for it', () => {
  const of = facts({ repository: checkedRepository, checks: [run('success')], authorControlledChecks: ['build'] })
  const approvals = ['m1', 'm2', 'm3'].map((login) => record(of, login))
  const verdict = judge({ of, approvals })
  assert.equal(verdict.outcome, 'pending')
  assert.ok(has(verdict, 'check-author-controlled'))
  const attest = record(of, 'm1', 'attest', { condition: 'check:15368:build' })
  assert.equal(judge({ of, approvals: [...approvals, attest] }).outcome, 'pass')
  const byAuthor = facts({ ...of, opener: account('m4') })
  const own = record(byAuthor, 'm4', 'attest', { condition: 'check:15368:build' })
  assert.equal(judge({ of: byAuthor, approvals: [...approvals, own] }).outcome, 'pending')
})

test('a required check is success, of the named App and workflow, or unmet', () => {
  const outcomes = (checks: Facts['checks']) => {
    const of = facts({ repository: checkedRepository, checks })
    const verdict = judge({ of, approvals: ['m1', 'm2', 'm3'].map((login) => record(of, login)) })
    return [verdict.outcome, codes(verdict).find((code) => code.startsWith('check-'))]
  }
  assert.deepEqual(outcomes([run('success')]), ['pass', 'check-met'])
  assert.deepEqual(outcomes([]), ['pending', 'check-missing'])
  assert.deepEqual(outcomes([run('success', null, 666)]), ['pending', 'check-missing'])
  assert.deepEqual(outcomes([run(null)]), ['pending', 'check-running'])
  for (const conclusion of ['failure', 'skipped', 'neutral', 'cancelled', 'stale']) {
    assert.deepEqual(outcomes([run(conclusion)]), ['fail', 'check-failed'], conclusion)
  }
  assert.deepEqual(outcomes([run('success', '.github/workflows/other.yml')]), ['pending', 'check-wrong-workflow'])
  assert.deepEqual(outcomes([run('success', null)]), ['pending', 'check-wrong-workflow'])
  assert.deepEqual(outcomes([run('success'), run('failure')]), ['fail', 'check-failed'])
})

test('each condition is met by one attestation of a member of the quorum who is no author', () => {
  const of = facts({ files: [file('src/main.rs')] })
  const approvals = ['m1', 'm2', 'm3', 'm4'].map((login) => record(of, login))
  const open = judge({ of, approvals })
  assert.deepEqual(open.missing, [
    { kind: 'condition', condition: 'manual-review' },
    { kind: 'condition', condition: 'specification' },
  ])
  const manual = record(of, 'm1', 'attest', { condition: 'manual-review' })
  const specification = record(of, 'm2', 'attest', { condition: 'specification' })
  const met = judge({ of, approvals: [...approvals, manual, specification] })
  assert.equal(met.outcome, 'pass')
  const taken = record(of, 'm2', 'withdraw')
  const verdict = judge({ of, approvals: [...approvals, manual, specification, taken] })
  assert.ok(verdict.missing.some((missing) => missing.kind === 'condition' && missing.condition === 'specification'))
})

test('conditions that a rule adds for the whole change are asked for', () => {
  const of = facts({ addedConditions: ['cross-layer-sync'] })
  const verdict = judge({ of, approvals: three })
  assert.deepEqual(verdict.requirement?.conditions, ['cross-layer-sync'])
  assert.equal(verdict.outcome, 'pending')
})

test('a change that cannot be merged does not pass', () => {
  const outcome = (changes: Partial<Facts>) => {
    const verdict = judge({ of: facts(changes), approvals: three })
    return [verdict.outcome, verdict.earliestMergeAt]
  }
  assert.deepEqual(outcome({ merge: { state: 'unknown' } }), ['pending', null])
  assert.deepEqual(outcome({ merge: { state: 'conflict' } }), ['fail', null])
  assert.deepEqual(outcome({ draft: true }), ['pending', null])
  assert.deepEqual(outcome({ state: 'closed' }), ['fail', null])
  assert.deepEqual(outcome({ state: 'merged' }), ['pending', null])
})

test('T30 what the policy does not know is an error', () => {
  const error = (of: Facts, under = policy) => {
    const verdict = judge({ of, under, approvals: three })
    assert.equal(verdict.outcome, 'error')
    return verdict.reason.children[0]?.code
  }
  const named = (name: string) => facts({ repository: { ...change.repository, name } })
  assert.equal(error(named('evil/node-fork')), 'unknown-repository')
  assert.equal(error(named('constructor')), 'unknown-repository')
  assert.equal(error(named('acme/orphan')), 'unknown-layer')
  const { '1': _, ...tiers } = policy.tiers
  assert.equal(error(facts(), { ...policy, tiers }), 'unknown-tier')
  assert.equal(error(named('acme/governance')), 'governance-facts-missing')
  assert.equal(error({ ...facts(), files: [file('docs/other.md')] }), 'change-digest-mismatch')
  const layers = { ...policy.layers, '4': { ...(policy.layers['4'] as PolicyV1['layers'][string]), quorums: [] } }
  const free = {
    ...policy,
    layers,
    tiers: { ...policy.tiers, '1': { ...(policy.tiers['1'] as PolicyV1['tiers'][string]), required: 0 } },
  }
  assert.equal(error(facts(), free), 'no-quorum')
})

test('a quorum that its set cannot reach waits and is never lowered', () => {
  const alone = enrol(
    registry.filter(({ login, set }) => set !== 'layer-4' || login === 'm1' || login === 'm2'),
    2,
  )
  const small = judge({ ring: alone })
  assert.equal(small.outcome, 'pending')
  assert.ok(has(small, 'quorum-unreachable'))
  const nobody = judge({
    ring: enrol(
      registry.filter(({ set }) => set !== 'layer-4'),
      2,
    ),
  })
  assert.equal(nobody.outcome, 'pending')
  assert.ok(has(nobody, 'no-registry'))
  const authors = judge({ of: facts({ pushers: ['m1', 'm2', 'm3'].map(account) }) })
  assert.ok(has(authors, 'quorum-unreachable'))
})

const governed = (changes: Partial<NonNullable<Facts['governance']>> = {}): Facts =>
  facts({
    repository: { ...change.repository, name: 'acme/governance' },
    files: [file('config/repository-layers.yml')],
    governance: {
      inForceCommit: commit('in force'),
      inForceEpoch: 3,
      baseDiffers: [],
      mergeDiffers: ['config/repository-layers.yml'],
      proposedPolicy: change.title,
      proposedFaults: [],
      ...changes,
    },
  })

function layerZero(of: Facts, at = day(100)): Verdict {
  const signers = ['m1', 'm2', 'm3', 'm4', 'm5', 'e1', 'e2']
  const approvals = signers.map((login) => record(of, login))
  return judge({ of, approvals: [...approvals, record(of, 'm1', 'attest', { condition: 'rationale' })], at })
}

test('a layer-0 change needs both sets, the rationale and both clocks', () => {
  const verdict = layerZero(governed())
  assert.equal(verdict.outcome, 'pass')
  assert.deepEqual(
    verdict.counted.map(({ persons }) => persons.length),
    [2, 5],
  )
  assert.equal(verdict.requirement?.publicCommentDays, 30)
  const early = layerZero(governed(), day(20))
  assert.deepEqual(
    early.missing.map((missing) => missing.kind === 'time' && missing.what),
    ['review', 'public-comment'],
  )
  assert.equal(early.nextChangeAt, day(31))
  assert.equal(early.earliestMergeAt, day(91))
})

test('T37 while the branch is not the policy in force, only a change that restores it may pass', () => {
  const laundered = layerZero(governed({ baseDiffers: ['config/maintainers/layer-4.yml'] }))
  assert.equal(laundered.outcome, 'fail')
  assert.ok(has(laundered, 'base-not-in-force'))
  const restoring = layerZero(
    governed({ baseDiffers: ['config/maintainers/layer-4.yml'], mergeDiffers: [], proposedPolicy: null }),
  )
  assert.equal(restoring.outcome, 'pass')
  assert.ok(has(restoring, 'base-not-in-force'))
})

test('T20 a proposed policy with faults that block it cannot pass', () => {
  assert.equal(layerZero(governed({ proposedFaults: ['placeholder-key'] })).outcome, 'fail')
  assert.equal(layerZero(governed({ proposedPolicy: null })).outcome, 'fail')
})

test('time alone is no promise when an approval lapses before the period ends', () => {
  const short = record(change, 'm1', 'approve', { expiresAt: day(30) })
  const verdict = judge({ approvals: [short, second, third], at: day(10) })
  assert.equal(verdict.outcome, 'pending')
  assert.equal(verdict.earliestMergeAt, null)
  assert.equal(verdict.nextChangeAt, day(30))
  assert.equal(judge({ approvals: three, at: day(10) }).earliestMergeAt, day(61))
  assert.equal(dayMs, 86_400_000)
})

test('of one person the latest approval is the live one', () => {
  const later = record(change, 'm1')
  const verdict = judge({ approvals: [first, second, third, later] })
  assert.equal(codeAt(verdict, first), 'superseded')
  assert.equal(count(verdict), 3)
})
