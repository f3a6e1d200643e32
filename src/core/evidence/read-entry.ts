import {
  FieldFault,
  readChoice,
  readId,
  readInteger,
  readList,
  readNullable,
  readObject,
  readText,
} from '../bytes/field-reader.ts'
import { isJsonObject, type Json, type JsonObject } from '../bytes/json.ts'
import {
  type AccountId,
  asCommitId,
  asKeyId,
  asSha256,
  asTreeId,
  type CommitId,
  type Instant,
  type KeyId,
  type LogIndex,
  type RepositoryId,
  type Sha256,
  type TreeId,
} from '../ids.ts'
import type { LogEntry } from '../log/entry.ts'
import type { DecisiveEntryData } from './decisive-entries.ts'

export type EvidenceEntryType = keyof DecisiveEntryData

export type EntryActor =
  | { readonly kind: 'server' | 'operator' }
  | { readonly kind: 'person'; readonly account: AccountId; readonly keyid: KeyId }

export type EntrySubject =
  | { readonly kind: 'deployment' }
  | { readonly kind: 'change'; readonly repository: RepositoryId; readonly number: number }
  | { readonly kind: 'branch'; readonly repository: RepositoryId; readonly ref: string }
  | { readonly kind: 'release'; readonly repository: RepositoryId; readonly tag: string }

/** An entry of one type as evidence holds it. */
export interface EntryOf<T extends EvidenceEntryType> {
  readonly index: LogIndex
  readonly id: string
  readonly at: Instant
  readonly type: T
  readonly actor: EntryActor
  readonly subject: EntrySubject
  readonly data: DecisiveEntryData[T]
}

export type TypedEntry = { readonly [T in EvidenceEntryType]: EntryOf<T> }[EvidenceEntryType]

const sha = (value: Json | undefined, field: string): Sha256 => readId(value, field, asSha256)
const commit = (value: Json | undefined, field: string): CommitId => readId(value, field, asCommitId)
const tree = (value: Json | undefined, field: string): TreeId => readId(value, field, asTreeId)
const ref = (value: Json | undefined, field: string): string => readText(value, field, 255)
const orNull = <T>(value: Json | undefined, field: string, read: (value: Json, field: string) => T): T | null =>
  readNullable(value, (present) => read(present, field))

const accounts = (value: Json | undefined): DecisiveEntryData['genesis']['accounts'] =>
  readList(value, 'accounts', 10_000, (element, field) => {
    const { login, account } = readObject(element, field, ['login', 'account'])
    return {
      login: readText(login, `${field}.login`, 100),
      account: readInteger(account, `${field}.account`, 1) as AccountId,
    }
  })

function files(value: Json | undefined): Readonly<Record<string, Sha256>> {
  if (!isJsonObject(value)) throw new FieldFault('malformed-field', 'files')
  return Object.fromEntries(Object.entries(value).map(([path, digest]) => [path, sha(digest, `files.${path}`)]))
}

const maxNoteLength = 16_384

type Reader<T extends EvidenceEntryType> = {
  readonly members: readonly (keyof DecisiveEntryData[T] & string)[]
  readonly read: (data: JsonObject) => DecisiveEntryData[T]
  readonly subjects: readonly EntrySubject['kind'][]
  readonly actors: readonly EntryActor['kind'][]
}

