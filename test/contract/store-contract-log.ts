import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { InvariantError } from '../../src/flows/app-error.ts'
import type { LogEntryRow, Write } from '../../src/flows/ports.ts'
import { committed, refused, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import { blob, digest, logEntry } from './store-rows.ts'
import { auditLog, openTree } from './tree.ts'

const range = (from: number, to: number): LogEntryRow[] =>
  Array.from({ length: to - from }, (_, offset) => logEntry(from + offset))

type Entries = Extract<Write, { kind: 'entries' }>

export function logContract(fixture: StoreFixture): void {
  storeTest(fixture, 'an empty log has the empty root and nothing else', async (ports) => {
    const { size, root, at } = await ports.log.head()
    assert.deepEqual([size, at], [0, 0])
    assert.equal(Buffer.from(root).toString('hex'), createHash('sha256').digest('hex'))
    assert.equal(await ports.log.checkpoint(), null)
    assert.deepEqual(await ports.log.entries(0, 10), [])
    assert.equal(await ports.log.node(0, 0), null)
  })

  storeTest(fixture, 'appended entries add up to the tree', async (ports) => {
    const tree = openTree()
    for (const [from, to] of [
      [0, 1],
      [1, 4],
      [4, 11],
    ] as const)
      await committed(ports, tree.append(range(from, to)))
    const { size, faults } = await auditLog(ports.log)
    assert.deepEqual([size, faults], [11, []])
    assert.deepEqual(
      (await ports.log.entries(2, 4)).map(({ bytes, ...row }) => ({ ...row, bytes: Buffer.from(bytes) })),
      range(2, 4),
    )
  })

  storeTest(fixture, 'an append to another size than the log has is refused whole', async (ports) => {
    const append = openTree().append(range(0, 3))
    await committed(ports, append)
    await refused(ports, 'log-moved', blob('b'), append)
    assert.equal(await ports.memory.blob(digest('b')), null)
    assert.equal((await ports.log.head()).size, 3)
  })

  storeTest(fixture, 'of two concurrent appends to one head exactly one happens', async (ports) => {
    const outcomes = await Promise.all(
      ['x', 'y', 'z'].map((id) => ports.store.commit([openTree().append([logEntry(0, { id })])])),
    )
    assert.equal(outcomes.filter(({ ok }) => ok).length, 1)
    assert.deepEqual((await auditLog(ports.log)).faults, [])
  })

  storeTest(fixture, 'entries that do not continue the log are an invariant', async (ports) => {
    await committed(ports, openTree().append(range(0, 3)))
    const append = { ...(openTree().append(range(0, 4)) as Entries), expectedSize: 3 }
    const last = append.entries.slice(3)
    const nodes = append.nodes.filter(({ level, index }) => (index + 1) * 2 ** level === 4)
    const good: Entries = { ...append, entries: last, nodes }
    const bad: readonly Entries[] = [
      { ...good, entries: [logEntry(4)] },
      { ...good, entries: [logEntry(3, { at: logEntry(1).at })] },
      { ...good, entries: [logEntry(3, { bytes: new Uint8Array(65_536) })] },
      { ...good, entries: [] },
      { ...good, head: { ...good.head, size: 5 } },
      { ...good, head: { ...good.head, at: logEntry(9).at } },
      { ...good, head: { ...good.head, root: new Uint8Array(31) } },
      { ...good, nodes: append.nodes },
    ]
    for (const write of bad) await assert.rejects(ports.store.commit([write]), InvariantError)
    assert.equal((await ports.log.head()).size, 3)
    await committed(ports, good)
    assert.deepEqual((await auditLog(ports.log)).faults, [])
  })

  storeTest(
    fixture,
    'the first cosigned head of a size stays, and the smallest over an entry is found',
    async (ports) => {
      assert.equal(await ports.memory.cosignedOver(0), null)
      for (const [size, note] of [
        [7, 'seven'],
        [3, 'three'],
        [3, 'three, later'],
      ] as const)
        await committed(ports, { kind: 'cosigned-head', size, note })
      assert.deepEqual(await ports.memory.cosignedOver(0), { size: 3, note: 'three' })
      assert.deepEqual(await ports.memory.cosignedOver(2), { size: 3, note: 'three' })
      assert.deepEqual(await ports.memory.cosignedOver(3), { size: 7, note: 'seven' })
      assert.equal(await ports.memory.cosignedOver(7), null)
    },
  )

  storeTest(fixture, 'a checkpoint moves forward only and never past the log', async (ports) => {
    const tree = openTree()
    await committed(ports, tree.append(range(0, 3)))
    await committed(ports, { kind: 'checkpoint', size: 2, note: 'two' })
    await refused(ports, 'checkpoint-moved', { kind: 'checkpoint', size: 2, note: 'again' })
    await refused(ports, 'checkpoint-moved', { kind: 'checkpoint', size: 1, note: 'back' })
    await refused(ports, 'checkpoint-moved', { kind: 'checkpoint', size: 4, note: 'ahead' })
    assert.deepEqual(await ports.log.checkpoint(), { size: 2, note: 'two' })
    await committed(ports, tree.append(range(3, 4)), { kind: 'checkpoint', size: 4, note: 'with its entry' })
    assert.deepEqual(await ports.log.checkpoint(), { size: 4, note: 'with its entry' })
  })

  storeTest(fixture, 'entries are found by type and subject, newest first, at most the limit', async (ports) => {
    const rows = [
      logEntry(0, { type: 'genesis', subject: null }),
      logEntry(1),
      logEntry(2, { subject: '101/8' }),
      logEntry(3, { type: 'approval' }),
      logEntry(4),
    ]
    await committed(ports, openTree().append(rows))
    const found = async (filter: Parameters<typeof ports.log.find>[0]) =>
      (await ports.log.find(filter)).map(({ index }) => index)
    assert.deepEqual(await found({ limit: 2 }), [4, 3])
    assert.deepEqual(await found({ type: 'verdict', limit: 9 }), [4, 2, 1])
    assert.deepEqual(await found({ subject: '101/7', limit: 9 }), [4, 3, 1])
    assert.deepEqual(await found({ type: 'verdict', subject: '101/7', limit: 1 }), [4])
    assert.deepEqual(await found({ type: 'unknown', limit: 9 }), [])
  })

  storeTest(fixture, 'at most 1,000 entries are read at once', async (ports) => {
    await committed(ports, openTree().append(range(0, 1_005)))
    assert.equal((await ports.log.entries(0, 1_005)).length, 1_000)
    assert.equal((await ports.log.entries(1_000, 5_000)).length, 5)
    assert.equal((await ports.log.entries(5, 5)).length, 0)
  })
}
