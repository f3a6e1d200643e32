import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DraftPolicy, samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { checkPolicy } from './check-policy.ts'
import type { Finding, LintOptions } from './finding.ts'
import { blocksTakingEffect, lintPolicy } from './lint.ts'

type Entry = DraftPolicy['registry'][number]

function lintOf(edit: (policy: DraftPolicy) => void, options?: LintOptions): readonly Finding[] {
  const policy = samplePolicy()
  edit(policy)
  assert.deepEqual(checkPolicy(policy), { ok: true, policy })
  return lintPolicy(policy, options)
}

const entryOf = (policy: DraftPolicy, index: number): Entry => {
  const entry = policy.registry[index]
  assert.ok(entry)
  return entry
}

/** What an edit adds to the findings of the base policy, as `code path`. */
function added(edit: (policy: DraftPolicy) => void, options?: LintOptions): string[] {
  const before = new Set(lintOf(() => undefined, options).map(({ code, path }) => `${code} ${path}`))
  const after = lintOf(edit, options).map(({ code, path }) => `${code} ${path}`)
  return [...new Set(after)].filter((finding) => !before.has(finding))
}

const withKey = (publicKey: string) => (policy: DraftPolicy) => {
  entryOf(policy, 8).publicKey = publicKey
}
const publishedTestKey = '0335573cdcac8f622dddc6a6799050d3739b016f389b0c74f954e27c9d07797363'

test('the base policy has no finding that blocks', () => {
  const findings = lintOf(() => undefined)
  assert.equal(blocksTakingEffect(findings), false)
  assert.deepEqual(
    [...new Set(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code))],
    ['unreachable-cell'],
  )
})

test('T20 placeholder, published and broken keys are named and block', () => {
  const keys: readonly (readonly [string, string])[] = [
    ['0x02[PLACEHOLDER_64_CHAR_HEX]', 'placeholder-key'],
    [publishedTestKey, 'published-test-key'],
    [`02${publishedTestKey.slice(2)}`, 'published-test-key'],
    ['zz', 'malformed-key'],
    [`02${'f'.repeat(63)}e`, 'not-on-curve'],
    [publishedTestKey.slice(2), 'x-only-key'],
  ]
  for (const [key, code] of keys) {
    assert.deepEqual(added(withKey(key)), [`${code} /registry/8/publicKey`], key)
    assert.ok(blocksTakingEffect(lintOf(withKey(key))))
  }
  const inactive = (policy: DraftPolicy) => {
    withKey('zz')(policy)
    entryOf(policy, 8).status = 'inactive'
  }
  assert.deepEqual(added(inactive), [])
})

test('a scheme that this version does not verify is named', () => {
  const edit = (policy: DraftPolicy) => {
    entryOf(policy, 8).scheme = 'sshsig-v1'
  }
  assert.deepEqual(added(edit), ['unsupported-scheme /registry/8/publicKey'])
})

test('keys outside of their time are judged only when a time is given', () => {
  const expired = (policy: DraftPolicy) => {
    entryOf(policy, 8).expires = 1000 as Entry['expires']
  }
  const future = (policy: DraftPolicy) => {
    entryOf(policy, 8).notBefore = 3000 as Entry['notBefore']
  }
  assert.deepEqual(added(expired, { at: 1000 }), ['expired-key /registry/8/expires'])
  assert.deepEqual(added(expired, { at: 999 }), [])
  assert.deepEqual(added(expired), [])
  assert.deepEqual(added(future, { at: 2999 }), ['key-not-yet-valid /registry/8/notBefore'])
  assert.deepEqual(added(future, { at: 3000 }), [])
})

test('a missing account id blocks, but not at genesis', () => {
  const edit = (policy: DraftPolicy) => {
    entryOf(policy, 8).account = null
  }
  assert.deepEqual(added(edit), ['account-missing /registry/8/account'])
  assert.equal(blocksTakingEffect(lintOf(edit)), true)
  assert.equal(blocksTakingEffect(lintOf(edit, { genesis: true })), false)
})

test('one key of two persons blocks; one key of one person in two sets is told', () => {
  const edit = (policy: DraftPolicy) => {
    entryOf(policy, 8).publicKey = entryOf(policy, 0).publicKey
  }
  assert.deepEqual(added(edit), ['duplicate-key /registry/8/publicKey'])
  const same = (policy: DraftPolicy) => {
    const [first, other] = [entryOf(policy, 0), entryOf(policy, 8)]
    Object.assign(other, { publicKey: first.publicKey, login: first.login.toUpperCase(), account: first.account })
  }
  assert.deepEqual(added(same), ['key-in-several-sets /registry/8/publicKey'])
})