const readers: { readonly [T in EvidenceEntryType]: Reader<T> } = {
  genesis: {
    members: ['origin', 'governanceRepository', 'policy', 'commit', 'logKey', 'accounts'],
    subjects: ['deployment'],
    actors: ['operator'],
    read: (data) => ({
      origin: readText(data.origin, 'origin', 255),
      governanceRepository: readText(data.governanceRepository, 'governanceRepository', 300),
      policy: sha(data.policy, 'policy'),
      commit: commit(data.commit, 'commit'),
      logKey: readText(data.logKey, 'logKey', 64, /^[0-9a-f]{64}$/),
      accounts: accounts(data.accounts),
    }),
  },
  'policy-in-force': {
    members: ['epoch', 'policy', 'commit', 'files', 'verdict', 'keyring'],
    subjects: ['deployment'],
    actors: ['operator', 'server'],
    read: (data) => ({
      epoch: readInteger(data.epoch, 'epoch', 1),
      policy: sha(data.policy, 'policy'),
      commit: commit(data.commit, 'commit'),
      files: files(data.files),
      verdict: orNull(data.verdict, 'verdict', (value, field) => readInteger(value, field, 0) as LogIndex),
      keyring: sha(data.keyring, 'keyring'),
    }),
  },
  'policy-regenesis': {
    members: ['epoch', 'policy', 'commit', 'reason', 'accounts'],
    subjects: ['deployment'],
    actors: ['operator'],
    read: (data) => ({
      epoch: readInteger(data.epoch, 'epoch', 2),
      policy: sha(data.policy, 'policy'),
      commit: commit(data.commit, 'commit'),
      reason: readText(data.reason, 'reason', 10_000),
      accounts: accounts(data.accounts),
    }),
  },
  'repository-enrolled': {
    members: ['name', 'branches'],
    subjects: ['branch'],
    actors: ['operator'],
    read: (data) => ({
      name: readText(data.name, 'name', 300),
      branches: readList(data.branches, 'branches', 1000, (element, field) => {
        const branch = readObject(element, field, ['ref', 'tip', 'tree'])
        return {
          ref: ref(branch.ref, `${field}.ref`),
          tip: commit(branch.tip, `${field}.tip`),
          tree: tree(branch.tree, `${field}.tree`),
        }
      }),
    }),
  },
  'clock-started': {
    members: ['baseRef', 'changeDigest', 'head'],
    subjects: ['change'],
    actors: ['server'],
    read: (data) => ({
      baseRef: ref(data.baseRef, 'baseRef'),
      changeDigest: sha(data.changeDigest, 'changeDigest'),
      head: commit(data.head, 'head'),
    }),
  },
  'statement-admitted': {
    members: ['payloadDigest', 'signature', 'scheme', 'commentId', 'requirement', 'inForce'],
    subjects: ['change', 'release'],
    actors: ['person'],
    read: (data) => ({
      payloadDigest: sha(data.payloadDigest, 'payloadDigest'),
      signature: readText(data.signature, 'signature', 8192, /^[A-Za-z0-9_-]+$/),
      scheme: readText(data.scheme, 'scheme', 64),
      commentId: orNull(data.commentId, 'commentId', (value, field) => readInteger(value, field, 1)),
      requirement: sha(data.requirement, 'requirement'),
      inForce: sha(data.inForce, 'inForce'),
    }),
  },
  'log-key': {
    members: ['generation', 'key', 'root', 'certificate'],
    subjects: ['deployment'],
    actors: ['operator'],
    read: (data) => ({
      generation: readInteger(data.generation, 'generation', 1),
      key: readText(data.key, 'key', 500),
      root: readText(data.root, 'root', 500),
      certificate: readText(data.certificate, 'certificate', 10_000),
    }),
  },
  'log-broken': {
    members: ['root', 'break', 'checkpoint', 'recovered'],
    subjects: ['deployment'],
    actors: ['operator'],
    read: (data) => ({
      root: readText(data.root, 'root', 500),
      break: readText(data.break, 'break', maxNoteLength),
      checkpoint: readText(data.checkpoint, 'checkpoint', maxNoteLength),
      recovered: readText(data.recovered, 'recovered', maxNoteLength),
    }),
  },
  'blob-erased': {
    members: ['digest', 'reason'],
    subjects: ['deployment'],
    actors: ['operator'],
    read: (data) => ({ digest: sha(data.digest, 'digest'), reason: readText(data.reason, 'reason', 2000) }),
  },
  verdict: {
    members: [
      'outcome',
      'code',
      'head',
      'baseRef',
      'mergeTree',
      'policy',
      'epoch',
      'facts',
      'approvals',
      'keyring',
      'requirement',
      'verdict',
    ],
    subjects: ['change', 'branch'],
    actors: ['server'],
    read: (data) => ({
      outcome: readChoice(data.outcome, 'outcome', ['pass', 'pending', 'fail', 'error'] as const),
      code: readText(data.code, 'code', 100),
      head: orNull(data.head, 'head', commit),
      baseRef: orNull(data.baseRef, 'baseRef', ref),
      mergeTree: orNull(data.mergeTree, 'mergeTree', tree),
      policy: orNull(data.policy, 'policy', sha),
      epoch: orNull(data.epoch, 'epoch', (value, field) => readInteger(value, field, 0)),
      facts: orNull(data.facts, 'facts', sha),
      approvals: orNull(data.approvals, 'approvals', sha),
      keyring: orNull(data.keyring, 'keyring', sha),
      requirement: orNull(data.requirement, 'requirement', sha),
      verdict: sha(data.verdict, 'verdict'),
    }),
  },
  'landing-matched': {
    members: ['commit', 'number', 'verdict', 'how', 'commits'],
    subjects: ['branch'],
    actors: ['server'],
    read: (data) => ({
      commit: commit(data.commit, 'commit'),
      number: readInteger(data.number, 'number', 1),
      verdict: readInteger(data.verdict, 'verdict', 0) as LogIndex,
      how: readChoice(data.how, 'how', ['merge-tree', 'approved-paths', 'merged-with-moved-base'] as const),
      commits: readInteger(data.commits, 'commits', 0),
    }),
  },
  'release-signed': {
    members: ['tag', 'revision', 'artifacts', 'statement', 'landing', 'requirement'],
    subjects: ['release'],
    actors: ['operator'],
    read: (data) => ({
      tag: readText(data.tag, 'tag', 128),
      revision: commit(data.revision, 'revision'),
      artifacts: sha(data.artifacts, 'artifacts'),
      statement: sha(data.statement, 'statement'),
      landing: readInteger(data.landing, 'landing', 0) as LogIndex,
      requirement: sha(data.requirement, 'requirement'),
    }),
  },
}

