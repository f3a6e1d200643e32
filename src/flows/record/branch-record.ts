import {
  asCommitId,
  asRepositoryId,
  asSha256,
  asTreeId,
  type CommitId,
  IdentifierError,
  isJsonObject,
  type RepositoryId,
  type Sha256,
  type TreeId,
} from '../../core/index.ts'
import type { EntryData } from '../gate/entries.ts'
import type { IndexedEntry } from './read-decisions.ts'

/** A passing verdict of the log, and from which entry on it no longer let anything land. */
export interface LoggedPass {
  readonly index: number
  readonly number: number
  readonly head: CommitId
  readonly mergeTree: TreeId
  readonly facts: Sha256
  /** Index of the entry that ended it; Infinity while it stands. */
  endedBy: number
}

/** What the log says of one governed branch. */
export interface BranchRecord {
  readonly repository: RepositoryId
  readonly name: string
  readonly ref: string
  /** Where the branch stood when it was enrolled: landings are matched from here on. */
  readonly start: { readonly commit: CommitId; readonly tree: TreeId; readonly index: number }
  /** In log order. */
  readonly passes: readonly LoggedPass[]
  /** The first entry that speaks of a commit of the branch, whatever it says. */
  readonly firstMention: ReadonlyMap<CommitId, number>
  /** What the server said it matched, by the last commit of each landing. */
  readonly matched: ReadonlyMap<CommitId, { readonly index: number; readonly verdict: number }>
  /** Commits whose policy the log says is in force, by epoch. */
  readonly policies: ReadonlyMap<
    number,
    { readonly commit: CommitId; readonly files: Readonly<Record<string, string>> }
  >
}

/** Types of entries of which a branch's record is made. */
export const branchEntryTypes: ReadonlySet<string> = new Set([
  'repository-enrolled',
  'policy-in-force',
  'policy-regenesis',
  'verdict',
  'clock-ended',
  'landing-matched',
  'finding',
])

/** Codes of verdicts that judged nothing. */
const unreadCodes: ReadonlySet<string> = new Set(['facts-unavailable', 'facts-incomplete', 'clock-untrusted'])

const dataOf = <T extends keyof EntryData>({ entry }: IndexedEntry, _type: T): EntryData[T] =>
  entry.data as unknown as EntryData[T]

/** The repository that is meant: by number, or by the name under which the log enrolled it last. */
export function repositoryOfRecord(entries: readonly IndexedEntry[], wanted: string): RepositoryId | null {
  if (/^[1-9]\d{0,15}$/.test(wanted)) return asRepositoryId(Number(wanted))
  let found: RepositoryId | null = null
  for (const one of entries) {
    if (one.entry.type !== 'repository-enrolled') continue
    const { name } = dataOf(one, 'repository-enrolled')
    if (typeof name === 'string' && name.toLowerCase() === wanted.toLowerCase())
      found = asRepositoryId(one.entry.subject.repository as number)
  }
  return found
}

/**
 * Collects what the log says of one branch; null when it was never enrolled.
 *
 * A pass stands until a later verdict on its change, unless that one only waits for the forge's test merge or could not read
 * the change, and until the change is closed without a merge. A change whose record went on after its merge is judged as of the entry that first
 * speaks of the landed commit.
 * Trust: the entries stand in the log; whether they are true is another question.
 * Errs: a verdict or landing whose identifiers cannot be read is no verdict and no landing.
 */
