import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
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
  const publisher = await samplePublisher(place, sampleFiles(300))
  await publisher.publish()
  rmSync(join(place.local, 'tile/entries/000'))
  truncateSync(join(place.local, 'tile/0/000'), 1_000)
  truncateSync(join(place.offHost, 'tile/0/001.p/44'), 0)
  // Nothing is new, and this process has looked: an ordinary pass looks at the heads only.
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

test('T44 a file that is torn or gone under the shown head is found at the next start, and whole again', async (t) => {
  const place = scratch(t)
  await publishSample({ ...place, size: 300 })
  const newest = ['tile/0/001.p/44', 'tile/entries/001.p/44', 'tile/1/000.p/1', 'tile/0/000', 'tile/entries/000']
  for (const [i, path] of newest.entries())
    for (const directory of [place.local, place.offHost]) {
      if (i % 2 === 0) truncateSync(join(directory, path), i * 10)
      else rmSync(join(directory, path))
    }
  await assert.rejects(shownSize(place.local), /lacks its files/)
  // Nothing is new: the start alone makes it look.
  await publishSample({ ...place, size: 300 })
  assertWhole(place, 300)
  assert.equal(await shownSize(place.local), 300)
  // A file of other bytes is not torn, and not ours to replace.
  const path = join(place.local, 'tile/0/001.p/44')
  const changed = readFileSync(path)
  changed[7] = (changed[7] ?? 0) ^ 1
  writeFileSync(path, changed)
  await assert.rejects(publishSample({ ...place, size: 300 }), isAppError('log-file-differs'))
})

test('T44 a full file system of its own under the public files: the old head stays whole, and the rest follows', async (t) => {
  const place = scratch(t)
  mkdirSync(place.local, { mode: 0o755 })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=755', 'tmpfs', place.local])
  if (mounted.status !== 0) return t.skip('mounting is not allowed here; the limit of the kernel stands for it')
  try {
    await publishSample({ ...place, size: 3 })
    const ballast = join(place.local, 'ballast')
    writeFileSync(ballast, '')
    for (let free = true; free; )
      try {
        appendFileSync(ballast, Buffer.alloc(4_096))
      } catch {
        free = false
      }
    await assert.rejects(publishSample({ ...place, size: 300 }), (error: Error & { data?: { reason?: string } }) => {
      assert.ok(isAppError('log-files-unavailable')(error))
      assert.equal(error.data?.reason, 'ENOSPC')
      return true
    })
    assert.equal(await shownSize(place.local), 3)
    rmSync(ballast)
    await publishSample({ ...place, size: 300 })
    assertWhole(place, 300)
  } finally {
    spawnSync('umount', ['-l', place.local])
  }
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
