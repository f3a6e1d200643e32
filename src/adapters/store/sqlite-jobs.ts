import type { Instant } from '../../core/index.ts'
import type { JobData, JobRecord, Jobs } from '../../flows/ports.ts'
import type { Connection } from './sqlite-connection.ts'
import type { RowWriters } from './sqlite-rows.ts'

// One number for every job ever written: a version is never used twice, so a late `job-done` cannot remove a job that was
// removed and written anew under the same id.
const nextVersion = `update counters set value = value + 1 where name = 'jobs.writes' returning value`

const upsertJob = `
  insert into jobs (id, lane, kind, data, due_at, attempts, state, last_error, version)
  values (?, ?, ?, ?, ?, 0, 'queued', null, ?)
  on conflict (id) do update set lane = excluded.lane, kind = excluded.kind, data = excluded.data,
    due_at = excluded.due_at, attempts = 0, state = 'queued', last_error = null, version = excluded.version`

const deleteJob = 'delete from jobs where id = ? and version = ?'

const retryJob = `
  update jobs set attempts = attempts + 1, due_at = ?, last_error = ? where id = ? and version = ?`

const killJob = `
  update jobs set attempts = attempts + 1, state = 'dead', last_error = ? where id = ? and version = ?`

const columns = 'id, lane, kind, data, due_at as dueAt, attempts, state, last_error as lastError, version'

// A job is its lane's turn unless an older one of the lane is due or waits for its retry.
const isTurn = `
  state = 'queued' and due_at <= :now and not exists (
    select 1 from jobs as older
    where older.state = 'queued' and older.lane = job.lane and older.seq < job.seq
      and (older.due_at <= :now or older.attempts > 0))`

// Two ways to the same rows in the same order. The walk stops at the limit but passes every timer that waits for its time;
// the sort reads all that is due and nothing else. Which one is taken depends on how many are due.
const selectDueByWalk = `select lane, seq from jobs as job indexed by jobs_in_order where ${isTurn} order by seq`
const selectDueBySort = `select lane, seq from jobs as job indexed by jobs_by_due_time where ${isTurn} order by seq`
const countDue = `
  select count(*) from (
    select 1 from jobs indexed by jobs_by_due_time where state = 'queued' and due_at <= :now limit :most)`

/** So many due jobs are sorted in about a millisecond; a longer backlog is walked through. */
const mostSorted = 1_000

const selectBySeq = `select ${columns} from jobs where seq = ?`
const selectById = `select ${columns} from jobs where id = ?`
const selectDead = `select ${columns} from jobs where state = 'dead' order by seq limit ?`
const selectNextDue = `select due_at from jobs where state = 'queued' order by due_at limit 1`
const selectCounts = `select name, value from counters where name in ('jobs.queued', 'jobs.dead') order by name`

export function jobWriters(db: Connection): Pick<RowWriters, 'job' | 'job-done' | 'job-retry' | 'job-dead'> {
  const version = db.prepare(nextVersion).pluck()
  const upsert = db.prepare(upsertJob)
  const remove = db.prepare(deleteJob)
  const retry = db.prepare(retryJob)
  const kill = db.prepare(killJob)
  return {
    job({ job }) {
      upsert.run(job.id, job.lane, job.kind, JSON.stringify(job.data), job.dueAt, version.get())
    },
    'job-done': (row) => void remove.run(row.id, row.version),
    'job-retry': (row) => void retry.run(row.dueAt, row.error, row.id, row.version),
    'job-dead': (row) => void kill.run(row.error, row.id, row.version),
  }
}

type JobRow = Omit<JobRecord, 'data'> & { readonly data: string }

const toRecord = (row: unknown): JobRecord => {
  const job = row as JobRow
  return { ...job, data: JSON.parse(job.data) as JobData }
}

export function sqliteJobs(db: Connection): Jobs {
  const walk = db.prepare(selectDueByWalk)
  const sort = db.prepare(selectDueBySort)
  const dueUpTo = db.prepare(countDue).pluck()
  const bySeq = db.prepare(selectBySeq)
  const byId = db.prepare(selectById)
  const dead = db.prepare(selectDead)
  const next = db.prepare(selectNextDue).pluck()
  const counts = db.prepare(selectCounts)
  return {
    async due(now, busyLanes, limit) {
      const turns: number[] = []
      if (limit <= 0) return []
      const isBacklog = Number(dueUpTo.get({ now, most: mostSorted + 1 })) > mostSorted
      for (const row of (isBacklog ? walk : sort).iterate({ now })) {
        const { lane, seq } = row as { readonly lane: string; readonly seq: number }
        if (busyLanes.has(lane)) continue
        turns.push(seq)
        if (turns.length >= limit) break
      }
      return turns.map((seq) => bySeq.get(seq)).flatMap((row) => (row === undefined ? [] : [toRecord(row)]))
    },
    async nextDueAt() {
      return (next.get() as Instant | undefined) ?? null
    },
    async find(id) {
      const row = byId.get(id)
      return row === undefined ? null : toRecord(row)
    },
    async dead(limit) {
      return dead.all(limit).map(toRecord)
    },
    async counts() {
      const rows = counts.all() as { readonly name: string; readonly value: number }[]
      const valueOf = (name: string): number => rows.find((row) => row.name === name)?.value ?? 0
      return { queued: valueOf('jobs.queued'), dead: valueOf('jobs.dead') }
    },
  }
}
