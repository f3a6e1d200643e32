import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { asAccountId } from '../ids.ts'
import { covers } from './covers.ts'
import type { Requirement } from './policy-v1.ts'
import { cell, policyDigest, requirementDigest, requirementOf } from './requirement.ts'
import type { Classification } from './verdict.ts'

const id = asAccountId
const classification = (layer: string, tiers: readonly string[], consensus = false): Classification => ({
  layer,
  tiers: tiers.map((tier) => ({ tier, because: [] })),
  consensus,
  consensusBecause: [],
  conditions: [],
})

function requirement(layer: string, tiers: readonly string[], consensus = false, policy = samplePolicy()): Requirement {
  const repository =
    { 0: 'acme/governance', 1: 'acme/spec', 2: 'acme/consensus', 4: 'acme/wallet' }[layer] ?? 'acme/sdk'
  const personsOf = (set: string) => (set === 'emergency' ? [id(9), id(8)] : [id(3), id(1), id(2)])
  const result = requirementOf({
    policy,
    classification: classification(layer, tiers, consensus),
    repository,
    personsOf,
  })
  assert.ok(result.ok)
  return result.requirement
}

test('several tiers combine as the maximum of each component', () => {
  const { quorums, reviewDays, conditions } = requirement('5', ['3', '5'])
  assert.deepEqual(quorums, [{ set: 'layer-5', required: 5, total: 5, persons: [1, 2, 3] }])
  assert.equal(reviewDays, 180)
  const expected = ['audit', 'equivalence-proof', 'public-comment', 'rationale', 'specification']
  assert.deepEqual(conditions, expected)
})

test('a tier with its own set stands beside the layer and keeps its unanimity', () => {
  const policy = samplePolicy()
  const tier = policy.tiers['3']
  assert.ok(tier)
  tier.set = 'layer-3'
  const { quorums } = requirement('1', ['3', '5'], false, policy)
  assert.deepEqual(
    quorums.map(({ set, required, total }) => [set, required, total]),
    [
      ['layer-1-2', 6, 7],
      ['layer-3', 5, 5],
    ],
  )
})

test('layer 0 asks for maintainers and keyholders, each over its own set', () => {
  const { quorums, reviewDays, publicCommentDays, conditions } = requirement('0', [])
  assert.deepEqual(quorums, [
    { set: 'emergency', required: 2, total: 3, persons: [8, 9] },
    { set: 'layer-1-2', required: 5, total: 7, persons: [1, 2, 3] },
  ])
  assert.deepEqual([reviewDays, publicCommentDays, conditions], [90, 30, ['public-comment', 'rationale']])
})

test('a consensus change of layers 1 and 2 waits 365 days, of others no longer than before', () => {
  assert.equal(requirement('1', ['1'], true).reviewDays, 365)
  assert.equal(requirement('2', ['5'], true).reviewDays, 365)
  assert.equal(requirement('4', ['1'], true).reviewDays, 60)
})

test('required checks of the repository are part of the requirement', () => {
  const check = { name: 'build', appId: 15368, workflow: '.github/workflows/build.yml' }
  assert.deepEqual(requirement('4', ['1']).checks, [check])
})

test('unknown layers, tiers and repositories are errors', () => {
  const policy = samplePolicy()
  const personsOf = () => []
  const of = (layer: string, tiers: string[], repository = 'acme/node') => {
    const result = requirementOf({ policy, classification: classification(layer, tiers), repository, personsOf })
    return result.ok ? 'ok' : result.code
  }
  assert.equal(of('4', ['1']), 'ok')
  assert.equal(of('8', ['1']), 'unknown-layer')
  assert.equal(of('4', ['constructor']), 'unknown-tier')
  assert.equal(of('4', ['1'], 'acme/nodes'), 'unknown-repository')
  assert.equal((cell(policy, '4', '8') as { code?: string }).code, 'unknown-tier')
})

