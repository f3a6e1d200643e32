import { test } from 'node:test'
import { workOnSlowDisk } from './slow-gate.ts'

// The labs work longer, on a slower disk.

test('T44 a slow disk: webhooks are acknowledged, heads are shown in order and whole, readiness tells, a stop drains', async (t) => {
  await workOnSlowDisk(t, { syncMs: 30, forMs: 1_000, people: 1 })
})
