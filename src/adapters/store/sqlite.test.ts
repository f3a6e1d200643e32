import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { committed, isAppError } from '../../../test/contract/store-contract-fixture.ts'
import {
  blob,
  delivery,
  digest,
  job,
  logEntry,
  policy,
  releaseStatement,
  statement,
} from '../../../test/contract/store-rows.ts'
import { openTree } from '../../../test/contract/tree.ts'
import { asInstant } from '../../core/index.ts'
import { connect } from './sqlite-connection.ts'
import { migrateSqlite, openSqliteStore } from './sqlite.ts'

type Place = { readonly directory: string; readonly file: string; readonly key: Uint8Array }

function place(t: TestContext): Place {
  const directory = mkdtempSync(join(tmpdir(), 'governance-sqlite-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return { directory, file: join(directory, 'store.db'), key: randomBytes(32) }
}

async function created(t: TestContext): Promise<Place> {
  const made = place(t)
  await (await openSqliteStore({ ...made, create: true })).store.close()
  return made
}

const refusedFor = (reason: string) => (fault: unknown) => {
  assert.equal((fault as { data?: { reason?: unknown } }).data?.reason, reason, String(fault))
  return true
}

test('T54 a stolen database is unreadable: no plaintext in any of its files', async (t) => {
  const { directory, file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  const secret = 'plainly-recognisable-words'
  await committed(store, delivery(secret, { body: Buffer.from(secret) }), blob(secret), job(secret, secret, 1))
  const bytes = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
  assert.ok(bytes.some((content) => content.length > 10_000))
  for (const content of bytes) {
    assert.equal(content.includes(secret), false)
    assert.equal(content.includes('SQLite format'), false)
    assert.equal(content.includes('deliveries'), false)
    assert.equal(content.includes(Buffer.from(key).toString('hex')), false)
    assert.equal(content.includes(Buffer.from(key)), false)
  }
  await store.store.close()
})

test('T54 a wrong key opens nothing and changes nothing', async (t) => {
  const { file, key } = await created(t)
  const before = readFileSync(file)
  await assert.rejects(openSqliteStore({ file, key: randomBytes(32), create: false }), isAppError('store-key-wrong'))
  await assert.rejects(openSqliteStore({ file, key: randomBytes(32), create: true }), isAppError('store-key-wrong'))
  await assert.rejects(openSqliteStore({ file, key: key.subarray(1), create: false }), isAppError('store-key-wrong'))
  assert.deepEqual(readFileSync(file), before)
  await (await openSqliteStore({ file, key, create: false })).store.close()
})

test('T54 a plaintext, an empty and a damaged file are refused', async (t) => {
  const { file, key } = place(t)
  const plain = new Database(file)
  plain.exec('create table t (x)')
  plain.close()
  chmodSync(file, 0o600)
  await assert.rejects(openSqliteStore({ file, key, create: true }), refusedFor('plaintext'))
  await assert.rejects(migrateSqlite({ file, key, check: true }), refusedFor('plaintext'))
  writeFileSync(file, '')
  await assert.rejects(openSqliteStore({ file, key, create: false }), isAppError('store-corrupt'))
})

test('a flipped byte of a page is found', async (t) => {
  const { file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  for (let i = 0; i < 50; i++) await committed(store, blob(randomBytes(4_000).toString('hex')))
  await store.store.close()
  const bytes = readFileSync(file)
  // Behind the schema's own pages, which are read at once.
  const late = Math.floor((bytes.length * 3) / 4 / 4096) * 4096 + 100
  bytes[late] = (bytes[late] ?? 0) ^ 1
  writeFileSync(file, bytes)
  const damaged = await openSqliteStore({ file, key, create: false })
  await assert.rejects(damaged.checkIntegrity(), isAppError('store-corrupt'))
  await damaged.store.close()
})

test('a missing file is created only when that is asked for', async (t) => {
  const { file, key, directory } = place(t)
  await assert.rejects(openSqliteStore({ file, key, create: false }), isAppError('store-unavailable'))
  assert.deepEqual(readdirSync(directory), ['store.db.lock'])
})

test('T56 every file is made 0600 whatever the umask', async (t) => {
  const { file, key, directory } = place(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const store = await openSqliteStore({ file, key, create: true })
  await committed(store, blob('b'))
  const names = readdirSync(directory).sort()
  assert.deepEqual(names, ['store.db', 'store.db-shm', 'store.db-wal', 'store.db.lock'])
  for (const name of names) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name)
  await store.store.close()
})

test('T56 a database that others can read or write is refused', async (t) => {
  const { file, key } = await created(t)
  for (const mode of [0o640, 0o604, 0o660, 0o601]) {
    chmodSync(file, mode)
    await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('file-mode'))
    await assert.rejects(migrateSqlite({ file, key, check: true }), refusedFor('file-mode'))
  }
  chmodSync(file, 0o600)
  chmodSync(`${file}.lock`, 0o644)
  await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('file-mode'))
})

test('T56 a symbolic link, a directory and a directory open to all are refused', async (t) => {
  const { file, key, directory } = await created(t)
  renameSync(file, `${file}.real`)
  symlinkSync(`${file}.real`, file)
  await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('file-symlink'))
  rmSync(file)
  mkdirSync(file, 0o700)
  await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('file-not-regular'))
  rmSync(file, { recursive: true })
  linkSync(`${file}.real`, file)
  chmodSync(directory, 0o777)
  await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('directory-mode'))
})

