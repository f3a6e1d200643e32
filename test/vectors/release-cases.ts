import { createHash } from 'node:crypto'
import type { ReleaseAdmitContext } from '../../src/core/approval/admit-release.ts'
import type { ReleaseDecision, ReleasePredicate, ReleaseStatement } from '../../src/core/approval/release-predicate.ts'
import { buildReleaseStatement } from '../../src/core/approval/release-statement.ts'
import { statementPae } from '../../src/core/approval/statement-bytes.ts'
import { signEcdsa } from '../../src/core/crypto/ecdsa.ts'
import { asInstant, asLogIndex, asRepositoryId, asSha256, dayMs } from '../../src/core/ids.ts'
import { requirementDigest } from '../../src/core/policy/requirement.ts'
import type { Keyring } from '../../src/core/keyring/keyring.ts'
import { releaseRequirement } from '../../src/core/release/decide-release.ts'
import { account, commit, day, keyOf, keyring, nodeAcceleration, origin, policy } from '../fakes/governed-change.ts'

/** A release of `acme/node` (layer 4: 3 of 5) as `v1.0.0`. */
export const node = asRepositoryId(42)
export const sums = asSha256('a'.repeat(64))

export function nodeRequirement(ring: Keyring = keyring) {
  const requirement = releaseRequirement(policy, 'acme/node', ring)
  if (requirement === null) throw new Error('acme/node is not governed')
  return requirement
}

/** The statement that a challenge would offer this person. */
export function releaseOf(
  login: string,
  decision: ReleaseDecision,
  changes: Partial<ReleasePredicate> = {},
): ReleaseStatement {
  const nonce = createHash('sha256').update(`${login} ${decision}`).digest('hex').slice(0, 32)
  return {
    predicate: {
      action: 'release',
      decision,
      audience: origin,
      repository: { uri: 'https://github.com/acme/node', id: node },
      release: { tag: 'v1.0.0', revision: commit('landed'), artifacts: sums },
      requirement: { digest: { sha256: requirementDigest(nodeRequirement()) } },
      policy: { epoch: 3 },
      signer: { maintainer: account(login), keyid: keyOf(login).keyid },
      ...(decision === 'veto' ? { reason: 'It does not start.' } : {}),
      nonce,
      issuedAt: day(2),
      expiresAt: asInstant(day(2) + 90 * dayMs),
      ...changes,
    },
  }
}

export function signRelease(statement: ReleaseStatement, key: string) {
  const payload = buildReleaseStatement(statement)
  return { payload, signature: signEcdsa(keyOf(key).secret, statementPae(payload)) }
}

export const releaseContext: Omit<ReleaseAdmitContext, 'expectedNonce' | 'acceleration'> = {
  origin,
  repositoryId: node,
  tag: 'v1.0.0',
  isLanded: true,
  requirement: nodeRequirement(),
  epoch: 3,
  options: policy.options,
  keyring,
  entry: asLogIndex(10),
  at: day(2),
  nonceUsed: false,
  isRecorded: false,
}

export const admitIn = (changes: Partial<ReleaseAdmitContext>, nonce: string | null = null): ReleaseAdmitContext => ({
  ...releaseContext,
  expectedNonce: nonce,
  acceleration: nodeAcceleration,
  ...changes,
})

type Mutation = (predicate: ReleasePredicate) => Partial<ReleasePredicate>
const always = (code: string) => ({ approve: code, veto: code, withdraw: code })

/** One changed field of an otherwise good statement, signed anew by its signer; and what each decision says to it. */
const mutations: readonly (readonly [string, Readonly<Record<ReleaseDecision, string>>, Mutation])[] = [
  ['none', always('ok'), () => ({})],
  ['audience', always('wrong-audience'), () => ({ audience: 'other.example.org/decisions' })],
  [
    'repository.id',
    always('wrong-repository'),
    ({ repository }) => ({ repository: { ...repository, id: asRepositoryId(43) } }),
  ],
  [
    'repository.uri',
    always('ok'),
    ({ repository }) => ({ repository: { ...repository, uri: 'https://github.com/acme/renamed' } }),
  ],
  ['release.tag', always('wrong-tag'), ({ release }) => ({ release: { ...release, tag: 'v1.0.1' } })],
  [
    'requirement.digest',
    { ...always('ok'), approve: 'requirement-changed' },
    () => ({ requirement: { digest: { sha256: asSha256('d'.repeat(64)) } } }),
  ],
  ['policy.epoch later', always('wrong-epoch'), () => ({ policy: { epoch: 4 } })],
  ['signer.maintainer', always('key-unknown'), ({ signer }) => ({ signer: { ...signer, maintainer: account('m2') } })],
  ['nonce', always('unknown-nonce'), () => ({ nonce: '0'.repeat(32) })],
  ['issuedAt in the future', always('issued-in-future'), () => ({ issuedAt: asInstant(day(2) + 300_001) })],
  ['expiresAt too late', always('lifetime-too-long'), ({ expiresAt }) => ({ expiresAt: asInstant(expiresAt + 1) })],
  ['expiresAt past', always('expired'), () => ({ issuedAt: day(1), expiresAt: day(2) })],
]

export const releaseMutations = (['approve', 'veto', 'withdraw'] as const).flatMap((decision) =>
  mutations.map(([field, expected, mutate]) => {
    const good = releaseOf('m1', decision)
    const statement = { predicate: { ...good.predicate, ...mutate(good.predicate) } }
    return { decision, field, statement, expectedNonce: good.predicate.nonce, expect: expected[decision] }
  }),
)

const replaced = (name: string, canonical: string, from: string | RegExp, to: string, expect: string) => ({
  name,
  payload: canonical.replace(from, to),
  expect,
})

/** Payloads that are no statement about a release. */
export const releasePayloads = (canonical: string, change: string) => [
  { name: 'a good approval', payload: canonical, expect: 'ok' },
  { name: 'a statement about a change', payload: change, expect: 'wrong-action' },
  replaced('white space', canonical, '{"_type"', '{ "_type"', 'not-canonical'),
  replaced(
    'a statement about a change in this form',
    canonical,
    '"action":"release"',
    '"action":"pull-request"',
    'wrong-action',
  ),
  replaced('another type', canonical, 'Statement/v1', 'Statement/v0.1', 'wrong-type'),
  replaced('another predicate', canonical, 'approval:v1', 'approval:v2', 'wrong-predicate-type'),
  replaced('an attestation', canonical, '"decision":"approve"', '"decision":"attest"', 'malformed-field'),
  replaced('a reason where none goes', canonical, '"release":', '"reason":"x","release":', 'unknown-field'),
  replaced('a veto without a reason', canonical, '"decision":"approve"', '"decision":"veto"', 'missing-field'),
  replaced('a tag that climbs', canonical, '"tag":"v1.0.0"', '"tag":"../v1"', 'malformed-field'),
  replaced(
    'another revision in the subject',
    canonical,
    `"gitCommit":"${commit('landed')}"`,
    `"gitCommit":"${commit('other')}"`,
    'subject-contradicts-predicate',
  ),
  replaced(
    'another list in the subject',
    canonical,
    `"digest":{"sha256":"${sums}"},"name":"SHA256SUMS"`,
    `"digest":{"sha256":"${'b'.repeat(64)}"},"name":"SHA256SUMS"`,
    'subject-contradicts-predicate',
  ),
  replaced('no tag', canonical, ',"tag":"v1.0.0"', '', 'missing-field'),
]
