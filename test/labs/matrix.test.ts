import { test } from 'node:test'
import { breakMemoryWrites, breakSqliteWrites } from '../fault/broken-writes.ts'

test('T44 every durable write in the life of a change fails once, in memory', async (t) => {
  await breakMemoryWrites(t, 1)
})

test('T44 every durable write in the life of a change fails once, on encrypted SQLite', async (t) => {
  await breakSqliteWrites(t, 1)
})
