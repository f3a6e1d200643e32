import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { checkPolicy } from './check-policy.ts'
import { policyJsonSchema } from './policy-schema.ts'

interface FaultCase {
  readonly pointer: string
  readonly value?: unknown
  readonly remove?: boolean
  readonly code: string
  readonly path: string
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/policy/faults.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly FaultCase[] }

function edited({ pointer, value, remove }: FaultCase): unknown {
  const policy: unknown = samplePolicy()
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = tokens.pop() ?? ''
  let parent = policy as Record<string, unknown>
  for (const token of tokens) parent = parent[token] as Record<string, unknown>
  if (remove === true) delete parent[last]
  else parent[last] = value
  return policy
}

test('the base policy is a policy', () => {
  assert.deepEqual(checkPolicy(samplePolicy()), { ok: true, policy: samplePolicy() })
})

test('T30 every vector of a faulty policy is refused with its code and place', () => {
  for (const each of cases) {
    const checked = checkPolicy(edited(each))
    assert.ok(!checked.ok, `${each.pointer} ${each.code}`)
    const found = checked.faults.map(({ code, path }) => `${code} ${path}`)
    assert.ok(found.includes(`${each.code} ${each.path}`), `${each.pointer}: ${found.join('; ')}`)
  }
})

test('what is no object at all is refused', () => {
  for (const value of [null, 1, 'policy', [], true, undefined]) assert.ok(!checkPolicy(value).ok)
})

test('names that every object inherits are unknown', () => {
  const policy = samplePolicy()
  policy.classification.fallback.tier = 'constructor'
  const checked = checkPolicy(policy)
  assert.ok(!checked.ok && checked.faults.some(({ code }) => code === 'unknown-tier'))
})

test('the JSON Schema says the same as the check about shapes', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(policyJsonSchema())
  assert.ok(validate(samplePolicy()), JSON.stringify(validate.errors))
  const shapeCodes = ['wrong-type', 'unknown-key', 'missing-key', 'bad-key', 'bad-text', 'out-of-range', 'not-allowed']
  for (const each of cases) {
    assert.equal(validate(edited(each)), !shapeCodes.includes(each.code), `${each.pointer} ${each.code}`)
  }
})
