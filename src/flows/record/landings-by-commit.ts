import { asCommitId, asLogIndex, type CommitId, type Instant, type LogIndex } from '../../core/index.ts'
import { entryData, numberIn, textIn } from '../gate/entry-data.ts'
import { subjectKey } from '../gate/entries.ts'
import type { DecisionLog, RepositoryRecord } from '../ports.ts'

/** A matched landing on a governed branch, as the log holds it. */
export interface MatchedLanding {
  readonly index: LogIndex
  readonly at: Instant
  readonly ref: string
  readonly commit: CommitId
  readonly number: number
  /** The verdict that it was matched with. */
  readonly verdict: LogIndex
}

/** Finds matched landings by their commit. */
export interface Landings {
  /**
   * The newest landing of the commit on a governed branch; null where there is none among the newest 10,000 of each branch.
   * Nothing is read twice: strangers ask for commits that never were.
   */
  find(repository: Pick<RepositoryRecord, 'id' | 'branches'>, commit: CommitId): Promise<MatchedLanding | null>
}

const landingsRead = 10_000

export function createLandings(log: Pick<DecisionLog, 'find'>): Landings {
  const known = new Map<string, { newest: number; readonly byCommit: Map<CommitId, MatchedLanding> }>()

  async function landingsOf(subject: string, ref: string): Promise<ReadonlyMap<CommitId, MatchedLanding>> {
    const filter = { type: 'landing-matched', subject }
    const [last] = await log.find({ ...filter, limit: 1 })
    const kept = known.get(subject) ?? { newest: -1, byCommit: new Map<CommitId, MatchedLanding>() }
    known.set(subject, kept)
    if (last === undefined || last.index <= kept.newest) return kept.byCommit
    for (const row of (await log.find({ ...filter, limit: landingsRead })).toReversed()) {
      if (row.index <= kept.newest) continue
      const data = entryData(row)
      const commit = asCommitId(textIn(data, 'commit'))
      const verdict = asLogIndex(numberIn(data, 'verdict'))
      kept.byCommit.set(commit, {
        index: row.index,
        at: row.at,
        ref,
        commit,
        number: numberIn(data, 'number'),
        verdict,
      })
      kept.newest = row.index
    }
    return kept.byCommit
  }

  return {
    async find(repository, commit) {
      for (const { ref } of repository.branches) {
        const subject = subjectKey({ kind: 'branch', repository: repository.id, ref })
        const found = (await landingsOf(subject, ref)).get(commit)
        if (found !== undefined) return found
      }
      return null
    },
  }
}
