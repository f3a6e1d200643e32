import type { Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import type { Instant, LogIndex, Sha256 } from '../ids.ts'
import type { Checkpoint } from '../log/checkpoint.ts'
import { treeHasher, type TreeHasher } from '../log/tree-hash.ts'
import type { Evidence } from './evidence.ts'
import { type History, replayHistory } from './history.ts'
import { followLogEras, type LogEras } from './log-eras.ts'
import { bodyOf } from './note-body.ts'
import { type EntryOf, type EvidenceEntryType, readTypedEntry, type TypedEntry } from './read-entry.ts'
import { type Recomputation, recompute } from './recompute.ts'
import type { TrustFile } from './trust.ts'

/** A contradiction that somebody who looked into a clone found. */
export interface Contradiction {
  readonly code: string
  readonly detail?: string
}

/** What a verifier brings: nothing of it comes out of the evidence. */
export interface VerifyContext {
  /** Null: nobody was named, so that nothing can be believed. */
  readonly trust: TrustFile | null
  /** What recomputing the facts from git objects found; null where nobody did. */
  readonly cloneCheck: readonly Contradiction[] | null
  /**
   * When the quorum of the witness policy had cosigned a note, in milliseconds; null where it had not. Null as a whole where
   * this verifier cannot read cosignatures.
   */
  readonly quorumTime: ((note: string, witnessPolicy: string) => Instant | null) | null
  readonly acceleration?: Acceleration
}

/** Evidence that was read, with what follows from it; nothing in it is judged. */
export interface EvidenceCase {
  readonly evidence: Evidence
  readonly context: VerifyContext
  readonly acceleration: Acceleration
  readonly hasher: TreeHasher
  /** The body of the checkpoint, whoever signed it. */
  readonly checkpoint: Checkpoint | null
  /** The origins and keys that the log had, by its size. */
  readonly eras: LogEras
  /** Entries that read as one of the types, and the first that does not. */
  readonly typed: readonly TypedEntry[]
  readonly malformed: { readonly code: string; readonly detail: string } | null
  readonly history: History
  /** Values that are not in the evidence because the log says that they were erased: digest, and entry that says so. */
  readonly erased: ReadonlyMap<Sha256, LogIndex>
  /** Index of the verdict that the evidence is about. */
  readonly decisive: LogIndex
  /** That verdict, first, and those that put policies into force. */
  readonly verdicts: readonly Recomputation[]
}

export const ofType = <T extends EvidenceEntryType>(entries: readonly TypedEntry[], type: T): readonly EntryOf<T>[] =>
  entries.filter((entry) => entry.type === type) as unknown as readonly EntryOf<T>[]

/** The first word of the log about each value that is not there. One that is there was not erased, whatever is said of it. */
function erasedOf({ blobs }: Evidence, typed: readonly TypedEntry[]): ReadonlyMap<Sha256, LogIndex> {
  const erased = new Map<Sha256, LogIndex>()
  for (const { index, data } of ofType(typed, 'blob-erased'))
    if (!blobs.has(data.digest) && !erased.has(data.digest)) erased.set(data.digest, index)
  return erased
}

/**
 * Reads, replays and recomputes everything that the steps of the verifier look at. `decisive` is the verdict that is judged,
 * where the evidence is about a later entry that stands on it.
 */
export function openCase(
  evidence: Evidence,
  context: VerifyContext,
  decisive: LogIndex = evidence.verdict,
): EvidenceCase {
  const acceleration = context.acceleration ?? {}
  const typed: TypedEntry[] = []
  let malformed: EvidenceCase['malformed'] = null
  for (const { index, entry } of evidence.entries) {
    const read = readTypedEntry(index, entry)
    if (read.entry !== null) typed.push(read.entry)
    if (read.fault !== null) malformed ??= { code: read.fault.code, detail: `${index} ${read.fault.field}` }
  }
  const blob = (digest: Sha256): Json | undefined => evidence.blobs.get(digest)
  const erased = erasedOf(evidence, typed)
  const history = replayHistory({ entries: typed, blob, acceleration })
  const verdictEntries = ofType(typed, 'verdict')
  const wanted: LogIndex[] = [
    decisive,
    ...history.policies.flatMap(({ entry }) => (entry.data.verdict === null ? [] : [entry.data.verdict])),
  ]
  const verdicts = [...new Set(wanted)].flatMap((index) => {
    const entry = verdictEntries.find((one) => one.index === index)
    return entry === undefined
      ? []
      : [recompute(entry, { history, blob, isErased: (digest) => erased.has(digest), acceleration })]
  })
  return {
    evidence,
    context,
    acceleration,
    hasher: treeHasher(acceleration),
    checkpoint: bodyOf(evidence.checkpoint),
    eras: followLogEras(context.trust, typed),
    typed,
    malformed,
    history,
    erased,
    decisive,
    verdicts,
  }
}