test('the digest does not depend on order and depends on everything else', () => {
  const base = requirement('0', ['3'])
  const shuffled: Requirement = {
    ...base,
    quorums: base.quorums.map((q) => ({ ...q, persons: q.persons.toReversed() })).toReversed(),
    conditions: base.conditions.toReversed(),
    checks: base.checks.toReversed(),
  }
  assert.equal(requirementDigest(shuffled), requirementDigest(base))
  const changes: Requirement[] = [
    { ...base, reviewDays: base.reviewDays + 1 },
    { ...base, publicCommentDays: 31 },
    { ...base, conditions: base.conditions.slice(1) },
    { ...base, checks: [{ name: 'x', appId: 1, workflow: null }] },
    { ...base, quorums: base.quorums.slice(1) },
    { ...base, quorums: base.quorums.map((q) => ({ ...q, persons: [...q.persons, id(77)] })) },
  ]
  const digests = new Set([base, ...changes].map(requirementDigest))
  assert.equal(digests.size, changes.length + 1)
})

test('the policy digest names its content', () => {
  const policy = samplePolicy()
  assert.equal(policyDigest(policy), policyDigest(samplePolicy()))
  const other = samplePolicy()
  other.options.keywords = false
  assert.notEqual(policyDigest(other), policyDigest(policy))
})

test('a signature stands under an equal or stricter requirement over the same persons', () => {
  const signed = requirement('1', ['3'])
  assert.deepEqual(covers(signed, signed), { ok: true })
  const stricter: Requirement = {
    quorums: [
      ...signed.quorums.map((q) => ({ ...q, required: q.required + 1, total: 99, persons: q.persons.toReversed() })),
      { set: 'emergency', required: 1, total: 1, persons: [] },
    ],
    reviewDays: signed.reviewDays + 1,
    publicCommentDays: 5,
    conditions: [...signed.conditions, 'post-mortem'],
    checks: [{ name: 'x', appId: 1, workflow: null }],
  }
  assert.deepEqual(covers(stricter, signed), { ok: true })
  assert.ok(!covers(signed, stricter).ok)
})

test('each component that is laxer voids with its own code', () => {
  const check = { name: 'build', appId: 1, workflow: null }
  const signed: Requirement = { ...requirement('0', ['3']), checks: [check] }
  const quorumsWith = (change: object) => signed.quorums.map((q) => ({ ...q, ...change }))
  const cases: readonly (readonly [string, Requirement])[] = [
    ['quorum-missing', { ...signed, quorums: signed.quorums.slice(1) }],
    ['quorum-laxer', { ...signed, quorums: quorumsWith({ required: 1 }) }],
    ['persons-changed', { ...signed, quorums: quorumsWith({ persons: [id(1), id(2), id(3), id(8), id(9)] }) }],
    ['persons-changed', { ...signed, quorums: quorumsWith({ persons: [] }) }],
    ['review-laxer', { ...signed, reviewDays: signed.reviewDays - 1 }],
    ['public-comment-laxer', { ...signed, publicCommentDays: 29 }],
    ['condition-missing', { ...signed, conditions: signed.conditions.slice(1) }],
    ['check-missing', { ...signed, checks: [{ ...check, appId: 2 }] }],
    ['check-missing', { ...signed, checks: [{ ...check, workflow: 'a.yml' }] }],
  ]
  for (const [code, inForce] of cases) {
    const covered = covers(inForce, signed)
    assert.equal(covered.ok ? 'ok' : covered.code, code)
  }
})

test('a requirement never falls when a tier is added', () => {
  const policy = samplePolicy()
  const all = Object.keys(policy.tiers)
  fc.assert(
    fc.property(
      fc.constantFrom('0', '1', '3', '4', '5'),
      fc.subarray(all),
      fc.constantFrom(...all),
      (layer, tiers, more) => {
        assert.deepEqual(covers(requirement(layer, [...tiers, more]), requirement(layer, tiers)), { ok: true })
      },
    ),
    { numRuns: 200 },
  )
})
