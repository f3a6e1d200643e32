import Database from 'better-sqlite3'
import type { Instant } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { CommitConflict, Write } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import { changeWriters } from './sqlite-changes.ts'
import { type Connection, connect, storeError } from './sqlite-connection.ts'
import { bodyPruner, deliveryWriters } from './sqlite-deliveries.ts'
import { jobWriters } from './sqlite-jobs.ts'
import { logWriters } from './sqlite-log.ts'
import { memoryWriters } from './sqlite-memory.ts'
import { registryWriters } from './sqlite-registry.ts'
import { emptyWriteAheadLog, erasureWriters } from './sqlite-erasure.ts'
import type { RowWriters } from './sqlite-rows.ts'
import { statementWriters } from './sqlite-statements.ts'

/** One durable write as the writer is asked for it. */
export type WriteRequest =
  | { readonly kind: 'commit'; readonly writes: readonly Write[] }
  | { readonly kind: 'prune-bodies'; readonly before: Instant; readonly limit: number }
  | { readonly kind: 'probe' }

/** How it went. `count` is the number of bodies that were pruned and 0 for the others. */
export type WriteReply =
  | { readonly kind: 'done'; readonly count: number }
  | { readonly kind: 'conflict'; readonly conflict: CommitConflict }
  | { readonly kind: 'invariant'; readonly claim: string }
  | { readonly kind: 'failed'; readonly code: AppError['code']; readonly message: string; readonly sqlite: string }

/** The one connection that writes. */
export interface Writer {
  /** Applies each request in its own savepoint, all in one transaction with one sync; a conflict of one hurts no other. */
  run(requests: readonly WriteRequest[]): readonly WriteReply[]
  close(): void
}

/** The rows were wrong, not the disk: a constraint, a trigger or a check of ours refused them. */
function isRowFault(fault: unknown): boolean {
  if (fault instanceof AppError) return false
  return !(fault instanceof Database.SqliteError) || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(fault.code)
}

/** How a fault looks to the caller of the write. */
export function toReply(fault: unknown): WriteReply {
  if (fault instanceof ConflictSignal) return { kind: 'conflict', conflict: fault.conflict }
  if (isRowFault(fault))
    return { kind: 'invariant', claim: fault instanceof Error ? fault.message : 'a write is valid' }
  const { code, message, data, cause } = storeError(fault)
  const detail = cause instanceof Error ? `${message}: ${cause.message}` : message
  return { kind: 'failed', code, message: detail, sqlite: String(data['sqlite'] ?? 'unknown') }
}

function rowWriters(db: Connection): RowWriters {
  return {
    ...deliveryWriters(db),
    ...jobWriters(db),
    ...changeWriters(db),
    ...registryWriters(db),
    ...statementWriters(db),
    ...logWriters(db),
    ...memoryWriters(db),
    ...erasureWriters(db),
  }
}

const erases = (request: WriteRequest): boolean =>
  request.kind === 'commit' && request.writes.some(({ kind }) => kind === 'erase-blob')

/** Opens the writing connection of a migrated database. */
export function openWriter(file: string, key: Uint8Array): Writer {
  const db = connect(file, key, 'write')
  // A process that ended between an erasure and the line below that empties the log left the erased pages in it.
  if (db.prepare('select 1 from erased_blobs limit 1').get() !== undefined) emptyWriteAheadLog(db)
  const writers = rowWriters(db)
  const prune = bodyPruner(db)
  const [begin, commit, rollback] = ['begin immediate', 'commit', 'rollback'].map((sql) => db.prepare(sql))
  const [mark, release, undo] = ['savepoint one', 'release one', 'rollback to one'].map((sql) => db.prepare(sql))
  const probe = db.prepare(`update counters set value = value + 1 where name = 'probes'`)
  /** Set when the disk refused to sync: what it holds is unknown until the file is opened anew. */
  let poisoned: WriteReply | null = null

  const apply = (request: WriteRequest): number => {
    if (request.kind === 'prune-bodies') return prune(request.before, request.limit)
    if (request.kind === 'probe') probe.run()
    else for (const row of request.writes) (writers[row.kind] as (row: Write) => void)(row)
    return 0
  }

  const applyApart = (request: WriteRequest): WriteReply => {
    mark?.run()
    try {
      const count = apply(request)
      release?.run()
      return { kind: 'done', count }
    } catch (fault) {
      if (!isRowFault(fault) || !db.inTransaction) throw fault
      undo?.run()
      release?.run()
      return toReply(fault)
    }
  }

  return {
    run(requests) {
      if (poisoned !== null) return requests.map(() => poisoned as WriteReply)
      try {
        begin?.run()
        const replies = requests.map(applyApart)
        commit?.run()
        if (requests.some(erases) && !emptyWriteAheadLog(db))
          throw new AppError('store-unavailable', 'a reader keeps the erased pages in the write-ahead log')
        return replies
      } catch (fault) {
        const reply = toReply(fault)
        if (reply.kind === 'failed' && /^SQLITE_IOERR_(DIR_)?FSYNC$/.test(reply.sqlite)) poisoned = reply
        if (db.inTransaction) rollback?.run()
        return requests.map(() => reply)
      }
    },
    close: () => void db.close(),
  }
}
