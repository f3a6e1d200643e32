import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DraftPolicy, samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { type ClassifyInput, classify, maxListedPaths } from './classify.ts'
import { matchText } from './match-text.ts'
import { requirementOf } from './requirement.ts'
import type { Classification } from './verdict.ts'

const policy: DraftPolicy = samplePolicy()

const file = (path: string): ClassifyInput['files'][number] => ({ oldPath: path, newPath: path })
const rename = (oldPath: string, newPath: string): ClassifyInput['files'][number] => ({ oldPath, newPath })

function classified(change: Partial<ClassifyInput>): Classification {
  const result = classify({
    policy,
    repository: 'acme/protocol',
    files: [],
    textMatches: [],
    addedTiers: [],
    removedTiers: [],
    ...change,
  })
  assert.ok(result.ok)
  return result.classification
}

const tiersOf = (change: Partial<ClassifyInput>): string[] => classified(change).tiers.map(({ tier }) => tier)

function requirement(change: Partial<ClassifyInput>) {
  const repository = change.repository ?? 'acme/protocol'
  const result = requirementOf({ policy, classification: classified(change), repository, personsOf: () => [] })
  assert.ok(result.ok)
  return result.requirement
}

const saying = (title: string, body = '', repository = 'acme/protocol') => ({
  repository,
  textMatches: matchText(policy, repository, title, body),
})

test('T07 a repository is known by its exact full name', () => {
  for (const name of [
    'evil/node',
    'evil/acme/node',
    'acme/node-fork',
    'acme/nod',
    'node',
    'ACME/node',
    'constructor',
    '',
  ]) {
    const result = classify({
      policy,
      repository: name,
      files: [file('docs/a')],
      textMatches: [],
      addedTiers: [],
      removedTiers: [],
    })
    assert.ok(!result.ok && result.code === 'unknown-repository', name)
    assert.deepEqual(matchText(policy, name, 'consensus', ''), [])
  }
})

test('T21 a harmless title does not take a consensus path out of tier 3', () => {
  const change = { ...saying('docs: fix typo'), files: [file('docs/a.txt'), file('consensus/b.rs')] }
  assert.deepEqual(tiersOf(change), ['1', '3'])
  assert.equal(requirement(change).quorums[0]?.required, 5)
})

test('T21 a rename out of a protected path carries the tier of both names', () => {
  assert.deepEqual(tiersOf({ files: [rename('consensus/a.rs', 'docs/a.rs')] }), ['1', '3'])
  assert.deepEqual(
    tiersOf({
      files: [
        { oldPath: 'consensus/a.rs', newPath: null },
        { oldPath: null, newPath: 'docs/a' },
      ],
    }),
    ['1', '3'],
  )
  const consensus = classified({ repository: 'acme/consensus', files: [rename('src/script.rs', 'src/other.rs')] })
  assert.equal(consensus.consensus, true)
  assert.deepEqual(consensus.consensusBecause, [{ rule: 'path:src/script.rs', path: 'src/script.rs' }])
})

test('T22 [EMERGENCY] in a title grants nothing', () => {
  const files = [file('docs/a.txt')]
  const plain = requirement({ files })
  for (const title of ['[EMERGENCY] now', '[EMERGENCY]', 'emergency critical security fix CVE urgent patch']) {
    assert.deepEqual(requirement({ files, ...saying(title, title) }), plain)
    assert.deepEqual(tiersOf({ files, ...saying(title, title) }), ['1'])
  }
  assert.deepEqual(tiersOf({ files, textMatches: [{ tier: '4', rule: 'keyword:emergency' }] }), ['1'])
})

test('T34 words of tier 4 on a consensus path leave the component-wise maximum', () => {
  const files = [file('consensus/a.rs'), file('security/b.rs')]
  const { reviewDays, quorums, conditions } = requirement({ files, ...saying('fix: x', 'security fix') })
  assert.equal(reviewDays, 90)
  assert.equal(quorums[0]?.required, 5)
  assert.ok(conditions.includes('audit') && conditions.includes('equivalence-proof'))
})

test('T30 unknown layers and tiers are errors, never defaults', () => {
  const common = { policy, repository: 'acme/node', files: [], textMatches: [], addedTiers: [], removedTiers: [] }
  for (const change of [
    { addedTiers: ['9'] },
    { removedTiers: ['constructor'] },
    { textMatches: [{ tier: 'toString', rule: 'keyword:x' }] },
  ]) {
    const result = classify({ ...common, ...change })
    assert.ok(!result.ok && result.code === 'unknown-tier')
  }
  const broken = samplePolicy()
  const node = broken.repositories['acme/node']
  assert.ok(node)
  node.layer = '8'
  const result = classify({ ...common, policy: broken })
  assert.ok(!result.ok && result.code === 'unknown-layer')
})

