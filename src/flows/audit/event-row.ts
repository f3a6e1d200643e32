import type { SecurityResult } from './security-event.ts'

/** What a resource name begins with, or is. */
export type ResourceKind =
  | 'change'
  | 'config'
  | 'delivery'
  | 'deployment'
  | 'key'
  | 'log'
  | 'person'
  | 'policy'
  | 'repository'

/**
 * What a member of `details` may hold: a word from a closed list, lower-case hex, a whole number, yes or no. `digest?` and
 * `number?` may be null. No kind holds free text, so nothing of a stranger's or of a secret has a place (T59).
 */
export type DetailKind = 'word' | 'digest' | 'digest?' | 'number' | 'number?' | 'flag'

export interface EventRow {
  readonly resource: readonly ResourceKind[]
  readonly actions: readonly string[]
  readonly results: readonly SecurityResult[]
  readonly severity: 'info' | 'low' | 'medium' | 'high' | 'critical'
  readonly meaning: string
  readonly details: Readonly<Record<string, DetailKind>>
}

/** One row, checked where it stands. */
export const row = <const T extends EventRow>(is: T): T => is
