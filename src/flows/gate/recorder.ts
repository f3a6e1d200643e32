import {
  type Acceleration,
  appendLeaf,
  asInstant,
  asLogIndex,
  encodeEntry,
  encodeHex,
  encodeUtf8,
  equalBytes,
  type Frontier,
  formatCheckpointBody,
  formatNoteSignature,
  formatSignedNote,
  frontierRoot,
  type Instant,
  type LogIndex,
  loadFrontier,
  noteVerifierKey,
  rangeSubtrees,
  treeHasher,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import type {
  Clock,
  CommitConflict,
  Custody,
  DecisionLog,
  LogEntryRow,
  LogNodeRow,
  Random,
  Store,
  Write,
} from '../ports.ts'
import { type EntryDraft, subjectKey } from './entries.ts'
import { entryData } from './entry-data.ts'
import { keyNameOf } from './log-key-name.ts'

/** The moment of a record: chosen once by the single writer, never earlier than any entry before it. */
export interface Moment {
  readonly at: Instant
  /** How far the machine's clock stands behind the newest entry; 0 when it does not. */
  readonly correctionMs: number
  /** Index that the `position`-th entry of this draft gets. */
  indexOf(position: number): LogIndex
}

/** When work that a record sets in motion is due: now by the machine's clock, also while that stands behind the log's. */
export const dueAtOnce = (moment: Pick<Moment, 'at' | 'correctionMs'>): Instant =>
  asInstant(moment.at - moment.correctionMs)

/** Entries and rows that become durable together, and what the caller wants to know once they are. */
export interface Draft<T> {
  readonly entries: readonly EntryDraft[]
  readonly writes: readonly Write[]
  readonly result: T
}

export type Recorded<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly conflict: Exclude<CommitConflict, 'log-moved' | 'checkpoint-moved'> }

/** The single writer of the decision log. */
export interface Recorder {
  /**
   * Makes the entries, the rows and the signed head over both durable in one commit. `build` is pure and may be called
   * again; it sees the log as it stands. A draft without entries is a plain commit.
   *
   * Errs: a thrown `store-unavailable` may have been stored; the caller's retry must find that out.
   */
  record<T>(build: (moment: Moment) => Draft<T>): Promise<Recorded<T>>
}

export interface RecorderParts {
  readonly origin: string
  readonly store: Pick<Store, 'commit'>
  readonly log: DecisionLog
  readonly custody: Pick<Custody, 'sign' | 'publicKey'>
  readonly clock: Clock
  readonly random: Random
  readonly acceleration: Acceleration
}

interface Tip {
  readonly frontier: Frontier
  readonly at: Instant
  /** Generation of the log's key: how many were certified, at least the one of the beginning. */
  readonly generation: number
}

const retriesWhenMoved = 5

/**
 * Index, time, tree and signed head of every entry are settled here, one draft after the other: entry, business rows and
 * checkpoint are one commit, so a crash leaves all of them or none and no green can be shown that the log does not hold.
 */
export function createRecorder(parts: RecorderParts): Recorder {
  const { origin, store, log, custody, clock, random, acceleration } = parts
  const hasher = treeHasher(acceleration)
  let tip: Tip | null = null
  let last: Promise<unknown> = Promise.resolve()

  async function loadTip(): Promise<Tip> {
    const head = await log.head()
    const nodes = new Map<string, Uint8Array>()
    for (const { level, index } of rangeSubtrees(0, head.size)) {
      const hash = await log.node(level, index)
      if (hash === null)
        throw new AppError('store-corrupt', 'a node of the log tree is missing', { data: { level, index } })
      nodes.set(`${level}/${index}`, hash)
    }
    const frontier = loadFrontier(head.size, (level, index) => {
      const hash = nodes.get(`${level}/${index}`)
      invariant(hash !== undefined, 'the frontier asks for its own subtrees only')
      return hash
    })
    // A head that its own tree does not give was written by somebody else; signing on top of it would certify that.
    if (!equalBytes(frontierRoot(frontier, hasher), head.root))
      throw new AppError('store-corrupt', 'the stored head of the log is not the root of its tree')
    const [certified] = await log.find({ type: 'log-key', limit: 1 })
    const generation = certified === undefined ? 1 : Number(entryData(certified).generation)
    return { frontier, at: head.at, generation }
  }

  async function commitDraft<T>(build: (moment: Moment) => Draft<T>): Promise<Recorded<T>> {
    for (let attempt = 0; attempt < retriesWhenMoved; attempt++) {
      tip ??= await loadTip()
      const current = tip
      const now = clock.now()
      const at = asInstant(Math.max(now, current.at))
      const draft = build({
        at,
        correctionMs: at - now,
        indexOf: (position) => asLogIndex(current.frontier.size + position),
      })
      const appended = draft.entries.length === 0 ? null : await append(current, at, draft.entries)
      // Until the outcome is known the tip is unknown too: what a thrown error left behind is read, never assumed.
      tip = null
      const outcome = await store.commit([...(appended?.writes ?? []), ...draft.writes])
      if (outcome.ok) {
        tip = appended?.tip ?? current
        return { ok: true, result: draft.result }
      }
      if (outcome.conflict !== 'log-moved' && outcome.conflict !== 'checkpoint-moved') {
        tip = current
        return { ok: false, conflict: outcome.conflict }
      }
    }
    throw new AppError('store-unavailable', 'the log moved at every attempt to append to it')
  }

  async function append(
    current: Tip,
    at: Instant,
    drafts: readonly EntryDraft[],
  ): Promise<{ readonly tip: Tip; readonly writes: readonly Write[] }> {
    let frontier = current.frontier
    const entries: LogEntryRow[] = []
    const nodes: LogNodeRow[] = []
    for (const draft of drafts) {
      const index = asLogIndex(frontier.size)
      const id = encodeHex(random.bytes(16))
      const encoded = encodeEntry(
        {
          v: 1,
          id,
          at,
          type: draft.type,
          actor: draft.actor,
          subject: draft.subject,
          data: draft.data,
        },
        acceleration,
      )
      invariant(encoded.ok, `an entry of type ${draft.type} cannot be written: ${encoded.ok ? '' : encoded.code}`)
      entries.push({ index, id, type: draft.type, subject: subjectKey(draft.subject), at, bytes: encoded.bytes })
      frontier = appendLeaf(frontier, encoded.leafHash, hasher, (level, nodeIndex, hash) => {
        nodes.push({ level, index: nodeIndex, hash })
      })
    }
    const root = frontierRoot(frontier, hasher)
    const body = formatCheckpointBody({ origin, size: frontier.size, root })
    // The head that holds a certificate is the first one that the certified key signs.
    const generation = drafts.reduce(
      (last, { type, data }) => (type === 'log-key' ? data.generation : last),
      current.generation,
    )
    const keyName = keyNameOf(generation)
    const key = noteVerifierKey(origin, await custody.publicKey(keyName))
    const signature = await custody.sign(keyName, encodeUtf8(body))
    const note = formatSignedNote(body, [formatNoteSignature(key, signature)])
    return {
      tip: { frontier, at, generation },
      writes: [
        {
          kind: 'entries',
          expectedSize: current.frontier.size,
          entries,
          nodes,
          head: { size: frontier.size, root, at },
        },
        { kind: 'checkpoint', size: frontier.size, note },
      ],
    }
  }

  return {
    record(build) {
      const mine = last.then(() => commitDraft(build))
      last = mine.catch(() => undefined)
      return mine
    },
  }
}
