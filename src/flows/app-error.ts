/**
 * The closed list of ways in which the world refuses. Each is mapped to an answer exactly once, at the edge.
 * An answer that was not wanted is a value, never an error; a mistake of ours is `invariant`.
 */
export type AppErrorCode =
  | 'forge-unavailable'
  | 'forge-rate-limited'
  | 'forge-not-found'
  | 'forge-forbidden'
  | 'forge-suspended'
  | 'forge-incomplete'
  | 'forge-ambiguous'
  | 'forge-rejected'
  | 'store-unavailable'
  | 'store-corrupt'
  | 'store-locked'
  | 'store-key-wrong'
  | 'schema-unknown'
  | 'custody-refused'
  | 'custody-not-found'
  | 'clock-untrusted'
  | 'config-invalid'
  | 'policy-unusable'
  | 'not-found'
  | 'blob-erased'
  | 'not-supported'
  | 'log-files-unavailable'
  | 'log-file-differs'
  | 'log-ahead'
  | 'calendar-unavailable'
  | 'witness-unreachable'

/** The world refused. `retryAt` (ms since 1970) is set where the refuser said when to come back. */
export class AppError extends Error {
  override name = 'AppError'
  readonly code: AppErrorCode
  readonly data: Readonly<Record<string, string | number | boolean | null>>
  readonly retryAt: number | null

  constructor(
    code: AppErrorCode,
    message: string,
    options: {
      cause?: unknown
      data?: Readonly<Record<string, string | number | boolean | null>>
      retryAt?: number
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = options.data ?? {}
    this.retryAt = options.retryAt ?? null
  }
}

/** Whether the log could not be written: the store or the key that signs its heads refused. */
export const isLogFailure = (error: unknown): boolean =>
  error instanceof AppError && (error.code.startsWith('store-') || error.code.startsWith('custody-'))

/** We were wrong: stops the job, is never caught to go on. */
export class InvariantError extends Error {
  override name = 'InvariantError'
}

/** @throws InvariantError when `holds` is false */
export function invariant(holds: unknown, claim: string): asserts holds {
  if (!holds) throw new InvariantError(claim)
}
