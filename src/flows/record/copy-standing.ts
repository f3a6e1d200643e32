import type { Instant } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogName } from '../ports.ts'
import { type CopyState, compareCopy, type OutsideCopyNeeds } from './outside-copy.ts'

/** How far a place is behind its log. */
export interface Lag {
  /** Entries of the log that are not under the head which the place shows. */
  readonly behind: number
  /** When the first of them was recorded; null when there is none. */
  readonly since: Instant | null
}

/** How an off-host copy stands to its log. */
export interface CopyStanding extends Lag {
  readonly log: LogName
  readonly place: string
  /** Null: it could not be looked at, and `problem` says why. */
  readonly state: CopyState | null
  /** Code of what is wrong; null when the copy is one of this log, at most behind. */
  readonly problem: string | null
}

/** How far behind the log a place is that shows a head over `size` entries. */
export async function lagOf(log: Pick<DecisionLog, 'head' | 'entries'>, size: number): Promise<Lag> {
  const behind = Math.max(0, (await log.head()).size - size)
  const [first] = behind === 0 ? [] : await log.entries(size, size + 1)
  return { behind, since: first?.at ?? null }
}

const problems: Readonly<Record<CopyState['kind'], string | null>> = {
  behind: null,
  empty: 'copy-empty',
  ahead: 'log-ahead',
  inconsistent: 'log-file-differs',
  foreign: 'log-file-differs',
}

/** Looks at an off-host copy. A place that does not answer is a standing too; nothing else is caught. */
export async function standingOf(
  needs: OutsideCopyNeeds & { readonly log: Pick<DecisionLog, 'entries'> },
): Promise<CopyStanding> {
  const { name, place, log } = needs
  try {
    const state = await compareCopy(needs)
    const held = state.kind === 'behind' || state.kind === 'ahead' ? state.size : 0
    return { log: name, place, state, problem: problems[state.kind], ...(await lagOf(log, held)) }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'log-files-unavailable') throw error
    return { log: name, place, state: null, problem: error.code, behind: (await log.head()).size, since: null }
  }
}
