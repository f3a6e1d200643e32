import type { AccountId, CommitId, DecisiveEntryData, Instant, KeyId, RepositoryId, Sha256 } from '../../core/index.ts'

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
  | { readonly kind: 'release'; readonly repository: RepositoryId; readonly tag: string }

/** The data of each type of entry of the decision log. A new type is a new row here and in spec/log/entry-types.md. */
export interface EntryData extends DecisiveEntryData {
  readonly 'clock-ended': {
    readonly baseRef: string
    readonly changeDigest: Sha256
    readonly why: 'content' | 'retarget' | 'draft' | 'closed' | 'merged' | 'unwitnessed'
  }
  readonly 'statement-refused': {
    readonly payloadDigest: Sha256
    readonly code: string
    readonly commentId: number | null
  }
  readonly 'check-lowered': {
    readonly head: CommitId
    readonly baseRef: string
    readonly why: string
    readonly loweredAt: Instant | null
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
  readonly 'verifier-published': { readonly version: string; readonly files: Readonly<Record<string, Sha256>> }
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
    case 'release':
      return `${subject.repository}#${subject.tag}`
  }
}

export const serverActor: Actor = { kind: 'server' }
