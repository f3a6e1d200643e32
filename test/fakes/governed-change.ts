import { createHash, createHmac } from 'node:crypto'
import { admit, type AdmitContext } from '../../src/core/approval/admit.ts'
import type { ChangeSubject } from '../../src/core/approval/binding.ts'
import type { AdmittedStatement, ApprovalPredicate, Decision, Statement } from '../../src/core/approval/statement.ts'
import { buildStatement, statementPae } from '../../src/core/approval/statement-bytes.ts'
import { encodeHex } from '../../src/core/bytes/hex.ts'
import { secp256k1KeyPair, signEcdsa } from '../../src/core/crypto/ecdsa.ts'
import { keyIdOf } from '../../src/core/crypto/public-key.ts'
import { changeDigest } from '../../src/core/facts/digests.ts'
import type { Facts, FileChange } from '../../src/core/facts/facts.ts'
import {
  type AccountId,
  asAccountId,
  asBlobId,
  asCommitId,
  asInstant,
  asLogIndex,
  asRepositoryId,
  asSha256,
  asTreeId,
  type CommitId,
  dayMs,
  type Instant,
  type KeyId,
} from '../../src/core/ids.ts'
import { personsOf } from '../../src/core/keyring/key-status.ts'
import type { Keyring } from '../../src/core/keyring/keyring.ts'
import { applyRegistry, emptyKeyring } from '../../src/core/keyring/registry.ts'
import { classify } from '../../src/core/policy/classify.ts'
import type {
  PolicyInForce,
  PolicyV1,
  RegistryKey,
  RepositoryPolicy,
  Requirement,
  SetId,
} from '../../src/core/policy/policy-v1.ts'
import { policyDigest, requirementDigest, requirementOf } from '../../src/core/policy/requirement.ts'

/** Node's SHA-256 and UTF-8 for core, as the server hands them in. */
export const nodeAcceleration = {
  sha256: (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest(),
  encodeUtf8: (text: string): Uint8Array => Buffer.from(text, 'utf8'),
}

export const origin = 'gov.example.org/decisions'
const genesisAt = asInstant(1_790_000_000_000)
export const day = (count: number): Instant => asInstant(genesisAt + count * dayMs)

const seed = (label: string): Uint8Array => createHash('sha256').update(`test key ${label}`).digest()
/** A git id that stands for a label. */
export const gitId = (label: string): string => createHash('sha1').update(label).digest('hex')
export const commit = (label: string): CommitId => asCommitId(gitId(label))

/** A real key pair, the same for a label in every run. */
export function keyOf(label: string): { secret: Uint8Array; publicKey: string; keyid: KeyId } {
  const pair = secp256k1KeyPair(seed(label))
  if (pair === undefined) throw new Error('the label hashes to no secret')
  return { secret: pair.secret, publicKey: encodeHex(pair.publicKey), keyid: keyIdOf(pair.publicKey) }
}

/** Maintainers `m1`…`m7` have accounts 101…107, keyholders `e1`…`e3` 201…203, `x1`…`x3` of layer 5 301…303. */
const accounts: Readonly<Record<string, number>> = {
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((i) => [`m${i}`, 100 + i])),
  ...Object.fromEntries([1, 2, 3].map((i) => [`e${i}`, 200 + i])),
  ...Object.fromEntries([1, 2, 3].map((i) => [`x${i}`, 300 + i])),
  author: 901,
  stranger: 902,
}
export function account(login: string): AccountId {
  const id = accounts[login]
  if (id === undefined) throw new Error(`nobody is called ${login}`)
  return asAccountId(id)
}

export const registryKey = (set: SetId, login: string, changes: Partial<RegistryKey> = {}): RegistryKey => ({
  set,
  login,
  account: account(login),
  scheme: 'ecdsa-secp256k1-v1',
  publicKey: keyOf(login).publicKey,
  role: 'maintainer',
  status: 'active',
  notBefore: null,
  expires: null,
  revokedAt: null,
  compromisedSince: null,
  ...changes,
})

export const registry: readonly RegistryKey[] = [
  ...['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'].map((login) => registryKey('layer-1-2', login)),
  ...['m1', 'm2', 'm3', 'm4', 'm5'].map((login) => registryKey('layer-4', login)),
  ...['x1', 'x2', 'x3'].map((login) => registryKey('layer-5', login)),
  ...['e1', 'e2', 'e3'].map((login) => registryKey('emergency', login)),
]

const repositoryPolicy = (layer: string, changes: Partial<RepositoryPolicy> = {}): RepositoryPolicy => ({
  layer,
  tiers: [],
  consensusPaths: [],
  conditionRules: [],
  requiredChecks: [],
  classification: [],
  consensusConditions: [],
  ...changes,
})

const layer = (name: string, set: SetId, required: number, total: number, reviewDays: number) => ({
  name,
  quorums: [{ set, required, total }],
  reviewDays,
  consensusReviewDays: null,
  publicCommentDays: 0,
  conditions: [],
})

