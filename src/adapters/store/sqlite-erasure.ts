import type { ReleaseStatementRecord, StatementRecord } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import { withoutReason, withoutTexts } from './erased-statement.ts'
import type { Connection } from './sqlite-connection.ts'
import { type RecordRow, recordOf, type RowWriters } from './sqlite-rows.ts'

const insertErased = 'insert into erased_blobs (digest) values (?) on conflict (digest) do nothing'
const deleteBlob = 'delete from blobs where digest = ?'
const selectStatements = 'select seq, record from statements where payload_digest = ?'
const updateStatement = 'update statements set record = ? where seq = ?'
const selectReleases = 'select seq, record from release_statements where payload_digest = ?'
const updateRelease = 'update release_statements set record = ? where seq = ?'
const selectBodies = `
  select seq from deliveries where has_body = 1 and finished_at is not null and repository = ? and number = ?`
const selectComments = `
  select seq from deliveries
  where has_body = 1 and finished_at is not null and repository = ? and event = 'issue_comment'`
const deleteBody = 'delete from delivery_bodies where seq = ?'
const markWithoutBody = 'update deliveries set has_body = 0 where seq = ?'
const deleteDeadJobs = `delete from jobs where lane = ? and state = 'dead'`
const deleteDeadJobsOf = `
  delete from jobs where lane glob ? and state = 'dead' and kind in ('comment', 'delivery')`

/** Takes a value out of every table that holds its text. `secure_delete` overwrites what the rows leave behind. */
export function erasureWriters(db: Connection): Pick<RowWriters, 'erase-blob'> {
  const [insert, remove, statements, redact] = [insertErased, deleteBlob, selectStatements, updateStatement].map(
    (sql) => db.prepare(sql),
  )
  const [releases, redactRelease] = [selectReleases, updateRelease].map((sql) => db.prepare(sql))
  const [bodies, removeBody, mark, removeJobs] = [selectBodies, deleteBody, markWithoutBody, deleteDeadJobs].map(
    (sql) => db.prepare(sql),
  )
  const said = db.prepare(selectComments)
  const removeJobsOf = db.prepare(deleteDeadJobsOf)
  const dropBodies = (rows: readonly unknown[]): void => {
    for (const { seq } of rows as readonly { readonly seq: number }[]) {
      removeBody?.run(seq)
      mark?.run(seq)
    }
  }
  return {
    'erase-blob'({ digest, changes, comments = [] }) {
      if (insert?.run(digest).changes === 0) throw new ConflictSignal('blob-erased')
      remove?.run(digest)
      for (const row of (statements?.all(digest) ?? []) as (RecordRow & { readonly seq: number })[])
        redact?.run(JSON.stringify(withoutTexts(recordOf<StatementRecord>(row))), row.seq)
      for (const row of (releases?.all(digest) ?? []) as (RecordRow & { readonly seq: number })[])
        redactRelease?.run(JSON.stringify(withoutReason(recordOf<ReleaseStatementRecord>(row))), row.seq)
      for (const { repository, number } of changes) {
        dropBodies(bodies?.all(repository, number) ?? [])
        removeJobs?.run(`${repository}/${number}`)
      }
      for (const repository of comments) {
        dropBodies(said.all(repository))
        removeJobsOf.run(`${repository}/*`)
      }
    },
  }
}

/**
 * Folds the write-ahead log into the file and empties it: until then it holds the pages as they were before a row was erased.
 *
 * @returns false when a reader held it back; the next commit that erases, and the next opening, try again
 */
export function emptyWriteAheadLog(db: Connection): boolean {
  const [row] = db.pragma('wal_checkpoint(truncate)') as { readonly busy: number }[]
  return row?.busy === 0
}
