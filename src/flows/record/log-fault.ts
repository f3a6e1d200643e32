import type { CheckpointFaultCode, EntryFaultCode, LogEraFaultCode, LogKeyFaultCode } from '../../core/index.ts'

/** Everything that a reader of a log's files can find wrong with them. */
export type LogFaultCode =
  | CheckpointFaultCode
  | EntryFaultCode
  | LogKeyFaultCode
  | LogEraFaultCode
  | 'log-key-wrong-size'
  | 'checkpoint-missing'
  | 'tile-missing'
  | 'tile-mismatch'
  | 'bundle-missing'
  | 'bundle-truncated'
  | 'size-wrong'
  | 'root-mismatch'
  | 'entry-mismatch'
  | 'entry-unknown-type'
  | 'entry-bad-data'
  | 'entry-id-repeated'
  | 'entry-time-reversed'
  | 'genesis-missing'
  | 'genesis-repeated'
  | 'blob-missing'
  | 'blob-mismatch'
  | 'log-inconsistent'
  | 'log-rolled-back'
  | 'split-view'

/** One thing that is wrong, and where: the file and, where it is about one, the entry or the hash of a row. */
export interface LogFault {
  readonly code: LogFaultCode
  readonly path: string | null
  readonly index: number | null
}

/** What was read, or why it is not to be believed. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: LogFault }

export const faulty = (code: LogFaultCode, path: string | null = null, index: number | null = null) =>
  ({ ok: false, fault: { code, path, index } }) as const
