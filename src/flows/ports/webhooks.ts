/** Webhooks, decoded narrowly. */
import type { AccountId, CommitId, RepositoryId } from '../../core/index.ts'
import type { ForgeAccount } from './forge.ts'

export type ForgeEventDetail =
  | {
      readonly kind: 'change'
      readonly number: number
      readonly head: CommitId
      readonly baseRef: string
      readonly merged: boolean
      readonly pusher: AccountId | null
    }
  | {
      readonly kind: 'comment'
      readonly number: number
      readonly commentId: number
      readonly author: ForgeAccount
      readonly body: string
      readonly onChange: boolean
    }
  | {
      readonly kind: 'checks'
      readonly head: CommitId
      readonly name: string | null
      readonly appId: number | null
      readonly runId: number | null
      /** Of a check run: what it concluded; null for anything else and while it runs. */
      readonly conclusion: string | null
    }
  | {
      readonly kind: 'push'
      readonly ref: string
      readonly before: string
      readonly after: string
      readonly forced: boolean
      readonly pusher: AccountId | null
    }
  | { readonly kind: 'merge-group'; readonly head: CommitId; readonly baseRef: string }
  | { readonly kind: 'installation'; readonly repositories: readonly RepositoryId[] }
  | { readonly kind: 'repository'; readonly previousName: string | null }
  | { readonly kind: 'other' }

/** What the gate needs of a delivery: numbers and ids, and the one text (a comment) that may hold a command. */
export interface ForgeEvent {
  readonly guid: string
  readonly event: string
  readonly action: string | null
  readonly installation: number | null
  readonly repository: { readonly id: RepositoryId; readonly name: string } | null
  /** The payload says that its repository is private now; false where it says anything else, or nothing. */
  readonly isPrivate: boolean
  readonly sender: ForgeAccount | null
  readonly detail: ForgeEventDetail
}

export interface Webhooks {
  /** Compares in constant time with every current secret, over the raw bytes, before anything is parsed. */
  authenticate(
    signatureHeader: string | undefined,
    body: Uint8Array,
  ): { readonly ok: true } | { readonly ok: false; readonly code: string }
  /** Strict JSON, required fields by event. Unknown events decode to `other`. */
  decode(
    headers: { readonly guid: string; readonly event: string },
    body: Uint8Array,
  ): { readonly ok: true; readonly event: ForgeEvent } | { readonly ok: false; readonly code: string }
}
