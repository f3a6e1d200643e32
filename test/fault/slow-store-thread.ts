/** The writer's thread of the database on a slow disk: each commit waits so long for its sync, as this thread does. */
import Database from 'better-sqlite3'

const ms = Number(new URL(import.meta.url).searchParams.get('ms'))
const pause = new Int32Array(new SharedArrayBuffer(4))
const { prepare } = Database.prototype

Database.prototype.prepare = function (this: Database.Database, sql: string) {
  const statement = prepare.call(this, sql) as Database.Statement<unknown[]>
  if (sql !== 'commit') return statement
  const run = statement.run.bind(statement)
  return Object.assign(statement, {
    run: (...values: unknown[]) => {
      Atomics.wait(pause, 0, 0, ms)
      return run(...values)
    },
  })
} as typeof prepare

await import('../../src/adapters/store/sqlite-worker.ts')
