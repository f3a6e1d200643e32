import { isVoidedByRegenesis } from '../../core/index.ts'
import type { Memory, StatementRecord } from '../ports.ts'

/** Cursor that names the log entry of the newest regenesis: approvals admitted before it are void. */
export const approvalsVoidCursor = 'policy/approvals-void-before'

/** The statements that a regenesis left standing, in their order. */
export async function standingStatements(
  memory: Pick<Memory, 'cursor'>,
  statements: readonly StatementRecord[],
): Promise<readonly StatementRecord[]> {
  const before = Number((await memory.cursor(approvalsVoidCursor)) ?? 0)
  if (before === 0) return statements
  return statements.filter(
    ({ entry, statement }) => entry >= before || !isVoidedByRegenesis(statement.predicate.decision),
  )
}
