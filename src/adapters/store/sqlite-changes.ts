import type { ChangeRecord, Changes, CheckRecord } from '../../flows/ports.ts'
import { isUnsettled } from './check-content.ts'
import { ConflictSignal } from './conflict.ts'
import type { Connection } from './sqlite-connection.ts'
import { recordOf, recordOrNull, type RowWriters } from './sqlite-rows.ts'

// Both repeat the condition on the version, so that a change written meanwhile is never overwritten.
const insertChange = `
  insert into changes (repository, number, version, state, head, pass_base_ref, landed, record)
  values (:repository, :number, :version, :state, :head, :passBaseRef, :landed, :record)
  on conflict (repository, number) do nothing`

const updateChange = `
  update changes set version = :version, state = :state, head = :head, pass_base_ref = :passBaseRef, landed = :landed,
    record = :record
  where repository = :repository and number = :number and version = :version - 1`

const upsertCheck = `
  insert into checks (repository, head, base_ref, created_at, is_unsettled, is_closed, record)
  values (?, ?, ?, ?, ?, ?, ?)
  on conflict (repository, head, base_ref) do update set created_at = excluded.created_at,
    is_unsettled = excluded.is_unsettled, is_closed = excluded.is_closed, record = excluded.record`

const selectOne = 'select record from changes where repository = ? and number = ?'
const selectOpen = `select record from changes where repository = ? and state = 'open' order by number`
const selectByHead = 'select record from changes where repository = ? and head = ? order by number'
const selectToLand = `
  select record from changes
  where repository = ? and pass_base_ref = ? and pass_base_ref is not null and landed is null and state <> 'closed'
  order by number`
const selectCheck = 'select record from checks where repository = ? and head = ? and base_ref = ?'
const selectChecks = 'select record from checks where is_closed = 0 order by seq'
const selectUnsettled = 'select record from checks where is_closed = 0 and is_unsettled = 1 order by seq'
const selectOld = 'select record from checks where is_closed = 0 and created_at < ? order by seq'

export function changeWriters(db: Connection): Pick<RowWriters, 'change' | 'check'> {
  const insert = db.prepare(insertChange)
  const update = db.prepare(updateChange)
  const check = db.prepare(upsertCheck)
  return {
    change({ record }) {
      const { changes } = (record.version === 1 ? insert : update).run({
        repository: record.repository,
        number: record.number,
        version: record.version,
        state: record.state,
        head: record.head,
        passBaseRef: record.lastPass?.baseRef ?? null,
        landed: record.landed,
        record: JSON.stringify(record),
      })
      if (changes === 0) throw new ConflictSignal('change-moved')
    },
    check({ record }) {
      check.run(
        record.repository,
        record.head,
        record.baseRef,
        record.createdAt,
        isUnsettled(record) ? 1 : 0,
        record.closed ? 1 : 0,
        JSON.stringify(record),
      )
    },
  }
}

export function sqliteChanges(db: Connection): Changes {
  const one = db.prepare(selectOne)
  const open = db.prepare(selectOpen)
  const byHead = db.prepare(selectByHead)
  const toLand = db.prepare(selectToLand)
  const check = db.prepare(selectCheck)
  const checks = db.prepare(selectChecks)
  const unsettledChecks = db.prepare(selectUnsettled)
  const oldChecks = db.prepare(selectOld)
  return {
    async find(repository, number) {
      return recordOrNull<ChangeRecord>(one.get(repository, number))
    },
    async open(repository) {
      return open.all(repository).map(recordOf<ChangeRecord>)
    },
    async byHead(repository, head) {
      return byHead.all(repository, head).map(recordOf<ChangeRecord>)
    },
    async awaitingLanding(repository, baseRef) {
      return toLand.all(repository, baseRef).map(recordOf<ChangeRecord>)
    },
    async check(repository, head, baseRef) {
      return recordOrNull<CheckRecord>(check.get(repository, head, baseRef))
    },
    async checks({ unsettled, createdBefore }) {
      if (createdBefore === undefined) return (unsettled ? unsettledChecks : checks).all().map(recordOf<CheckRecord>)
      const old = oldChecks.all(createdBefore).map(recordOf<CheckRecord>)
      return unsettled ? old.filter(isUnsettled) : old
    },
  }
}
