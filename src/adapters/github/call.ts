import type { Instant } from '../../core/index.ts'
import type { Query } from './api-address.ts'

/** As whom a request is sent. `bearer` is a person's token, used for this request and never kept. */
export type Credential =
  | { readonly kind: 'app' }
  | { readonly kind: 'installation'; readonly id: number }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'none' }

/** What a caller wants from the forge. A `write` is sent once; everything else may be sent again. */
export interface Call {
  readonly as: Credential
  readonly kind: 'read' | 'write' | 'token'
  readonly method?: 'GET' | 'POST' | 'PATCH'
  /** Built with the `path` tag; `graphql` is the forge's GraphQL endpoint. */
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  readonly maxBytes?: number
  /** Content that its address fixes for ever (a tree by its id) is not kept for comparison. */
  readonly isImmutable?: boolean
}

export interface Answer {
  readonly status: number
  readonly json: unknown
  readonly link: string | null
  /** The forge's clock; null when the answer carries none. */
  readonly date: Instant | null
}

/** One request as it went out, for counters: `status` is null when no answer came. */
export interface RequestNote {
  readonly kind: Call['kind']
  readonly method: string
  readonly path: string
  readonly status: number | null
}

/** Sends calls to the forge within its rules. */
export interface Client {
  readonly appId: number
  /**
   * Sends a call and parses its answer.
   *
   * Errs: for a `write`, `forge-ambiguous` means that it may have taken effect; every other code means that it did not.
   * @throws AppError forge-unavailable, forge-rate-limited, forge-not-found, forge-forbidden, forge-suspended,
   * forge-ambiguous, forge-rejected
   */
  call(call: Call): Promise<Answer>
}
