import { type Decision, isVoidedByRegenesis } from '../../core/index.ts'
import type { Memory } from '../ports.ts'

/** Cursor that names the log entry of the newest regenesis: approvals admitted before it are void. */
export const approvalsVoidCursor = 'policy/approvals-void-before'

interface Recorded {
  readonly entry: number
  readonly statement: { readonly predicate: { readonly decision: Decision } }
}

/** The statements that a regenesis left standing, in their order. */
export async function standingStatements<T extends Recorded>(
  memory: Pick<Memory, 'cursor'>,
  statements: readonly T[],
): Promise<readonly T[]> {
  const before = Number((await memory.cursor(approvalsVoidCursor)) ?? 0)
  if (before === 0) return statements
  return statements.filter(
    ({ entry, statement }) => entry >= before || !isVoidedByRegenesis(statement.predicate.decision),
  )
}
