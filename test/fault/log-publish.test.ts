import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAppError } from '../contract/store-contract-fixture.ts'
import { assertWhole, killPublishing, run, scratch, shownSize } from './killed-publish.ts'
import { publishSample, sampleFiles, samplePublisher } from './published-sample.ts'

test('T44 T47 kill -9 at steps that publishing takes on the file system: what is shown is whole, and the next pass goes on', async (t) => {
  await killPublishing(t, 20)
})

test('T44 a disk that takes no more: the old head stays shown and whole, and the log is published once there is room', async (t) => {
  const place = scratch(t)
  await publishSample({ ...place, size: 3 })
  // The kernel refuses every file past 4 blocks, as a full disk does; a row of 200 hashes has 6,400 bytes.
  const { code, signal } = await run(place, 200, 0, 'whole', 'ulimit -f 4;')
  assert.equal(signal, null)
  assert.notEqual(code, 0)
  assert.deepEqual([await shownSize(place.local), await shownSize(place.offHost)], [3, 3])
  await publishSample({ ...place, size: 200 })
  assertWhole(place, 200)
})

test('T44 lost and torn files are written again by a pass over all; other bytes are left for a person to look at', async (t) => {
  const place = scratch(t)
  await publishSample({ ...place, size: 300 })
  rmSync(join(place.local, 'tile/entries/000'))
  truncateSync(join(place.local, 'tile/0/000'), 1_000)
  truncateSync(join(place.offHost, 'tile/0/001.p/44'), 0)
  const publisher = await samplePublisher(place, sampleFiles(300))
  // Nothing is new: an ordinary pass looks at the heads only.
  await publisher.publish()
  assert.ok(!existsSync(join(place.local, 'tile/entries/000')))
  await publisher.publish({ all: true })
  assertWhole(place, 300)
  const changed = readFileSync(join(place.local, 'tile/0/000'))
  changed[77] = (changed[77] ?? 0) ^ 1
  writeFileSync(join(place.local, 'tile/0/000'), changed)
  await assert.rejects(publisher.publish({ all: true }), isAppError('log-file-differs'))
  assert.deepEqual(readFileSync(join(place.local, 'tile/0/000')), changed)
})

test('T47 T40 a place that is ahead of the store, or tells another history, is not written to', async (t) => {
  const place = scratch(t)
  await publishSample({ ...place, size: 300 })
  for (const all of [false, true]) {
    await assert.rejects((await samplePublisher(place, sampleFiles(299))).publish({ all }), isAppError('log-ahead'))
    await assert.rejects(
      (await samplePublisher(place, sampleFiles(301, 7))).publish({ all }),
      isAppError('log-file-differs'),
    )
  }
  assertWhole(place, 300)
  // A store that lost even its head.
  const empty = { ...sampleFiles(1), entries: [] }
  empty.files.set('checkpoint', sampleFiles(0).files.get('checkpoint') as Uint8Array)
  await assert.rejects((await samplePublisher(place, empty)).check(), isAppError('log-ahead'))
})

test('a size that was shown is not told smaller while a place cannot be reached', async (t) => {
  const place = scratch(t)
  await publishSample({ ...place, size: 5 })
  const publisher = await samplePublisher(place, sampleFiles(6))
  await publisher.check()
  assert.deepEqual(publisher.published(), { size: 5, offHostSize: 5 })
  rmSync(place.offHost, { recursive: true })
  await assert.rejects(publisher.publish(), isAppError('log-files-unavailable'))
  assert.deepEqual(publisher.published(), { size: 5, offHostSize: 5 })
})
