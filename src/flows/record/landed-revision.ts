import { asCommitId, asSha256, type CommitId, type LandedRevision, type RepositoryId } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { createVerdictReader } from '../gate/verdict-reader.ts'
import type { RepositoryRecord, StorePorts } from '../ports.ts'
import { createLandings } from './landings-by-commit.ts'

type Needs = Pick<StorePorts, 'log' | 'memory' | 'statements'>

async function countedApprovals(
  { statements }: Needs,
  repository: RepositoryId,
  number: number,
  verdict: { readonly entry: number; readonly head: CommitId; readonly persons: ReadonlySet<number> },
): Promise<LandedRevision['approvals']> {
  const newest = new Map<number, LandedRevision['approvals'][number]>()
  for (const { entry, payloadDigest, person, statement } of await statements.forChange(repository, number)) {
    const counts =
      entry < verdict.entry &&
      statement.predicate.decision === 'approve' &&
      statement.head === verdict.head &&
      verdict.persons.has(person)
    if (counts) newest.set(person, { entry, payload: payloadDigest })
  }
  return [...newest.values()].sort((a, b) => a.entry - b.entry)
}

/**
 * Reads what the log holds of a revision that landed: the landing, the verdict it was matched with, and the approvals that
 * counted. Null where no matched landing of this commit is recorded: a direct push has none, and neither has a commit
 * inside of a landing of several.
 *
 * @throws AppError store-corrupt when an entry names something that the store lacks
 */
export async function readLandedRevision(
  needs: Needs,
  asked: {
    readonly origin: string
    readonly repository: RepositoryRecord
    readonly repositoryUri: string
    readonly commit: CommitId
  },
): Promise<LandedRevision | null> {
  const { origin, repository, repositoryUri, commit } = asked
  const landing = await createLandings(needs.log).find(repository, commit)
  if (landing === null) return null
  const decision = landing.verdict
  const [row] = await needs.log.entries(decision, decision + 1)
  if (row === undefined) throw new AppError('store-corrupt', 'the verdict that a landing names is not in the log')
  const data = entryData(row)
  const digest = asSha256(textIn(data, 'verdict'))
  const verdict = await createVerdictReader(needs.memory).existing(digest)
  const persons = new Set<number>(verdict.counted.flatMap((quorum) => quorum.persons))
  const head = asCommitId(textIn(data, 'head'))
  const decided = { entry: row.index, head, persons }
  return {
    origin,
    repositoryUri,
    ref: landing.ref,
    commit,
    landedAt: landing.at,
    landing: landing.index,
    verdict: { entry: row.index, digest },
    policy: { epoch: verdict.inputs.epoch, digest: verdict.inputs.policy },
    layer: verdict.classification?.layer ?? '',
    tiers: verdict.classification?.tiers.map(({ tier }) => tier) ?? [],
    approvers: persons.size,
    approvals: await countedApprovals(needs, repository.id, landing.number, decided),
  }
}
