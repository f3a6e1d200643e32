import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isAppError } from '../../../test/contract/store-contract-fixture.ts'
import { applyMigrations, schemaState } from './migrations.ts'
import { createPrivateFile } from './private-file.ts'
import { type Connection, connect } from './sqlite-connection.ts'
import { migrateSqlite, openSqliteStore } from './sqlite.ts'

const shipped = join(import.meta.dirname, 'migrations')

function fresh(t: TestContext): { db: Connection; folder: string; file: string; key: Uint8Array } {
  const directory = mkdtempSync(join(tmpdir(), 'governance-migrations-'))
  const file = join(directory, 'store.db')
  const key = randomBytes(32)
  createPrivateFile(file)
  const db = connect(file, key, 'write')
  t.after(() => {
    db.close()
    rmSync(directory, { recursive: true, force: true })
  })
  for (const name of readdirSync(shipped)) copyFileSync(join(shipped, name), join(directory, name))
  return { db, folder: directory, file, key }
}

test('migrations are applied once and in order', (t) => {
  const { db, folder } = fresh(t)
  assert.equal(applyMigrations(db, folder).current, 0)
  const shippedCount = readdirSync(shipped).length
  writeFileSync(join(folder, `000${shippedCount + 1}-next.sql`), 'create table next (x integer) strict;')
  assert.deepEqual(schemaState(db, folder).pending, [`000${shippedCount + 1}-next.sql`])
  applyMigrations(db, folder)
  assert.deepEqual(schemaState(db, folder), { current: shippedCount + 1, newest: shippedCount + 1, pending: [] })
  applyMigrations(db, folder)
  assert.equal(db.prepare('select count(*) as n from next').pluck().get(), 0)
})

test('a migration that fails half-way leaves nothing of itself', (t) => {
  const { db, folder } = fresh(t)
  applyMigrations(db, folder)
  const shippedCount = readdirSync(shipped).length
  const broken = `000${shippedCount + 1}-broken.sql`
  writeFileSync(join(folder, broken), 'create table half (x integer) strict; create table half (x integer);')
  assert.throws(() => applyMigrations(db, folder))
  assert.equal(db.prepare(`select 1 from sqlite_schema where name = 'half'`).get(), undefined)
  assert.equal(schemaState(db, folder).current, shippedCount)
})

test('a database of a newer version, a changed migration and a gap are refused', (t) => {
  const { db, folder } = fresh(t)
  const shippedCount = readdirSync(shipped).length
  const next = join(folder, `000${shippedCount + 1}-next.sql`)
  writeFileSync(next, 'create table next (x integer) strict;')
  applyMigrations(db, folder)
  assert.throws(() => schemaState(db, shipped), isAppError('schema-unknown'))
  assert.throws(() => applyMigrations(db, shipped), isAppError('schema-unknown'))
  writeFileSync(next, 'create table next (x text) strict;')
  assert.throws(() => schemaState(db, folder), isAppError('schema-unknown'))
  rmSync(next)
  writeFileSync(join(folder, `000${shippedCount + 2}-gap.sql`), '')
  assert.throws(() => schemaState(db, folder), isAppError('schema-unknown'))
})

test('the server refuses an older and a newer database; `migrate` brings the older one up to date', async (t) => {
  const { db, file, key } = fresh(t)
  db.exec(
    'create table schema_migrations (number integer primary key, name text not null, checksum text not null) strict',
  )
  chmodSync(file, 0o600)
  db.close()
  const behind = (fault: unknown) => (fault as { data?: { reason?: unknown } }).data?.reason === 'older'
  await assert.rejects(openSqliteStore({ file, key, create: false }), behind)
  const state = await migrateSqlite({ file, key, check: true })
  assert.deepEqual([state.current, state.pending.length], [0, state.newest])
  await migrateSqlite({ file, key, check: false })
  assert.deepEqual((await migrateSqlite({ file, key, check: true })).pending, [])
  await (await openSqliteStore({ file, key, create: false })).store.close()
  const later = connect(file, key, 'write')
  later.exec(`insert into schema_migrations values (9999, '9999-future.sql', 'x')`)
  later.close()
  await assert.rejects(openSqliteStore({ file, key, create: false }), isAppError('schema-unknown'))
})
