import {
  type Acceleration,
  approvalsDigest,
  decodeEntry,
  type EarlierCheckpoint,
  encodeEvidence,
  type Evidence,
  type EvidenceEntry,
  isVoidedByRegenesis,
  type Json,
  type JsonObject,
  type LogIndex,
  nothingDigest,
  parseCheckpointBody,
  parseJsonStrict,
  parseSignedNote,
  type RepositoryId,
  type Sha256,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogEntryRow, Memory, StatementRecord, StorePorts, SignedHead } from '../ports.ts'
import { subjectKey } from '../gate/entries.ts'
import { textIn } from '../gate/entry-data.ts'
import { proveConsistency, proveInclusion } from './consistency-proof.ts'

export interface EvidenceNeeds extends Pick<StorePorts, 'log' | 'memory' | 'registry' | 'statements'> {
  readonly acceleration: Acceleration
  /** The newest head that was published, cosignatures and all. Its bytes are judged with the rest of the evidence. */
  readonly publishedHead?: string | null
}

/** More rows of one type than any log is asked for at once. */
const manyRows = 1_000_000
const batch = 1_000
const jsonLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 120 }

/** A stored entry, and what it says. */
export interface Row extends LogEntryRow {
  readonly entry: EvidenceEntry['entry']
}

function opened(row: LogEntryRow): Row {
  const decoded = decodeEntry(row.bytes)
  if (!decoded.ok) throw new AppError('store-corrupt', `entry ${row.index} of the log is none: ${decoded.code}`)
  return { ...row, entry: decoded.entry }
}

export const dataOf = ({ entry }: Row): JsonObject => entry.data

export async function rowAt(log: DecisionLog, index: number): Promise<Row> {
  const [row] = await log.entries(index, index + 1)
  if (row === undefined) throw new AppError('not-found', `the log has no entry ${index}`, { data: { index } })
  return opened(row)
}

/** All entries of a type, oldest first. */
export const rowsOf = async (log: DecisionLog, type: string, subject?: string): Promise<readonly Row[]> =>
  (await log.find({ type, limit: manyRows, ...(subject === undefined ? {} : { subject }) })).map(opened).reverse()

/** Collects rows and values; nothing is taken twice. */
export class Gathered {
  readonly rows = new Map<number, Row>()
  readonly blobs = new Map<Sha256, Json>()
  readonly #memory: Pick<Memory, 'blob'>
  /** The first tombstone of each value that was erased. */
  readonly #tombstones: ReadonlyMap<Sha256, Row>

  constructor(memory: Pick<Memory, 'blob'>, tombstones: ReadonlyMap<Sha256, Row>) {
    this.#memory = memory
    this.#tombstones = tombstones
  }

  row(row: Row): void {
    this.rows.set(row.index, row)
  }

  /** The entry that says that a value was erased. */
  tombstone(digest: Json | undefined): Row | undefined {
    return this.#tombstones.get(digest as Sha256)
  }

  /** The value under a digest; null where it is not there: the entry that says why is taken in its place. */
  async blob(digest: Json | undefined): Promise<Json> {
    const name = digest as Sha256
    const known = this.blobs.get(name)
    if (known !== undefined) return known
    const bytes = await this.#memory.blob(name)
    if (bytes === null) {
      const tombstone = this.tombstone(name)
      if (tombstone !== undefined) this.row(tombstone)
      return null
    }
    const parsed = parseJsonStrict(bytes, jsonLimits)
    if (!parsed.ok)
      throw new AppError('store-corrupt', 'a value that an entry names is no JSON', { data: { digest: name } })
    this.blobs.set(name, parsed.value)
    return parsed.value
  }
}

/** A statement with its requirements. */
export async function takeStatement(row: Row, gathered: Gathered): Promise<void> {
  gathered.row(row)
  const { payloadDigest, requirement, inForce } = dataOf(row)
  for (const digest of [payloadDigest, requirement, inForce]) await gathered.blob(digest)
}

/** Whether a statement had no effect on a verdict: it raises trust, and was void by a regenesis or erased by then. */
function wasVoid(
  row: Row,
  record: StatementRecord | undefined,
  verdict: Row,
  voidBefore: number,
  gathered: Gathered,
): boolean {
  const tombstone = gathered.tombstone(dataOf(row).payloadDigest)
  if (row.index >= voidBefore && (tombstone === undefined || tombstone.index >= verdict.index)) return false
  return record !== undefined && isVoidedByRegenesis(record.statement.predicate.decision)
}

/**
 * The statements that a verdict counted: those of its group before it that neither regenesis nor erasure made void. One of
 * another number that was recorded while the verdict was being made is not among them; the digest tells.
 */
