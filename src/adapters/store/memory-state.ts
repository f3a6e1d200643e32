import type {
  ChangeRecord,
  CheckRecord,
  DeliveryRecord,
  FindingRecord,
  JobRecord,
  LogEntryRow,
  LogHead,
  LogName,
  PolicyRecord,
  ReleaseStatementRecord,
  RepositoryRecord,
  StatementRecord,
  StorePorts,
} from '../../flows/ports.ts'

type KeyringRow = NonNullable<Awaited<ReturnType<StorePorts['registry']['keyring']>>>

/** A job with its place in the order of first writing. */
export type OrderedJob = { readonly seq: number; readonly job: JobRecord }

/** One of the two logs. */
export interface MemoryLogState {
  readonly entries: Map<number, LogEntryRow>
  readonly nodes: Map<string, Uint8Array>
  head: LogHead
  checkpoint: { readonly size: number; readonly note: string } | null
}

/** All rows of a memory store. Maps keep the order of first insertion, which is the order of arrival. */
export interface MemoryState {
  readonly deliveries: Map<string, DeliveryRecord>
  readonly jobs: Map<string, OrderedJob>
  readonly repositories: Map<number, RepositoryRecord>
  readonly changes: Map<string, ChangeRecord>
  readonly checks: Map<string, CheckRecord>
  readonly statements: Map<string, StatementRecord>
  readonly releaseStatements: Map<string, ReleaseStatementRecord>
  readonly nonces: Set<string>
  readonly commands: Set<string>
  readonly policies: Map<number, PolicyRecord>
  readonly blobs: Map<string, Uint8Array>
  readonly erased: Set<string>
  readonly logs: Readonly<Record<LogName, MemoryLogState>>
  readonly cosigned: Map<number, string>
  readonly cursors: Map<string, string>
  readonly findings: Map<string, FindingRecord>
  keyring: KeyringRow | null
  /** Grows by one with every job written; a version is never used twice. */
  jobWrites: number
}

/** SHA-256 of nothing: the root of an empty log. */
const emptyRoot = Uint8Array.from(
  Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'),
)

const emptyLog = (): MemoryLogState => ({
  entries: new Map(),
  nodes: new Map(),
  head: { size: 0, root: emptyRoot, at: 0 as LogHead['at'] },
  checkpoint: null,
})

/** The state of a store that holds nothing. */
export const emptyState = (): MemoryState => ({
  deliveries: new Map(),
  jobs: new Map(),
  repositories: new Map(),
  changes: new Map(),
  checks: new Map(),
  statements: new Map(),
  releaseStatements: new Map(),
  nonces: new Set(),
  commands: new Set(),
  policies: new Map(),
  blobs: new Map(),
  erased: new Set(),
  logs: { decisions: emptyLog(), security: emptyLog() },
  cosigned: new Map(),
  cursors: new Map(),
  findings: new Map(),
  keyring: null,
  jobWrites: 0,
})
