import type { StatementRecord, Statements } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import type { Connection } from './sqlite-connection.ts'
import { recordOf, type RowWriters } from './sqlite-rows.ts'

const selectSame = 'select 1 from statements where payload_digest = ? and person = ?'

const insertStatement = `
  insert into statements (entry, repository, number, person, payload_digest, nonce, target, record)
  values (?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (nonce) do nothing`

const insertCommand = `
  insert into commands (repository, comment_id, at) values (?, ?, ?) on conflict (repository, comment_id) do nothing`

const selectOfChange = 'select record from statements where repository = ? and number = ? order by entry, seq'
const countOfPerson = 'select count(*) from statements where repository = ? and number = ? and person = ?'
const selectAboutPerson = 'select record from statements where target = ? and target is not null order by entry, seq'
const selectCommand = 'select 1 from commands where repository = ? and comment_id = ?'

export function statementWriters(db: Connection): Pick<RowWriters, 'statement' | 'command'> {
  const same = db.prepare(selectSame)
  const insert = db.prepare(insertStatement)
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
    command({ repository, commentId, at }) {
      if (command.run(repository, commentId, at).changes === 0) throw new ConflictSignal('duplicate-command')
    },
  }
}

export function sqliteStatements(db: Connection): Statements {
  const ofChange = db.prepare(selectOfChange)
  const ofPerson = db.prepare(countOfPerson).pluck()
  const aboutPerson = db.prepare(selectAboutPerson)
  const command = db.prepare(selectCommand)
  return {
    async forChange(repository, number) {
      return ofChange.all(repository, number).map(recordOf<StatementRecord>)
    },
    async count(repository, number, person) {
      return ofPerson.get(repository, number, person) as number
    },
    async aboutPerson(person) {
      return aboutPerson.all(person).map(recordOf<StatementRecord>)
    },
    async wasCommandAdmitted(repository, commentId) {
      return command.get(repository, commentId) !== undefined
    },
  }
}
