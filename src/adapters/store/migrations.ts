import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../flows/app-error.ts'
import type { Connection } from './sqlite-connection.ts'

type Migration = { readonly number: number; readonly name: string; readonly sql: string; readonly checksum: string }

/** What a database is at and what it lacks. */
export interface SchemaState {
  readonly current: number
  readonly newest: number
  readonly pending: readonly string[]
}

const shippedFolder = join(import.meta.dirname, 'migrations')

function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
    .map((name, position) => {
      const number = Number(name.slice(0, 4))
      if (number !== position + 1) throw new AppError('schema-unknown', `migration ${name} leaves a gap`)
      const sql = readFileSync(join(folder, name), 'utf8')
      return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    })
}

type Applied = { readonly number: number; readonly name: string; readonly checksum: string }

function readApplied(db: Connection): Applied[] {
  const exists = db.prepare(`select 1 from sqlite_schema where type = 'table' and name = 'schema_migrations'`).get()
  if (exists === undefined) return []
  return db.prepare('select number, name, checksum from schema_migrations order by number').all() as Applied[]
}

function compare(migrations: readonly Migration[], applied: readonly Applied[]): void {
  for (const { number, name, checksum } of applied) {
    const known = migrations[number - 1]
    if (known === undefined)
      throw new AppError('schema-unknown', `the database holds migration ${name}, which this version does not know`, {
        data: { migration: name, reason: 'newer' },
      })
    if (known.checksum !== checksum)
      throw new AppError('schema-unknown', `migration ${name} is not what was applied to the database`, {
        data: { migration: name, reason: 'checksum' },
      })
  }
}

/**
 * Compares a database's schema with the migrations that this version ships.
 *
 * @throws AppError schema-unknown when the database is newer, or was made by a migration of other content
 */
export function schemaState(db: Connection, folder: string = shippedFolder): SchemaState {
  const migrations = readMigrations(folder)
  const applied = readApplied(db)
  compare(migrations, applied)
  return {
    current: applied.length,
    newest: migrations.length,
    pending: migrations.slice(applied.length).map(({ name }) => name),
  }
}

/**
 * Applies what is pending, each migration in its own transaction together with the row that says so.
 *
 * @throws AppError schema-unknown, as `schemaState`
 */
export function applyMigrations(db: Connection, folder: string = shippedFolder): SchemaState {
  const before = schemaState(db, folder)
  const migrations = readMigrations(folder)
  db.exec(`create table if not exists schema_migrations (
    number integer primary key, name text not null, checksum text not null
  ) strict`)
  const record = db.prepare('insert into schema_migrations (number, name, checksum) values (?, ?, ?)')
  for (const { number, name, sql, checksum } of migrations.slice(before.current))
    db.transaction(() => {
      db.exec(sql)
      record.run(number, name, checksum)
    }).immediate()
  return before
}
