import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fileLog, type FiledLog, sampleEntry } from '../../../test/fixtures/log-files.ts'
import { type MemoryLogFiles, memoryLogFiles } from '../../../test/fakes/log-files.ts'
import { isAppError } from '../../../test/contract/store-contract-fixture.ts'
import { acceleration } from '../../compose-acceleration.ts'
import {
  decodeUtf8,
  equalBytes,
  nodeOfTile,
  rangeSubtrees,
  tileOfNode,
  tilePath,
  treeHasher,
  type VerifierKey,
  verifyCheckpoint,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { LogFiles } from '../ports.ts'
import { entriesOf as readEntries } from './log-source.ts'
import { createLogPublisher, type PublisherParts } from './publisher.ts'

const origin = 'gov.example.org/decisions'
const hasher = treeHasher(acceleration)
const quiet = { event: () => {}, count: () => {}, observe: () => {} }

/** A log as a store answers for it, at any of its sizes. */
function storedLog(entries: readonly Uint8Array[]) {
  const at = new Map<number, FiledLog>()
  let size = entries.length
  const now = (): FiledLog => {
    const known = at.get(size) ?? fileLog(origin, entries.slice(0, size))
    at.set(size, known)
    return known
  }
  return {
    grow: (to: number) => {
      size = to
    },
    files: () => now().files,
    key: () => now().key,
    log: {
      checkpoint: async () => ({ size, note: decodeUtf8(now().files.get('checkpoint') as Uint8Array) ?? '' }),
      entries: async (from: number, to: number) =>
        entries.slice(from, Math.min(to, size)).map((bytes, i) => ({ index: from + i, bytes }) as never),
      node: async (level: number, index: number) => {
        const tile = now().files.get(tilePath(tileOfNode(level, index, size)))
        return tile === undefined ? null : nodeOfTile(tile, level, index, hasher)
      },
    },
  }
}

const publisherOf = (stored: ReturnType<typeof storedLog>, local: LogFiles, more: Partial<PublisherParts> = {}) =>
  createLogPublisher({
    name: 'decisions',
    origin,
    log: stored.log,
    memory: { blob: async () => null },
    local,
    offHost: null,
    cosigner: null,
    telemetry: quiet,
    timers: { after: () => () => {} },
    acceleration,
    ...more,
  })

const entriesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => sampleEntry(i))

