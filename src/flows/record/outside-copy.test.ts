import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fileLog, type FiledLog, sampleEntry } from '../../../test/fixtures/log-files.ts'
import { acceleration } from '../../compose-acceleration.ts'
import { nodeOfTile, tileOfNode, tilePath, treeHasher } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { compareCopy, copySource, type OutsideCopyNeeds } from './outside-copy.ts'

const origin = 'gov.example.org/decisions'
const hasher = treeHasher(acceleration)
const entries = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, number) => sampleEntry(from + number))

/** The question of a log to a place that shows this `checkpoint`. */
function asked(log: FiledLog, shown: Uint8Array | null): OutsideCopyNeeds {
  return {
    name: 'decisions',
    place: 'the other machine',
    files: { read: async (path) => (path === 'checkpoint' ? shown : null) },
    origin,
    log: {
      head: async () => ({ size: log.entries.length, root: log.root, at: 0 as never }),
      node: async (level, index) => {
        const tile = log.files.get(tilePath(tileOfNode(level, index, log.entries.length)))
        return tile === undefined ? null : nodeOfTile(tile, level, index, hasher)
      },
    },
    keys: async () => [log.key],
    acceleration,
  }
}

const headOf = (log: FiledLog): Uint8Array => log.files.get('checkpoint') as Uint8Array

test('T47 only a head that this log had lets it be signed', async () => {
  const ours = fileLog(origin, entries(9))
  const cases = [
    [headOf(ours), 'behind', null],
    [headOf(fileLog(origin, entries(4))), 'behind', null],
    [headOf(fileLog(origin, entries(10))), 'ahead', 'log-ahead'],
    [headOf(fileLog(origin, entries(9, 1))), 'inconsistent', 'log-file-differs'],
    [headOf(fileLog(origin, entries(4, 1))), 'inconsistent', 'log-file-differs'],
    [headOf(fileLog('other.example.org/decisions', entries(4))), 'foreign', 'log-file-differs'],
    [headOf(fileLog(origin, entries(20), new Uint8Array(32).fill(1))), 'foreign', 'log-file-differs'],
    [Buffer.from('no note'), 'foreign', 'log-file-differs'],
    [null, 'empty', 'log-files-unavailable'],
  ] as const
  for (const [shown, kind, code] of cases) {
    const needs = asked(ours, shown)
    assert.equal((await compareCopy(needs)).kind, kind)
    if (code === null) await copySource(needs).ask()
    else await assert.rejects(copySource(needs).ask(), { code })
  }
})

test('every head that a log had is one that it had, and none of another history is', async () => {
  const ours = fileLog(origin, entries(40))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 39 }), async (size, at) => {
      const same = entries(size)
      assert.deepEqual(await compareCopy(asked(ours, headOf(fileLog(origin, same)))), { kind: 'behind', size })
      const changed = same.map((entry, index) => (index === at ? sampleEntry(1_000) : entry))
      const kind = at < size ? 'inconsistent' : 'behind'
      assert.deepEqual(await compareCopy(asked(ours, headOf(fileLog(origin, changed)))), { kind, size })
    }),
    { numRuns: 40 },
  )
})

test('a place that does not answer is passed on as it is', async () => {
  const ours = fileLog(origin, entries(3))
  const needs: OutsideCopyNeeds = {
    ...asked(ours, null),
    files: {
      read: async () => {
        throw new AppError('log-files-unavailable', 'away')
      },
    },
  }
  await assert.rejects(copySource(needs).ask(), { code: 'log-files-unavailable' })
})
