/** `slow-store-thread MILLISECONDS`: the writer's thread of the database, in which every commit waits that much longer. */
import Database from 'better-sqlite3'

const ms = Number(process.argv[2])
if (!(ms > 0)) throw new Error('slow-store-thread MILLISECONDS')
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