export function readBranchRecord(
  entries: readonly IndexedEntry[],
  repository: RepositoryId,
  ref: string,
  isWaitingForMergeOnly: (verdict: Sha256) => boolean,
): BranchRecord | null {
  let start: BranchRecord['start'] | null = null
  let name = ''
  const passes: LoggedPass[] = []
  const standing = new Map<number, LoggedPass>()
  const firstMention = new Map<CommitId, number>()
  const matched = new Map<CommitId, { index: number; verdict: number }>()
  const policies = new Map<number, { commit: CommitId; files: Readonly<Record<string, string>> }>()
  const end = (number: number, index: number): void => {
    const pass = standing.get(number)
    if (pass === undefined) return
    pass.endedBy = index
    standing.delete(number)
  }
  const mention = (commit: CommitId, index: number): void => {
    if (!firstMention.has(commit)) firstMention.set(commit, index)
  }

  const read = (one: IndexedEntry): void => {
    const { index, entry } = one
    const { subject } = entry
    if (entry.type === 'policy-in-force' || entry.type === 'policy-regenesis') {
      const { epoch, commit } = dataOf(one, 'policy-in-force')
      const { files } = dataOf(one, 'policy-in-force')
      policies.set(epoch, { commit: asCommitId(commit), files: files ?? {} })
      return
    }
    if (subject.repository !== repository) return
    if (entry.type === 'repository-enrolled') {
      const data = dataOf(one, 'repository-enrolled')
      const branch = Array.isArray(data.branches) ? data.branches.find((known) => known?.ref === ref) : undefined
      if (branch === undefined) return
      name = data.name
      start ??= { commit: asCommitId(branch.tip), tree: asTreeId(branch.tree), index }
    } else if (entry.type === 'verdict' && typeof subject.number === 'number') {
      readVerdict(index, subject.number, dataOf(one, 'verdict'))
    } else if (entry.type === 'clock-ended' && typeof subject.number === 'number') {
      if (dataOf(one, 'clock-ended').why === 'closed') end(subject.number, index)
    } else if (entry.type === 'landing-matched' && subject.ref === ref) {
      const { commit, verdict } = dataOf(one, 'landing-matched')
      mention(asCommitId(commit), index)
      matched.set(asCommitId(commit), { index, verdict })
    } else if (entry.type === 'finding' && subject.ref === ref) {
      const { detail } = dataOf(one, 'finding')
      const commit = isJsonObject(detail) ? detail.commit : null
      if (typeof commit === 'string') mention(asCommitId(commit), index)
    }
  }
  const readVerdict = (index: number, number: number, data: EntryData['verdict']): void => {
    const before = standing.get(number)
    const isPass = data.outcome === 'pass' && data.baseRef === ref && data.mergeTree !== null
    const isSame = before !== undefined && data.head === before.head && data.baseRef === ref
    // Facts or a clock that could not be had say nothing about the content that passed.
    const isUnread = data.outcome === 'error' && unreadCodes.has(data.code)
    const isOver = isPass || !isSame || !(isUnread || isWaitingForMergeOnly(asSha256(data.verdict)))
    if (isOver) end(number, index)
    if (!isPass || data.head === null || data.mergeTree === null || data.facts === null) return
    const pass: LoggedPass = {
      index,
      number,
      head: asCommitId(data.head),
      mergeTree: asTreeId(data.mergeTree),
      facts: asSha256(data.facts),
      endedBy: Number.POSITIVE_INFINITY,
    }
    passes.push(pass)
    standing.set(number, pass)
  }

  for (const one of entries) {
    try {
      read(one)
    } catch (error) {
      if (!(error instanceof IdentifierError)) throw error
    }
  }
  return start === null ? null : { repository, name, ref, start, passes, firstMention, matched, policies }
}

/**
 * Digests of the verdicts that may only wait for a test merge: pending ones on a head that passed before. They have to be read
 * before `readBranchRecord` can tell which passes stood.
 */
export function verdictsToRead(entries: readonly IndexedEntry[], repository: RepositoryId): readonly Sha256[] {
  const passed = new Map<number, string>()
  const digests = new Set<Sha256>()
  for (const { entry } of entries) {
    const { number } = entry.subject
    if (entry.type !== 'verdict' || entry.subject.repository !== repository || typeof number !== 'number') continue
    const { outcome, head, verdict } = entry.data
    if (outcome === 'pass' && typeof head === 'string') passed.set(number, head)
    const isPending = outcome === 'pending' && passed.get(number) === head
    if (isPending && typeof verdict === 'string' && /^[0-9a-f]{64}$/.test(verdict)) digests.add(asSha256(verdict))
  }
  return [...digests]
}
