import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type GovernanceFiles, sampleGovernanceFiles } from '../../../test/fixtures/governance-repository.ts'
import { samplePeople } from '../../../test/fixtures/sample-people.ts'
import { samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { isPolicyPath } from './policy-path.ts'
import { type ReadPolicy, readPolicyFiles } from './read-policy-files.ts'

const sample = sampleGovernanceFiles(samplePeople())

const read = (files: GovernanceFiles): ReadPolicy =>
  readPolicyFiles({ owner: 'acme', governanceRepository: 'acme/governance', files })

interface Edit {
  readonly file: string
  /** Replaced once; the whole file when absent. */
  readonly from?: string
  /** Null removes the file. */
  readonly to: string | null
  readonly code: string
  /** A text that stands on the line that the fault names. */
  readonly on?: string
}

function edited({ file, from, to }: Pick<Edit, 'file' | 'from' | 'to'>): GovernanceFiles {
  const files = new Map(sample)
  const before = sample.get(file) ?? ''
  if (from !== undefined) assert.ok(before.includes(from), `${file} holds no ${from}`)
  if (to === null) files.delete(file)
  else files.set(file, from === undefined ? to : before.replace(from, to))
  return files
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/policy/file-faults.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Edit[] }

test('the own sample reads as the base policy of the vectors', () => {
  const { policy, faults, fileDigests } = read(sample)
  assert.deepEqual(faults, [])
  assert.deepEqual(policy, samplePolicy())
  assert.deepEqual(Object.keys(fileDigests).toSorted(), [...sample.keys()].toSorted())
})

test('T30 every faulty file is a fault with its code, file, line and remedy, and leaves no policy', () => {
  for (const each of cases) {
    const files = edited(each)
    const { policy, faults } = read(files)
    const name = `${each.file}: ${each.code} ${each.to}`
    assert.equal(policy, null, name)
    const found = faults.find(({ code, file }) => code === each.code && file === each.file)
    assert.ok(found, `${name}: ${JSON.stringify(faults)}`)
    assert.ok(found.remedy.length > 5 && found.message.length > 5 && found.column >= 1)
    const line = (files.get(each.file) ?? '').split('\n')[found.line - 1] ?? ''
    if (each.on !== undefined) assert.ok(line.includes(each.on), `${name}: line ${found.line} is ${line}`)
  }
})

test('a repository file that contradicts its layer names both lines', () => {
  const { faults } = read(
    edited({ file: 'config/repos/consensus.yml', from: 'review_period_days: 180', to: 'review_period_days: 7' }),
  )
  const [found] = faults
  assert.equal(found?.code, 'contradicts-layer')
  assert.equal(found?.line, 3)
  assert.match(found?.message ?? '', /config\/repository-layers\.yml line 14/)
})

test('T20 placeholders are named by file and line and block, and the other commands still answer', () => {
  const { policy, faults, findings } = read(sampleGovernanceFiles())
  assert.ok(policy !== null && faults.length === 0)
  const placeholders = findings.filter(({ code }) => code === 'placeholder-key')
  assert.equal(placeholders.length, 29)
  for (const { file, line, blocks } of placeholders) {
    assert.ok(blocks)
    assert.match((sample.get(file) ?? '').split('\n')[0] ?? '', /./)
    assert.match((sampleGovernanceFiles().get(file) ?? '').split('\n')[line - 1] ?? '', /PLACEHOLDER/)
  }
})

test('what decides nothing or differs is a finding with its place', () => {
  const findingsOf = (edit: Pick<Edit, 'file' | 'from' | 'to'>): string[] => {
    const { findings, faults } = read(edited(edit))
    assert.deepEqual(faults, [])
    return findings.map(({ code, file, line }) => `${code} ${file}:${line}`)
  }
  const layers = 'config/repository-layers.yml'
  const rules = 'config/tier-classification-rules.yml'
  const cases: readonly (readonly [string, Pick<Edit, 'file' | 'from' | 'to'>])[] = [
    [
      `unknown-key ${layers}:5`,
      { file: layers, from: 'signatures: {required: 6', to: 'revue_days: 3\n    signatures: {required: 6' },
    ],
    [
      `confidence-decides-nothing ${rules}:3`,
      { file: rules, from: 'file_patterns:', to: 'confidence_threshold: 0.8\n    file_patterns:' },
    ],
    [
      'emergency-tiers-differ config/action-tiers.yml:48',
      {
        file: 'config/action-tiers.yml',
        from: 'requires_cryptography_expert: true\n',
        to: 'requires_cryptography_expert: true\nemergency_tiers:\n  critical:\n    max_duration_days: 8\n',
      },
    ],
    [
      'rule-not-blocking config/cross-layer-rules.yml:15',
      {
        file: 'config/cross-layer-rules.yml',
        from: 'no_consensus_modifications\n    blocking: true',
        to: 'no_consensus_modifications\n    blocking: false',
      },
    ],
    [
      'file-not-read config/maintainers/layer-9.yaml:1',
      { file: 'config/maintainers/layer-9.yaml', to: 'maintainers: []\n' },
    ],
    ['layer-0-not-stated .governance.yml:1', { file: '.governance.yml', to: null }],
    [`no-registry ${layers}:36`, { file: 'config/maintainers/layer-5.yml', to: null }],
    [
      `total-differs ${layers}:22`,
      { file: layers, from: 'required: 4\n      total: 5', to: 'required: 4\n      total: 6' },
    ],
  ]
  for (const [finding, edit] of cases) {
    const found = findingsOf(edit)
    assert.ok(found.includes(finding), `${finding}\n${found.join('\n')}`)
  }
})

test('layer 0 is as settled where the file is silent, and as stated where it is not', () => {
  const absent = read(edited({ file: '.governance.yml', to: null })).policy
  const stated = read(sample).policy
  assert.deepEqual(absent?.layers['0'], { ...stated?.layers['0'], conditions: ['rationale', 'public-comment'] })
  const other = read(
    edited({
      file: '.governance.yml',
      to: 'signature_threshold: 6-of-7\nreview_period_days: 30\npublic_comment_period_days: 0\nrequires_rationale: false\n',
    }),
  )
  assert.deepEqual(other.policy?.layers['0'], {
    name: 'Meta-governance',
    quorums: [{ set: 'layer-1-2', required: 6, total: 7 }],
    reviewDays: 30,
    consensusReviewDays: null,
    publicCommentDays: 0,
    conditions: [],
  })
})

test('keys are read as text in every way of writing them and become one form', () => {
  const key = samplePeople().keys['layer-3']?.[0] ?? ''
  for (const written of [`0x${key}`, `"${key}"`, key.toUpperCase(), `0X${key.toUpperCase()}`]) {
    const { policy } = read(edited({ file: 'config/maintainers/layer-3.yml', from: key, to: written }))
    assert.deepEqual(policy, samplePolicy(), written)
  }
})

test('dates of a key are midnight UTC or a stated second', () => {
  const files = edited({
    file: 'config/maintainers/layer-3.yml',
    from: 'status: active',
    to: 'status: active\n    not_before: 2025-01-01\n    expires: 2026-02-03T04:05:06Z',
  })
  const key = read(files).policy?.registry.find(({ set }) => set === 'layer-3')
  assert.equal(key?.notBefore, Date.UTC(2025, 0, 1))
  assert.equal(key?.expires, Date.UTC(2026, 1, 3, 4, 5, 6))
})

test('a tier may name its own signer set', () => {
  const { policy } = read(
    edited({
      file: 'config/action-tiers.yml',
      from: '{required: 3, total: 5}',
      to: '{required: 2, total: 7, set: emergency}',
    }),
  )
  assert.equal(policy?.tiers['1']?.set, 'emergency')
})

test('policy paths are those that are read', () => {
  for (const path of sample.keys()) assert.ok(isPolicyPath(path), path)
  for (const path of [
    'README.md',
    'config/other.yml',
    'x/.governance.yml',
    'config/repos/a/b.yml',
    'config/repos/a.yaml',
    'config/action-tiers.yml/x',
  ]) {
    assert.ok(!isPolicyPath(path), path)
  }
})
