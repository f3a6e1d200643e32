import assert from 'node:assert/strict'
import test from 'node:test'
import {
  asAccountId,
  asCommitId,
  asInstant,
  asKeyId,
  asRepositoryId,
  asSha256,
  asTreeId,
  buildStatement,
  parseStatement,
  type Statement,
} from '../../core/index.ts'
import { UsageError } from './refusal.ts'
import { restate } from '../../flows/gate/wish.ts'
import { type DecisionOptions, wishOf } from './wish.ts'

const digest = asSha256('c'.repeat(64))
const head = asCommitId('a'.repeat(40))
const approval: Statement = {
  head,
  headTree: asTreeId('b'.repeat(40)),
  predicate: {
    action: 'pull-request',
    decision: 'approve',
    audience: 'gov.example.org/decisions',
    repository: { uri: 'https://github.com/acme/node', id: asRepositoryId(7) },
    pullRequest: { number: 1, headSha: head, baseRef: 'main', baseSha: head, changeDigest: digest },
    requirement: { digest: { sha256: digest } },
    policy: { epoch: 1 },
    signer: { maintainer: asAccountId(9), keyid: asKeyId('d'.repeat(64)) },
    notAuthorOf: [],
    nonce: 'e'.repeat(32),
    issuedAt: asInstant(1000),
    expiresAt: asInstant(2000),
  },
}
const rationale =
  'A reason that is long enough to be read by others in ten years, because it says what was weighed and why it was done.'
const every: Readonly<Record<string, DecisionOptions>> = {
  approve: { decision: 'approve' },
  attest: { decision: 'attest', condition: 'audit', evidenceUri: 'https://x/a', evidenceDigest: digest },
  rationale: { decision: 'attest', condition: 'rationale', text: rationale },
  veto: { decision: 'veto', reason: 'leaks' },
  withdraw: { decision: 'withdraw' },
  'add-tier': { decision: 'add-tier', tier: '3', reason: 'touches consensus' },
  'remove-tier': { decision: 'remove-tier', tier: '3', reason: 'does not' },
  suspend: { decision: 'suspend', target: '12', reason: 'stolen' },
  lift: { decision: 'lift', target: '12', reason: 'found' },
}

test('every decision becomes a statement that core takes, with the nonce and the change of the challenge', () => {
  for (const [name, options] of Object.entries(every)) {
    const wished = wishOf(options)
    assert.ok(wished)
    const parsed = parseStatement(buildStatement(restate(approval, wished)))
    assert.ok(parsed.ok, name)
    const { predicate } = parsed.statement
    assert.equal(predicate.decision, options.decision)
    assert.equal(predicate.nonce, approval.predicate.nonce)
    assert.deepEqual(predicate.pullRequest, approval.predicate.pullRequest)
  }
  assert.equal(wishOf({}), null)
})

test('what a decision needs and does not take is named at once', () => {
  const problems = (options: DecisionOptions): readonly string[] => {
    try {
      wishOf(options)
    } catch (error) {
      if (error instanceof UsageError) return error.problems
    }
    return []
  }
  assert.equal(problems({ decision: 'shrug' }).length, 1)
  assert.equal(problems({ decision: 'attest' }).length, 3)
  assert.equal(problems({ decision: 'add-tier' }).length, 2)
  assert.equal(problems({ decision: 'approve', tier: '3', reason: 'x' }).length, 2)
  assert.equal(problems({ decision: 'suspend', target: 'alice', reason: 'x' }).length, 1)
  assert.equal(problems({ decision: 'veto', reason: 'x', evidenceDigest: digest }).length, 1)
})
