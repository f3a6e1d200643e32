import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { AppError } from '../../flows/app-error.ts'
import type { StorePorts } from '../../flows/ports.ts'
import { kindsOf } from './conflict.ts'
import { openFaultPoints, type StoreFaults } from './faults.ts'
import { applyMigrations, type SchemaState, schemaState } from './migrations.ts'
import { checkPrivateFile, createPrivateFile } from './private-file.ts'
import { sqliteChanges } from './sqlite-changes.ts'
import { type Connection, connect, guardReads, holdWriterLock, storeError } from './sqlite-connection.ts'
import { sqliteDeliveries } from './sqlite-deliveries.ts'
import { checkIntegrity } from './sqlite-integrity.ts'
import { sqliteJobs } from './sqlite-jobs.ts'
import { sqliteLog, sqliteSecurityLog } from './sqlite-log.ts'
import { sqliteMemory } from './sqlite-memory.ts'
import { sqliteRegistry } from './sqlite-registry.ts'
import { sqliteStatements } from './sqlite-statements.ts'
import type { WriteRequest } from './sqlite-writer.ts'
import { startWriterThread } from './sqlite-writer-thread.ts'

/** Where the database lies and what opens it. */
export interface SqliteLocation {
  readonly file: string
  /** The raw 32-byte key. The caller may overwrite it when the returned promise has settled. */
  readonly key: Uint8Array
}

/** A store in an encrypted file, with what an operator asks about it. */
export interface SqliteStore extends StorePorts {
  /** Number of the newest migration in the database. */
  readonly schemaVersion: number
  /** Whether another process may write too: a server that runs. */
  readonly isBeside: boolean
  /** Reads every page and compares the counters with the rows; an empty list is a sound database. */
  checkIntegrity(): Promise<readonly string[]>
}

const readPorts = (db: Connection): Omit<StorePorts, 'store' | 'deliveries'> => ({
  jobs: guardReads(sqliteJobs(db)),
  changes: guardReads(sqliteChanges(db)),
  registry: guardReads(sqliteRegistry(db)),
  statements: guardReads(sqliteStatements(db)),
  log: guardReads(sqliteLog(db, 'decisions')),
  security: guardReads(sqliteSecurityLog(db)),
  memory: guardReads(sqliteMemory(db)),
})

function refusePlaintext(file: string): void {
  if (statSync(file).size === 0) throw new AppError('store-corrupt', `${file} is empty`, { data: { file } })
  const head = Buffer.alloc(16)
  const fd = openSync(file, 'r')
  readSync(fd, head, 0, 16, 0)
  closeSync(fd)
  if (head.toString('latin1') === 'SQLite format 3\0')
    throw new AppError('store-key-wrong', `${file} is not encrypted`, { data: { file, reason: 'plaintext' } })
}

/** Refuses every file of the database that is open to others. The lock comes first: nothing else may open the file. */
function lockPrivately(file: string): { release(): void } {
  const lockFile = `${file}.lock`
  createPrivateFile(lockFile)
  for (const path of [lockFile, `${file}-wal`, `${file}-shm`]) checkPrivateFile(path)
  return holdWriterLock(lockFile)
}

function requireMigrated({ current, newest, pending }: SchemaState): number {
  if (pending.length === 0) return current
  throw new AppError('schema-unknown', 'the database is older than this version; run: governance db migrate', {
    data: { current, newest, reason: 'older' },
  })
}

function prepareFile({ file, key }: SqliteLocation, create: boolean): SchemaState {
  const isNew = !checkPrivateFile(file)
  if (isNew && !create) throw new AppError('store-unavailable', `${file} does not exist`, { data: { file } })
  if (isNew) createPrivateFile(file)
  else if (!create || statSync(file).size > 0) refusePlaintext(file)
  const isEmpty = statSync(file).size === 0
  const db = connect(file, key, 'write')
  try {
    if (isEmpty) applyMigrations(db)
    return schemaState(db)
  } catch (fault) {
    throw storeError(fault)
  } finally {
    db.close()
  }
}

