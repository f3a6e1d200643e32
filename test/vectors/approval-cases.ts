import type { ApprovalPredicate, Decision, Statement } from '../../src/core/approval/statement.ts'
import { asInstant, asRepositoryId, asSha256, asTreeId, dayMs } from '../../src/core/ids.ts'
import { account, commit, day, facts, gitId, keyOf, statementOf } from '../fakes/governed-change.ts'

export const decisions: readonly Decision[] = [
  'approve',
  'attest',
  'veto',
  'withdraw',
  'add-tier',
  'remove-tier',
  'suspend',
  'lift',
]

/** The change that the statement vectors are about: it asks for a rationale, so that there is something to attest. */
export const vectorFacts = facts({
  repository: { id: asRepositoryId(43), name: 'acme/governance', private: false },
  governance: {
    inForceCommit: commit('in force'),
    inForceEpoch: 3,
    baseDiffers: [],
    mergeDiffers: [],
    proposedPolicy: null,
    proposedFaults: [],
  },
})

/** The statement of each decision that is admitted as it is. */
export const baseStatement = (decision: Decision): Statement =>
  statementOf(vectorFacts, 'm1', decision, {
    ...(decision === 'attest' ? { condition: 'rationale' as const } : {}),
    ...(decision.endsWith('-tier') ? { tier: '3' } : {}),
    ...(decision === 'suspend' || decision === 'lift' ? { target: 'm2' } : {}),
  })

const change = (statement: Statement, changes: Partial<ApprovalPredicate>): Statement => ({
  ...statement,
  predicate: { ...statement.predicate, ...changes },
})
const changePull = (statement: Statement, changes: Partial<ApprovalPredicate['pullRequest']>): Statement =>
  change(statement, { pullRequest: { ...statement.predicate.pullRequest, ...changes } })

type Expected = Readonly<Record<'approve' | 'veto' | 'remove-tier' | 'suspend', string>>
const everywhere = (code: string): Expected => ({ approve: code, veto: code, 'remove-tier': code, suspend: code })
const onContent = (code: string): Expected => ({ approve: code, veto: 'ok', 'remove-tier': code, suspend: 'ok' })
const onPullRequest = (code: string): Expected => ({ ...everywhere(code), suspend: 'ok' })

const rowOf = (decision: Decision): keyof Expected =>
  decision === 'attest'
    ? 'approve'
    : decision === 'lift'
      ? 'suspend'
      : decision in everywhere('')
        ? (decision as keyof Expected)
        : 'veto'

