import type {
  AccountId,
  CommitId,
  Instant,
  KeyId,
  LogIndex,
  Outcome,
  RepositoryId,
  Sha256,
  TreeId,
} from '../../core/index.ts'

/** Who caused an entry. The server speaks for itself only where nobody else did. */
export type Actor =
  | { readonly kind: 'server' }
  | { readonly kind: 'operator' }
  | { readonly kind: 'forge'; readonly account: AccountId | null }
  | { readonly kind: 'person'; readonly account: AccountId; readonly keyid: KeyId }

/** What an entry is about. */
export type Subject =
  | { readonly kind: 'deployment' }
  | { readonly kind: 'change'; readonly repository: RepositoryId; readonly number: number }
  | { readonly kind: 'branch'; readonly repository: RepositoryId; readonly ref: string }
  | { readonly kind: 'person'; readonly account: AccountId }

/** The data of each type of entry of the decision log. A new type is a new row here and in spec/log/entry-types.md. */
export interface EntryData {
  readonly genesis: {
    readonly origin: string
    readonly governanceRepository: string
    readonly policy: Sha256
    readonly commit: CommitId
    readonly logKey: string
    readonly accounts: readonly { readonly login: string; readonly account: AccountId }[]
  }
  readonly 'policy-in-force': {
    readonly epoch: number
    readonly policy: Sha256
    readonly commit: CommitId
    readonly files: Readonly<Record<string, Sha256>>
    /** Index of the passing layer-0 verdict; null for genesis and regenesis. */
    readonly verdict: LogIndex | null
    readonly keyring: Sha256
  }
  readonly 'policy-regenesis': {
    readonly epoch: number
    readonly policy: Sha256
    readonly commit: CommitId
    readonly reason: string
    readonly accounts: readonly { readonly login: string; readonly account: AccountId }[]
  }
  readonly 'log-key': {
    readonly generation: number
    readonly key: string
    readonly root: string
    /** Signed note by the root and, for a successor, by the key before it. */
    readonly certificate: string
  }
  readonly 'repository-enrolled': {
    readonly name: string
    readonly branches: readonly { readonly ref: string; readonly tip: CommitId; readonly tree: TreeId }[]
  }
  readonly 'clock-started': { readonly baseRef: string; readonly changeDigest: Sha256; readonly head: CommitId }
  readonly 'clock-ended': {
    readonly baseRef: string
    readonly changeDigest: Sha256
    readonly why: 'content' | 'retarget' | 'draft' | 'closed' | 'merged'
  }
  readonly 'statement-admitted': {
    /** Names the payload, which is a blob: its texts may have to be erased. */
    readonly payloadDigest: Sha256
    readonly signature: string
    readonly scheme: string
    readonly commentId: number | null
    /** The requirement that the statement binds, and the one in force when it was admitted. */
    readonly requirement: Sha256
    readonly inForce: Sha256
  }
  readonly 'statement-refused': {
    readonly payloadDigest: Sha256
    readonly code: string
    readonly commentId: number | null
  }
  readonly verdict: {
    readonly outcome: Outcome
    readonly code: string
    readonly head: CommitId | null
    readonly baseRef: string | null
    readonly mergeTree: TreeId | null
    readonly policy: Sha256 | null
    readonly epoch: number | null
    readonly facts: Sha256 | null
    readonly approvals: Sha256 | null
    readonly keyring: Sha256 | null
    readonly requirement: Sha256 | null
    readonly verdict: Sha256
  }
  readonly 'check-lowered': {
    readonly head: CommitId
    readonly baseRef: string
    readonly why: string
    readonly loweredAt: Instant | null
  }
  readonly 'landing-matched': {
    readonly commit: CommitId
    readonly number: number
    readonly verdict: LogIndex
    readonly how: 'merge-tree' | 'approved-paths' | 'merged-with-moved-base'
    readonly commits: number
  }
  readonly finding: {
    readonly code: string
    readonly detail: Readonly<Record<string, string | number | boolean | null>>
  }
  readonly 'security-checkpoint': {
    readonly origin: string
    readonly size: number
    readonly root: string
    readonly note: string
  }
}

export type EntryType = keyof EntryData

/** An entry before the recorder gives it its time. */
export type EntryDraft = {
  readonly [T in EntryType]: {
    readonly type: T
    readonly actor: Actor
    readonly subject: Subject
    readonly data: EntryData[T]
  }
}[EntryType]

/** The key under which a subject's entries are found again. */
export function subjectKey(subject: Subject): string {
  switch (subject.kind) {
    case 'deployment':
      return 'deployment'
    case 'change':
      return `${subject.repository}/${subject.number}`
    case 'branch':
      return `${subject.repository}@${subject.ref}`
    case 'person':
      return `person/${subject.account}`
  }
}

export const serverActor: Actor = { kind: 'server' }