test('persons and accounts that collide are named', () => {
  const twice = (policy: DraftPolicy) => {
    entryOf(policy, 8).login = entryOf(policy, 7).login
    entryOf(policy, 8).account = entryOf(policy, 7).account
  }
  assert.deepEqual(added(twice), ['person-listed-twice /registry/8/login'])
  const twoAccounts = (policy: DraftPolicy) => {
    entryOf(policy, 8).login = entryOf(policy, 0).login
  }
  assert.deepEqual(added(twoAccounts), ['login-with-two-accounts /registry/8/account'])
  const twoLogins = (policy: DraftPolicy) => {
    entryOf(policy, 8).account = entryOf(policy, 0).account
  }
  assert.deepEqual(added(twoLogins), ['account-with-two-logins /registry/8/account'])
})

test('a set without persons makes each of its cells unreachable', () => {
  const edit = (policy: DraftPolicy) => {
    policy.sets['layer-5'] = { persons: [] }
  }
  const findings = lintOf(edit).filter(({ data }) => data.layer === '5' && data.tier !== undefined)
  assert.deepEqual(
    findings.filter(({ code }) => code === 'unreachable-cell').map(({ data }) => data.tier),
    Object.keys(samplePolicy().tiers),
  )
  assert.ok(added(edit).includes('no-registry /sets/layer-5'))
  assert.equal(blocksTakingEffect(lintOf(edit)), false)
})

test('cells that need every member are told apart from those that nobody can reach', () => {
  const codes = (policy: DraftPolicy): string[] =>
    lintPolicy(policy)
      .filter(({ data }) => data.layer === '3' && data.tier === '3')
      .map(({ code }) => code)
  const policy = samplePolicy()
  const set = policy.sets['layer-3']
  assert.ok(set)
  assert.deepEqual(codes(policy), ['unreachable-with-author'])
  set.persons.push('one-more')
  assert.deepEqual(codes(policy), [])
  set.persons = ['a', 'A', 'b', 'c', 'd', 'D']
  assert.deepEqual(codes(policy), ['unreachable-cell'])
  policy.options.authorsMayApprove = true
  set.persons = ['a', 'b', 'c', 'd', 'e']
  assert.deepEqual(codes(policy), [])
})

test('a layer 0 that usable keys cannot reach blocks', () => {
  const edit = (policy: DraftPolicy) => {
    for (const index of [7, 8, 9]) entryOf(policy, index).publicKey = 'zz'
  }
  assert.ok(added(edit).includes('layer-0-unreachable /layers/0/quorums/0'))
  const revoked = (policy: DraftPolicy) => {
    for (const index of [7, 8, 9]) entryOf(policy, index).revokedAt = 1 as Entry['revokedAt']
  }
  assert.deepEqual(added(revoked), ['layer-0-unreachable /layers/0/quorums/0'])
  assert.ok(blocksTakingEffect(lintOf(revoked)))
})

test('stated numbers that contradict each other are named', () => {
  const policyWith = (edit: (policy: Required<DraftPolicy>) => void) => (policy: DraftPolicy) => edit(policy)
  const layerOf = (policy: DraftPolicy, id: string) => {
    const layer = policy.layers[id]
    assert.ok(layer)
    return layer
  }
  const cases: readonly (readonly [string, (policy: DraftPolicy) => void])[] = [
    [
      'total-differs /layers/3/quorums/0',
      policyWith((p) => Object.assign(layerOf(p, '3').quorums[0] ?? {}, { total: 9 })),
    ],
    ['required-exceeds-total /tiers/1', policyWith((p) => Object.assign(p.tiers['1'] ?? {}, { total: 2 }))],
    [
      'consensus-period-shorter /layers/1/consensusReviewDays',
      (p) => Object.assign(layerOf(p, '1'), { consensusReviewDays: 7 }),
    ],
    [
      'public-comment-exceeds-review /layers/3/publicCommentDays',
      (p) => Object.assign(layerOf(p, '3'), { publicCommentDays: 91 }),
    ],
    [
      'tier-without-patterns /tiers/2',
      (p) => {
        p.classification.rules = p.classification.rules.filter(({ tier }) => tier !== '2')
      },
    ],
    [
      'emergency-unreachable /emergency/urgent/activationRequired',
      (p) => Object.assign(p.emergency.urgent ?? {}, { activationRequired: 8 }),
    ],
    [
      'emergency-outlived-by-review /emergency/urgent/reviewDays',
      (p) => Object.assign(p.emergency.urgent ?? {}, { reviewDays: 31 }),
    ],
  ]
  for (const [finding, edit] of cases) assert.ok(added(edit).includes(finding), `${finding}: ${added(edit).join('; ')}`)
})

test('what tier 4 cannot do is told', () => {
  const codes = lintOf(() => undefined).map(({ code }) => code)
  assert.ok(codes.includes('tier-shortens-nothing'))
  assert.ok(codes.includes('emergency-tier-by-path'))
})

test('every finding says what to do', () => {
  for (const { remedy, code } of lintOf(withKey('zz'))) assert.ok(remedy.length > 10, code)
})
