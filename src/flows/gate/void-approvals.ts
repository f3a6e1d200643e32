import { type Decision, isVoidedByRegenesis } from '../../core/index.ts'
import type { Memory } from '../ports.ts'

/** Cursor that names the log entry of the newest regenesis: approvals admitted before it are void. */
export const approvalsVoidCursor = 'policy/approvals-void-before'

interface Recorded {
  readonly entry: number
  readonly isErased?: boolean
  readonly statement: { readonly predicate: { readonly decision: Decision } }
}

/** Whether a statement raises trust and nobody can look at it any more: nothing becomes green by what was erased. */
const isVoidByErasure = ({ isErased, statement }: Pick<Recorded, 'isErased' | 'statement'>): boolean =>
  isErased === true && isVoidedByRegenesis(statement.predicate.decision)

/** The statements that regenesis and erasure left standing, in their order. */
export async function standingStatements<T extends Recorded>(
  memory: Pick<Memory, 'cursor'>,
  statements: readonly T[],
): Promise<readonly T[]> {
  const before = Number((await memory.cursor(approvalsVoidCursor)) ?? 0)
  return statements.filter(
    (record) =>
      (record.entry >= before || !isVoidedByRegenesis(record.statement.predicate.decision)) && !isVoidByErasure(record),
  )
}