test('files that nothing or only tier 4 matches get the fallback tier and manual review', () => {
  for (const path of ['src/a.rs', 'security/a.rs']) {
    const { tiers, conditions } = classified({ files: [file(path)] })
    assert.deepEqual(tiers, [{ tier: '2', because: [{ rule: 'fallback', path }] }])
    assert.deepEqual(conditions, [{ condition: 'manual-review', because: [{ rule: 'fallback', path }] }])
  }
  const lenient = samplePolicy()
  lenient.classification.fallback = { tier: '5', manualReview: false }
  const { tiers, conditions } = classified({ policy: lenient, files: [file('src/a.rs')] })
  assert.deepEqual([tiers[0]?.tier, conditions], ['5', []])
})

test('an exclude cancels its own tier for that file only', () => {
  assert.deepEqual(tiersOf({ files: [file('tests/consensus/a.rs')] }), ['3'])
  assert.deepEqual(tiersOf({ files: [file('tests/consensus/a.rs'), file('tests/b.rs')] }), ['1', '3'])
})

test('the security tiers come by pattern and by signed addition', () => {
  assert.deepEqual(tiersOf({ files: [file('crypto/a/keys/k.rs')] }), ['security-critical'])
  const { tiers } = classified({ files: [file('docs/a')], addedTiers: ['security-critical'] })
  assert.deepEqual(
    tiers.map(({ tier, because }) => [tier, because[0]?.rule]),
    [
      ['1', 'path:docs/**'],
      ['security-critical', 'statement'],
    ],
  )
})

test('a tier that the whole quorum removed is gone, whatever gave it; its conditions of files stay', () => {
  assert.deepEqual(tiersOf({ files: [file('consensus/a'), file('docs/a')], removedTiers: ['3'] }), ['1'])
  const { tiers, conditions } = classified({ files: [file('src/a')], removedTiers: ['2'] })
  assert.deepEqual(tiers, [])
  assert.equal(conditions[0]?.condition, 'manual-review')
})

test("a repository's own tiers and patterns add to the policy's", () => {
  const { tiers, conditions } = classified({ repository: 'acme/spec', files: [file('rules/a.md'), file('docs/b.md')] })
  assert.deepEqual(
    tiers.map(({ tier }) => tier),
    ['1', '3'],
  )
  assert.deepEqual(
    tiers[1]?.because.map(({ rule }) => rule),
    ['repository', 'path:rules/**'],
  )
  assert.deepEqual(
    conditions.map(({ condition }) => condition),
    ['cross-layer-sync', 'equivalence-proof'],
  )
  assert.deepEqual(classified({ repository: 'acme/spec', files: [file('docs/b.md')] }).conditions, [])
})

test('conditions without patterns hold for every change of the repository, and consensus paths add theirs', () => {
  const node = classified({ repository: 'acme/node', files: [file('docs/a')] })
  assert.deepEqual(node.conditions, [
    { condition: 'no-consensus-modifications', because: [{ rule: 'node_imports_consensus', path: null }] },
  ])
  const consensus = classified({ repository: 'acme/consensus', files: [file('src/script.rs')] })
  assert.ok(consensus.conditions.some(({ condition }) => condition === 'test-vectors'))
  const other = classified({ repository: 'acme/consensus', files: [file('docs/a')] })
  assert.ok(!other.conditions.some(({ condition }) => condition === 'test-vectors'))
})

test('the governance repository carries layer 0 alone, unless its own entry says otherwise', () => {
  const plain = classified({
    repository: 'acme/governance',
    files: [file('config/x.yml'), file('a.yml'), file('docs/b')],
  })
  assert.deepEqual([plain.layer, plain.tiers, plain.conditions], ['0', [], []])
  const own = samplePolicy()
  const governance = own.repositories['acme/governance']
  assert.ok(governance)
  governance.tiers = ['5']
  assert.deepEqual(tiersOf({ policy: own, repository: 'acme/governance', files: [file('a')] }), ['5'])
})

test('long lists of paths are counted, tiers never are', () => {
  const files = Array.from({ length: 300 }, (_, i) => file(`docs/${String(i).padStart(3, '0')}`))
  const { tiers } = classified({ files: [...files, file('consensus/a'), file('wallet/b')] })
  assert.deepEqual(
    tiers.map(({ tier }) => tier),
    ['1', '2', '3'],
  )
  assert.equal(tiers[0]?.because.length, maxListedPaths + 1)
  assert.deepEqual(tiers[0]?.because.at(-1), { rule: 'path', path: null, more: 300 - maxListedPaths })
})

test('the order of files decides nothing, and one file more never takes a tier away', () => {
  const paths = ['docs/a', 'consensus/b', 'src/c', 'rpc/d', 'tests/consensus/e', 'security/f', 'x.yml', 'README.md']
  fc.assert(
    fc.property(fc.shuffledSubarray(paths), fc.constantFrom(...paths), (chosen, extra) => {
      const files = chosen.map(file)
      assert.deepEqual(classified({ files }), classified({ files: files.toReversed() }))
      const more = tiersOf({ files: [...files, file(extra)] })
      for (const tier of tiersOf({ files })) assert.ok(more.includes(tier))
    }),
    { numRuns: 200 },
  )
})
