import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asInstant, asLogIndex, type Outcome, refusedVerdict } from '../../core/index.ts'
import type { ChangeRecord } from '../ports.ts'
import { groupContent } from './publish.ts'

const member = (number: number, outcome: Outcome) => ({
  record: { number } as ChangeRecord,
  verdict: { ...refusedVerdict('facts-unavailable', {}, null, asInstant(0)), outcome },
  entry: asLogIndex(number),
})

test('a check is success when one open member passes, and names it', () => {
  const content = groupContent([member(3, 'fail'), member(4, 'pass')])
  assert.equal(content.conclusion, 'success')
  assert.match(content.title, /^#4: /)
  assert.match(content.summary, /- #3: /)
})

test('only a pass is ever success; nobody open is a failure', () => {
  assert.equal(groupContent([member(3, 'pending')]).conclusion, 'action_required')
  assert.equal(groupContent([member(3, 'fail')]).conclusion, 'failure')
  assert.equal(groupContent([member(3, 'error')]).conclusion, 'failure')
  assert.equal(groupContent([]).conclusion, 'failure')
})

test('title and summary stay within what the forge takes, and say that they were cut', () => {
  const many = Array.from({ length: 20_000 }, (_, number) => member(number + 1, 'fail'))
  const { title, summary } = groupContent(many)
  assert.ok(title.length <= 200)
  assert.ok(Buffer.byteLength(summary) <= 60_000)
  assert.ok(summary.includes("cut to the forge's limit"))
})
