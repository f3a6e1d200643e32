import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type GovernanceFiles,
  publicGovernanceFiles,
  sampleGovernanceFiles,
  withPeople,
} from '../../../test/fixtures/governance-repository.ts'
import { samplePeople } from '../../../test/fixtures/sample-people.ts'
import { blocksTakingEffect, cell, type PolicyV1 } from '../../core/index.ts'
import { type ReadPolicy, readPolicyFiles } from './read-policy-files.ts'

const sample = publicGovernanceFiles()
const options = { skip: sample === null ? '../shared/vectors/btcdecoded-governance is absent' : false }

const read = (files: GovernanceFiles): ReadPolicy =>
  readPolicyFiles({ owner: 'BTCDecoded', governanceRepository: 'BTCDecoded/governance', files })

function policyOf(files: GovernanceFiles): PolicyV1 {
  const { policy, faults } = read(files)
  assert.deepEqual(faults, [])
  assert.ok(policy)
  return policy
}

function shown(policy: PolicyV1, layer: string, tier: string, consensus = false): string {
  const result = cell(policy, layer, tier, { consensus })
  assert.ok(result.ok)
  return `${result.cell.required}/${result.cell.total} ${result.cell.reviewDays}`
}

const table: Readonly<Record<string, readonly string[]>> = {
  1: ['6/7 180', '6/7 180', '6/7 180', '6/7 180', '6/7 180'],
  2: ['6/7 180', '6/7 180', '6/7 180', '6/7 180', '6/7 180'],
  3: ['4/5 90', '4/5 90', '5/5 90', '4/5 90', '5/5 180'],
  4: ['3/5 60', '4/5 60', '5/5 90', '4/5 60', '5/5 180'],
  5: ['3/5 14', '4/5 30', '5/5 90', '4/5 14', '5/5 180'],
}

test('the public files give the 25 cells, the security tiers and the consensus period', options, () => {
  const policy = policyOf(sample ?? new Map())
  for (const [layer, cells] of Object.entries(table)) {
    for (const [index, expected] of cells.entries()) {
      assert.equal(shown(policy, layer, String(index + 1)), expected, `layer ${layer}, tier ${index + 1}`)
    }
  }
  assert.deepEqual(
    ['security-critical', 'cryptographic', 'security-enhancement'].map((tier) => shown(policy, '4', tier)),
    ['7/7 180', '6/7 90', '5/7 60'],
  )
  assert.equal(shown(policy, '1', '1', true), '6/7 365')
  assert.equal(shown(policy, '2', '5', true), '6/7 365')
  assert.equal(shown(policy, '3', '5', true), '5/5 180')
})

test('the own sample gives the same 25 cells', () => {
  const { policy } = readPolicyFiles({
    owner: 'acme',
    governanceRepository: 'acme/governance',
    files: sampleGovernanceFiles(samplePeople()),
  })
  assert.ok(policy)
  for (const [layer, cells] of Object.entries(table)) {
    for (const [index, expected] of cells.entries()) assert.equal(shown(policy, layer, String(index + 1)), expected)
  }
})

test('T20 the 22 placeholders and two test keys are each named by file and line, and block', options, () => {
  const files = sample ?? new Map()
  const { findings } = read(files)
  const lineOf = ({ file, line }: { file: string; line: number }): string =>
    files.get(file)?.split('\n')[line - 1] ?? ''
  const placeholders = findings.filter(({ code }) => code === 'placeholder-key')
  const testKeys = findings.filter(({ code }) => code === 'published-test-key')
  assert.deepEqual([placeholders.length, testKeys.length], [22, 2])
  for (const finding of placeholders) assert.match(lineOf(finding), /PLACEHOLDER/)
  for (const finding of testKeys) assert.match(lineOf(finding), /public_key: 03(?:35573c|46160a)/)
  assert.ok(blocksTakingEffect(findings))
})

test('every unreachable cell of the public files is named', options, () => {
  const cells = read(sample ?? new Map())
    .findings.filter(({ code }) => code === 'unreachable-cell')
    .map(({ data }) => `${data.layer} ${data.tier}`)
  const tiers = ['1', '2', '3', '4', '5', 'security-critical', 'cryptographic', 'security-enhancement']
  assert.deepEqual(cells.toSorted(), [
    '3 cryptographic',
    '3 security-critical',
    '4 cryptographic',
    '4 security-critical',
    ...tiers.map((tier) => `5 ${tier}`).toSorted(),
  ])
})

test('with real keys and ids in place of the placeholders nothing blocks', options, () => {
  const people = samplePeople()
  const { ['layer-5']: _keys, ...keys } = people.keys
  const files = withPeople(sample ?? new Map(), { keys, accounts: people.accounts ?? {} })
  const { findings } = read(files)
  // The public files list one maintainer1 in three registries; one account is one person.
  const clashes = new Set(findings.filter(({ blocks }) => blocks).map(({ code }) => code))
  assert.deepEqual([...clashes], ['login-with-two-accounts'])
})

interface Spot {
  readonly file: string
  readonly line: number
  readonly from: number
  readonly digits: string
  /** Keys around the number, outermost first. */
  readonly keys: readonly string[]
}