test('whatever the steps in which a log grows, its files hold every file of a log that is made at once', async () => {
  const entries = entriesOf(700)
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }),
      async (sizes) => {
        const stored = storedLog(entries)
        const place = memoryLogFiles()
        for (const size of sizes.toSorted((a, b) => a - b)) {
          stored.grow(size)
          await publisherOf(stored, place).publish()
          for (const [path, bytes] of stored.files())
            assert.ok(equalBytes(place.files.get(path) ?? new Uint8Array(), bytes), `${path} at ${size}`)
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('T47 a place that is ahead of the database, or shows another history, is refused and left as it is', async () => {
  const stored = storedLog(entriesOf(300))
  const place = memoryLogFiles()
  await publisherOf(stored, place).publish()
  const before = new Map(place.files)
  stored.grow(299)
  for (const run of ['check', 'publish'] as const)
    await assert.rejects(publisherOf(stored, place)[run](), isAppError('log-ahead'))
  const other = storedLog(entriesOf(301).map((entry, i) => (i === 7 ? sampleEntry(7_000) : entry)))
  await assert.rejects(publisherOf(other, place).publish(), isAppError('log-file-differs'))
  const foreign = memoryLogFiles(
    new Map([['checkpoint', fileLog('else.example.org/log', []).files.get('checkpoint') as Uint8Array]]),
  )
  await assert.rejects(publisherOf(stored, foreign).publish(), isAppError('log-file-differs'))
  assert.deepEqual(place.files, before)
})

/** Breaks every step of a pass once, before or after it took effect; the next pass heals, and no head is shown too early. */
test('T44 a write that fails, stored or not, at any step of a pass: no head without its files, and the next pass heals', async () => {
  const entries = entriesOf(520)
  for (const mode of ['not-stored', 'stored'] as const) {
    for (let broken = 0, isOver = false; !isOver; broken++) {
      const stored = storedLog(entries)
      const local = memoryLogFiles()
      const remote = memoryLogFiles()
      stored.grow(200)
      await publisherOf(stored, local, { offHost: remote }).publish()
      stored.grow(520)
      let step = 0
      const breaking = (place: LogFiles): LogFiles => {
        const run = async (write: () => Promise<void>): Promise<void> => {
          if (step++ !== broken) return write()
          if (mode === 'stored') await write()
          throw new AppError('log-files-unavailable', 'broken by the test')
        }
        return {
          ...place,
          write: (path, bytes) => run(() => place.write(path, bytes)),
          replaceCheckpoint: (note) => run(() => place.replaceCheckpoint(note)),
        }
      }
      const publisher = publisherOf(stored, breaking(local), { offHost: breaking(remote) })
      const failed = await publisher.publish().then(
        () => false,
        (error: unknown) => isAppError('log-files-unavailable')(error),
      )
      isOver = !failed
      for (const place of [local, remote]) {
        const shown = verifyCheckpoint(place.files.get('checkpoint') as Uint8Array, origin, [stored.key()])
        assert.ok(shown.ok)
        for (const { level, index } of rangeSubtrees(0, shown.checkpoint.size))
          assert.ok(place.files.has(tilePath(tileOfNode(level, index, shown.checkpoint.size))), `${mode} ${broken}`)
      }
      const sizes = [remote, local].map((place) => {
        const shown = verifyCheckpoint(place.files.get('checkpoint') as Uint8Array, origin, [stored.key()])
        return shown.ok ? shown.checkpoint.size : -1
      })
      assert.ok((sizes[0] ?? 0) >= (sizes[1] ?? 0), 'the off-host place has whatever the public sees')
      await publisher.publish()
      for (const place of [local, remote])
        for (const [path, bytes] of stored.files())
          assert.ok(equalBytes(place.files.get(path) ?? new Uint8Array(), bytes))
      assert.ok(broken < 1_000)
    }
  }
})

test('a head is shown at the deadline with the cosignatures it has, and again with the rest, in every place', async () => {
  const stored = storedLog(entriesOf(3))
  const [local, offHost] = [memoryLogFiles(), memoryLogFiles()]
  let isUp = false
  const due: (() => void)[] = []
  const cosigner = {
    cosign: async (note: string) => (isUp && !note.includes('late') ? `${note}— late AAAAAAA=\n` : note),
    quorum: (note: string) => ({ met: note.includes('late'), size: 3, by: [], missing: [] }),
  }
  const timers = {
    after: (_ms: number, run: () => void) => {
      due.push(run)
      return () => void due.splice(due.indexOf(run) >>> 0, 1)
    },
  }
  const publisher = publisherOf(stored, local, { offHost, cosigner, timers })
  const shown = (place: typeof local): string => decodeUtf8(place.files.get('checkpoint') as Uint8Array) ?? ''
  await publisher.publish()
  assert.deepEqual(
    [local, offHost].map(shown),
    [0, 1].map(() => decodeUtf8(stored.files().get('checkpoint') as Uint8Array)),
  )
  isUp = true
  assert.equal(due.length, 1)
  due.shift()?.()
  await publisher.publish()
  assert.ok([local, offHost].map(shown).every((note) => note.endsWith('— late AAAAAAA=\n')))
  assert.equal(due.length, 0)
  // A publisher that starts anew finds what is shown and asks for nothing more.
  await publisherOf(stored, local, { cosigner, timers }).publish()
  assert.equal(due.length, 0)
  await publisher.stop()
})

test('a place that refuses is named once, and once when it takes files again', async () => {
  const stored = storedLog(entriesOf(6))
  const [local, offHost] = [memoryLogFiles(), memoryLogFiles()]
  stored.grow(3)
  const turns: unknown[] = []
  const publisher = publisherOf(stored, local, { offHost, onTurn: (turn) => void turns.push(turn) })
  await publisher.publish()
  stored.grow(6)
  for (const place of [offHost, local]) {
    const { write } = place
    place.write = async () => Promise.reject(new AppError('log-files-unavailable', 'broken by the test'))
    for (let tries = 0; tries < 3; tries++)
      await assert.rejects(publisher.publish(), isAppError('log-files-unavailable'))
    place.write = write
  }
  await publisher.publish()
  await publisher.publish()
  assert.deepEqual(turns, [
    { place: 'off-host', code: 'log-files-unavailable', size: 3 },
    { place: 'local', code: 'log-files-unavailable', size: 3 },
    { place: 'off-host', code: null, size: 6 },
    { place: 'local', code: null, size: 6 },
  ])
})

/** Every entry of the log with this head, read as a stranger reads it. */
async function readAll(place: LogFiles, head: Uint8Array, key: VerifierKey): Promise<number> {
  const verified = verifyCheckpoint(head, origin, [key])
  assert.ok(verified.ok)
  let count = 0
  for await (const range of readEntries(place, verified.checkpoint, { from: 0, to: verified.checkpoint.size })) {
    assert.ok(range.ok, range.ok ? '' : JSON.stringify(range.fault))
    count += range.entries.length
  }
  return count
}

/** Sizes that have partial files in the place, by the full file that they would grow to. */
const partialsOf = (place: MemoryLogFiles, full: string): number[] =>
  [...place.files.keys()]
    .filter((path) => path.startsWith(`${full}.p/`))
    .map((path) => Number(path.split('/').at(-1)))
    .toSorted((a, b) => a - b)

test('partial files of tiles that were full under the head before are gone, and every head that was ever shown is read', async () => {
  const entries = entriesOf(700)
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 700 }), { minLength: 2, maxLength: 8 }),
      fc.boolean(),
      async (unsorted, isRestarted) => {
        const stored = storedLog(entries)
        const place = memoryLogFiles()
        const heads: Uint8Array[] = []
        const sizes = unsorted.toSorted((a, b) => a - b)
        let publisher = publisherOf(stored, place)
        for (const size of sizes) {
          stored.grow(size)
          if (isRestarted) publisher = publisherOf(stored, place)
          await publisher.publish()
          heads.push(place.files.get('checkpoint') as Uint8Array)
        }
        const previous = sizes.at(-2) ?? 0
        for (const index of [0, 1, 2]) {
          const isGone = (index + 1) * 256 <= previous
          const widths = sizes
            .filter((size) => size > index * 256 && size < (index + 1) * 256)
            .map((s) => s - index * 256)
          for (const full of [`tile/0/00${index}`, `tile/entries/00${index}`])
            assert.deepEqual(partialsOf(place, full), isGone ? [] : widths, `${full} after ${sizes.join(' ')}`)
        }
        for (const [at, head] of heads.entries()) assert.equal(await readAll(place, head, stored.key()), sizes[at])
      },
    ),
    { numRuns: 25 },
  )
})