/** A small policy in the shape of the public configuration. */
export const policy: PolicyV1 = {
  v: 1,
  owner: 'acme',
  governanceRepository: 'acme/governance',
  layers: {
    '0': {
      ...layer('meta', 'layer-1-2', 5, 7, 90),
      quorums: [
        { set: 'emergency', required: 2, total: 3 },
        { set: 'layer-1-2', required: 5, total: 7 },
      ],
      publicCommentDays: 30,
      conditions: ['rationale'],
    },
    '1': { ...layer('constitutional', 'layer-1-2', 6, 7, 180), consensusReviewDays: 365 },
    '4': layer('application', 'layer-4', 3, 5, 60),
    '5': layer('extension', 'layer-5', 2, 3, 14),
  },
  tiers: {
    '1': { name: 'routine', required: 3, total: 5, set: null, reviewDays: 7, conditions: [] },
    '2': { name: 'feature', required: 4, total: 5, set: null, reviewDays: 30, conditions: ['specification'] },
    '3': {
      name: 'consensus-adjacent',
      required: 5,
      total: 5,
      set: null,
      reviewDays: 90,
      conditions: ['specification', 'audit', 'equivalence-proof'],
    },
    '4': { name: 'emergency', required: 4, total: 5, set: null, reviewDays: 0, conditions: ['post-mortem'] },
  },
  repositories: {
    'acme/governance': repositoryPolicy('0'),
    'acme/spec': repositoryPolicy('1', { consensusPaths: ['consensus/**'] }),
    'acme/node': repositoryPolicy('4'),
    'acme/checked': repositoryPolicy('4', {
      requiredChecks: [{ name: 'build', appId: 15368, workflow: '.github/workflows/build.yml' }],
    }),
    'acme/sdk': repositoryPolicy('5'),
    'acme/orphan': repositoryPolicy('9'),
  },
  classification: {
    rules: [
      { tier: '1', patterns: ['docs/**', '*.md'], excludes: [], keywords: [], markers: [] },
      { tier: '3', patterns: ['consensus/**'], excludes: [], keywords: [], markers: ['[CONSENSUS-ADJACENT]'] },
    ],
    fallback: { tier: '2', manualReview: true },
  },
  sets: {
    'layer-1-2': { persons: ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'] },
    'layer-4': { persons: ['m1', 'm2', 'm3', 'm4', 'm5'] },
    'layer-5': { persons: ['x1', 'x2', 'x3'] },
    emergency: { persons: ['e1', 'e2', 'e3'] },
  },
  registry,
  emergency: {},
  options: {
    approvalsSurviveRebase: false,
    authorsMayApprove: false,
    commenterMustBeSigner: false,
    keywords: true,
    approvalMaxDays: null,
    vetoOutvotedBy: null,
  },
}

export const inForce = (value: PolicyV1 = policy): PolicyInForce => ({
  policy: value,
  digest: policyDigest(value),
  epoch: 3,
})

export const keyring: Keyring = applyRegistry(emptyKeyring, registry, asLogIndex(1), genesisAt)

export const file = (path: string, content = 'new'): FileChange => ({
  newBlob: asBlobId(gitId(`${path} ${content}`)),
  newMode: '100644',
  newPath: path,
  oldBlob: asBlobId(gitId(`${path} old`)),
  oldMode: '100644',
  oldPath: path,
})

const own = (login: string) => ({ account: account(login), how: 'email' as const })

/** An open pull request by `author` on `acme/node` that touches `docs/a.md`: layer 4, tier 1, 3 of 5, 60 days. */
export function facts(changes: Partial<Facts> = {}): Facts {
  const files = changes.files ?? [file('docs/a.md')]
  return {
    v: 1,
    repository: { id: asRepositoryId(42), name: 'acme/node', private: false },
    number: 7,
    state: 'open',
    draft: false,
    head: { sha: commit('head'), tree: asTreeId(gitId('head tree')) },
    base: { ref: 'main', sha: commit('base') },
    mergeBase: commit('base'),
    merge: { state: 'clean', tree: asTreeId(gitId('merge tree')) },
    files,
    changeDigest: changeDigest(files),
    opener: account('author'),
    pushers: [account('author')],
    commits: [{ sha: commit('head'), author: own('author'), committer: own('author'), coAuthors: [] }],
    checks: [],
    labels: [],
    title: asSha256('a'.repeat(64)),
    body: asSha256('b'.repeat(64)),
    textMatches: [],
    clock: { startedAt: day(1), entry: asLogIndex(5) },
    group: [7],
    authorControlledChecks: [],
    addedConditions: [],
    governance: null,
    ...changes,
  }
}

/** What a change needs under the policy, before any signed tier. */
export function requirementFor(of: Facts, under: PolicyV1 = policy, ring: Keyring = keyring): Requirement {
  const repository = of.repository.name
  const classified = classify({
    policy: under,
    repository,
    files: of.files,
    textMatches: of.textMatches,
    addedTiers: [],
    removedTiers: [],
  })
  if (!classified.ok) throw new Error(classified.code)
  const combined = requirementOf({
    policy: under,
    repository,
    classification: classified.classification,
    personsOf: (set) => personsOf(ring, set),
  })
  if (!combined.ok) throw new Error(combined.code)
  return combined.requirement
}

export const subjectOf = (of: Facts): ChangeSubject => ({
  repositoryId: of.repository.id,
  number: of.number,
  head: of.head.sha,
  headTree: of.head.tree,
  baseRef: of.base.ref,
  changeDigest: of.changeDigest,
  isGovernance: of.repository.name === policy.governanceRepository,
})

const rationaleText =
  'This change makes the documentation of the node say what the node does, because operators were misled by it twice.'

const actionOf = (decision: Decision, isGovernance: boolean): ApprovalPredicate['action'] =>
  decision === 'add-tier' || decision === 'remove-tier'
    ? 'tier-override'
    : decision === 'suspend' || decision === 'lift'
      ? 'key-change'
      : isGovernance
        ? 'policy-change'
        : 'pull-request'

export interface SignOptions {
  readonly requirement?: Requirement
  /** Label of the key, where it is not the person's first. */
  readonly key?: string
  readonly issuedAt?: Instant
  readonly expiresAt?: Instant
  readonly condition?: NonNullable<ApprovalPredicate['condition']>['id']
  readonly tier?: string
  readonly target?: string
  readonly notAuthorOf?: readonly CommitId[]
  readonly nonce?: string
  /** Epoch of the policy that was in force when it was signed. */
  readonly epoch?: number
}

/** The statement that a challenge would offer this person about this change. */
export function statementOf(of: Facts, login: string, decision: Decision, options: SignOptions = {}): Statement {
  const requirement = options.requirement ?? requirementFor(of)
  const issuedAt = options.issuedAt ?? day(2)
  const { condition } = options
  return {
    head: of.head.sha,
    headTree: of.head.tree,
    predicate: {
      action: actionOf(decision, of.repository.name === policy.governanceRepository),
      decision,
      audience: origin,
      repository: { uri: `https://github.com/${of.repository.name}`, id: of.repository.id },
      pullRequest: {
        number: of.number,
        headSha: of.head.sha,
        baseRef: of.base.ref,
        baseSha: of.base.sha,
        changeDigest: of.changeDigest,
      },
      requirement: { digest: { sha256: requirementDigest(requirement) } },
      policy: { epoch: options.epoch ?? 3 },
      signer: { maintainer: account(login), keyid: keyOf(options.key ?? login).keyid },
      notAuthorOf: options.notAuthorOf ?? [],
      ...(condition === undefined
        ? {}
        : {
            condition: {
              id: condition,
              evidence: { uri: 'https://evidence.example.org/1', digest: asSha256('e'.repeat(64)) },
              ...(condition === 'rationale' ? { text: rationaleText } : {}),
            },
          }),
      ...(options.tier === undefined ? {} : { tier: options.tier }),
      ...(options.target === undefined ? {} : { target: account(options.target) }),
      ...(['veto', 'add-tier', 'remove-tier', 'suspend', 'lift'].includes(decision) ? { reason: 'for a test' } : {}),
      nonce:
        options.nonce ??
        createHmac('sha256', 'nonce')
          .update(`${login} ${decision} ${of.number} ${of.head.sha} ${issuedAt} ${options.condition} ${options.tier}`)
          .digest('hex')
          .slice(0, 32),
      issuedAt,
      expiresAt: options.expiresAt ?? asInstant(issuedAt + (requirement.reviewDays + 90) * dayMs),
    },
  }
}

export interface Signed {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** A real signature over the statement's PAE. */
export function sign(statement: Statement, key: string): Signed {
  const payload = buildStatement(statement)
  return { payload, signature: signEcdsa(keyOf(key).secret, statementPae(payload)) }
}

/** The context in which a statement about these facts is admitted. */
export function admitContext(of: Facts, statement: Statement, changes: Partial<AdmitContext> = {}): AdmitContext {
  return {
    origin,
    subject: subjectOf(of),
    requirement: requirementFor(of),
    signedRequirement: null,
    epoch: 3,
    options: policy.options,
    tiers: Object.keys(policy.tiers),
    keyring,
    entry: asLogIndex(10),
    at: day(2),
    expectedNonce: statement.predicate.nonce,
    nonceUsed: false,
    isRecorded: false,
    acceleration: nodeAcceleration,
    ...changes,
  }
}

let nextEntry = 10

/** Signs, admits and places a statement in the log; throws when it is refused. */
export function record(
  of: Facts,
  login: string,
  decision: Decision = 'approve',
  options: SignOptions & {
    readonly entry?: number
    readonly at?: Instant
    readonly context?: Partial<AdmitContext>
  } = {},
): AdmittedStatement {
  const statement = statementOf(of, login, decision, options)
  const entry = asLogIndex(options.entry ?? nextEntry++)
  const at = options.at ?? day(2)
  const admission = admit(
    sign(statement, options.key ?? login),
    admitContext(of, statement, {
      entry,
      at,
      ...(options.requirement === undefined ? {} : { requirement: options.requirement }),
      ...options.context,
    }),
  )
  if (!admission.ok) throw new Error(`${login} ${decision}: ${admission.code} ${admission.detail ?? ''}`)
  return { ...admission.draft, entry, at }
}
