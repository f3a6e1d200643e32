import { test } from 'node:test'
import { workOnSlowDisk } from '../fault/slow-gate.ts'

test('T44 a very slow disk under several people: everything is acknowledged, shown in order, caught up and drained', async (t) => {
  await workOnSlowDisk(t, { syncMs: 250, forMs: 60_000, people: 4 })
})
