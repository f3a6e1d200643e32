import type { ReleaseStatementRecord, StatementRecord, Statements } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import type { Connection } from './sqlite-connection.ts'
import { recordOf, type RowWriters } from './sqlite-rows.ts'

const selectSame = 'select 1 from statements where payload_digest = ? and person = ?'

const insertStatement = `
  insert into statements (entry, repository, number, person, payload_digest, nonce, target, record)
  values (?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (nonce) do nothing`

const selectSameOfRelease = 'select 1 from release_statements where payload_digest = ? and person = ?'

const insertOfRelease = `
  insert into release_statements (entry, repository, tag, person, payload_digest, nonce, record)
  values (?, ?, ?, ?, ?, ?, ?)
  on conflict (nonce) do nothing`

const insertCommand = `
  insert into commands (repository, comment_id, at) values (?, ?, ?) on conflict (repository, comment_id) do nothing`

const selectOfChange = 'select record from statements where repository = ? and number = ? order by entry, seq'
const selectOfRelease = 'select record from release_statements where repository = ? and tag = ? order by entry, seq'
const countOfPerson = 'select count(*) from statements where repository = ? and number = ? and person = ?'
const selectAboutPerson = 'select record from statements where target = ? and target is not null order by entry, seq'
const selectCommand = 'select 1 from commands where repository = ? and comment_id = ?'

export function statementWriters(db: Connection): Pick<RowWriters, 'statement' | 'release-statement' | 'command'> {
  const same = db.prepare(selectSame)
  const insert = db.prepare(insertStatement)
  const sameOfRelease = db.prepare(selectSameOfRelease)
  const insertRelease = db.prepare(insertOfRelease)
  const command = db.prepare(insertCommand)
  return {
    statement({ record }) {
      if (same.get(record.payloadDigest, record.person) !== undefined) throw new ConflictSignal('duplicate-statement')
      const { nonce, target, decision } = record.statement.predicate
      const isAboutPerson = decision === 'suspend' || decision === 'lift'
      const { changes } = insert.run(
        record.entry,
        record.repository,
        record.number,
        record.person,
        record.payloadDigest,
        nonce,
        isAboutPerson ? (target ?? null) : null,
        JSON.stringify(record),
      )
      if (changes === 0) throw new ConflictSignal('duplicate-nonce')
    },
    'release-statement'({ record }) {
      const { entry, repository, tag, person, payloadDigest } = record
      if (sameOfRelease.get(payloadDigest, person) !== undefined) throw new ConflictSignal('duplicate-statement')
      const { nonce } = record.statement.predicate
      const { changes } = insertRelease.run(
        entry,
        repository,
        tag,
        person,
        payloadDigest,
        nonce,
        JSON.stringify(record),
      )
      if (changes === 0) throw new ConflictSignal('duplicate-nonce')
    },
    command({ repository, commentId, at }) {
      if (command.run(repository, commentId, at).changes === 0) throw new ConflictSignal('duplicate-command')
    },
  }
}

export function sqliteStatements(db: Connection): Statements {
  const ofChange = db.prepare(selectOfChange)
  const ofPerson = db.prepare(countOfPerson).pluck()
  const ofRelease = db.prepare(selectOfRelease)
  const aboutPerson = db.prepare(selectAboutPerson)
  const command = db.prepare(selectCommand)
  return {
    async forChange(repository, number) {
      return ofChange.all(repository, number).map(recordOf<StatementRecord>)
    },
    async count(repository, number, person) {
      return ofPerson.get(repository, number, person) as number
    },
    async forRelease(repository, tag) {
      return ofRelease.all(repository, tag).map(recordOf<ReleaseStatementRecord>)
    },
    async aboutPerson(person) {
      return aboutPerson.all(person).map(recordOf<StatementRecord>)
    },
    async wasCommandAdmitted(repository, commentId) {
      return command.get(repository, commentId) !== undefined
    },
  }
}
