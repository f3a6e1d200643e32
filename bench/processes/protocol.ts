/** What the bench and its processes say to each other. */
export type FromProcess =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'loaded'; readonly answered: number; readonly refused: number; readonly ms: number }
  | { readonly kind: 'state'; readonly rssBytes: number; readonly queued: number; readonly dead: number }
  /** A log is built; `rssBytes` is the most memory that the process held. */
  | { readonly kind: 'built'; readonly rssBytes: number }
  | { readonly kind: 'checked'; readonly ms: number }
  | { readonly kind: 'failed'; readonly message: string }

/** A burst of webhooks for the load process. */
export interface Burst {
  readonly port: number
  readonly path: string
  readonly connections: number
  /** Ends after so many milliseconds, or after `requests` where that is given. */
  readonly ms: number
  readonly requests: number | null
  /** Bodies by turns, with the signature of each. */
  readonly event: string
  readonly bodies: readonly { readonly body: string; readonly signature: string }[]
}

/** Sends to whoever forked this process. */
export function say(message: FromProcess): void {
  process.send?.(message)
}
