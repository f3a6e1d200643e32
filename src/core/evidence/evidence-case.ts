import { decodeHex } from '../bytes/hex.ts'
import type { Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import type { Instant, LogIndex, Sha256 } from '../ids.ts'
import { type Checkpoint, parseCheckpoint } from '../log/checkpoint.ts'
import { treeHasher, type TreeHasher } from '../log/tree-hash.ts'
import { followLogKeys, type LogKeyChain } from '../log/log-key.ts'
import { noteVerifierKey, parseVerifierKey, type VerifierKey } from '../log/verifier-key.ts'
import type { Evidence } from './evidence.ts'
import { type History, replayHistory } from './history.ts'
import { type EntryOf, type EvidenceEntryType, readTypedEntry, type TypedEntry } from './read-entry.ts'
import { type Recomputation, recompute } from './recompute.ts'
import { type TrustFile, trustedLogKeys } from './trust.ts'

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
  /** The keys that may have signed heads, by the size of the log. */
  readonly logKeys: LogKeyChain
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

/** The body of a note, whoever signed it. */
export function bodyOf(note: string): Checkpoint | null {
  const parsed = parseCheckpoint(note)
  return parsed.ok ? parsed.checkpoint : null
}

export const ofType = <T extends EvidenceEntryType>(entries: readonly TypedEntry[], type: T): readonly EntryOf<T>[] =>
  entries.filter((entry) => entry.type === type) as unknown as readonly EntryOf<T>[]

/** Without trust the log's own word says who signs it, so that contradictions are found all the same. */
function firstKeys(trust: TrustFile | null, genesis: EntryOf<'genesis'> | null): readonly VerifierKey[] {
  if (trust !== null) return trustedLogKeys(trust)
  const bytes = decodeHex(genesis?.data.logKey ?? '')
  if (genesis === null || bytes === undefined) return []
  try {
    return [noteVerifierKey(genesis.data.origin, bytes)]
  } catch {
    return []
  }
}

/** Follows the log's keys from the trusted ones through the certificates that the log holds. */
function logKeysOf(trust: TrustFile | null, typed: readonly TypedEntry[]): LogKeyChain {
  const [genesis = null] = ofType(typed, 'genesis')
  const certified = ofType(typed, 'log-key')
  const root = trust === null ? (certified[0]?.data.root ?? null) : trust.root
  return followLogKeys(
    trust?.origin ?? genesis?.data.origin ?? '',
    firstKeys(trust, genesis),
    root === null ? null : (parseVerifierKey(root) ?? null),
    certified.map(({ data, index }) => ({ note: data.certificate, entry: index })),
  )
}

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
  const [genesis = null] = ofType(typed, 'genesis')
  const history = replayHistory({ entries: typed, origin: genesis?.data.origin ?? '', blob, acceleration })
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
    logKeys: logKeysOf(context.trust, typed),
    typed,
    malformed,
    history,
    erased,
    decisive,
    verdicts,
  }
}