const notRoot = process.geteuid?.() === 0 ? false : 'only root can give a file away'

test('T56 a database of another owner is refused', { skip: notRoot }, async (t) => {
  const { file, key } = await created(t)
  chownSync(file, 65534, 65534)
  await assert.rejects(openSqliteStore({ file, key, create: false }), refusedFor('file-owner'))
})

test('one writer: a second opening is refused, in this process and in another, until the first closes', async (t) => {
  const { file, key } = place(t)
  const first = await openSqliteStore({ file, key, create: true })
  await assert.rejects(openSqliteStore({ file, key, create: false }), isAppError('store-locked'))
  await assert.rejects(migrateSqlite({ file, key, check: true }), isAppError('store-locked'))
  const script = `
    import { openSqliteStore } from ${JSON.stringify(import.meta.resolve('./sqlite.ts'))}
    const key = Buffer.from(${JSON.stringify(Buffer.from(key).toString('hex'))}, 'hex')
    try {
      await openSqliteStore({ file: ${JSON.stringify(file)}, key, create: false })
      console.log('opened')
    } catch (fault) { console.log(fault.code) }`
  const fromAnother = (): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout.trim()
  assert.equal(fromAnother(), 'store-locked')
  await committed(first, blob('still writable'))
  await first.store.close()
  assert.equal(fromAnother(), 'opened')
})

