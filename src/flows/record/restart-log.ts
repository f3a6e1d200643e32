import {
  appendLeaf,
  asInstant,
  asLogIndex,
  type Checkpoint,
  decodeEntry,
  encodeHex,
  equalBytes,
  formatVerifierKey,
  frontierRoot,
  type Instant,
  type LogBreak,
  noteVerifierKey,
  openLogBreak,
  parseCheckpoint,
  readLogBreak,
  rootKeyName,
  treeHasher,
  type VerifierKey,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import { eventOf } from '../audit/event-of.ts'
import { type EntryDraft, type Subject, subjectKey } from '../gate/entries.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { currentEra, readBreaks } from '../gate/log-era.ts'
import { keyNameOf } from '../gate/log-key-name.ts'
import { appendEntries, type LogTip, loadTip } from '../gate/log-tip.ts'
import { entryOf, entryOfEvent, logEnds } from '../gate/recorder.ts'
import type { Clock, Custody, LogEntryRow, LogNodeRow, LogSource, Random, StorePorts, Write } from '../ports.ts'
import { type Beginning, readBeginning } from './recovered-entries.ts'
import { type RecoveryNeeds, type RecoveryNotes, recoverRows } from './recovered-rows.ts'

export interface RestartNeeds extends StorePorts, Pick<RecoveryNeeds, 'resolve' | 'acceleration'> {
  /** Origin of the log that lost entries. */
  readonly origin: string
  readonly custody: Custody
  readonly clock: Clock
  readonly random: Random
  readonly operator: string
}

/** What the operator hands over. */
export interface RestartRequest {
  readonly break: string
  /** The root that signed it, for a log that names none. */
  readonly root: VerifierKey | null
  /** The head that the break names, as it was signed; null where the place of the entries shows it. */
  readonly checkpoint: string | null
  /** Where the entries are that the store lacks; null: what the store holds is all that is left. */
  readonly source: LogSource | null
  /** The largest head of the old log that anybody outside is known to hold. */
  readonly newestOutside: number
  /** Go on although the text of statements was erased that the store lacks. */
  readonly acceptUnknown: boolean
}

export type Restarted =
  | {
      readonly ok: true
      /** The break stands in the log already: nothing was recorded. */
      readonly isRepeated: boolean
      readonly broken: LogBreak
      /** Index of the entry that breaks the log: so many entries were kept. */
      readonly index: number
      readonly recovered: number
      readonly notes: RecoveryNotes
    }
  | { readonly ok: false; readonly code: string; readonly data: Readonly<Record<string, unknown>> }

const refused = (code: string, data: Readonly<Record<string, unknown>> = {}): Restarted => ({ ok: false, code, data })

const noNotes: RecoveryNotes = { erased: [], unknownStatements: [], toEnrol: [] }

function headOf(note: string): Checkpoint | null {
  const head = parseCheckpoint(note)
  return head.ok ? head.checkpoint : null
}

const isHead = (note: string | null, { origin, size, root }: Checkpoint): boolean => {
  const head = note === null ? null : headOf(note)
  return head !== null && head.origin === origin && head.size === size && equalBytes(head.root, root)
}

/** Rows of entries that were read elsewhere, byte for byte, and the end of the log with them. */
function appended(tip: LogTip, beginning: Beginning, acceleration: RestartNeeds['acceleration']) {
  const hasher = treeHasher(acceleration)
  const entries: LogEntryRow[] = []
  const nodes: LogNodeRow[] = []
  let { frontier, at } = tip
  for (const bytes of beginning.entries) {
    const decoded = decodeEntry(bytes)
    if (!decoded.ok || decoded.entry.at < at) return null
    const { id, type, subject } = decoded.entry
    at = asInstant(decoded.entry.at)
    const index = asLogIndex(frontier.size)
    entries.push({ index, id, type, subject: subjectKey(subject as unknown as Subject), at, bytes })
    frontier = appendLeaf(frontier, hasher.leaf(bytes), hasher, (level, nodeIndex, hash) => {
      nodes.push({ level, index: nodeIndex, hash })
    })
  }
  const root = frontierRoot(frontier, hasher)
  invariant(equalBytes(root, beginning.checkpoint.root), 'entries that were proven to be of a head give its root')
  const head = { size: frontier.size, root, at }
  const rows: readonly Write[] =
    entries.length === 0 ? [] : [{ kind: 'entries', expectedSize: tip.frontier.size, entries, nodes, head }]
  return { entries, rows, tip: { ...tip, frontier, at } }
}

/** The entry that breaks the log and its event, each under a head that the next key signs. */
async function broken(
  needs: RestartNeeds,
  tip: LogTip,
  { broken: ended, root, notes }: { readonly broken: LogBreak; readonly root: VerifierKey; readonly notes: BreakNotes },
): Promise<readonly Write[]> {
  const ends = logEnds({ ...needs, origin: ended.next.name })
  const now = needs.clock.now()
  const later = (at: Instant): Instant => asInstant(Math.max(at, now))
  const draft: EntryDraft = {
    type: 'log-broken',
    actor: { kind: 'operator' },
    subject: { kind: 'deployment' },
    data: { root: formatVerifierKey(root), ...notes },
  }
  const event = eventOf('log-broken', {
    userId: needs.operator,
    resource: 'log:decisions',
    action: 'break',
    details: { size: ended.old.size, root: encodeHex(ended.old.root) },
  })
  const security = await loadTip(ends.security)
  const decisions = await appendEntries(ends.decisions, tip, later(tip.at), [entryOf(draft)])
  const events = await appendEntries(ends.security, security, later(security.at), [entryOfEvent(event)])
  return [...decisions.writes, ...events.writes]
}

interface BreakNotes {
  readonly break: string
  readonly checkpoint: string
  readonly recovered: string
}

/** The break as it stands in the log already; null while it does not. */
async function recordedBreak(log: StorePorts['log'], note: string): Promise<Restarted | null> {
  const last = (await readBreaks(log)).at(-1)
  const ended = readLogBreak(note)
  if (last === undefined || ended === undefined || textIn(entryData(last), 'break') !== note) return null
  return { ok: true, isRepeated: true, broken: ended, index: last.index, recovered: 0, notes: noNotes }
}

/**
 * Begins the log that goes on after one that lost entries: takes in what is left of the old log, byte for byte and at the same
 * indices, with everything that it says to the store, and ends it with the break of the offline root. One commit: a crash
 * leaves the old log or the new one.
 *
 * Checks: the root's signature, origin and key of the break; that nobody outside knows a larger head than the break names; that
 * what is taken in is signed by the old log, and that the store's entries are its beginning.
 * Errs: as `recoverRows`, towards less trust than the log shows.
 * @throws AppError log-files-unavailable, store-unavailable, store-corrupt and what custody throws
 */
export async function restartLog(needs: RestartNeeds, request: RestartRequest): Promise<Restarted> {
  const { log, custody } = needs
  const repeated = await recordedBreak(log, request.break)
  if (repeated !== null) return repeated
  const era = await currentEra(log)
  const { origin } = needs
  if (era.origin !== origin) return refused('log-break-wrong-origin', { configured: origin, found: era.origin })
  const read = await readBeginning({ ...needs, root: request.root }, await keysOfEra(log, era.since), request.source)
  if (!read.ok) return refused(read.code, { place: read.place })
  const { beginning } = read
  const { size } = beginning.checkpoint
  const root = beginning.root ?? request.root
  if (request.root !== null && root !== null && formatVerifierKey(root) !== formatVerifierKey(request.root))
    return refused('log-break-another-root', { root: formatVerifierKey(root) })
  if (root !== null && root.name !== rootKeyName(origin)) return refused('log-break-another-root', { root: root.name })
  if (root === null) return refused('log-break-root-missing')
  const opened = openLogBreak(request.break, origin, root)
  if (!opened.ok) return refused(opened.code)
  const { old, next } = opened.broken
  const name = keyNameOf(1, era.number + 1)
  const isHeld =
    (await custody.names()).includes(name) &&
    formatVerifierKey(noteVerifierKey(next.name, await custody.publicKey(name))) === formatVerifierKey(next)
  if (!isHeld) return refused('log-break-for-another-key', { key: formatVerifierKey(next) })
  const outside = Math.max(size, request.newestOutside)
  if (outside > old.size) return refused('log-break-not-newest', { size: old.size, known: outside })
  if (size === old.size && !equalBytes(beginning.checkpoint.root, old.root))
    return refused('log-inconsistent', { place: 'checkpoint' })
  const checkpoint = [request.checkpoint, beginning.note].find((note) => isHead(note, old)) ?? null
  if (checkpoint === null) return refused('log-break-wrong-checkpoint', { size: old.size })
  const notes = { break: request.break, checkpoint, recovered: beginning.note }
  return takeOver(needs, request, { beginning, broken: opened.broken, root, notes })
}

/** The key that began the era, where that was a break; genesis names the first. */
async function keysOfEra(log: StorePorts['log'], since: number | null): Promise<readonly VerifierKey[]> {
  const [row] = since === null ? [] : await log.entries(since, since + 1)
  const before = row === undefined ? undefined : readLogBreak(textIn(entryData(row), 'break'))
  return before === undefined ? [] : [before.next]
}

async function takeOver(
  needs: RestartNeeds,
  { source, acceptUnknown }: RestartRequest,
  ended: {
    readonly beginning: Beginning
    readonly broken: LogBreak
    readonly root: VerifierKey
    readonly notes: BreakNotes
  },
): Promise<Restarted> {
  const { store, log, acceleration } = needs
  const { beginning } = ended
  const grown = appended(await loadTip({ name: 'decisions', log, acceleration }), beginning, acceleration)
  if (grown === null) return refused('entry-bad-data')
  const recovered = await recoverRows(
    { ...needs, now: needs.clock.now(), blobOf: async (digest) => source?.read(`blob/${digest}`) ?? null },
    grown.entries,
  )
  if (!recovered.ok)
    return recovered.kind === 'missing'
      ? refused('recovery-values-missing', { missing: recovered.missing })
      : refused(recovered.fault.code, { index: recovered.fault.index })
  const { notes } = recovered
  if (notes.unknownStatements.length > 0 && !acceptUnknown)
    return refused('recovery-statements-erased', { entries: notes.unknownStatements })
  await commitInParts(store, recovered.blobs)
  const last = await broken(needs, grown.tip, ended)
  const outcome = await store.commit([...grown.rows, ...recovered.writes, ...last])
  if (!outcome.ok) throw new AppError('store-unavailable', `the recovered entries met ${outcome.conflict}`)
  const index = beginning.checkpoint.size
  return { ok: true, isRepeated: false, broken: ended.broken, index, recovered: grown.entries.length, notes }
}

const rowsAtOnce = 200

/** Values by digest are harmless before the entries that name them. */
async function commitInParts(store: StorePorts['store'], rows: readonly Write[]): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsAtOnce) await store.commit(rows.slice(from, from + rowsAtOnce))
}
