import { encodeReleaseFile, type JsonObject, type LogIndex } from '../../core/index.ts'
import { subjectKey } from '../gate/entries.ts'
import {
  dataOf,
  type EvidenceNeeds,
  Gathered,
  proveGathered,
  rowAt,
  rowsOf,
  takeHistory,
  takeStatement,
  takeVerdict,
  tombstonesOf,
} from '../record/evidence.ts'

/**
 * Gathers the file of a release: its entry, the landing and its verdict, every statement about the tag, and everything that
 * these stand on, under one head.
 *
 * Trust: the store's own; what was changed in it shows when the file is verified.
 * @throws AppError not-found when the entry stands under no checkpoint yet; store-corrupt
 */
export async function gatherRelease(needs: EvidenceNeeds, signed: LogIndex, envelope: JsonObject): Promise<Uint8Array> {
  const { log } = needs
  const gathered = new Gathered(needs.memory, await tombstonesOf(log))
  const voidBefore = await takeHistory(needs, signed, gathered)
  const row = await rowAt(log, signed)
  gathered.row(row)
  const landing = await rowAt(log, dataOf(row).landing as number)
  gathered.row(landing)
  const verdict = await rowAt(log, dataOf(landing).verdict as number)
  const timed = await takeVerdict(needs, verdict, voidBefore(verdict.index), gathered)
  const { repository, tag } = row.entry.subject as { readonly repository: never; readonly tag: string }
  const subject = subjectKey({ kind: 'release', repository, tag })
  for (const statement of await rowsOf(log, 'statement-admitted', subject))
    if (statement.index < signed) await takeStatement(statement, gathered)
  const proven = await proveGathered(needs, gathered, timed)
  return encodeReleaseFile({
    envelope,
    signed,
    ...proven,
    blobs: gathered.blobs,
  })
}