/** One changed field of an otherwise good statement, signed anew by its signer; and what each decision says to it. */
const mutations: readonly { name: string; expected: Expected; mutate: (statement: Statement) => Statement }[] = [
  { name: 'none', expected: everywhere('ok'), mutate: (s) => s },
  {
    name: 'audience',
    expected: everywhere('wrong-audience'),
    mutate: (s) => change(s, { audience: 'other.example.org/decisions' }),
  },
  {
    name: 'repository.id',
    expected: onPullRequest('wrong-repository'),
    mutate: (s) => change(s, { repository: { ...s.predicate.repository, id: asRepositoryId(44) } }),
  },
  {
    name: 'repository.uri',
    expected: everywhere('ok'),
    mutate: (s) => change(s, { repository: { ...s.predicate.repository, uri: 'https://github.com/acme/renamed' } }),
  },
  { name: 'pullRequest.number', expected: onPullRequest('wrong-number'), mutate: (s) => changePull(s, { number: 8 }) },
  {
    name: 'pullRequest.headSha',
    expected: onContent('wrong-head'),
    mutate: (s) => ({ ...changePull(s, { headSha: commit('other head') }), head: commit('other head') }),
  },
  {
    name: 'subject head-tree',
    expected: onContent('wrong-tree'),
    mutate: (s) => ({ ...s, headTree: asTreeId(gitId('other tree')) }),
  },
  { name: 'pullRequest.baseRef', expected: onContent('wrong-base'), mutate: (s) => changePull(s, { baseRef: 'lax' }) },
  {
    name: 'pullRequest.baseSha',
    expected: everywhere('ok'),
    mutate: (s) => changePull(s, { baseSha: commit('moved base') }),
  },
  {
    name: 'pullRequest.changeDigest',
    expected: onContent('wrong-head'),
    mutate: (s) => changePull(s, { changeDigest: asSha256('c'.repeat(64)) }),
  },
  {
    name: 'requirement.digest',
    expected: { ...everywhere('ok'), approve: 'requirement-changed' },
    mutate: (s) => change(s, { requirement: { digest: { sha256: asSha256('d'.repeat(64)) } } }),
  },
  { name: 'policy.epoch earlier', expected: everywhere('ok'), mutate: (s) => change(s, { policy: { epoch: 2 } }) },
  {
    name: 'policy.epoch later',
    expected: everywhere('wrong-epoch'),
    mutate: (s) => change(s, { policy: { epoch: 4 } }),
  },
  {
    name: 'signer.maintainer',
    expected: everywhere('key-unknown'),
    mutate: (s) => change(s, { signer: { ...s.predicate.signer, maintainer: account('m2') } }),
  },
  {
    name: 'signer.keyid',
    expected: everywhere('key-unknown'),
    mutate: (s) => change(s, { signer: { ...s.predicate.signer, keyid: keyOf('m2').keyid } }),
  },
  {
    name: 'notAuthorOf',
    expected: everywhere('ok'),
    mutate: (s) => change(s, { notAuthorOf: [commit('head'), commit('other')] }),
  },
  { name: 'nonce', expected: everywhere('unknown-nonce'), mutate: (s) => change(s, { nonce: '0'.repeat(32) }) },
  {
    name: 'issuedAt in the future',
    expected: everywhere('issued-in-future'),
    mutate: (s) => change(s, { issuedAt: asInstant(day(2) + 300_001) }),
  },
  {
    name: 'issuedAt within the grace',
    expected: everywhere('ok'),
    mutate: (s) => change(s, { issuedAt: asInstant(day(2) + 300_000) }),
  },
  {
    name: 'expiresAt too late',
    expected: everywhere('lifetime-too-long'),
    mutate: (s) => change(s, { expiresAt: asInstant(s.predicate.expiresAt + 1) }),
  },
  {
    name: 'expiresAt before issuedAt',
    expected: everywhere('lifetime-empty'),
    mutate: (s) => change(s, { expiresAt: s.predicate.issuedAt }),
  },
  {
    name: 'expired',
    expected: everywhere('expired'),
    mutate: (s) => change(s, { issuedAt: asInstant(day(2) - dayMs), expiresAt: day(2) }),
  },
]

/** Every decision with every changed field, and the code that admission answers (`ok` when it is admitted). */
export function mutationCases(): { decision: Decision; field: string; statement: Statement; expect: string }[] {
  return decisions.flatMap((decision) =>
    mutations.map(({ name, expected, mutate }) => ({
      decision,
      field: name,
      statement: mutate(baseStatement(decision)),
      expect: expected[rowOf(decision)],
    })),
  )
}

const text = (value: unknown): string => JSON.stringify(value)

