import type { JsonObject } from '../bytes/json.ts'
import {
  list,
  nullable,
  object,
  type ObjectShape,
  oneOf,
  record,
  type Shape,
  type ShapeOf,
  text,
} from '../bytes/shape.ts'
import {
  type ActorKind,
  accounts,
  branchName,
  code,
  details,
  forgeId,
  gitId,
  line,
  natural,
  note,
  releaseTag,
  sha256Text,
  type SubjectKind,
} from './entry-shapes.ts'

/** What an entry of one type of the decision log looks like. */
export interface EntryTypeSpec {
  readonly actors: readonly ActorKind[]
  readonly subjects: readonly SubjectKind[]
  readonly data: DataShape
  /**
   * Members that name blobs by their digests, if they are not null: values that the log serves as long as they are not erased.
   * Of a member that is an object, every value is such a digest.
   */
  readonly blobs: readonly string[]
  /** `data` of an example. */
  readonly example: JsonObject
}

type DataShape = ObjectShape<Readonly<Record<string, Shape<unknown>>>>

/** Declares a type. */
function entryType<S extends DataShape>(
  who: { readonly actors: readonly ActorKind[]; readonly subjects: readonly SubjectKind[] },
  data: S,
  blobs: readonly (keyof S['members'] & string)[],
  example: ShapeOf<S> & JsonObject,
): EntryTypeSpec {
  return { ...who, data, blobs, example }
}

const none = [] as const
const operatorAlone = { actors: ['operator'], subjects: ['deployment'] } as const
const serverOn = (...subjects: readonly SubjectKind[]) => ({ actors: ['server'], subjects }) as const
const byPerson = { actors: ['person'], subjects: ['change'] } as const
const byPersonOrOnRelease = { actors: ['person'], subjects: ['change', 'release'] } as const
const operatorOnRelease = { actors: ['operator'], subjects: ['release'] } as const

const digest = (letter: string): string => letter.repeat(64)
const commit = (letter: string): string => letter.repeat(40)
const people = [{ login: 'alice', account: 11 }]
const repository = text({ min: 3, max: 141, pattern: /^[^/\s]+\/[^/\s]+$/ })

