import type { LogKeyCertificate } from '../../core/index.ts'
import type { LogFault } from './log-fault.ts'

/** A blob that could not be read, and the entry that names it first. */
export interface NamedBlob {
  readonly digest: string
  readonly index: number
}

/** How far an audit came; enough to go on with it. All of it is the auditor's own word to itself. */
export interface AuditProgress {
  /** The checkpoint that was audited against. */
  readonly note: string
  readonly from: number
  /** Everything before this entry is done; a multiple of 256. */
  readonly next: number
  /** Root in hex over the entries before `next`. */
  readonly root: string
  readonly lastAt: number
  readonly blobs: number
  readonly faults: readonly LogFault[]
  readonly faultCount: number
  readonly missing: readonly NamedBlob[]
  readonly erased: readonly string[]
  /** Certificates of log keys among the entries before `next`. */
  readonly certificates: readonly LogKeyCertificate[]
}

/** What an audit found. */
export interface AuditReport {
  /** Whether everything that was looked at is as it must be. */
  readonly isGood: boolean
  readonly origin: string
  /** Size, root (hex) and bytes of the audited checkpoint; null where none was to be had. */
  readonly size: number | null
  readonly root: string | null
  readonly note: string | null
  readonly from: number
  readonly entries: number
  readonly blobs: number
  /** The first faults; `faultCount` counts all. */
  readonly faults: readonly LogFault[]
  readonly faultCount: number
  /** Blobs that a tombstone says are gone: unknown, not wrong. */
  readonly erased: readonly NamedBlob[]
  /** The certificates that name the keys of the log, with the entries that hold them. */
  readonly certificates: readonly LogKeyCertificate[]
}

const maxFaults = 1000

/** Collects faults: each place once, the first thousand of them in full. */
export function faultList(before: Pick<AuditProgress, 'faults' | 'faultCount'> = { faults: [], faultCount: 0 }) {
  const kept: LogFault[] = [...before.faults]
  const seen = new Set(kept.map((fault) => JSON.stringify(fault)))
  let count = before.faultCount
  return {
    add(fault: LogFault): void {
      const text = JSON.stringify(fault)
      if (seen.has(text)) return
      count++
      if (kept.length >= maxFaults) return
      seen.add(text)
      kept.push({ code: fault.code, path: fault.path, index: fault.index })
    },
    get faults(): readonly LogFault[] {
      return kept
    },
    get count(): number {
      return count
    },
  }
}

export type FaultList = ReturnType<typeof faultList>
