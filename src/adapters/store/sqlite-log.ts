import type { DecisionLog, LogEntryRow, LogHead, LogName, SecurityLog } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import { checkLogAppend, maxEntriesRead } from './log-append.ts'
import type { Connection } from './sqlite-connection.ts'
import type { RowWriters } from './sqlite-rows.ts'
import { eventSearch } from './sqlite-search.ts'

/** The statements of one log: `prefix` names its tables, and is one of two words of ours. */
const statementsOf = (prefix: 'log' | 'security', extra: string) => {
  const columns = `idx as "index", id, type, subject, at, bytes${extra}`
  return {
    selectHead: `select size, root, at from ${prefix}_head where singleton = 1`,
    // The condition on the size is the compare-and-swap.
    updateHead: `update ${prefix}_head set size = ?, root = ?, at = ? where singleton = 1 and size = ?`,
    insertNode: `insert into ${prefix}_nodes (level, idx, hash) values (?, ?, ?)`,
    insertCheckpoint: `
      insert into ${prefix}_checkpoints (size, note)
      select :size, :note
      where :size > coalesce((select max(size) from ${prefix}_checkpoints), -1)
        and :size <= (select size from ${prefix}_head where singleton = 1)`,
    selectRange: `select ${columns} from ${prefix}_entries where idx >= ? and idx < ? order by idx`,
    selectNode: `select hash from ${prefix}_nodes where level = ? and idx = ?`,
    selectCheckpoint: `select size, note from ${prefix}_checkpoints order by size desc limit 1`,
    selectNewest: `select ${columns} from ${prefix}_entries order by idx desc limit :limit`,
    selectByType: `select ${columns} from ${prefix}_entries where type = :type order by idx desc limit :limit`,
    selectBySubject: `
      select ${columns} from ${prefix}_entries
      where subject = :subject and subject is not null order by idx desc limit :limit`,
    selectByBoth: `
      select ${columns} from ${prefix}_entries
      where subject = :subject and subject is not null and +type = :type order by idx desc limit :limit`,
  }
}

const statements = {
  decisions: statementsOf('log', ''),
  security: statementsOf('security', ', user_id, result'),
} as const

const insertEntry = 'insert into log_entries (idx, id, type, subject, at, bytes) values (?, ?, ?, ?, ?, ?)'
const insertEvent = `
  insert into security_entries (idx, id, type, subject, at, bytes, user_id, result) values (?, ?, ?, ?, ?, ?, ?, ?)`

const bytesOf = (value: Uint8Array): Uint8Array => new Uint8Array(value)

const toHead = (row: unknown): LogHead => {
  const head = row as LogHead
  return { ...head, root: bytesOf(head.root) }
}

type StoredEntry = LogEntryRow & {
  readonly user_id?: string | null
  readonly result?: NonNullable<LogEntryRow['event']>['result']
}

const toEntry = (row: unknown): LogEntryRow => {
  const { user_id: userId, result, ...entry } = row as StoredEntry
  const plain = { ...entry, bytes: bytesOf(entry.bytes) }
  return result === undefined ? plain : { ...plain, event: { userId: userId ?? null, result } }
}

function openLog(db: Connection, name: LogName) {
  const sql = statements[name]
  const entry = db.prepare(name === 'decisions' ? insertEntry : insertEvent)
  return {
    readHead: db.prepare(sql.selectHead),
    moveHead: db.prepare(sql.updateHead),
    node: db.prepare(sql.insertNode),
    checkpoint: db.prepare(sql.insertCheckpoint),
    insert: ({ index, id, type, subject, at, bytes, event }: LogEntryRow) =>
      event === undefined
        ? entry.run(index, id, type, subject, at, bytes)
        : entry.run(index, id, type, subject, at, bytes, event.userId, event.result),
  }
}

/** Writes both logs; each has its own tables, and one commit may append to either or both. */
export function logWriters(db: Connection): Pick<RowWriters, 'entries' | 'checkpoint'> {
  const logs = { decisions: openLog(db, 'decisions'), security: openLog(db, 'security') }
  return {
    entries(row) {
      const log = logs[row.log ?? 'decisions']
      const head = toHead(log.readHead.get())
      if (head.size !== row.expectedSize) throw new ConflictSignal('log-moved')
      checkLogAppend(row, head)
      for (const entry of row.entries) log.insert(entry)
      for (const { level, index, hash } of row.nodes) log.node.run(level, index, hash)
      const moved = log.moveHead.run(row.head.size, row.head.root, row.head.at, row.expectedSize)
      if (moved.changes === 0) throw new ConflictSignal('log-moved')
    },
    checkpoint({ log, size, note }) {
      if (logs[log ?? 'decisions'].checkpoint.run({ size, note }).changes === 0)
        throw new ConflictSignal('checkpoint-moved')
    },
  }
}

/** Reads one of the two logs. */
export function sqliteLog(db: Connection, name: LogName): DecisionLog {
  const sql = statements[name]
  const readHead = db.prepare(sql.selectHead)
  const range = db.prepare(sql.selectRange)
  const node = db.prepare(sql.selectNode).pluck()
  const checkpoint = db.prepare(sql.selectCheckpoint)
  const newest = db.prepare(sql.selectNewest)
  const byType = db.prepare(sql.selectByType)
  const bySubject = db.prepare(sql.selectBySubject)
  const byBoth = db.prepare(sql.selectByBoth)
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

/** Reads and searches the security log. */
export function sqliteSecurityLog(db: Connection): SecurityLog {
  const search = eventSearch(db)
  const entry = db.prepare(`
    select idx as "index", id, type, subject, at, bytes, user_id, result from security_entries where idx = ?`)
  return {
    ...sqliteLog(db, 'security'),
    async search(filter) {
      return search(filter).map((index) => toEntry(entry.get(index)))
    },
  }
}
