import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  account,
  commit,
  day,
  facts,
  file,
  policy,
  record,
  registry,
  requirementFor,
} from '../../../test/fakes/governed-change.ts'
import { judge, codesOf, has, count, enrol } from '../../../test/fakes/judge.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import type { Facts } from '../facts/facts.ts'
import { asInstant, asLogIndex, dayMs } from '../ids.ts'
import type { PolicyV1 } from './policy-v1.ts'
import type { Verdict } from './verdict.ts'

const change = facts()
const three = ['m1', 'm2', 'm3'].map((login) => record(change, login))
const [, second, third] = three as [AdmittedStatement, AdmittedStatement, AdmittedStatement]

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

test('T24 daylight saving moves no period: a clock across both changes of a year is met at the same millisecond', (t) => {
  const before = process.env.TZ
  t.after(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  const until = day(61)
  for (const zone of ['UTC', 'America/New_York', 'Australia/Lord_Howe']) {
    process.env.TZ = zone
    assert.equal(judge({ approvals: three, at: asInstant(until - 1) }).outcome, 'pending', zone)
    assert.equal(judge({ approvals: three, at: until }).outcome, 'pass', zone)
  }
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
    return [verdict.outcome, codesOf(verdict).find((code) => code.startsWith('check-'))]
  }
  assert.deepEqual(outcomes([run('success')]), ['pass', 'check-met'])
  assert.deepEqual(outcomes([]), ['pending', 'check-missing'])
  assert.deepEqual(outcomes([run('success', null, 666)]), ['pending', 'check-missing'])
  assert.deepEqual(outcomes([run(null)]), ['pending', 'check-running'])
  for (const conclusion of ['failure', 'skipped', 'neutral', 'cancelled', 'stale']) {
    assert.deepEqual(outcomes([run(conclusion)]), ['fail', 'check-failed'], conclusion)
  }
  assert.deepEqual(outcomes([run('success', '.github/workflows/other.yml')]), ['pending', 'check-wrong-workflow'])
  assert.deepEqual(outcomes([run('success', null)]), ['pass', 'check-met'], 'the forge does not tell')
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