function readPerson(value: JsonObject): EntryActor {
  const { account, keyid } = readObject(value, 'actor', ['kind', 'account', 'keyid'])
  return {
    kind: 'person',
    account: readInteger(account, 'actor.account', 1) as AccountId,
    keyid: readId(keyid, 'actor.keyid', asKeyId),
  }
}

function readActor(
  value: JsonObject,
  kinds: Reader<EvidenceEntryType>['actors'],
): { readonly actor: EntryActor; readonly fault: ReadTypedEntry['fault'] } {
  const kind = readChoice(value.kind, 'actor.kind', ['server', 'operator', 'person'] as const)
  const actor: EntryActor = kind === 'person' ? readPerson(value) : { kind }
  if (kind !== 'person') readObject(value, 'actor', ['kind'])
  return { actor, fault: kinds.includes(kind) ? null : { code: 'wrong-actor', field: 'actor.kind' } }
}

function readSubject(value: JsonObject, kinds: Reader<EvidenceEntryType>['subjects']): EntrySubject {
  const kind = readChoice(value.kind, 'subject.kind', kinds)
  if (kind === 'deployment') {
    readObject(value, 'subject', ['kind'])
    return { kind }
  }
  const last = kind === 'change' ? 'number' : kind === 'branch' ? 'ref' : 'tag'
  const subject = readObject(value, 'subject', ['kind', 'repository', last])
  const repository = readInteger(subject.repository, 'subject.repository', 1) as RepositoryId
  if (kind === 'change') return { kind, repository, number: readInteger(subject.number, 'subject.number', 1) }
  if (kind === 'branch') return { kind, repository, ref: ref(subject.ref, 'subject.ref') }
  return { kind, repository, tag: readText(subject.tag, 'subject.tag', 128) }
}

/** An entry as one of the types, where it reads as one, and what is wrong with it. */
export interface ReadTypedEntry {
  readonly entry: TypedEntry | null
  readonly fault: { readonly code: string; readonly field: string } | null
}

/**
 * Reads an entry as one of the types that a verdict can stand on.
 *
 * Checks: a type that evidence holds, every member of its data and no other, what it may be about, who may have caused it.
 * Errs: an entry that is wrong about who caused it alone is read all the same, with its fault.
 */
export function readTypedEntry(index: LogIndex, { id, at, type, ...rest }: LogEntry): ReadTypedEntry {
  if (!Object.hasOwn(readers, type)) return { entry: null, fault: { code: 'unknown-type', field: 'type' } }
  const reader = readers[type as EvidenceEntryType] as Reader<EvidenceEntryType>
  try {
    const data = reader.read(readObject(rest.data, 'data', reader.members))
    const subject = readSubject(rest.subject, reader.subjects)
    const { actor, fault } = readActor(rest.actor, reader.actors)
    return { entry: { index, id, at: at as Instant, type, actor, subject, data } as unknown as TypedEntry, fault }
  } catch (error) {
    if (error instanceof FieldFault) return { entry: null, fault: { code: error.code, field: error.field } }
    throw error
  }
}
