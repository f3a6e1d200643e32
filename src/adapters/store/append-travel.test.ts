import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { asInstant, asLogIndex } from '../../core/index.ts'
import type { Write } from '../../flows/ports.ts'
import { packAppend, unpackAppend } from './append-travel.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((one) => Uint8Array.from(one))
const entry = fc.record(
  {
    index: fc.maxSafeNat().map(asLogIndex),
    id: fc.string(),
    type: fc.string(),
    subject: fc.option(fc.string()),
    at: fc.nat(8.64e15).map(asInstant),
    bytes: bytes(300),
    event: fc.record({ userId: fc.option(fc.string()), result: fc.constantFrom('success', 'denied', 'error') }),
  },
  { requiredKeys: ['index', 'id', 'type', 'subject', 'at', 'bytes'] },
)
const append = fc.record(
  {
    kind: fc.constant('entries'),
    log: fc.constantFrom('decisions', 'security'),
    expectedSize: fc.maxSafeNat(),
    entries: fc.array(entry),
    nodes: fc.array(fc.record({ level: fc.nat(52), index: fc.maxSafeNat(), hash: bytes(32) })),
    head: fc.record({ size: fc.maxSafeNat(), root: bytes(32), at: fc.nat(8.64e15).map(asInstant) }),
  },
  { requiredKeys: ['kind', 'expectedSize', 'entries', 'nodes', 'head'] },
)

test('an append arrives in the other thread as it was sent', () => {
  fc.assert(
    fc.property(append, (row) => {
      const sent = row as Extract<Write, { kind: 'entries' }>
      const transfer: ArrayBuffer[] = []
      const arrived = unpackAppend(structuredClone(packAppend(sent, transfer), { transfer }))
      // fast-check makes records without a prototype.
      assert.deepEqual(arrived, structuredClone(sent))
    }),
  )
})
