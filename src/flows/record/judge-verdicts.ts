import {
  type CheckReport,
  isJsonObject,
  type Json,
  type LogCase,
  type LogIndex,
  openLogCase,
  type RepositoryId,
  type Sha256,
  type VerifyContext,
} from '../../core/index.ts'
import { isDigest, jsonBlob } from './logged-values.ts'
import type { Decisions, IndexedEntry } from './read-decisions.ts'

/** Types of entries that verdicts stand on, as evidence holds them. */
export const decisiveTypes: ReadonlySet<string> = new Set([
  'genesis',
  'log-broken',
  'policy-in-force',
  'policy-regenesis',
  'log-key',
  'repository-enrolled',
  'clock-started',
  'statement-admitted',
  'blob-erased',
  'verdict',
])

/** Judges the verdicts of a log that was read. */
export interface VerdictJudge {
  /** What holds of the log as a whole. */
  readonly checks: readonly CheckReport[]
  /** Every check of one verdict. */
  judge(verdict: number): Promise<readonly CheckReport[]>
}

/** Values that are read at once. */
const atOnce = 16

/** Runs over a list, some at a time. */
async function each<T>(items: readonly T[], use: (item: T) => Promise<void>, onDone: (done: number) => void) {
  for (let from = 0; from < items.length; from += atOnce) {
    await Promise.all(items.slice(from, from + atOnce).map(use))
    onDone(Math.min(items.length, from + atOnce))
  }
}

/** The values of one verdict: the verdict itself, its facts and their file list. */
async function valuesOf(decisions: Decisions, { entry }: IndexedEntry): Promise<Map<Sha256, Json>> {
  const found = new Map<Sha256, Json>()
  const take = async (digest: Json | undefined): Promise<Json | null> => {
    if (!isDigest(digest)) return null
    const value = await jsonBlob(decisions, digest)
    if (value !== null) found.set(digest, value)
    return value
  }
  const { verdict, facts } = entry.data
  const [, head] = await Promise.all([take(verdict), take(facts)])
  if (head !== null && isJsonObject(head)) await take(head.changeDigest)
  return found
}

const repositoryOf = ({ entry }: IndexedEntry): Json | undefined => entry.subject.repository

/**
 * Reads what the verdicts on a repository stand on, and replays it: policies, keys and statements once for all of them.
 *
 * Trust: the log's entries are included in a head that the caller has verified; each value is what its digest names. Whether
 * the operator recorded the truth is what is judged.
 * Errs: a value that the place does not hold is `blob-missing` where something stands on it.
 * @throws AppError log-files-unavailable
 */
export async function openJudge(
  decisions: Decisions,
  context: Omit<VerifyContext, 'cloneCheck'>,
  repository: RepositoryId,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<VerdictJudge> {
  const entries = decisions.entries.filter(({ entry }) => decisiveTypes.has(entry.type))
  const verdicts = new Map(entries.filter(({ entry }) => entry.type === 'verdict').map((one) => [one.index, one]))
  const blobs = new Map<Sha256, Json>()
  const take = async (digest: Json | undefined): Promise<Json | null> => {
    if (!isDigest(digest)) return null
    const known = blobs.get(digest)
    if (known !== undefined) return known
    const value = await jsonBlob(decisions, digest)
    if (value !== null) blobs.set(digest, value)
    return value
  }

  const governing = new Set<Json | undefined>([repository])
  for (const { entry } of entries.filter((one) => one.entry.type === 'policy-in-force')) {
    await take(entry.data.policy)
    const behind = typeof entry.data.verdict === 'number' ? verdicts.get(entry.data.verdict) : undefined
    if (behind === undefined) continue
    governing.add(repositoryOf(behind))
    for (const [digest, value] of await valuesOf(decisions, behind)) blobs.set(digest, value)
  }
  // Statements elsewhere bear on nothing here, unless they suspend a person's keys or lift that.
  const elsewhere = new Set<number>()
  const statements = entries.filter(({ entry }) => entry.type === 'statement-admitted')
  await each(
    statements,
    async (one) => {
      const { payloadDigest, requirement, inForce } = one.entry.data
      const payload = await take(payloadDigest)
      const predicate = payload !== null && isJsonObject(payload) ? payload.predicate : undefined
      const isAboutKeys = isJsonObject(predicate) && predicate.target !== undefined
      if (isAboutKeys || governing.has(repositoryOf(one))) await Promise.all([take(requirement), take(inForce)])
      else elsewhere.add(one.index)
    },
    (done) => onProgress(done, statements.length),
  )
  const replayed: LogCase = openLogCase(
    {
      checkpoint: decisions.note,
      size: decisions.checkpoint.size,
      entries: entries
        .filter(({ index }) => !elsewhere.has(index))
        .map(({ index, entry }) => ({ index: index as LogIndex, entry })),
      blobs,
    },
    context,
  )
  return {
    checks: replayed.checks,
    async judge(verdict) {
      const entry = verdicts.get(verdict)
      return replayed.judge(verdict as LogIndex, entry === undefined ? new Map() : await valuesOf(decisions, entry))
    },
  }
}
