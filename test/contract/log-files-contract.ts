import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { asSha256, blobPath, encodeUtf8 } from '../../src/core/index.ts'
import type { LogFiles } from '../../src/flows/ports.ts'
import { isAppError } from './store-contract-fixture.ts'

/** One place that holds the files of a log, reached through an adapter, and past it. */
export interface LogPlace {
  /** Opens the place; again, and it finds what was written before. */
  open(): Promise<LogFiles>
  /** Puts bytes there without the adapter, as a crash, a person or an attacker does. Makes directories on the way. */
  plant(path: string, bytes: Uint8Array): Promise<void>
  /** Removes a file without the adapter. */
  lose(path: string): Promise<void>
}

/** How the suite reaches one adapter. */
export interface LogFilesFixture {
  readonly name: string
  place(t: TestContext): Promise<LogPlace>
  /** Why this adapter cannot be tried here; CI must have none. */
  readonly skip?: string
}

const tile = 'tile/0/000.p/3'
const bundle = 'tile/entries/x001/234'
const blob = blobPath(asSha256('ab'.repeat(32)))
const text = (words: string): Uint8Array => encodeUtf8(words)

const strangePaths = [
  '',
  '/',
  '/etc/passwd',
  '../checkpoint',
  'tile/../checkpoint',
  'tile/0/000/../001',
  'tile/0//000',
  'tile/0/0',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/7/000',
  'tile/entries/000\0',
  'blob/..',
  `blob/${'AB'.repeat(32)}`,
  `blob/${'ab'.repeat(31)}`,
  'checkpoint/',
  'checkpoint.new',
  './checkpoint',
  '.new/1',
]

/** What every place for the files of a log must do. An adapter joins with a fixture: directory, SFTP. */
export function logFilesContract(fixture: LogFilesFixture): void {
  const placeTest = (name: string, run: (place: LogPlace) => Promise<void>): void => {
    test(`${name} (${fixture.name})`, async (t) => {
      if (fixture.skip !== undefined && process.env.CI === undefined) return t.skip(fixture.skip)
      await run(await fixture.place(t))
    })
  }

  placeTest('an empty place has no file', async (place) => {
    const files = await place.open()
    for (const path of ['checkpoint', tile, bundle, blob]) assert.equal(await files.read(path), null)
  })

  placeTest('what was written is read, also after the place is opened again', async (place) => {
    const files = await place.open()
    await files.write(tile, text('hashes'))
    await files.write(bundle, text('entries'))
    await files.write(blob, new Uint8Array())
    await files.replaceCheckpoint(text('head'))
    for (const reader of [files, await place.open()]) {
      assert.deepEqual(await reader.read(tile), text('hashes'))
      assert.deepEqual(await reader.read(bundle), text('entries'))
      assert.deepEqual(await reader.read(blob), new Uint8Array())
      assert.deepEqual(await reader.read('checkpoint'), text('head'))
      assert.equal(await reader.read('tile/0/000'), null)
    }
  })

  placeTest('the same bytes again do nothing, other bytes are refused and change nothing', async (place) => {
    const files = await place.open()
    for (const path of [tile, bundle, blob]) {
      await files.write(path, text('first'))
      await files.write(path, text('first'))
      for (const other of ['other', 'fir', ''])
        await assert.rejects(files.write(path, text(other)), isAppError('log-file-differs'))
      assert.deepEqual(await files.read(path), text('first'))
    }
  })

  placeTest('T44 a file that a crash tore is completed, one with other bytes is not', async (place) => {
    const files = await place.open()
    for (const torn of ['', 'ha', 'hashe']) {
      await place.lose(tile)
      await place.plant(tile, text(torn))
      await files.write(tile, text('hashes'))
      assert.deepEqual(await files.read(tile), text('hashes'))
    }
    await place.plant(bundle, text('entr\0\0\0'))
    await assert.rejects(files.write(bundle, text('entries')), isAppError('log-file-differs'))
    assert.deepEqual(await files.read(bundle), text('entr\0\0\0'))
  })

  placeTest('a file that was lost is written again', async (place) => {
    const files = await place.open()
    await files.write(bundle, text('entries'))
    await place.lose(bundle)
    assert.equal(await files.read(bundle), null)
    await files.write(bundle, text('entries'))
    assert.deepEqual(await files.read(bundle), text('entries'))
  })

  placeTest('two that write one file at once leave it whole, and one of two contents', async (place) => {
    const [one, two] = [await place.open(), await place.open()]
    const large = new Uint8Array(300_000).fill(7)
    await Promise.all([one, two, one].map((files) => files.write(bundle, large)))
    assert.deepEqual(await one.read(bundle), large)
    const outcomes = await Promise.allSettled([one.write(tile, text('mine')), two.write(tile, text('yours'))])
    const kept = await one.read(tile)
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1)
    assert.deepEqual(kept, text(winner === 0 ? 'mine' : 'yours'))
  })

  placeTest('the checkpoint is replaced', async (place) => {
    const files = await place.open()
    for (const head of ['one', 'two', 'a']) {
      await files.replaceCheckpoint(text(head))
      assert.deepEqual(await files.read('checkpoint'), text(head))
    }
  })

  placeTest('a blob and a partial tile are removed, none there is no error', async (place) => {
    const files = await place.open()
    for (const path of [blob, tile, 'tile/entries/x001/234.p/9']) {
      await files.remove(path)
      await files.write(path, text('value'))
      await files.remove(path)
      assert.equal(await files.read(path), null)
      assert.equal(await (await place.open()).read(path), null)
    }
  })

  placeTest(
    'partial files are found beside their full one and by nothing else, also when the last went',
    async (place) => {
      const files = await place.open()
      const full = 'tile/0/x001/000'
      const partials = [1, 17, 255].map((width) => `${full}.p/${width}`)
      assert.deepEqual(await files.partials(full), [])
      for (const path of [full, ...partials, 'tile/0/x001/001.p/3', 'tile/entries/x001/000.p/4'])
        await files.write(path, text(path))
      assert.deepEqual((await files.partials(full)).toSorted(), partials.toSorted())
      await place.plant(`${full}.p/.new-1`, text('left by a crash'))
      assert.equal((await files.partials(full)).length, 3)
      await place.lose(`${full}.p/.new-1`)
      // Two that remove the same, one file after the other and at once.
      await Promise.all(partials.flatMap((path) => [files.remove(path), files.remove(path)]))
      assert.deepEqual(await files.partials(full), [])
      assert.deepEqual(await files.read(full), text(full))
      assert.deepEqual(await files.partials('tile/0/x001/001'), ['tile/0/x001/001.p/3'])
      for (const path of partials.slice(0, 2)) await files.write(path, text(path))
      assert.equal((await (await place.open()).partials(full)).length, 2)
    },
  )

  placeTest('T60 no path leads anywhere but to a file of a log', async (place) => {
    const files = await place.open()
    for (const path of strangePaths) {
      await assert.rejects(files.read(path), { name: 'InvariantError' }, `read ${path}`)
      await assert.rejects(files.write(path, text('x')), { name: 'InvariantError' }, `write ${path}`)
      await assert.rejects(files.remove(path), { name: 'InvariantError' }, `remove ${path}`)
    }
    await assert.rejects(files.write('checkpoint', text('x')), { name: 'InvariantError' })
    for (const path of ['checkpoint', bundle, 'tile/0/000'])
      await assert.rejects(files.remove(path), { name: 'InvariantError' })
  })
}
