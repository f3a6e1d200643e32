import type { ReleaseStatementRecord, StatementRecord } from '../../flows/ports.ts'

/** The record of a statement whose payload is erased: what it decided about what, without a word that a person wrote. */
export function withoutTexts(record: StatementRecord): StatementRecord {
  const { reason: _reason, condition, ...predicate } = record.statement.predicate
  const named = condition && { id: condition.id, evidence: { uri: '', digest: condition.evidence.digest } }
  return {
    ...record,
    payload: '',
    statement: {
      ...record.statement,
      predicate: { ...predicate, ...(named === undefined ? {} : { condition: named }) },
    },
    isErased: true,
  }
}

/** The same of a statement about a release. */
export function withoutReason(record: ReleaseStatementRecord): ReleaseStatementRecord {
  const { reason: _reason, ...predicate } = record.statement.predicate
  return { ...record, payload: '', statement: { predicate }, isErased: true }
}
