import { test } from 'node:test'
import { breakMemoryWrites, breakSqliteWrites } from './broken-writes.ts'

// The labs break every single one.

test('T44 durable writes in the life of a change fail one by one, in memory', async (t) => {
  await breakMemoryWrites(t, 13)
})

test('T44 durable writes in the life of a change fail one by one, on encrypted SQLite', async (t) => {
  await breakSqliteWrites(t, 31)
})
