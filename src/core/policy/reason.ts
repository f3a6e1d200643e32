import type { ReasonCode } from './reason-codes.ts'
import type { Outcome, Reason } from './verdict.ts'

const severity: Readonly<Record<Outcome | 'info', number>> = { info: 0, pass: 1, pending: 2, fail: 3, error: 4 }

/** The worst of some outcomes; `pass` for none. What only informs decides nothing. */
export const worst = (outcomes: readonly (Outcome | 'info')[]): Outcome =>
  outcomes.reduce<Outcome>(
    (found, next) => (next !== 'info' && severity[next] > severity[found] ? next : found),
    'pass',
  )

/** One node of the explanation. Its code is one of the table's, so that every node can be told in words. */
export const reason = (
  code: ReasonCode,
  outcome: Reason['outcome'],
  data: Reason['data'] = {},
  children: readonly Reason[] = [],
): Reason => ({ code, outcome, data, children })