test('what the log and the votes say cannot be updated or deleted, even with the key', async (t) => {
  const { file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  await committed(store, openTree().append([logEntry(0), logEntry(1)]), { kind: 'checkpoint', size: 2, note: 'n' })
  await committed(store, statement('s', 1), releaseStatement('r', 2), policy(1), delivery('g'))
  await store.store.close()
  const db = connect(file, key, 'write')
  t.after(() => db.close())
  const forbidden = [
    `update log_entries set bytes = x'00' where idx = 0`,
    'delete from log_entries where idx = 1',
    'update log_nodes set hash = zeroblob(32)',
    'delete from log_nodes',
    `update log_checkpoints set note = 'other'`,
    'delete from log_checkpoints',
    'update log_head set size = 1',
    'update log_head set root = zeroblob(32)',
    'delete from log_head',
    'update statements set person = 12',
    'delete from statements',
    `update release_statements set tag = 'v9'`,
    'delete from release_statements',
    'delete from policies',
    'delete from deliveries',
  ]
  for (const sql of forbidden)
    assert.throws(
      () => db.exec(sql),
      (fault: { code?: string }) => fault.code === 'SQLITE_CONSTRAINT_TRIGGER',
      sql,
    )
})

test('integrity: sound after use; counters that drift are named', async (t) => {
  const { file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  assert.equal(store.schemaVersion, 5)
  await committed(store, delivery('g'), job('j', 'l', 1), openTree().append([logEntry(0)]))
  assert.deepEqual(await store.checkIntegrity(), [])
  await store.store.close()
  const db = connect(file, key, 'write')
  db.exec(`update counters set value = 7 where name = 'jobs.queued'`)
  db.close()
  const again = await openSqliteStore({ file, key, create: false })
  assert.deepEqual(await again.checkIntegrity(), ['counter jobs.queued says 7, there are 1'])
  await again.store.close()
})

test('a blob whose bytes were swapped in the database is refused', async (t) => {
  const { file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  await committed(store, blob('honest'))
  await store.store.close()
  const db = connect(file, key, 'write')
  db.exec(`update blobs set bytes = x'00'`)
  db.close()
  const again = await openSqliteStore({ file, key, create: false })
  await assert.rejects(again.memory.blob(digest('honest')), isAppError('store-corrupt'))
  await again.store.close()
})

test('every query that may meet a big table uses an index', async (t) => {
  const { file, key } = await created(t)
  const db = connect(file, key, 'write')
  t.after(() => db.close())
  const small = new Set(['counters', 'log_head', 'repositories', 'policies', 'schema_migrations'])
  const source = readdirSync(import.meta.dirname)
    .filter((name) => /^sqlite-(deliveries|jobs|changes|statements|log|memory|registry)\.ts$/.test(name))
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
    .join('\n')
  const columns = (name: string): string => source.match(new RegExp(`const ${name} =\\s*([\`'])([^]*?)\\1`))?.[2] ?? ''
  assert.notEqual(columns('isTurn'), '')
  const statements = [...source.matchAll(/const (select\w+|count\w+) =\s*([`'])([^]*?)\2/g)].map(
    (match) => match[3] ?? '',
  )
  assert.ok(statements.length > 30, `${statements.length} statements found`)
  for (const text of statements) {
    const table = /from (\w+)/.exec(text)?.[1] ?? ''
    const list = table === 'deliveries' ? 'seq' : '1'
    const sql = text.replace(/\$\{(\w+)\}/g, (_, name: string) => (name === 'columns' ? list : columns(name)))
    const plan = db.prepare(`explain query plan ${sql}`).all(...bindings(sql)) as { readonly detail: string }[]
    for (const { detail } of plan) {
      if (small.has(/^SCAN (\w+)/.exec(detail)?.[1] ?? '')) continue
      // Ordered walks along a rowid or an index that stop at the limit read no more than they return.
      const isWalk = /^SCAN/.test(detail) && (/ limit /.test(sql) || /USING (COVERING )?INDEX/.test(detail))
      assert.ok(/^SEARCH|^CORRELATED|^SCALAR|^USE TEMP|^CO-ROUTINE/.test(detail) || isWalk, `${detail}: ${sql}`)
      // What is sorted is a few of them.
      const isFew = sql.includes('created_at <') || sql.includes('indexed by jobs_by_due_time')
      assert.equal(/USE TEMP B-TREE/.test(detail) && !isFew, false, `${detail}: ${sql}`)
    }
  }
})

test('what is due is found among a hundred thousand timers that wait for their time', async (t) => {
  const { file, key } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  t.after(() => store.store.close())
  const timers = 100_000
  for (let first = 0; first < timers; first += 5_000)
    await committed(
      store,
      ...Array.from({ length: 5_000 }, (_, i) => job(`timer/${first + i}`, `1/${first + i}`, 1_000_000 + first + i)),
    )
  await committed(store, job('now/1', '1/1', 5), job('now/2', '1/2', 5))
  const due = await store.jobs.due(asInstant(10), new Set(), 9)
  assert.deepEqual(
    due.map(({ id }) => id),
    ['now/1', 'now/2'],
  )
})

function bindings(sql: string): unknown[] {
  const named = [...sql.matchAll(/:(\w+)/g)].map((match) => match[1] as string)
  if (named.length > 0) return [Object.fromEntries(named.map((name) => [name, 1]))]
  return [...sql.matchAll(/\?/g)].map(() => 1)
}

/** Everything that a reader with the key finds in the pages of the database and of its write-ahead log. */
function decryptedPages({ file, key, directory }: Place): Buffer {
  const pages: Buffer[] = []
  const db = connect(file, key, 'read')
  // Every page of the file as it lies there, free ones and what is left in the gaps included.
  const clear = join(directory, `clear-${randomBytes(4).toString('hex')}.db`)
  copyFileSync(file, clear)
  if (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size) copyFileSync(`${file}-wal`, `${clear}-wal`)
  db.close()
  chmodSync(clear, 0o600)
  const plain = connect(clear, key, 'write')
  plain.pragma('journal_mode = delete')
  plain.pragma(`rekey = ''`)
  plain.close()
  pages.push(readFileSync(clear))
  rmSync(clear)
  return Buffer.concat(pages)
}

test('erased bytes stand in no page of the file and no frame of its write-ahead log', async (t) => {
  const at = place(t)
  const secret = 'plainly-recognisable-words'
  // Long enough for pages of its own, and random, so that no compression hides it.
  const text = `${secret}${randomBytes(40_000).toString('hex')}`
  const store = await openSqliteStore({ ...at, create: true })
  await committed(store, blob(text), blob('stays'), blob(secret))
  for (let i = 0; i < 20; i++) await committed(store, blob(`filler ${i}`))
  assert.equal(decryptedPages(at).includes(secret), true, 'the test can see what lies in the file')
  for (const digested of [text, secret])
    await committed(store, { kind: 'erase-blob', digest: digest(digested), changes: [] })
  assert.equal(statSync(`${at.file}-wal`).size, 0)
  assert.equal(decryptedPages(at).includes(secret), false)
  assert.equal(decryptedPages(at).includes(text.slice(4_000, 4_060)), false)
  await store.store.close()
})

test('an erasure that was killed before its pages left the write-ahead log is completed at the next opening', async (t) => {
  const at = place(t)
  const secret = 'plainly-recognisable-words'
  const store = await openSqliteStore({ ...at, create: true })
  await committed(store, blob(secret))
  const db = connect(at.file, at.key, 'write')
  // The rows of an erasure without what follows its commit.
  db.prepare('insert into erased_blobs (digest) values (?)').run(digest(secret))
  db.prepare('delete from blobs where digest = ?').run(digest(secret))
  const killed = place(t)
  for (const end of ['', '-wal']) copyFileSync(`${at.file}${end}`, `${killed.file}${end}`)
  db.close()
  await store.store.close()
  const left = { ...killed, key: at.key }
  for (const end of ['', '-wal']) chmodSync(`${left.file}${end}`, 0o600)
  assert.ok(statSync(`${left.file}-wal`).size > 0)
  const again = await openSqliteStore({ ...left, create: false })
  assert.equal(statSync(`${left.file}-wal`).size, 0)
  assert.equal(await again.memory.blob(digest(secret)), null)
  assert.equal(decryptedPages(left).includes(secret), false)
  await again.store.close()
})

test('a copy of the file opens with its key: nothing depends on where it lies', async (t) => {
  const { file, key, directory } = place(t)
  const store = await openSqliteStore({ file, key, create: true })
  await committed(store, blob('b'))
  await store.store.close()
  const copy = join(directory, 'copy.db')
  copyFileSync(file, copy)
  const opened = await openSqliteStore({ file: copy, key, create: false })
  assert.notEqual(await opened.memory.blob(digest('b')), null)
  await opened.store.close()
})
