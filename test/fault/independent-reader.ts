/**
 * Reads a stopped or running server's database with nothing of the product's: its own SQLCipher connection, its own RFC
 * 6962 tree, its own check of the checkpoint's signature. Says everything that does not add up.
 */
import { createHash, createPublicKey, verify } from 'node:crypto'
import Database from 'better-sqlite3'
import { decodeEntry, type ReadEntry } from './log-reader.ts'

export interface ReadStatement {
  readonly entry: number
  readonly number: number
  readonly person: number
  readonly payloadDigest: string
  readonly nonce: string
}

export interface Snapshot {
  readonly faults: readonly string[]
  readonly entries: readonly ReadEntry[]
  /** Size under the newest checkpoint whose signature holds. */
  readonly signedSize: number
  /** Known deliveries and how often each is there. */
  readonly deliveries: ReadonlyMap<string, { readonly count: number; readonly state: string }>
  readonly statements: readonly ReadStatement[]
  readonly commands: readonly number[]
  /** Jobs that are due or wait for their retry. */
  readonly openJobs: readonly string[]
  readonly deadJobs: readonly string[]
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** RFC 6962 §2.1, bottom up: pairs are joined, an odd last one rises as it is. */
function treeRoot(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0) return sha256()
  let row = entries.map((entry) => sha256(Uint8Array.of(0), entry))
  while (row.length > 1) {
    const next: Buffer[] = []
    for (let i = 0; i < row.length; i += 2) {
      const [left, right] = [row[i] as Buffer, row[i + 1]]
      next.push(right === undefined ? left : sha256(Uint8Array.of(1), left, right))
    }
    row = next
  }
  return row[0] as Buffer
}

/** Opens the note of a checkpoint: `origin\nsize\nroot\n\n— name base64(keyhash ‖ signature)\n`. */
function openNote(note: string, publicKey: Uint8Array): { readonly size: number; readonly root: Buffer } | null {
  const end = note.indexOf('\n\n')
  const body = note.slice(0, end + 1)
  const [, size, root] = body.split('\n')
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  for (const line of note.slice(end + 2).split('\n')) {
    const text = /^— \S+ (\S+)$/.exec(line)?.[1]
    if (text === undefined) continue
    const signature = Buffer.from(text, 'base64').subarray(4)
    if (verify(null, Buffer.from(body), key, signature))
      return { size: Number(size), root: Buffer.from(root ?? '', 'base64') }
  }
  return null
}

interface EntryRow {
  readonly idx: number
  readonly type: string
  readonly at: number
  readonly bytes: Buffer
}

/** Reads everything in one consistent snapshot. */
export function readIndependently(file: string, databaseKey: Uint8Array, logKey: Uint8Array): Snapshot {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 10_000 })
  try {
    db.pragma(`cipher = 'sqlcipher'`)
    db.pragma('legacy = 4')
    db.pragma(`key = "x'${Buffer.from(databaseKey).toString('hex')}'"`)
    return db.transaction(() => readAll(db, logKey))()
  } finally {
    db.close()
  }
}

/** What does not add up in the security log: places, times, ids, and the tree under its newest head. */
function securityFaults(db: Database.Database): readonly string[] {
  const rows = db.prepare('select idx, type, at, bytes from security_entries order by idx').all() as EntryRow[]
  const faults = rows
    .filter(({ idx, at }, position) => idx !== position || at < (rows[position - 1]?.at ?? 0))
    .map(({ idx }) => `event ${idx} is out of place or time`)
  const ids = new Set(rows.map((row) => decodeEntry(row.idx, row.bytes).id))
  if (ids.size !== rows.length) faults.push('an event stands twice')
  const newest = db.prepare('select size, note from security_checkpoints order by size desc limit 1').get() as
    | { readonly size: number; readonly note: string }
    | undefined
  if ((newest?.size ?? 0) !== rows.length) faults.push(`${rows.length} events, ${newest?.size ?? 0} of them signed`)
  const root = Buffer.from(newest?.note.split('\n')[2] ?? '', 'base64')
  if (newest !== undefined && !root.equals(treeRoot(rows.map(({ bytes }) => bytes))))
    faults.push('the head of the security log is not what its entries give')
  return faults
}

function readAll(db: Database.Database, logKey: Uint8Array): Snapshot {
  const faults: string[] = []
  const rows = db.prepare('select idx, type, at, bytes from log_entries order by idx').all() as EntryRow[]
  let before = 0
  for (const [position, row] of rows.entries()) {
    if (row.idx !== position) faults.push(`entry ${row.idx} stands at ${position}`)
    if (row.at < before) faults.push(`entry ${row.idx} is earlier than the one before`)
    before = row.at
  }
  const entries = rows.map((row) => decodeEntry(row.idx, row.bytes))
  for (const [position, entry] of entries.entries())
    if (entry.at !== rows[position]?.at || entry.type !== rows[position]?.type)
      faults.push(`row ${position} and its bytes differ`)
  const ids = new Set(entries.map(({ id }) => id))
  if (ids.size !== entries.length) faults.push('an entry id stands twice')

  const notes = db.prepare('select size, note from log_checkpoints order by size desc limit 3').all() as {
    readonly size: number
    readonly note: string
  }[]
  for (const { size, note } of notes) {
    const opened = openNote(note, logKey)
    if (opened === null) faults.push(`the checkpoint of size ${size} is not signed by the log's key`)
    else if (opened.size !== size || size > rows.length) faults.push(`a checkpoint of size ${size} is not what it says`)
    else if (!opened.root.equals(treeRoot(rows.slice(0, size).map(({ bytes }) => bytes))))
      faults.push(`the root of size ${size} is not what its entries give`)
  }
  const signedSize = notes[0]?.size ?? 0
  if (signedSize !== rows.length) faults.push(`${rows.length} entries, ${signedSize} of them signed`)

  faults.push(...securityFaults(db))

  const deliveries = new Map<string, { count: number; state: string }>()
  for (const { guid, state } of db.prepare('select guid, state from deliveries').all() as {
    readonly guid: string
    readonly state: string
  }[])
    deliveries.set(guid, { count: (deliveries.get(guid)?.count ?? 0) + 1, state })
  const statements = (db.prepare('select record from statements order by entry').pluck().all() as string[]).map(
    (text): ReadStatement => {
      const { entry, number, person, payloadDigest, statement } = JSON.parse(text) as ReadStatement & {
        readonly statement: { readonly predicate: { readonly nonce: string } }
      }
      return { entry, number, person, payloadDigest, nonce: statement.predicate.nonce }
    },
  )
  const openJobs = db
    .prepare(
      `select id || ', attempt ' || attempts || ', due in ' || (due_at - :now) || ' ms: ' || coalesce(last_error, '')
      from jobs where state = 'queued' and (due_at <= :now or attempts > 0)`,
    )
    .pluck()
  return {
    faults,
    entries,
    signedSize,
    deliveries,
    statements,
    commands: db.prepare('select comment_id from commands').pluck().all() as number[],
    openJobs: openJobs.all({ now: Date.now() }) as string[],
    deadJobs: db.prepare(`select id || ': ' || last_error from jobs where state = 'dead'`).pluck().all() as string[],
  }
}
