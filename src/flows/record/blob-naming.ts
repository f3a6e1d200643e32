import {
  asRepositoryId,
  decodeEntry,
  decodeUtf8,
  isJsonObject,
  type JsonObject,
  type LogEntry,
  type LogIndex,
  parseStatement,
  type RepositoryId,
  type Sha256,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogEntryRow, Memory } from '../ports.ts'
import { factsOf, namedByFacts } from './named-blobs.ts'

/** What a value is to the entry that names it. */
export type BlobKind =
  | 'policy'
  | 'policy-file'
  | 'keyring'
  | 'requirement'
  | 'release'
  | 'statement'
  | 'facts'
  | 'files'
  | 'verdict'

/** An entry that names a value. */
export interface Naming {
  readonly index: LogIndex
  readonly type: string
  readonly role: BlobKind
  /** The pull request that the entry is about; null for any other entry. */
  readonly change: { readonly repository: RepositoryId; readonly number: number } | null
  /** The repository of the release that the entry is about; null for any other entry. */
  readonly release: RepositoryId | null
}

/** Where releases are that a value is about: the log does not say below which pull request somebody spoke of one. */
export const releasesIn = (naming: readonly Naming[]): readonly RepositoryId[] => [
  ...new Set(naming.flatMap(({ release }) => release ?? [])),
]

export interface FoundNaming {
  readonly naming: readonly Naming[]
  /** Null where no entry names it. A value of several kinds is the one that binds most. */
  readonly kind: BlobKind | null
  /** Whether it is a statement of which keyrings are made. */
  readonly makesKeyring: boolean
  /** Entries with which policies took effect by a verdict that the value belongs to. */
  readonly policies: readonly LogIndex[]
}

const batch = 1_000

/** From the one that binds most: what all verdicts need before what one change needs. */
const byWeight: readonly BlobKind[] = [
  'policy',
  'policy-file',
  'keyring',
  'requirement',
  'release',
  'statement',
  'facts',
  'files',
  'verdict',
]

const roles: Readonly<Record<string, BlobKind>> = {
  policy: 'policy',
  keyring: 'keyring',
  requirement: 'requirement',
  inForce: 'requirement',
  payloadDigest: 'statement',
  statement: 'release',
  facts: 'facts',
  changeDigest: 'files',
  verdict: 'verdict',
}

/** In which roles the data of an entry names a value. */
function rolesIn({ type, data }: LogEntry, digest: Sha256): readonly BlobKind[] {
  // The payload of a statement that was refused is held by no place.
  if (type === 'statement-refused') return []
  const files = isJsonObject(data.files) && Object.values(data.files).includes(digest) ? (['policy-file'] as const) : []
  const own = Object.entries(data).flatMap(([member, value]) =>
    value === digest && Object.hasOwn(roles, member) ? [roles[member] as BlobKind] : [],
  )
  return [...own, ...files]
}

function changeOf({ subject }: LogEntry): Naming['change'] {
  const { kind, repository, number } = subject
  if (kind !== 'change' || typeof repository !== 'number' || typeof number !== 'number') return null
  return { repository: asRepositoryId(repository), number }
}

const releaseOf = ({ subject: { kind, repository } }: LogEntry): RepositoryId | null =>
  kind === 'release' && typeof repository === 'number' ? asRepositoryId(repository) : null

function decoded(row: LogEntryRow): LogEntry {
  const read = decodeEntry(row.bytes)
  if (!read.ok) throw new AppError('store-corrupt', `entry ${row.index} of the log is none: ${read.code}`)
  return read.entry
}

/** Every entry of the log, in order. */
async function* allRows(log: DecisionLog): AsyncGenerator<LogEntryRow> {
  const { size } = await log.head()
  for (let from = 0; from < size; from += batch) yield* await log.entries(from, Math.min(size, from + batch))
}

/** Entries of verdicts by the facts that they name: facts name lists of files. */
async function byFacts(log: DecisionLog): Promise<ReadonlyMap<Sha256, readonly LogEntryRow[]>> {
  const found = new Map<Sha256, LogEntryRow[]>()
  for await (const row of allRows(log)) {
    const facts = row.type === 'verdict' ? factsOf(decoded(row)) : null
    if (facts !== null) found.set(facts, [...(found.get(facts) ?? []), row])
  }
  return found
}

/** Entries whose facts name the digest as their list of files. */
async function namingFiles(needs: Needs, digest: Sha256): Promise<readonly Naming[]> {
  const naming: Naming[] = []
  for (const [facts, rows] of await byFacts(needs.log)) {
    const bytes = await needs.memory.blob(facts)
    if (bytes === null || !namedByFacts(bytes).includes(digest)) continue
    for (const row of rows)
      naming.push({ index: row.index, type: row.type, role: 'files', change: changeOf(decoded(row)), release: null })
  }
  return naming
}

interface Needs {
  readonly log: DecisionLog
  readonly memory: Pick<Memory, 'blob'>
}

/** Policies that took effect by a verdict: which entry each names. */
async function policyVerdicts(log: DecisionLog): Promise<ReadonlyMap<number, LogIndex>> {
  const rows = await log.find({ type: 'policy-in-force', limit: 1_000_000 })
  const data = rows.map((row): readonly [LogIndex, JsonObject] => [row.index, decoded(row).data])
  return new Map(data.flatMap(([index, { verdict }]) => (typeof verdict === 'number' ? [[verdict, index]] : [])))
}

/** Which policies stand on a verdict that the value belongs to, or that may have counted it. */
async function policiesOn(log: DecisionLog, naming: readonly Naming[]): Promise<readonly LogIndex[]> {
  const policies: LogIndex[] = []
  for (const [verdict, policy] of await policyVerdicts(log)) {
    const [row] = await log.entries(verdict, verdict + 1)
    const change = row === undefined ? null : changeOf(decoded(row))
    const isCounted = ({ role, index, change: own }: Naming): boolean =>
      role === 'statement' &&
      index < verdict &&
      own?.repository === change?.repository &&
      own?.number === change?.number
    if (naming.some((one) => one.index === verdict || isCounted(one))) policies.push(policy)
  }
  return policies.sort((a, b) => a - b)
}

async function isAboutPerson({ memory }: Needs, digest: Sha256): Promise<boolean> {
  const bytes = await memory.blob(digest)
  const parsed = bytes === null ? null : parseStatement(bytes)
  return parsed?.ok === true && parsed.statement.predicate.target !== undefined
}

/**
 * Finds every entry that names a value, directly or through facts. Reads the whole log.
 *
 * @throws AppError store-corrupt
 */
export async function findNaming(needs: Needs, digest: Sha256): Promise<FoundNaming> {
  const naming: Naming[] = []
  for await (const row of allRows(needs.log)) {
    // Most entries are not read: what names a digest holds its text.
    if (decodeUtf8(row.bytes)?.includes(digest) !== true) continue
    const entry = decoded(row)
    for (const role of rolesIn(entry, digest))
      naming.push({ index: row.index, type: row.type, role, change: changeOf(entry), release: releaseOf(entry) })
  }
  // A list of files is named by facts too, and by no entry where its review clock never ran.
  const isList = naming.every(({ role }) => role === 'files')
  const all = isList ? [...naming, ...(await namingFiles(needs, digest))].sort((a, b) => a.index - b.index) : naming
  const kind = byWeight.find((one) => all.some(({ role }) => role === one)) ?? null
  return {
    naming: all,
    kind,
    makesKeyring: kind === 'statement' && (await isAboutPerson(needs, digest)),
    policies: await policiesOn(needs.log, all),
  }
}
