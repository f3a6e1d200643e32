/** The real server on a disk that is slow and never fails, while people work and somebody outside watches. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { dataFiles } from '../../src/compose-deployment.ts'
import { appId, origin } from '../e2e/deployment.ts'
import { startLoad } from './gate-load.ts'
import { prepareGate } from './gate-process.ts'
import { until } from './green.ts'
import { checkEnd, read, settle } from './killed-gate.ts'
import { watchLog } from './log-watcher.ts'

const slowDisk = pathToFileURL(join(import.meta.dirname, 'slow-disk.ts')).href

interface Ready {
  readonly ready: boolean
  readonly published: boolean
}

/**
 * `people` work for `forMs` before a disk whose every sync takes `syncMs` longer. No webhook is refused; what is shown outside
 * grows, never ahead of the database and never without its files; readiness says when it is behind; a stop drains.
 */
export async function workOnSlowDisk(
  t: TestContext,
  { syncMs, forMs, people }: { readonly syncMs: number; readonly forMs: number; readonly people: number },
): Promise<void> {
  const gate = await prepareGate(t, { flags: ['--import', `${slowDisk}?ms=${syncMs}`] })
  const watcher = watchLog(dataFiles(gate.directory).decisions, origin, gate.logKey)
  t.after(() => watcher.stop())
  // The forge told of the installation before there was a server.
  const early = new Set(gate.fake.deliveries(appId).map(({ guid }) => guid))
  assert.ok(await gate.start())
  const load = startLoad(gate, { patienceMs: 120_000 })
  load.enter(people)
  const told: Ready[] = []
  let shownSize = 0
  const look = async (): Promise<void> => {
    told.push((await (await fetch(`${gate.url}/readyz`)).json()) as Ready)
    const shown = (await watcher.checkShown())?.size ?? 0
    assert.ok(shown >= shownSize, `a head of size ${shown} is shown after one of ${shownSize}`)
    assert.ok(shown <= read(gate).signedSize, 'a head is shown that the database has not')
    shownSize = shown
  }
  for (const end = Date.now() + forMs; Date.now() < end; ) await look()
  await load.finish()
  await settle(gate)
  checkEnd(gate, load)
  assert.deepEqual(
    gate.fake
      .deliveries(appId)
      .filter(({ guid, statusCode }) => !early.has(guid) && (statusCode < 200 || statusCode > 299))
      .map(({ event, status }) => `${event}: ${status}`),
    [],
    'a webhook was not acknowledged',
  )
  assert.ok(
    told.every(({ ready }) => ready),
    'slow is not unfit',
  )
  assert.ok(
    told.some(({ published }) => !published),
    'readiness never said that the files are behind',
  )
  // A pull request is acknowledged once it is durable.
  const acknowledged = gate.fake
    .deliveries(appId)
    .filter(({ guid, event }) => !early.has(guid) && event === 'pull_request')
  const fastestMs = Math.min(...acknowledged.map(({ durationMs }) => durationMs))
  assert.ok(fastestMs >= syncMs, `a durable write took ${fastestMs} ms: the disk was not slow`)
  await until('everything is published', async () => (await watcher.checkShown())?.size === read(gate).signedSize)
  await until('readiness says so', async () => {
    await look()
    return told.at(-1)?.published === true
  })
  // The last word of the server is recorded and published before it ends.
  assert.equal(await gate.stop(), 0)
  const { signedSize, faults } = read(gate)
  assert.deepEqual(faults, [])
  assert.equal((await watcher.checkShown())?.size, signedSize)
  await watcher.checkAll()
  assert.ok(load.greens().length > 0, 'nothing turned green: it proves nothing')
  t.diagnostic(
    `${syncMs} ms a sync: ${load.acknowledged().size} webhooks acknowledged, ${load.greens().length} greens, ` +
      `${signedSize} entries, ${watcher.seen} heads seen outside, behind in ${told.filter(({ published }) => !published).length} of ${told.length} looks`,
  )
}