/**
 * Opens the store in an encrypted SQLite file as its only writer.
 *
 * `beside`: instead, write a little beside a server that runs, for a command of the operator. Every row that must not
 * be written twice repeats its condition (log size, versions, epochs), so either process may come first.
 * `create` makes the file when there is none; without it a missing file is an error. Commits that arrive while one is on
 * its way to the disk share one transaction and one sync.
 *
 * Checks: file modes, owner, no symbolic link, key, that the file is encrypted, schema version and checksums.
 * @throws AppError store-locked, store-key-wrong, store-corrupt, store-unavailable, schema-unknown
 * Spec: SQLCipher 4 file format.
 */
export async function openSqliteStore(
  options: SqliteLocation & { readonly create: boolean; readonly beside?: boolean; readonly faults?: StoreFaults },
): Promise<SqliteStore> {
  const { file, key, create, faults } = options
  const lock = options.beside === true ? { release: () => {} } : lockPrivately(file)
  try {
    const schemaVersion = requireMigrated(prepareFile(options, create))
    const thread = await startWriterThread(file, key)
    const db = connect(file, key, 'read')
    const points = openFaultPoints(faults)
    let isOpen = true

    const write = async (what: string, request: WriteRequest): ReturnType<typeof thread.write> => {
      const n = points.before(what)
      const reply = await thread.write(request)
      if (reply.kind === 'done') points.after(n, what)
      return reply
    }

    return {
      schemaVersion,
      isBeside: options.beside === true,
      ...guardReads({ checkIntegrity: async () => checkIntegrity(db) }),
      store: {
        async commit(writes) {
          const reply = await write(kindsOf(writes), { kind: 'commit', writes })
          return reply.kind === 'done' ? { ok: true } : { ok: false, conflict: reply.conflict }
        },
        async probe() {
          await write('probe', { kind: 'probe' })
        },
        async close() {
          if (!isOpen) return
          isOpen = false
          // The writer goes last: the last connection folds the write-ahead log into the file.
          db.close()
          await thread.close()
          lock.release()
        },
      },
      deliveries: guardReads(
        sqliteDeliveries(db, async (before, limit) => {
          const reply = await write('prune-bodies', { kind: 'prune-bodies', before, limit })
          return reply.kind === 'done' ? reply.count : 0
        }),
      ),
      ...readPorts(db),
    }
  } catch (fault) {
    lock.release()
    throw fault
  }
}

/**
 * Opens the store for reading alone, also while a server writes to it. Each read sees the newest commit.
 *
 * Checks: as `openSqliteStore`.
 * @throws AppError store-key-wrong, store-corrupt, store-unavailable, schema-unknown; from every write store-unavailable
 */
export function openSqliteReader({ file, key }: SqliteLocation): SqliteStore {
  if (!checkPrivateFile(file)) throw new AppError('store-unavailable', `${file} does not exist`, { data: { file } })
  refusePlaintext(file)
  const db = connect(file, key, 'read')
  const refuse = (): Promise<never> =>
    Promise.reject(new AppError('store-unavailable', 'the store is open for reading alone'))
  try {
    return {
      schemaVersion: requireMigrated(schemaState(db)),
      isBeside: true,
      checkIntegrity: async () => checkIntegrity(db),
      store: { commit: refuse, probe: refuse, close: async () => void db.close() },
      deliveries: sqliteDeliveries(db, refuse),
      ...readPorts(db),
    }
  } catch (fault) {
    db.close()
    throw storeError(fault)
  }
}

/**
 * Compares (`check`) or brings up to date the schema of a database that no server has open.
 *
 * @returns what the database was at, what this version wants and which migrations lie between
 * @throws AppError as `openSqliteStore`
 */
export async function migrateSqlite(options: SqliteLocation & { readonly check: boolean }): Promise<SchemaState> {
  const { file, key, check } = options
  const lock = lockPrivately(file)
  try {
    if (!checkPrivateFile(file)) throw new AppError('store-unavailable', `${file} does not exist`, { data: { file } })
    refusePlaintext(file)
    const db = connect(file, key, 'write')
    try {
      return check ? schemaState(db) : applyMigrations(db)
    } catch (fault) {
      throw storeError(fault)
    } finally {
      db.close()
    }
  } finally {
    lock.release()
  }
}
