import {
  type Acceleration,
  appendLeaf,
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
  type Json,
  type LogEntry,
  type LogIndex,
  loadFrontier,
  noteVerifierKey,
  rangeSubtrees,
  readLogBreak,
  treeHasher,
  type VerifierKey,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import { currentSigner, type LogSigner } from './log-era.ts'
import type { Custody, DecisionLog, LogEntryRow, LogName, LogNodeRow, Random, Write } from '../ports.ts'

const idBytes = 16

/** The end of one log, from which it grows. */
export interface LogTip {
  readonly frontier: Frontier
  readonly at: Instant
  readonly signer: LogSigner
}

/** One of the two logs as its single writer knows it. */
export interface LogEnd {
  readonly name: LogName
  readonly origin: string
  /** Name of the Ed25519 key in custody that signs its heads. */
  readonly keyNameOf: (signer: LogSigner) => string
  readonly log: DecisionLog
  readonly custody: Pick<Custody, 'sign' | 'publicKey'>
  readonly random: Random
  readonly acceleration: Acceleration
  /** `noteVerifierKey`, which may remember. */
  readonly verifierKeyOf: (origin: string, publicKey: Uint8Array) => VerifierKey
}

/**
 * `noteVerifierKey` that remembers its last answer: looking at a point costs more than signing with its key, and one key signs
 * head after head.
 */
export function rememberedVerifierKey(): LogEnd['verifierKeyOf'] {
  let last: VerifierKey | undefined
  return (origin, publicKey) => {
    if (last === undefined || last.name !== origin || !equalBytes(last.publicKey, publicKey))
      last = noteVerifierKey(origin, publicKey.slice())
    return last
  }
}

/** An entry before it has its place; `id` where the caller must be able to recognise it. */
export type PlacelessEntry = Pick<LogEntry, 'type' | 'actor' | 'subject' | 'data'> & {
  readonly id?: string
  readonly subjectKey: string | null
  readonly event?: NonNullable<LogEntryRow['event']>
}

/** Reads the end of a log. @throws AppError store-corrupt when head and tree disagree */
export async function loadTip({
  name,
  log,
  acceleration,
}: Pick<LogEnd, 'name' | 'log' | 'acceleration'>): Promise<LogTip> {
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
  if (!equalBytes(frontierRoot(frontier, treeHasher(acceleration)), head.root))
    throw new AppError('store-corrupt', 'the stored head of the log is not the root of its tree')
  // What the security log calls by the same name are events, and it has one key.
  return { frontier, at: head.at, signer: name === 'security' ? onlySigner : await currentSigner(log) }
}

const onlySigner: LogSigner = { number: 0, since: null, origin: null, generation: 1 }

/** Who signs once an entry stands in the log. */
function signerAfter(signer: LogSigner, { type, data }: PlacelessEntry, index: LogIndex): LogSigner {
  if (type === 'genesis') return { ...signer, origin: textOr(data.origin, null) }
  // The head that holds a certificate is the first one that the certified key signs.
  if (type === 'log-key') return { ...signer, generation: Number(data.generation) }
  if (type !== 'log-broken') return signer
  const origin = readLogBreak(textOr(data.break, ''))?.next.name ?? null
  return { number: signer.number + 1, since: index, origin, generation: 1 }
}

const textOr = <T>(value: Json | undefined, otherwise: T): string | T => (typeof value === 'string' ? value : otherwise)

/** @throws AppError config-invalid: heads of a log are signed under its origin and no other, or it would fork (T47) */
function requireOrigin({ origin }: LogEnd, { origin: inForce }: LogSigner): void {
  if (inForce === null || inForce === origin) return
  throw new AppError('config-invalid', `the log goes on under the origin ${inForce}; log.origin says ${origin}`, {
    data: { reason: 'origin', configured: origin, found: inForce },
  })
}

/** The rows that append entries to a log at one moment, with the signed head over them, and the log's end after that. */
export async function appendEntries(
  end: LogEnd,
  current: LogTip,
  at: Instant,
  drafts: readonly PlacelessEntry[],
): Promise<{ readonly tip: LogTip; readonly writes: readonly Write[] }> {
  const { name, origin, custody, random, acceleration } = end
  const hasher = treeHasher(acceleration)
  let frontier = current.frontier
  const entries: LogEntryRow[] = []
  const nodes: LogNodeRow[] = []
  let { signer } = current
  // One question to the system's generator costs as much as everything else about an entry.
  const drawn = random.bytes(idBytes * drafts.length)
  for (const [i, draft] of drafts.entries()) {
    const index = asLogIndex(frontier.size)
    if (name === 'decisions') signer = signerAfter(signer, draft, index)
    const id = draft.id ?? encodeHex(drawn.subarray(i * idBytes, (i + 1) * idBytes))
    const { type, actor, subject, data, subjectKey, event } = draft
    const encoded = encodeEntry({ v: 1, id, at, type, actor, subject, data }, acceleration)
    invariant(encoded.ok, `an entry of type ${type} cannot be written: ${encoded.ok ? '' : encoded.code}`)
    const row = { index, id, type, subject: subjectKey, at, bytes: encoded.bytes }
    entries.push(event === undefined ? row : { ...row, event })
    frontier = appendLeaf(frontier, encoded.leafHash, hasher, (level, nodeIndex, hash) => {
      nodes.push({ level, index: nodeIndex, hash })
    })
  }
  const root = frontierRoot(frontier, hasher)
  const body = formatCheckpointBody({ origin, size: frontier.size, root })
  requireOrigin(end, signer)
  const keyName = end.keyNameOf(signer)
  const key = end.verifierKeyOf(origin, await custody.publicKey(keyName))
  const signature = await custody.sign(keyName, encodeUtf8(body))
  const note = formatSignedNote(body, [formatNoteSignature(key, signature)])
  return {
    tip: { frontier, at, signer },
    writes: [
      {
        kind: 'entries',
        log: name,
        expectedSize: current.frontier.size,
        entries,
        nodes,
        head: { size: frontier.size, root, at },
      },
      { kind: 'checkpoint', log: name, size: frontier.size, note },
    ],
  }
}