/** Every number in the values of the files, by a line reader that knows nothing of the product's. */
function numbersIn(files: GovernanceFiles): readonly Spot[] {
  const spots: Spot[] = []
  for (const [file, text] of files) {
    const stack: { readonly indent: number; readonly key: string }[] = []
    for (const [index, line] of text.split('\n').entries()) {
      const match = /^( *)(?:- )?([A-Za-z0-9_]+):(.*)$/.exec(line)
      if (match === null) continue
      const indent = match[1]?.length ?? 0
      while ((stack.at(-1)?.indent ?? -1) >= indent) stack.pop()
      stack.push({ indent, key: match[2] ?? '' })
      const value = (match[3] ?? '').replace(/ #.*$/, '')
      if (!/^ [0-9]+(?:\.[0-9]+)?$|^ "?[0-9]+-of-[0-9]+/.test(value)) continue
      const start = line.length - (match[3] ?? '').length
      for (const found of value.matchAll(/(?<![0-9.])[0-9]+(?![0-9.])/g)) {
        spots.push({
          file,
          line: index,
          from: start + found.index,
          digits: found[0],
          keys: stack.map(({ key }) => key),
        })
      }
    }
  }
  return spots
}

function withNumber(files: GovernanceFiles, spot: Spot, value: number): GovernanceFiles {
  const lines = (files.get(spot.file) ?? '').split('\n')
  const line = lines[spot.line] ?? ''
  lines[spot.line] = line.slice(0, spot.from) + value + line.slice(spot.from + spot.digits.length)
  return new Map(files).set(spot.file, lines.join('\n'))
}

/** The numbers of one layer or tier, read from the files by this test alone. */
interface Stated {
  required: number
  total: number
  days: number
  consensus: number
}

function statedIn(files: GovernanceFiles, file: string, root: string): Map<string, Stated> {
  const parts = new Map<string, Stated>()
  for (const { file: of, keys, digits } of numbersIn(files)) {
    if (of !== file || keys[0] !== root || keys[1] === undefined) continue
    const part = parts.get(keys[1]) ?? { required: 0, total: 0, days: 0, consensus: 0 }
    const last = keys.slice(2).join('.')
    if (last === 'signatures.required') part.required = Number(digits)
    if (last === 'signatures.total') part.total = Number(digits)
    if (last === 'review_period_days') part.days = Number(digits)
    if (last === 'consensus_review_period_days') part.consensus = Number(digits)
    parts.set(keys[1], part)
  }
  return parts
}

/** All cells, computed from the text of the files by this test's own reading of the rule. */
function expectedCells(files: GovernanceFiles): Map<string, string> {
  const cells = new Map<string, string>()
  for (const [layerKey, layer] of statedIn(files, 'config/repository-layers.yml', 'layers')) {
    for (const [tierKey, tier] of statedIn(files, 'config/action-tiers.yml', 'tiers')) {
      const tierId = /^tier_([0-9])/.exec(tierKey)?.[1] ?? tierKey.replaceAll('_', '-')
      for (const consensus of [false, true]) {
        const days = Math.max(layer.days, tier.days, consensus ? layer.consensus : 0)
        const text = `${Math.max(layer.required, tier.required)}/${Math.max(layer.total, tier.total)} ${days}`
        cells.set(`${/[0-9]/.exec(layerKey)?.[0]} ${tierId} ${consensus}`, text)
      }
    }
  }
  return cells
}

function cellsOf(policy: PolicyV1): Map<string, string> {
  const cells = new Map<string, string>()
  for (const layer of Object.keys(policy.layers).filter((id) => id !== '0')) {
    for (const tier of Object.keys(policy.tiers)) {
      for (const consensus of [false, true])
        cells.set(`${layer} ${tier} ${consensus}`, shown(policy, layer, tier, consensus))
    }
  }
  return cells
}

/** Repository files repeat their layer's numbers; without them a layer can be changed by itself. */
const withoutRepositories = (files: GovernanceFiles): GovernanceFiles =>
  new Map([...files].filter(([path]) => !path.startsWith('config/repos/')))

test('changing any number changes exactly the cells that depend on it', options, () => {
  const files = withoutRepositories(sample ?? new Map())
  const before = expectedCells(files)
  assert.equal(before.size, 5 * 8 * 2)
  assert.deepEqual(cellsOf(policyOf(files)), before)
  let changedCells = 0
  const spots = numbersIn(files)
  assert.ok(spots.length > 90, `${spots.length} numbers`)
  for (const spot of spots) {
    if (spot.keys.at(-1) === 'layer' || spot.keys.at(-1) === 'default_tier') continue
    for (const value of [Number(spot.digits) + 1, Number(spot.digits) + 400, Math.max(1, Number(spot.digits) - 2)]) {
      const changed = withNumber(files, spot, value)
      const { policy, faults } = read(changed)
      const name = `${spot.file}:${spot.line + 1} ${spot.keys.join('.')} = ${value}`
      if (policy === null) {
        // Above a bound of the format a number is refused, with its own line, and there are no cells at all.
        assert.deepEqual(
          faults.map(({ file, line }) => `${file}:${line}`),
          [`${spot.file}:${spot.line + 1}`],
          name,
        )
        continue
      }
      const expected = expectedCells(changed)
      assert.deepEqual(cellsOf(policy), expected, name)
      changedCells += [...expected].filter(([key, text]) => before.get(key) !== text).length
    }
  }
  assert.ok(changedCells > 300, `${changedCells} cells changed`)
})

test('a number of a repository file that differs from its layer is refused with both places', options, () => {
  const files = sample ?? new Map()
  let refused = 0
  for (const spot of numbersIn(files)) {
    if (!spot.file.startsWith('config/repos/') || spot.keys.includes('user_activation')) continue
    if (spot.keys.at(-1) === 'action_tier') continue
    const { policy, faults } = read(withNumber(files, spot, Number(spot.digits) + 1))
    assert.equal(policy, null)
    assert.deepEqual(
      faults.map(({ code, file, line }) => [code, file, line]),
      [['contradicts-layer', spot.file, spot.line + 1]],
    )
    assert.match(faults[0]?.message ?? '', /config\/repository-layers\.yml line \d+/)
    refused++
  }
  assert.ok(refused >= 15, `${refused} numbers`)
})
