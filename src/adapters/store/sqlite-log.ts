import type { DecisionLog, LogEntryRow, LogHead } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import { checkLogAppend, maxEntriesRead } from './log-append.ts'
import type { Connection } from './sqlite-connection.ts'
import type { RowWriters } from './sqlite-rows.ts'

const selectHead = 'select size, root, at from log_head where singleton = 1'
// The condition on the size is the compare-and-swap.
const updateHead = 'update log_head set size = ?, root = ?, at = ? where singleton = 1 and size = ?'
const insertEntry = 'insert into log_entries (idx, id, type, subject, at, bytes) values (?, ?, ?, ?, ?, ?)'
const insertNode = 'insert into log_nodes (level, idx, hash) values (?, ?, ?)'
const insertCheckpoint = `
  insert into log_checkpoints (size, note)
  select :size, :note
  where :size > coalesce((select max(size) from log_checkpoints), -1)
    and :size <= (select size from log_head where singleton = 1)`

const columns = 'idx as "index", id, type, subject, at, bytes'
const selectRange = `select ${columns} from log_entries where idx >= ? and idx < ? order by idx`
const selectNode = 'select hash from log_nodes where level = ? and idx = ?'
const selectCheckpoint = 'select size, note from log_checkpoints order by size desc limit 1'
const selectNewest = `select ${columns} from log_entries order by idx desc limit :limit`
const selectByType = `select ${columns} from log_entries where type = :type order by idx desc limit :limit`
const selectBySubject = `
  select ${columns} from log_entries where subject = :subject and subject is not null order by idx desc limit :limit`
const selectByBoth = `
  select ${columns} from log_entries
  where subject = :subject and subject is not null and +type = :type order by idx desc limit :limit`

const bytesOf = (value: Uint8Array): Uint8Array => new Uint8Array(value)

const toHead = (row: unknown): LogHead => {
  const head = row as LogHead
  return { ...head, root: bytesOf(head.root) }
}

const toEntry = (row: unknown): LogEntryRow => {
  const entry = row as LogEntryRow
  return { ...entry, bytes: bytesOf(entry.bytes) }
}

export function logWriters(db: Connection): Pick<RowWriters, 'entries' | 'checkpoint'> {
  const readHead = db.prepare(selectHead)
  const moveHead = db.prepare(updateHead)
  const entry = db.prepare(insertEntry)
  const node = db.prepare(insertNode)
  const checkpoint = db.prepare(insertCheckpoint)
  return {
    entries(row) {
      const head = toHead(readHead.get())
      if (head.size !== row.expectedSize) throw new ConflictSignal('log-moved')
      checkLogAppend(row, head)
      for (const { index, id, type, subject, at, bytes } of row.entries) entry.run(index, id, type, subject, at, bytes)
      for (const { level, index, hash } of row.nodes) node.run(level, index, hash)
      const moved = moveHead.run(row.head.size, row.head.root, row.head.at, row.expectedSize)
      if (moved.changes === 0) throw new ConflictSignal('log-moved')
    },
    checkpoint({ size, note }) {
      if (checkpoint.run({ size, note }).changes === 0) throw new ConflictSignal('checkpoint-moved')
    },
  }
}

export function sqliteLog(db: Connection): DecisionLog {
  const readHead = db.prepare(selectHead)
  const range = db.prepare(selectRange)
  const node = db.prepare(selectNode).pluck()
  const checkpoint = db.prepare(selectCheckpoint)
  const newest = db.prepare(selectNewest)
  const byType = db.prepare(selectByType)
  const bySubject = db.prepare(selectBySubject)
  const byBoth = db.prepare(selectByBoth)
  return {
    async head() {
      return toHead(readHead.get())
    },
    async entries(from, to) {
      return range.all(from, Math.min(to, from + maxEntriesRead)).map(toEntry)
    },
    async node(level, index) {
      const hash = node.get(level, index) as Uint8Array | undefined
      return hash === undefined ? null : bytesOf(hash)
    },
    async checkpoint() {
      return (checkpoint.get() as { readonly size: number; readonly note: string } | undefined) ?? null
    },
    async find({ type, subject, limit }) {
      if (type === undefined)
        return (subject === undefined ? newest.all({ limit }) : bySubject.all({ subject, limit })).map(toEntry)
      return (subject === undefined ? byType.all({ type, limit }) : byBoth.all({ type, subject, limit })).map(toEntry)
    },
  }
}
