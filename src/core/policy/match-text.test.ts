import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplePolicy } from '../../../test/fixtures/sample-policy.ts'
import { matchText } from './match-text.ts'

const rules = (title: string, body = ''): string[] =>
  matchText(samplePolicy(), 'acme/node', title, body).map(({ tier, rule }) => `${tier} ${rule}`)

test('keywords are whole words, ASCII case-insensitive, in title or body', () => {
  assert.deepEqual(rules('Consensus'), ['3 keyword:consensus'])
  assert.deepEqual(rules('x', 'about CONSENSUS.'), ['3 keyword:consensus'])
  assert.deepEqual(rules('non-consensus'), ['3 keyword:consensus'])
  for (const text of ['consensuses', 'aconsensus', 'consensus_rules', 'con sensus', 'conſenſus', 'ﬁx typo']) {
    assert.deepEqual(rules(text, text), [], text)
  }
})

test('a keyword of two words spans any white space, but not title and body', () => {
  assert.deepEqual(rules('Fix\tTypo'), ['1 keyword:fix typo'])
  assert.deepEqual(rules('the review', 'period\nand review\n  period'), ['5 keyword:review period'])
  assert.deepEqual(rules('the review', 'period'), [])
})

test('T22 words and patterns of tier 4 are never applied', () => {
  assert.deepEqual(rules('[EMERGENCY] security fix', 'emergency security fix'), [])
})

test('markers are exact, in the title only, and stay when keywords are turned off', () => {
  assert.deepEqual(rules('[GOVERNANCE] x'), ['5 marker:[GOVERNANCE]'])
  assert.deepEqual(rules('[governance] x'), [])
  assert.deepEqual(rules('x', '[GOVERNANCE]'), [])
  const silent = samplePolicy()
  silent.options.keywords = false
  const matches = matchText(silent, 'acme/node', '[CONSENSUS-ADJACENT] consensus', 'cleanup')
  assert.deepEqual(matches, [{ tier: '3', rule: 'marker:[CONSENSUS-ADJACENT]' }])
})

test('each rule is named once', () => {
  assert.deepEqual(rules('cleanup cleanup', 'cleanup consensus'), ['1 keyword:cleanup', '3 keyword:consensus'])
})

test('a keyword with characters of expressions is literal', () => {
  const policy = samplePolicy()
  const rule = policy.classification.rules[0]
  assert.ok(rule)
  rule.keywords = ['c++', 'a.b', '(x)']
  assert.deepEqual(matchText(policy, 'acme/node', 'in c++ (x)', 'axb'), [
    { tier: '1', rule: 'keyword:c++' },
    { tier: '1', rule: 'keyword:(x)' },
  ])
})
