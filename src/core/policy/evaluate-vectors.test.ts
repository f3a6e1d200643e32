import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nodeAcceleration } from '../../../test/fakes/governed-change.ts'
import { type EvaluateInputs, evaluate } from './evaluate.ts'
import type { Reason } from './verdict.ts'

interface Case extends Pick<EvaluateInputs, 'facts' | 'approvals' | 'at'> {
  readonly name: string
  readonly keyring?: EvaluateInputs['keyring']
  readonly outcome: string
  readonly codes: readonly string[]
  readonly missing: readonly string[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/evaluate/evaluate.json', import.meta.url), 'utf8'),
) as Pick<EvaluateInputs, 'policy' | 'keyring'> & { readonly cases: readonly Case[] }

const codesOf = (node: Reason): string[] => [node.code, ...node.children.flatMap(codesOf)]

test('each world of the vectors is judged as they say', () => {
  assert.ok(vectors.cases.length >= 20)
  for (const { name, outcome, codes, missing, facts, approvals, at, keyring = vectors.keyring } of vectors.cases) {
    const verdict = evaluate({ policy: vectors.policy, facts, approvals, keyring, at }, nodeAcceleration)
    assert.equal(verdict.outcome, outcome, name)
    const found = codesOf(verdict.reason)
    for (const code of codes) assert.ok(found.includes(code), `${name}: ${code} in ${found.join(' ')}`)
    assert.deepEqual(
      verdict.missing.map(({ kind }) => kind),
      missing,
      name,
    )
  }
})
