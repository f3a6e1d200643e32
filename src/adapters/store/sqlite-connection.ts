import Database from 'better-sqlite3'
import { AppError, InvariantError } from '../../flows/app-error.ts'

export type Connection = Database.Database

/** What SQLite's error codes mean to the server. */
export function storeError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  const code = cause instanceof Database.SqliteError ? cause.code : 'unknown'
  if (code === 'SQLITE_CORRUPT' || code.startsWith('SQLITE_CORRUPT_') || code === 'SQLITE_NOTADB')
    return new AppError('store-corrupt', 'the database is damaged', { cause, data: { sqlite: code } })
  return new AppError('store-unavailable', 'the database refused', { cause, data: { sqlite: code } })
}

/** The same port, whose methods fail with AppErrors only (and with invariants, which are ours). */
export function guardReads<T extends object>(port: T): T {
  const methods = Object.entries(port).map(([name, method]) => [
    name,
    async (...args: readonly unknown[]): Promise<unknown> => {
      try {
        return await (method as (...args: readonly unknown[]) => Promise<unknown>)(...args)
      } catch (fault) {
        throw fault instanceof InvariantError ? fault : storeError(fault)
      }
    },
  ])
  return Object.fromEntries(methods) as T
}

function unlock(db: Connection, key: Uint8Array): void {
  if (key.length !== 32) throw new AppError('store-key-wrong', 'a database key is 32 bytes')
  // Cipher and version first, every time: the library's own default is another cipher.
  db.pragma(`cipher = 'sqlcipher'`)
  db.pragma('legacy = 4')
  db.pragma(`key = "x'${Buffer.from(key).toString('hex')}'"`)
  try {
    db.prepare('select count(*) from sqlite_schema').get()
  } catch (cause) {
    if (cause instanceof Database.SqliteError && cause.code === 'SQLITE_NOTADB')
      throw new AppError('store-key-wrong', 'the key does not open the database', { cause })
    throw cause
  }
}

/**
 * Opens an existing file as a SQLCipher 4 database with a raw key and settings that lose nothing.
 *
 * @throws AppError store-key-wrong, store-corrupt, store-unavailable
 */
export function connect(file: string, key: Uint8Array, mode: 'read' | 'write'): Connection {
  let db: Connection | undefined
  try {
    db = new Database(file, { readonly: mode === 'read', fileMustExist: true, timeout: 5_000 })
    unlock(db, key)
    if (mode === 'write') {
      db.pragma('journal_mode = wal')
      db.pragma('synchronous = full')
      db.pragma('secure_delete = on')
      // Pages that many commits touch reach the file once per checkpoint: four times fewer of them.
      db.pragma('wal_autocheckpoint = 4000')
      db.pragma('journal_size_limit = 67108864')
    }
    db.pragma('foreign_keys = on')
    db.pragma('trusted_schema = off')
    db.pragma('cell_size_check = on')
    // Sorting must not spill plaintext into a temporary file.
    db.pragma('temp_store = memory')
    db.pragma(mode === 'write' ? 'cache_size = -8000' : 'cache_size = -4000')
    return db
  } catch (cause) {
    db?.close()
    throw storeError(cause)
  }
}

/**
 * Holds the operating system's lock on `file + '.lock'` until the process ends or `release` is called.
 *
 * The lock is SQLite's own exclusive lock on an empty database: the kernel drops it with the process, however that ends,
 * and a second opening in the same process is refused too.
 * @throws AppError store-locked
 */
export function holdWriterLock(lockFile: string): { release(): void } {
  const db = new Database(lockFile, { fileMustExist: true, timeout: 0 })
  try {
    db.pragma('locking_mode = exclusive')
    db.pragma('journal_mode = memory')
    db.exec('begin exclusive')
  } catch (cause) {
    db.close()
    throw new AppError('store-locked', 'another process writes to this database', { cause, data: { lockFile } })
  }
  return { release: () => void db.close() }
}