async function countedBy(
  needs: EvidenceNeeds,
  verdict: Row,
  facts: JsonObject,
  voidBefore: number,
  gathered: Gathered,
): Promise<readonly Row[]> {
  const repository = (facts.repository as JsonObject).id as RepositoryId
  const own = facts.number as number
  const found: { readonly row: Row; readonly number: number }[] = []
  const records = new Map<number, StatementRecord>()
  for (const number of new Set([own, ...(facts.group as readonly number[])])) {
    const rows = await rowsOf(needs.log, 'statement-admitted', subjectKey({ kind: 'change', repository, number }))
    for (const row of rows) if (row.index < verdict.index) found.push({ row, number })
    for (const record of await needs.statements.forChange(repository, number)) records.set(record.entry, record)
  }
  const standing = found
    .sort((a, b) => a.row.index - b.row.index)
    .filter(({ row }) => !wasVoid(row, records.get(row.index), verdict, voidBefore, gathered))
  const digestOf = (rows: typeof found): Sha256 =>
    approvalsDigest(
      rows.map(({ row }) => {
        const { payloadDigest, scheme, signature } = dataOf(row) as unknown as {
          payloadDigest: Sha256
          scheme: string
          signature: string
        }
        return { entry: row.index, at: row.at, payloadDigest, scheme, signature }
      }),
      needs.acceleration,
    )
  let rows = standing
  while (digestOf(rows) !== dataOf(verdict).approvals) {
    const late = rows.findLastIndex(({ number }) => number !== own)
    if (late < 0)
      throw new AppError('store-corrupt', `the statements that entry ${verdict.index} counted are not there`)
    rows = rows.toSpliced(late, 1)
  }
  return rows.map(({ row }) => row)
}

/** One verdict with all that it was judged from, but for policies and keys. Returns the entries whose moments it stands on. */
export async function takeVerdict(
  needs: EvidenceNeeds,
  row: Row,
  voidBefore: number,
  gathered: Gathered,
): Promise<readonly number[]> {
  gathered.row(row)
  const data = dataOf(row)
  await gathered.blob(data.verdict)
  if (data.facts === null || data.facts === nothingDigest) return [row.index]
  const facts = (await gathered.blob(data.facts)) as JsonObject | null
  if (facts === null && gathered.tombstone(data.facts) === undefined)
    throw new AppError('store-corrupt', `the facts of entry ${row.index} are not there`)
  // What the verdict stands on follows from its facts: without them nothing else can be tied to it.
  if (facts === null || (await gathered.blob(facts.changeDigest)) === null) return [row.index]
  const clock = facts.clock as JsonObject | null
  if (clock !== null) gathered.row(await rowAt(needs.log, clock.entry as number))
  const { id } = facts.repository as JsonObject
  const enrolments = (await rowsOf(needs.log, 'repository-enrolled')).filter(
    ({ entry, index }) => entry.subject.repository === id && index < row.index,
  )
  const enrolment = enrolments.at(-1)
  if (enrolment !== undefined) gathered.row(enrolment)
  for (const statement of await countedBy(needs, row, facts, voidBefore, gathered))
    await takeStatement(statement, gathered)
  return clock === null ? [row.index] : [row.index, clock.entry as number]
}

/** Statements about persons: what suspends and lifts is part of the keyring. */
async function takeSuspensions(needs: EvidenceNeeds, before: number, gathered: Gathered): Promise<void> {
  const ring = await needs.registry.keyring()
  for (const { account } of ring?.keyring.persons ?? [])
    for (const { entry } of await needs.statements.aboutPerson(account))
      if (entry < before) await takeStatement(await rowAt(needs.log, entry), gathered)
}

/** The entry that says of a value that it was erased, the first one where there are several. */
export async function tombstonesOf(log: DecisionLog): Promise<ReadonlyMap<Sha256, Row>> {
  const tombstones = new Map<Sha256, Row>()
  for (const row of await rowsOf(log, 'blob-erased')) {
    const digest = dataOf(row).digest as Sha256
    if (!tombstones.has(digest)) tombstones.set(digest, row)
  }
  return tombstones
}

/** The heads that the old log had before each break, and that this one continues them. */
async function takeBreaks(
  { log, acceleration }: EvidenceNeeds,
  size: number,
  gathered: Gathered,
): Promise<readonly EarlierCheckpoint[]> {
  const earlier: EarlierCheckpoint[] = []
  for (const row of await rowsOf(log, 'log-broken')) {
    if (row.index >= size) continue
    gathered.row(row)
    const proof = await proveConsistency(log, row.index, size, acceleration)
    earlier.push({ checkpoint: textIn(dataOf(row), 'recovered'), proof })
  }
  return earlier
}

/** The published head with its cosignatures where it holds all that is needed, the newest signed one otherwise. */
function cosignedHead(stored: SignedHead | null, published: string | null, newest: number): SignedHead | null {
  const parsed = published === null ? null : parseSignedNote(published)
  const body = parsed?.ok === true ? parseCheckpointBody(parsed.text) : null
  if (stored === null || published === null || body?.ok !== true) return stored
  const { size, origin } = body.checkpoint
  // What was published before a break is a head of another log.
  const isOurs = stored.note.startsWith(`${origin}\n`)
  return isOurs && size > newest && size <= stored.size ? { size, note: published } : stored
}