/** Payloads that are no statement, as text, with the code that the reader answers. */
export function malformedPayloads(canonical: string): { name: string; payload: string; expect: string }[] {
  const json = JSON.parse(canonical) as Record<string, unknown> & {
    predicate: Record<string, unknown>
    subject: Record<string, unknown>[]
  }
  const predicate = (changes: Record<string, unknown>): string =>
    canonicalText({ ...json, predicate: { ...json.predicate, ...changes } })
  const without = (name: string): string => {
    const { [name]: _, ...rest } = json.predicate
    return canonicalText({ ...json, predicate: rest })
  }
  return [
    { name: 'white space', payload: `${canonical} `, expect: 'not-canonical' },
    {
      name: 'member order',
      payload: text(Object.fromEntries(Object.entries(json).reverse())),
      expect: 'not-canonical',
    },
    { name: 'escaped letter', payload: canonical.replace('"approve"', '"appro\\u0076e"'), expect: 'not-canonical' },
    { name: 'number form', payload: canonical.replace('"number":7', '"number":7.0'), expect: 'not-canonical' },
    { name: 'repeated member', payload: canonical.replace('"nonce":', '"nonce":"x","nonce":'), expect: 'not-json' },
    { name: 'prototype member', payload: canonical.replace('"nonce":', '"__proto__":1,"nonce":'), expect: 'not-json' },
    { name: 'truncated', payload: canonical.slice(0, -1), expect: 'not-json' },
    { name: 'empty', payload: '', expect: 'not-json' },
    { name: 'too large', payload: predicate({ nonce: 'x'.repeat(40_000) }), expect: 'too-large' },
    {
      name: 'other type',
      payload: canonicalText({ ...json, _type: 'https://in-toto.io/Statement/v0.1' }),
      expect: 'wrong-type',
    },
    {
      name: 'other predicate type',
      payload: canonicalText({ ...json, predicateType: 'urn:governance-app:approval:v2' }),
      expect: 'wrong-predicate-type',
    },
    { name: 'unknown member', payload: canonicalText({ ...json, extra: 1 }), expect: 'unknown-field' },
    { name: 'unknown predicate member', payload: predicate({ force: true }), expect: 'unknown-field' },
    { name: 'missing nonce', payload: without('nonce'), expect: 'missing-field' },
    { name: 'tier on an approval', payload: predicate({ tier: '3' }), expect: 'unknown-field' },
    { name: 'reason on an approval', payload: predicate({ reason: 'because' }), expect: 'unknown-field' },
    { name: 'condition on an approval', payload: predicate({ condition: {} }), expect: 'unknown-field' },
    { name: 'veto without reason', payload: predicate({ decision: 'veto' }), expect: 'missing-field' },
    { name: 'attest without condition', payload: predicate({ decision: 'attest' }), expect: 'missing-field' },
    { name: 'unknown decision', payload: predicate({ decision: 'merge' }), expect: 'malformed-field' },
    { name: 'action of another decision', payload: predicate({ action: 'key-change' }), expect: 'wrong-action' },
    { name: 'emergency action', payload: predicate({ action: 'emergency' }), expect: 'wrong-action' },
    { name: 'number as text', payload: predicate({ policy: { epoch: '3' } }), expect: 'malformed-field' },
    {
      name: 'upper-case key id',
      payload: predicate({ signer: { maintainer: 1, keyid: 'A'.repeat(64) } }),
      expect: 'malformed-field',
    },
    {
      name: 'time without milliseconds',
      payload: predicate({ issuedAt: '2026-11-24T06:54:07Z' }),
      expect: 'malformed-field',
    },
    {
      name: 'time that does not exist',
      payload: predicate({ issuedAt: '2026-02-30T00:00:00.000Z' }),
      expect: 'malformed-field',
    },
    {
      name: 'time with an offset',
      payload: predicate({ issuedAt: '2026-11-24T06:54:07.000+00:00' }),
      expect: 'malformed-field',
    },
    {
      name: 'commit denied twice',
      payload: predicate({ notAuthorOf: [commit('head'), commit('head')] }),
      expect: 'malformed-field',
    },
    { name: 'no subject', payload: canonicalText({ ...json, subject: [] }), expect: 'malformed-field' },
    {
      name: 'three subjects',
      payload: canonicalText({ ...json, subject: [...json.subject, json.subject[0]] }),
      expect: 'malformed-field',
    },
    {
      name: 'subject is another head',
      payload: canonicalText({
        ...json,
        subject: [{ name: 'head', digest: { gitCommit: commit('other head') } }, json.subject[1]],
      }),
      expect: 'subject-contradicts-predicate',
    },
  ]
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value !== 'object' || value === null) return text(value)
  const members = value as Record<string, unknown>
  const names = Object.keys(members).sort()
  return `{${names.map((name) => `${text(name)}:${canonicalText(members[name])}`).join(',')}}`
}