/** A place in which a process is killed at its `last`-th removal. */
function killedAt(place: LogFiles, last: number): LogFiles {
  let removed = 0
  return {
    ...place,
    remove: async (path) => {
      if (++removed > last) throw new Error('killed')
      await place.remove(path)
    },
  }
}

test('T44 a removal that was killed goes on where it ended, whatever was removed by then', async () => {
  for (const last of [0, 1, 5, 11, 12]) {
    const stored = storedLog(entriesOf(700))
    const place = memoryLogFiles()
    const run = async (to: number, files: LogFiles = place): Promise<void> => {
      stored.grow(to)
      await publisherOf(stored, files).publish()
    }
    for (const size of [10, 20, 30, 250, 300, 511]) await run(size, killedAt(place, 0)).catch(() => {})
    await run(530, killedAt(place, last)).catch(() => {})
    for (const size of [600, 700]) await run(size)
    for (const full of ['tile/0/000', 'tile/entries/000', 'tile/0/001', 'tile/entries/001'])
      assert.deepEqual(partialsOf(place, full), [], `${full} after ${last}`)
    assert.equal(await readAll(place, place.files.get('checkpoint') as Uint8Array, stored.key()), 700)
  }
})

test('a place that takes nothing back is no failure, and a full tile that was lost keeps what is left of it', async () => {
  const stored = storedLog(entriesOf(700))
  const place = memoryLogFiles()
  const asked: string[] = []
  const turns: unknown[] = []
  const writeOnce: LogFiles = {
    ...place,
    remove: async (path) => {
      asked.push(path)
      throw new AppError('log-files-unavailable', 'written once')
    },
  }
  const publisher = publisherOf(stored, writeOnce, { onTurn: (turn) => void turns.push(turn) })
  for (const size of [10, 200, 300, 310, 320, 330]) {
    stored.grow(size)
    await publisher.publish()
    assert.equal(publisher.published().size, size)
  }
  assert.deepEqual(turns, [])
  assert.deepEqual(partialsOf(place, 'tile/0/000'), [10, 200])
  // Asked once, and not again before another tile is full.
  assert.ok(asked.length > 0 && asked.length <= 2, asked.join(' '))

  // Lost longer ago than what a start looks at.
  stored.grow(690)
  await publisher.publish()
  place.files.delete('tile/entries/000')
  stored.grow(700)
  await publisherOf(stored, place).publish()
  assert.deepEqual(partialsOf(place, 'tile/entries/000'), [10, 200])
  assert.deepEqual(partialsOf(place, 'tile/0/000'), [])
  await publisherOf(stored, place).publish({ all: true })
  assert.deepEqual(partialsOf(place, 'tile/entries/000'), [])
})
