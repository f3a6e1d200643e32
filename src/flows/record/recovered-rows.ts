import {
  type Acceleration,
  asSha256,
  bytesDigest,
  checkEntry,
  decodeEntry,
  type Instant,
  isJsonObject,
  type JsonObject,
  type LogEntry,
  readTypedEntry,
  type RepositoryId,
  type Sha256,
  type TypedEntry,
} from '../../core/index.ts'
import { textIn } from '../gate/entry-data.ts'
import { reconcileJob } from '../gate/jobs.ts'
import type { GovernedBranch, LogEntryRow, RepositoryRecord, StorePorts, Write } from '../ports.ts'
import { findNaming, type Naming, releasesIn } from './blob-naming.ts'
import { namedBlobs, namedByFacts } from './named-blobs.ts'
import { type EntryOfType, type ReadBlob, recoveredChanges } from './recovered-changes.ts'
import { recoveredPolicy, type RecoveryFault } from './recovered-policy.ts'

/** A value that an entry names and nobody has, or that was erased. */
export interface UnreadBlob {
  readonly digest: string
  readonly index: number
}

/** What of the recovered entries could not be applied, and must be said. */
export interface RecoveryNotes {
  /** Values that were erased: the log says so. */
  readonly erased: readonly UnreadBlob[]
  /** Statements whose text was erased, so that nobody knows what they said. */
  readonly unknownStatements: readonly number[]
  /** Repositories that were enrolled and that the forge could not be asked about: nothing is decided for them. */
  readonly toEnrol: readonly string[]
}

export type RecoveredRows =
  | {
      readonly ok: true
      readonly blobs: readonly Write[]
      readonly writes: readonly Write[]
      readonly notes: RecoveryNotes
    }
  | { readonly ok: false; readonly kind: 'fault'; readonly fault: RecoveryFault }
  | { readonly ok: false; readonly kind: 'missing'; readonly missing: readonly UnreadBlob[] }

export interface RecoveryNeeds extends Pick<StorePorts, 'log' | 'memory' | 'registry' | 'changes' | 'statements'> {
  /** Origin of the log that the entries are of. */
  readonly origin: string
  /** A value from the place that the entries come from; null where it has none. */
  readonly blobOf: (digest: Sha256) => Promise<Uint8Array | null>
  /** What the forge says of a repository now; null where it cannot be asked. */
  readonly resolve: (name: string) => Promise<Pick<RepositoryRecord, 'id' | 'name' | 'installation' | 'private'> | null>
  readonly now: Instant
  readonly acceleration: Acceleration
}

interface Opened {
  readonly row: LogEntryRow
  readonly entry: LogEntry
  readonly typed: TypedEntry | null
}

/** A row whose bytes are an entry of this version. */
function open(row: LogEntryRow): Opened | RecoveryFault {
  const decoded = decodeEntry(row.bytes)
  if (!decoded.ok) return { code: decoded.code, index: row.index }
  const checked = checkEntry(decoded.entry)
  if (!checked.ok) return { code: checked.code, index: row.index }
  return { row, entry: decoded.entry, typed: readTypedEntry(row.index, decoded.entry).entry }
}

/** The values that entries name: those that are there, erased, or nowhere. */
async function readBlobs(needs: RecoveryNeeds, rows: readonly Opened[]) {
  const found = new Map<string, Uint8Array>()
  const missing: UnreadBlob[] = []
  const erasedNow: UnreadBlob[] = []
  const stones = [...(await needs.log.find({ type: 'blob-erased', limit: 1_000_000 })).map(open), ...rows]
  const erased = new Set(
    stones.flatMap((one) =>
      'entry' in one && one.entry.type === 'blob-erased' ? [textIn(one.entry.data, 'digest')] : [],
    ),
  )
  async function take(digest: Sha256, index: number): Promise<Uint8Array | null> {
    const known = found.get(digest)
    if (known !== undefined) return known
    if (erased.has(digest)) {
      erasedNow.push({ digest, index })
      return null
    }
    const own = await needs.memory.blob(digest)
    const bytes = own ?? (await needs.blobOf(digest))
    // What a place serves under a digest is it only if it has it.
    if (bytes === null || bytesDigest(bytes, needs.acceleration) !== digest) {
      missing.push({ digest, index })
      return null
    }
    found.set(digest, bytes)
    return bytes
  }
  for (const { row } of rows) {
    const { digests, facts } = namedBlobs(row.bytes)
    for (const digest of digests) await take(digest, row.index)
    const bytes = facts === null ? null : (found.get(facts) ?? null)
    for (const digest of bytes === null ? [] : namedByFacts(bytes)) await take(digest, row.index)
  }
  return { found, missing, erased, erasedNow }
}