/**
 * Takes what every judgement of an entry stands on: policies, the verdicts that put them into force, and what suspends
 * persons. Returns before which index approvals are void, for an entry at an index.
 */
export async function takeHistory(
  needs: EvidenceNeeds,
  before: LogIndex,
  gathered: Gathered,
): Promise<(index: number) => number> {
  const { log } = needs
  const policies = (await rowsOf(log, 'policy-in-force')).filter(({ index }) => index < before)
  const roots = [...(await rowsOf(log, 'genesis')), ...(await rowsOf(log, 'policy-regenesis'))].filter(
    ({ index }) => index < before,
  )
  for (const root of roots) gathered.row(root)
  const regenesis = roots.filter(({ type }) => type === 'policy-regenesis')
  const voidBefore = (index: number): number => {
    const last = regenesis.findLast((root) => root.index < index)
    return last === undefined ? 0 : last.index + 1
  }
  for (const policy of policies) {
    gathered.row(policy)
    await gathered.blob(dataOf(policy).policy)
    const { verdict: named } = dataOf(policy)
    if (typeof named === 'number') await takeVerdict(needs, await rowAt(log, named), voidBefore(named), gathered)
  }
  await takeSuspensions(needs, before, gathered)
  return voidBefore
}

/** The heads by which witnesses first vouched for entries, each proven to be a beginning of the log under `size`. */
async function vouchingHeads(
  { log, memory, acceleration }: EvidenceNeeds,
  timed: readonly number[],
  size: number,
): Promise<readonly EarlierCheckpoint[]> {
  const heads = new Map<number, string>()
  for (const index of timed) {
    const head = await memory.cosignedOver(index)
    if (head !== null && head.size < size) heads.set(head.size, head.note)
  }
  const earlier: EarlierCheckpoint[] = []
  for (const [from, checkpoint] of [...heads].sort(([a], [b]) => a - b))
    earlier.push({ checkpoint, proof: await proveConsistency(log, from, size, acceleration) })
  return earlier
}

/**
 * Everything gathered and the keys of the log, in order, each entry with its proof under the returned head. `timed` are the
 * entries whose moment counts.
 *
 * @throws AppError not-found when no head covers all of it
 */
export async function proveGathered(
  needs: EvidenceNeeds,
  gathered: Gathered,
  timed: readonly number[],
): Promise<Pick<Evidence, 'checkpoint' | 'earlier' | 'entries'>> {
  const { log } = needs
  // What was erased was erased later: the head has to cover the entry that says so.
  const newest = Math.max(...gathered.rows.keys())
  const head = cosignedHead(await log.checkpoint(), needs.publishedHead ?? null, newest)
  if (head === null || head.size <= newest)
    throw new AppError('not-found', `entry ${newest} is not under a checkpoint yet`, { data: { index: newest } })
  for (const certified of await rowsOf(log, 'log-key')) if (certified.index < head.size) gathered.row(certified)
  const breaks = await takeBreaks(needs, head.size, gathered)
  const entries: EvidenceEntry[] = []
  for (const { index, entry } of [...gathered.rows.values()].sort((a, b) => a.index - b.index))
    entries.push({ index, entry, proof: await proveInclusion(log, index, head.size, needs.acceleration) })
  return { checkpoint: head.note, earlier: [...breaks, ...(await vouchingHeads(needs, timed, head.size))], entries }
}

/**
 * Gathers the evidence of one verdict: its entry, every entry and value that it stands on, under one head.
 *
 * Trust: the store's own; what was changed in it shows when the evidence is verified.
 * @throws AppError not-found when the index is no verdict or stands under no checkpoint yet; store-corrupt
 */
export async function gatherEvidence(needs: EvidenceNeeds, verdict: LogIndex): Promise<Uint8Array> {
  const { log } = needs
  const decisive = await rowAt(log, verdict)
  if (decisive.type !== 'verdict')
    throw new AppError('not-found', `entry ${verdict} is no verdict but ${decisive.type}`, { data: { index: verdict } })
  const gathered = new Gathered(needs.memory, await tombstonesOf(log))
  const voidBefore = await takeHistory(needs, verdict, gathered)
  const timed = await takeVerdict(needs, decisive, voidBefore(verdict), gathered)
  const proven = await proveGathered(needs, gathered, timed)
  return encodeEvidence({ ...proven, verdict, blobs: gathered.blobs })
}

/** The verdict that an index or an entry's id names; null where there is none. */
export async function findDecision(log: DecisionLog, name: string): Promise<LogIndex | null> {
  const { size } = await log.head()
  if (/^\d{1,15}$/.test(name)) return Number(name) < size ? (Number(name) as LogIndex) : null
  for (let from = 0; from < size; from += batch)
    for (const row of await log.entries(from, Math.min(size, from + batch))) if (row.id === name) return row.index
  return null
}
