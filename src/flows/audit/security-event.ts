import type { JsonObject } from '../../core/index.ts'

/** How an event ended: it happened, it was refused, or it could not be done. */
export type SecurityResult = 'success' | 'denied' | 'error'

/**
 * One event of the security log: the guide's `AuditEntry` (timestamp, event_type, user_id, resource, action, result, details).
 * It is the `data` of an entry of the log `security`, whose type is `eventType` and whose time is the recorder's.
 */
export interface SecurityEvent {
  /** From the catalogue, e.g. `webhook-refused`. */
  readonly eventType: string
  /** Who: `server`, `operator:<login>`, `account:<numeric id>`, `client:<salted digest of an address>`; null where nobody is known. */
  readonly userId: string | null
  /**
   * What it was done to: `key:<name or id>`, `policy:<epoch>`, `repository:<id>`, `change:<id>/<number>`, `person:<id>`,
   * `delivery:<guid>`, `config`, `deployment`, `log:<name>`.
   */
  readonly resource: string
  /** What was done, a verb: `verify`, `sign`, `start`, `export`, … */
  readonly action: string
  readonly result: SecurityResult
  /** Identifiers, codes and counts; never a secret, never a stranger's text. */
  readonly details: JsonObject
}
