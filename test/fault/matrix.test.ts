import { test } from 'node:test'
import { breakMemoryWrites, breakSqliteWrites } from './broken-writes.ts'

// The labs break every single one.

test('T44 a durable write of each kind in the life of a change fails once, in memory', async (t) => {
  await breakMemoryWrites(t, 'each-kind')
})

test('T44 durable writes in the life of a change fail one by one, on encrypted SQLite', async (t) => {
  await breakSqliteWrites(t, 41)
})