/** Every type of entry that the decision log holds. A new type is a new row here and in spec/log/entry-types.md. */
export const entryTypes = {
  genesis: entryType(
    operatorAlone,
    object({
      origin: line,
      governanceRepository: repository,
      policy: sha256Text,
      commit: gitId,
      logKey: sha256Text,
      accounts,
    }),
    ['policy'],
    {
      origin: 'gov.example.org/decisions',
      governanceRepository: 'acme/governance',
      policy: digest('a'),
      commit: commit('1'),
      logKey: digest('b'),
      accounts: people,
    },
  ),
  'policy-in-force': entryType(
    { actors: ['operator', 'server'], subjects: ['deployment'] },
    object({
      epoch: forgeId,
      policy: sha256Text,
      commit: gitId,
      files: record(/^\P{Cc}{1,1024}$/u, sha256Text, { max: 1000 }),
      verdict: nullable(natural),
      keyring: sha256Text,
    }),
    ['policy', 'keyring', 'files'],
    {
      epoch: 1,
      policy: digest('a'),
      commit: commit('1'),
      files: { 'config/tiers.yml': digest('c') },
      verdict: null,
      keyring: digest('d'),
    },
  ),
  'policy-regenesis': entryType(
    operatorAlone,
    object({ epoch: forgeId, policy: sha256Text, commit: gitId, reason: line, accounts }),
    ['policy'],
    { epoch: 2, policy: digest('a'), commit: commit('2'), reason: 'every maintainer lost their key', accounts: people },
  ),
  'log-key': entryType(operatorAlone, object({ generation: forgeId, key: line, root: line, certificate: note }), none, {
    generation: 1,
    key: 'gov.example.org/decisions+5b9ee3a1+AXhFqDcoVjx7ZBZ5vLpBn9HHXKfvLGT0Nb8jYXDZtHnC',
    root: 'gov.example.org/decisions/root+0d5ce2a4+AZ7Kp0bOvdJ0nxqvNSWHxUS1jHWb1NqR5UPDQ5YP0xX5',
    certificate: 'governance-app log key v1\n…\n',
  }),
  'log-broken': entryType(operatorAlone, object({ root: line, break: note, checkpoint: note, recovered: note }), none, {
    root: 'gov.example.org/decisions/root+0d5ce2a4+AZ7Kp0bOvdJ0nxqvNSWHxUS1jHWb1NqR5UPDQ5YP0xX5',
    break: 'governance-app log break v1\n…\n',
    checkpoint: 'gov.example.org/decisions\n9\n…\n',
    recovered: 'gov.example.org/decisions\n7\n…\n',
  }),
  'repository-enrolled': entryType(
    { actors: ['operator'], subjects: ['branch'] },
    object({ name: repository, branches: list(object({ ref: branchName, tip: gitId, tree: gitId }), { max: 1000 }) }),
    none,
    { name: 'acme/node', branches: [{ ref: 'main', tip: commit('3'), tree: commit('4') }] },
  ),
  'clock-started': entryType(
    serverOn('change'),
    object({ baseRef: branchName, changeDigest: sha256Text, head: gitId }),
    none,
    { baseRef: 'main', changeDigest: digest('e'), head: commit('5') },
  ),
  'clock-ended': entryType(
    serverOn('change'),
    object({
      baseRef: text({ max: 1024 }),
      changeDigest: sha256Text,
      why: oneOf(['content', 'retarget', 'draft', 'closed', 'merged', 'unwitnessed']),
    }),
    none,
    { baseRef: 'main', changeDigest: digest('e'), why: 'merged' },
  ),
  'statement-admitted': entryType(
    byPersonOrOnRelease,
    object({
      payloadDigest: sha256Text,
      signature: text({ min: 1, max: 8192 }),
      scheme: code,
      commentId: nullable(forgeId),
      requirement: sha256Text,
      inForce: sha256Text,
    }),
    ['payloadDigest', 'requirement', 'inForce'],
    {
      payloadDigest: digest('f'),
      signature: 'MEUCIQ==',
      scheme: 'ecdsa-secp256k1-v1',
      commentId: 77,
      requirement: digest('0'),
      inForce: digest('0'),
    },
  ),
  'statement-refused': entryType(
    byPerson,
    object({ payloadDigest: sha256Text, code, commentId: nullable(forgeId) }),
    none,
    { payloadDigest: digest('f'), code: 'expired', commentId: 78 },
  ),
  verdict: entryType(
    serverOn('change', 'branch'),
    object({
      outcome: oneOf(['pass', 'pending', 'fail', 'error']),
      code,
      head: nullable(gitId),
      baseRef: nullable(branchName),
      mergeTree: nullable(gitId),
      policy: nullable(sha256Text),
      epoch: nullable(forgeId),
      facts: nullable(sha256Text),
      approvals: nullable(sha256Text),
      keyring: nullable(sha256Text),
      requirement: nullable(sha256Text),
      verdict: sha256Text,
    }),
    // `approvals` names the list of statements as the log holds them; it is recomputed and not kept.
    ['policy', 'facts', 'keyring', 'requirement', 'verdict'],
    {
      outcome: 'pass',
      code: 'satisfied',
      head: commit('5'),
      baseRef: 'main',
      mergeTree: commit('6'),
      policy: digest('a'),
      epoch: 1,
      facts: digest('7'),
      approvals: digest('8'),
      keyring: digest('d'),
      requirement: digest('0'),
      verdict: digest('9'),
    },
  ),
  'check-lowered': entryType(
    serverOn('branch'),
    object({ head: gitId, baseRef: branchName, why: code, loweredAt: nullable(natural) }),
    none,
    { head: commit('5'), baseRef: 'main', why: 'store-unavailable', loweredAt: 1_700_000_000_000 },
  ),
  'landing-matched': entryType(
    serverOn('branch'),
    object({
      commit: gitId,
      number: forgeId,
      verdict: natural,
      how: oneOf(['merge-tree', 'approved-paths', 'merged-with-moved-base']),
      commits: natural,
    }),
    none,
    { commit: commit('7'), number: 12, verdict: 9, how: 'merge-tree', commits: 1 },
  ),
  'release-signed': entryType(
    operatorOnRelease,
    object({
      tag: releaseTag,
      revision: gitId,
      artifacts: sha256Text,
      statement: sha256Text,
      landing: natural,
      requirement: sha256Text,
    }),
    ['statement', 'requirement'],
    {
      tag: 'v1.2.3',
      revision: commit('7'),
      artifacts: digest('1'),
      statement: digest('2'),
      landing: 14,
      requirement: digest('0'),
    },
  ),
  finding: entryType(serverOn('deployment', 'change', 'branch', 'person'), object({ code, detail: details }), none, {
    code: 'forced-push',
    detail: { before: commit('7'), after: commit('8') },
  }),
  'security-checkpoint': entryType(
    serverOn('deployment'),
    object({ origin: line, size: natural, root: text({ min: 44, max: 44, pattern: /^[A-Za-z0-9+/]{43}=$/ }), note }),
    none,
    {
      origin: 'gov.example.org/decisions/security',
      size: 3,
      root: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      note: 'gov.example.org/decisions/security\n3\n…\n',
    },
  ),
  'blob-erased': entryType(operatorAlone, object({ digest: sha256Text, reason: line }), none, {
    digest: digest('f'),
    reason: 'a court asked for it',
  }),
  'verifier-published': entryType(
    serverOn('deployment'),
    object({
      version: text({ min: 1, max: 64, pattern: /^[0-9A-Za-z][0-9A-Za-z.+-]*$/ }),
      files: record(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, sha256Text, { max: 16 }),
    }),
    none,
    { version: '1.0.0', files: { 'verify.mjs': digest('a'), 'verify.html': digest('b') } },
  ),
} as const satisfies Readonly<Record<string, EntryTypeSpec>>
