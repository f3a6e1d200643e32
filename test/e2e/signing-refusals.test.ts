import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../src/flows/app-error.ts'
import type { LogFiles } from '../../src/flows/ports.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { openChange } from '../fault/green.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { type Deployment, startDeployment } from './deployment.ts'

async function refusalsIn(d: Deployment): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await d.server.events.flush()
  return (await decodeEntries(d.store.security))
    .filter(({ type }) => type === 'log-signing-refused')
    .map(({ data }) => data.details as Readonly<Record<string, unknown>>)
}

test('T47 starts that were refused are entries of the security log since the first that was not, each kind once', async (t) => {
  const held = memoryLogFiles()
  let isThere = true
  const guarded = <T>(act: () => Promise<T>): Promise<T> =>
    isThere ? act() : Promise.reject(new AppError('log-files-unavailable', 'the place is away'))
  const place: LogFiles = {
    read: (path) => guarded(() => held.read(path)),
    write: (path, bytes) => guarded(() => held.write(path, bytes)),
    replaceCheckpoint: (note) => guarded(() => held.replaceCheckpoint(note)),
    remove: (path) => guarded(() => held.remove(path)),
    partials: (path) => guarded(() => held.partials(path)),
  }
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], offHost: place })
  await openChange(d)
  await d.published()
  // A server that ends says so in the log, once more where it was stopped already.
  await d.server.stop(2_000)
  await d.server.stop(2_000)
  isThere = false
  await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  const { size } = await d.store.log.head()
  for (let tries = 0; tries < 2; tries++) await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  isThere = true
  const newest = await held.read('checkpoint')
  const other = await startDeployment(t, { frozen: true, origin: 'other.example.org/decisions' })
  await held.replaceCheckpoint(Buffer.from((await other.store.log.checkpoint())?.note ?? ''))
  for (let tries = 0; tries < 2; tries++) await assert.rejects(d.restart(), { code: 'log-file-differs' })
  assert.equal((await d.store.log.head()).size, size)
  assert.ok(newest)
  await held.replaceCheckpoint(newest)
  d.clock.advance(1_000)
  await d.restart()
  const at = d.clock.now() - 1_000
  assert.deepEqual(await refusalsIn(d), [
    { code: 'log-files-unavailable', known: null, size, refusedAt: at },
    { code: 'log-file-differs', known: null, size, refusedAt: at },
  ])
  await d.restart()
  assert.equal((await refusalsIn(d)).length, 2)
})
