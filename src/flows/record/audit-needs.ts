import type { Acceleration } from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import type { BundlePlace, BundleReport } from './audit-bundle.ts'
import type { AuditProgress } from './audit-report.ts'
import type { LogTrust } from './log-source.ts'

/** What an audit needs of the world. */
export interface AuditNeeds {
  readonly source: LogSource
  readonly trust: LogTrust
  readonly acceleration: Acceleration
  /** `readBundle` and `auditBundle`, here or in a thread. @throws AppError log-files-unavailable */
  readonly auditBundle: (place: BundlePlace) => Promise<BundleReport>
  /** How many bundles, and how many blobs, are under way at once. */
  readonly atOnce: number
  /** Told after every bundle. */
  readonly onProgress: (done: number, of: number) => void
  /** Keeps how far the audit is; `ids` are those of the entries since the last call, four words each. */
  readonly save: (progress: AuditProgress, ids: readonly Uint32Array[]) => Promise<void>
}
