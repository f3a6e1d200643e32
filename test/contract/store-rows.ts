import { createHash } from 'node:crypto'
import {
  asAccountId,
  asCommitId,
  asInstant,
  asLogIndex,
  asRepositoryId,
  asSha256,
  asTreeId,
} from '../../src/core/index.ts'
import type {
  ChangeRecord,
  CheckRecord,
  DeliveryRecord,
  FindingRecord,
  JobRecord,
  LogEntryRow,
  PolicyRecord,
  RecordedPass,
  ReleaseStatementRecord,
  StatementRecord,
  Write,
} from '../../src/flows/ports.ts'

/** Rows for tests of a store: each builder gives a whole, valid row and lets a test name what matters to it. */

export const digest = (text: string | Uint8Array) => asSha256(createHash('sha256').update(text).digest('hex'))
export const commitId = (text: string) => asCommitId(digest(text).slice(0, 40))
export const treeId = (text: string) => asTreeId(digest(text).slice(0, 40))
export const repository = asRepositoryId(101)
export const otherRepository = asRepositoryId(102)

export const delivery = (guid: string, more: Partial<DeliveryRecord> = {}): Write => ({
  kind: 'delivery',
  delivery: {
    guid,
    event: 'pull_request',
    action: 'opened',
    repository,
    number: 7,
    receivedAt: asInstant(1_000),
    bodyDigest: digest(guid),
    body: Buffer.from(`{"guid":"${guid}","filler":"${'pull request '.repeat(60)}"}`),
    via: 'webhook',
    state: 'queued',
    reason: null,
    finishedAt: null,
    ...more,
  },
})

export const job = (id: string, lane: string, dueAt: number, data: JobRecord['data'] = {}): Write => ({
  kind: 'job',
  job: { id, lane, kind: 'collect', data, dueAt: asInstant(dueAt) },
})

export const lastPass = (baseRef: string): RecordedPass => ({
  entry: asLogIndex(4),
  at: asInstant(4_000),
  head: commitId('head'),
  baseRef,
  mergeTree: treeId('merge'),
  facts: digest('facts'),
  commits: 2,
})

export const change = (number: number, version: number, more: Partial<ChangeRecord> = {}): Write => ({
  kind: 'change',
  record: {
    repository,
    number,
    version,
    state: 'open',
    draft: false,
    head: commitId('head'),
    baseRef: 'main',
    baseSha: commitId('base'),
    changeDigest: digest('change'),
    facts: null,
    mergeCommit: null,
    clock: {
      changeDigest: digest('change'),
      baseRef: 'main',
      startedAt: asInstant(900),
      entry: asLogIndex(2),
    },
    textMatches: null,
    pushers: { head: commitId('head'), accounts: [asAccountId(11)] },
    verdict: null,
    statusComment: null,
    collectFailures: null,
    lastPass: null,
    landed: null,
    ...more,
  },
})

/** The flow's own, so that store and flow cannot part ways over what is settled. */
export { contentDigest as checkDigest } from '../../src/flows/gate/publish.ts'

export const check = (head: string, more: Partial<CheckRecord> = {}): CheckRecord => ({
  repository,
  head: commitId(head),
  baseRef: 'main',
  runId: null,
  wanted: { conclusion: 'failure', title: '3 of 5 signatures', summary: 'two are missing' },
  wantedEntry: asLogIndex(5),
  shown: null,
  createdAt: null,
  closed: false,
  ...more,
})

/** The store keeps statements whole and looks at few of their members, so a test states only these. */
export const statement = (
  name: string,
  entry: number,
  more: {
    readonly number?: number
    readonly person?: number
    readonly nonce?: string
    readonly decision?: string
    readonly target?: number
  } = {},
): Write => ({
  kind: 'statement',
  record: {
    repository,
    number: more.number ?? 7,
    person: asAccountId(more.person ?? 11),
    entry: asLogIndex(entry),
    at: asInstant(entry * 1_000),
    payload: Buffer.from(name).toString('base64url'),
    payloadDigest: digest(name),
    signature: `signature of ${name}`,
    scheme: 'ecdsa-secp256k1-v1',
    statement: {
      head: commitId('head'),
      headTree: treeId('head'),
      predicate: {
        decision: more.decision ?? 'approve',
        nonce: more.nonce ?? digest(name).slice(0, 32),
        ...(more.target === undefined ? {} : { target: more.target }),
      },
    },
    requirement: { quorums: [] },
  } as unknown as StatementRecord,
})

/** A statement about a release, with the members that the store looks at. */
export const releaseStatement = (
  name: string,
  entry: number,
  more: { readonly tag?: string; readonly person?: number; readonly nonce?: string } = {},
): Extract<Write, { kind: 'release-statement' }> => ({
  kind: 'release-statement',
  record: {
    repository,
    tag: more.tag ?? 'v1',
    person: asAccountId(more.person ?? 11),
    entry: asLogIndex(entry),
    at: asInstant(entry * 1_000),
    payload: Buffer.from(name).toString('base64url'),
    payloadDigest: digest(name),
    signature: `signature of ${name}`,
    scheme: 'ecdsa-secp256k1-v1',
    statement: { predicate: { decision: 'approve', nonce: more.nonce ?? digest(name).slice(0, 32) } },
    requirement: { quorums: [] },
  } as unknown as ReleaseStatementRecord,
})

export const policy = (epoch: number): Write => ({
  kind: 'policy',
  record: {
    epoch,
    digest: digest(`policy ${epoch}`),
    commit: commitId(`policy ${epoch}`),
    policy: { v: 1 } as unknown as PolicyRecord['policy'],
    files: { 'config/action-tiers.yml': { mode: '100644', blob: commitId('blob'), sha256: digest('file') } },
    entry: asLogIndex(epoch),
    at: asInstant(epoch * 1_000),
  },
})

export const blob = (text: string): Write => ({ kind: 'blob', digest: digest(text), bytes: Buffer.from(text) })

export const finding = (id: string, at: number): FindingRecord => ({
  id,
  code: 'app-key-misuse',
  repository,
  at: asInstant(at),
  entry: asLogIndex(1),
  data: { run: 17 },
})

export const eventEntry = (
  index: number,
  more: Partial<LogEntryRow> & {
    readonly userId?: string | null
    readonly result?: NonNullable<LogEntryRow['event']>['result']
  } = {},
): LogEntryRow => {
  const { userId, result, ...row } = more
  return {
    ...logEntry(index, { type: 'webhook-refused', subject: 'deployment', ...row }),
    event: { userId: userId === undefined ? 'server' : userId, result: result ?? 'denied' },
  }
}

export const logEntry = (index: number, more: Partial<LogEntryRow> = {}): LogEntryRow => ({
  index: asLogIndex(index),
  id: `entry-${index}`,
  type: 'verdict',
  subject: `${repository}/7`,
  at: asInstant(10_000 + index),
  bytes: Buffer.from(`{"index":${index}}`),
  ...more,
})