/** Repositories, moved on by entries that the store lost. */
async function recoveredRepositories({ registry, resolve }: RecoveryNeeds) {
  const records = new Map<RepositoryId, RepositoryRecord>()
  const touched = new Set<RepositoryId>()
  const toEnrol: string[] = []
  for (const record of await registry.repositories()) records.set(record.id, record)
  const keep = (record: RepositoryRecord): void => {
    records.set(record.id, record)
    touched.add(record.id)
  }
  return {
    async enrolled({ subject, data, at }: EntryOfType<'repository-enrolled'>): Promise<void> {
      if (subject.kind !== 'branch') return
      const known = records.get(subject.repository)
      const told = known ?? (await resolve(data.name))
      if (told === null || told.id !== subject.repository) return void toEnrol.push(data.name)
      const branches = data.branches.map(
        ({ ref, tip, tree }): GovernedBranch =>
          known?.branches.find((one) => one.ref === ref) ?? { ref, tip, tree, seen: tip, rulesetId: null },
      )
      const { id, installation } = told
      const enrolledAt = known?.enrolledAt ?? at
      keep({ id, name: data.name, installation, private: told.private, enrolledAt, active: true, branches })
    },
    /** What arrived on a branch up to here is in the log. */
    seen(repository: RepositoryId, ref: unknown, commit: unknown): void {
      const known = records.get(repository)
      if (known === undefined || typeof ref !== 'string' || typeof commit !== 'string') return
      const branches = known.branches.map((one) =>
        one.ref === ref ? { ...one, seen: commit as GovernedBranch['seen'] } : one,
      )
      keep({ ...known, branches })
    },
    toEnrol,
    writes: (now: Instant): readonly Write[] => [
      ...[...touched].map((id): Write => ({ kind: 'repository', record: records.get(id) as RepositoryRecord })),
      ...[...records.keys()].map((id) => reconcileJob(id, now)),
    ],
    ids: () => [...records.keys()],
  }
}

const idOf = (value: JsonObject[string] | undefined): RepositoryId => Number(value) as RepositoryId

/** The changes that entries name a value for, those of the store and those that it lost. */
async function changesAbout(needs: RecoveryNeeds, rows: readonly Opened[], digest: Sha256) {
  return changesOf((await findNaming(needs, digest)).naming, rows, digest)
}

function changesOf(naming: readonly Naming[], rows: readonly Opened[], digest: Sha256) {
  const stored = naming.flatMap(({ change }) => change ?? [])
  const lost = rows.flatMap(({ row, entry: { subject } }) =>
    subject.kind === 'change' && namedBlobs(row.bytes).digests.includes(digest)
      ? [{ repository: idOf(subject.repository), number: Number(subject.number) }]
      : [],
  )
  const all = [...stored, ...lost]
  return [...new Map(all.map((one) => [`${one.repository}/${one.number}`, one])).values()]
}

/** What was erased after the store's copy was made goes again, with every copy of its text. */
async function erasures(needs: RecoveryNeeds, rows: readonly Opened[]): Promise<readonly Write[]> {
  const digests = new Set(rows.flatMap(({ typed }) => (typed?.type === 'blob-erased' ? [typed.data.digest] : [])))
  const writes: Write[] = []
  for (const digest of digests)
    if (!(await needs.memory.isErased(digest))) {
      const { naming } = await findNaming(needs, digest)
      const lost = rows.flatMap(({ row, entry: { subject } }) =>
        subject.kind === 'release' && namedBlobs(row.bytes).digests.includes(digest) ? [idOf(subject.repository)] : [],
      )
      const comments = [...new Set([...releasesIn(naming), ...lost])]
      writes.push({ kind: 'erase-blob', digest, changes: changesOf(naming, rows, digest), comments })
    }
  return writes
}

/** The row of a finding. Its id is its entry's: the same finding seen again is said twice rather than not at all. */
const findingRow = ({ row, entry }: Opened): Write => ({
  kind: 'finding',
  record: {
    id: row.id,
    code: textIn(entry.data, 'code'),
    repository: entry.subject.repository === undefined ? null : idOf(entry.subject.repository),
    at: row.at,
    entry: row.index,
    data: (isJsonObject(entry.data.detail) ? entry.data.detail : {}) as never,
  },
})

const commandRow = ({ row, entry }: Opened): readonly Write[] =>
  typeof entry.data.commentId !== 'number'
    ? []
    : [{ kind: 'command', repository: idOf(entry.subject.repository), commentId: entry.data.commentId, at: row.at }]

