import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWish } from './wish.ts'

const digest = 'a'.repeat(64)

test('a wish without fields is an approval', () => {
  assert.deepEqual(parseWish({}), { decision: 'approve' })
})

test('a wish carries exactly what its decision carries', () => {
  assert.deepEqual(parseWish({ decision: 'veto', reason: 'no' }), { decision: 'veto', reason: 'no' })
  assert.deepEqual(
    parseWish({ decision: 'attest', condition: 'audit', evidence_uri: 'https://a.example', evidence_digest: digest }),
    { decision: 'attest', condition: { id: 'audit', uri: 'https://a.example', digest } },
  )
  assert.equal(parseWish({ decision: 'suspend', target: '7', reason: 'lost' })?.target, 7)
  const refused: readonly Readonly<Record<string, unknown>>[] = [
    { decision: 'veto' },
    { decision: 'approve', reason: 'why' },
    { decision: 'attest', condition: 'audit' },
    { decision: 'suspend', target: '-1', reason: 'x' },
    { decision: 'add-tier', tier: '3' },
    { decision: 'unknown' },
    { decision: ['approve', 'veto'] },
    { decision: 'veto', reason: 'x'.repeat(8_001) },
    { decision: 'veto', reason: '' },
  ]
  for (const fields of refused) assert.equal(parseWish(fields), null, JSON.stringify(fields))
})

test('a rationale is its own evidence', () => {
  const wish = parseWish({ decision: 'attest', condition: 'rationale', text: 'because' })
  assert.equal(wish?.condition?.text, 'because')
  assert.match(wish?.condition?.digest ?? '', /^[0-9a-f]{64}$/)
})