/**
 * What entries that the store lost say to it: rows of policies, keys, statements, clocks, verdicts, landings, enrolments and
 * findings, as the server wrote them together with those entries, and the values that they name.
 *
 * Trust: the rows are proven to be the log's; values and the forge's answers are looked at.
 * Errs: towards less trust than the log shows. A verdict is decided anew before it is shown, a statement that cannot be
 * admitted again stops everything, and a repository of which the forge tells nothing is not governed until it is enrolled again.
 */
export async function recoverRows(needs: RecoveryNeeds, rows: readonly LogEntryRow[]): Promise<RecoveredRows> {
  const opened: Opened[] = []
  for (const row of rows) {
    const one = open(row)
    if (!('entry' in one)) return { ok: false, kind: 'fault', fault: one }
    opened.push(one)
  }
  const { found, missing, erased, erasedNow } = await readBlobs(needs, opened)
  if (missing.length > 0) return { ok: false, kind: 'missing', missing }
  const blob: ReadBlob = async (digest) =>
    erased.has(digest) ? null : (found.get(digest) ?? (await needs.memory.blob(digest)))
  const { acceleration, now, origin } = needs
  const first = rows[0]?.index ?? 0
  const entryAt = async (index: number): Promise<Uint8Array | null> =>
    (index >= first ? rows[index - first] : (await needs.log.entries(index, index + 1))[0])?.bytes ?? null
  const policy = await recoveredPolicy({ ...needs, origin, blob, entryAt })
  const repositories = await recoveredRepositories(needs)
  const changes = recoveredChanges(needs.changes, blob, acceleration)
  const about = (digest: Sha256) => changesAbout(needs, opened, digest)
  const writes: Write[] = []
  const unknownStatements: number[] = []

  async function apply(one: Opened): Promise<RecoveryFault | null> {
    const { entry, typed } = one
    const { subject, data } = entry
    switch (entry.type) {
      case 'clock-ended':
        await changes.clockEnded(
          { repository: idOf(subject.repository), number: Number(subject.number) },
          textIn(data, 'why'),
        )
        return null
      case 'statement-refused':
        writes.push(...commandRow(one))
        return null
      case 'landing-matched':
        await changes.landed(idOf(subject.repository), Number(data.number), textIn(data, 'commit'))
        repositories.seen(idOf(subject.repository), subject.ref, data.commit)
        return null
      case 'finding': {
        writes.push(findingRow(one))
        const { detail } = data
        if (isJsonObject(detail) && subject.kind === 'branch' && data.code === 'unmatched-landing')
          repositories.seen(idOf(subject.repository), subject.ref, detail.commit)
        if (isJsonObject(detail) && subject.kind === 'branch' && data.code === 'forced-push')
          repositories.seen(idOf(subject.repository), subject.ref, detail.to)
        return null
      }
    }
    return typed === null ? null : applyTyped(one, typed)
  }

  async function applyTyped(one: Opened, typed: TypedEntry): Promise<RecoveryFault | null> {
    switch (typed.type) {
      case 'policy-regenesis':
        policy.regenesis(typed)
        return null
      case 'policy-in-force':
        return policy.inForce(typed)
      case 'repository-enrolled':
        await repositories.enrolled(typed)
        return null
      case 'clock-started':
        await changes.clockStarted(typed)
        return null
      case 'verdict':
        await changes.verdict(typed)
        return null
      case 'statement-admitted': {
        writes.push(...commandRow(one))
        const { payloadDigest, requirement, inForce } = typed.data
        if (![payloadDigest, requirement, inForce].some((digest) => erased.has(digest))) return policy.statement(typed)
        unknownStatements.push(typed.index)
        return null
      }
      case 'genesis':
      case 'log-broken':
        return { code: 'entry-out-of-place', index: typed.index }
      case 'blob-erased':
        await changes.erased(typed.data.digest, await about(typed.data.digest))
        return null
      // A release that was signed has no effect on anything later.
      case 'landing-matched':
      case 'release-signed':
      case 'log-key':
        return null
    }
  }

  for (const one of opened) {
    const fault = await apply(one)
    if (fault !== null) return { ok: false, kind: 'fault', fault }
  }
  const current = (await Promise.all(repositories.ids().map((id) => needs.changes.open(id)))).flat()
  return {
    ok: true,
    blobs: [...found].map(([digest, bytes]) => ({ kind: 'blob', digest: asSha256(digest), bytes })),
    writes: [
      ...policy.writes(),
      ...writes,
      ...repositories.writes(now),
      ...changes.writes(current, now),
      ...(await erasures(needs, opened)),
    ],
    notes: { erased: erasedNow, unknownStatements, toEnrol: repositories.toEnrol },
  }
}
