import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { dayMs, decodeUtf8, parseCheckpointBody, parseSignedNote } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { LogFiles } from '../../src/flows/ports.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { act } from './signing.ts'

interface Act {
  readonly place: string
  readonly path: string
  readonly size: number | null
}

function sizeOf(note: Uint8Array): number {
  const parsed = parseSignedNote(note)
  assert.ok(parsed.ok)
  const body = parseCheckpointBody(parsed.text)
  assert.ok(body.ok)
  return body.checkpoint.size
}

/** Notes what became durable at a place, in order. */
function observed(place: string, acts: Act[]): LogFiles {
  const files = memoryLogFiles()
  return {
    ...files,
    async write(path, bytes) {
      await files.write(path, bytes)
      acts.push({ place, path, size: null })
    },
    async replaceCheckpoint(note) {
      await files.replaceCheckpoint(note)
      acts.push({ place, path: 'checkpoint', size: sizeOf(note) })
    },
  }
}

/** A place that can be taken away and brought back. */
function removable(): {
  readonly files: LogFiles
  readonly held: Map<string, Uint8Array>
  set(isThere: boolean): void
} {
  const held = memoryLogFiles()
  let isThere = true
  const guard = async (): Promise<void> => {
    if (!isThere) throw new AppError('log-files-unavailable', 'the place is away')
  }
  return {
    files: {
      read: (path) => guard().then(() => held.read(path)),
      write: (path, bytes) => guard().then(() => held.write(path, bytes)),
      replaceCheckpoint: (note) => guard().then(() => held.replaceCheckpoint(note)),
      remove: (path) => guard().then(() => held.remove(path)),
      partials: (path) => guard().then(() => held.partials(path)),
    },
    held: held.files,
    set: (value) => {
      isThere = value
    },
  }
}

async function openChange(d: Deployment, branch: string, path = 'docs/guide.md') {
  d.fake.commit('acme/sdk', branch, { author: 'alice', message: branch, files: { [path]: `${branch}\n` } })
  const pull = d.fake.openPullRequest({ repo: 'acme/sdk', head: branch, author: 'alice', title: branch })
  await d.settled()
  return pull
}

/** Everything but time: the change passes once its review period is over. */
async function approveAll(d: Deployment, number: number): Promise<void> {
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', number, person)
}

const ready = async (d: Deployment) =>
  (await (await fetch(`${d.url}/readyz`)).json()) as {
    readonly ready: boolean
    readonly unwitnessed: boolean
    readonly offHost: boolean | null
  }

const periodMs = 14 * dayMs + 1_000

/** A change that everybody approved, over a log whose off-host copy is complete. */
async function approvedChange(t: TestContext) {
  const place = removable()
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], offHost: place.files })
  const pull = await openChange(d, 'fix')
  await approveAll(d, pull.number)
  await d.server.publisher.publish()
  return { place, d, pull, shown: () => d.check('acme/sdk', pull.headSha) }
}

/** A change that came to pass while the off-host copy was away, and the moment that it is given is over. */
async function passedAway(t: TestContext) {
  const scene = await approvedChange(t)
  scene.place.set(false)
  await scene.d.pass(periodMs)
  assert.notEqual(scene.shown()?.conclusion, 'success')
  await scene.d.pass(2_000)
  assert.match(scene.shown()?.title ?? '', /^Recording: waits for the off-host copy/)
  return scene
}

test('every file of a head is off-host before the head is, and the head is there before the public sees it', async (t) => {
  const acts: Act[] = []
  const local = observed('local', acts)
  const d = await startDeployment(t, { repositories: ['sdk'], logFiles: local, offHost: observed('off-host', acts) })
  const pull = await openChange(d, 'fix')
  await approveAll(d, pull.number)
  await d.server.publisher.publish()
  const heads = acts.filter(({ place, path }) => place === 'local' && path === 'checkpoint')
  assert.ok(heads.length > 1)
  for (const head of heads) {
    const before = acts.slice(0, acts.indexOf(head))
    const elsewhere = before.filter(({ place }) => place === 'off-host')
    assert.ok(
      elsewhere.some(({ path, size }) => path === 'checkpoint' && size !== null && size >= (head.size ?? 0)),
      `the head over ${head.size} entries`,
    )
    for (const { place, path } of before)
      if (place === 'local' && path !== 'checkpoint')
        assert.ok(
          elsewhere.some((act) => act.path === path),
          path,
        )
  }
  for (const [index, { place, path, size }] of acts.entries()) {
    if (place !== 'off-host' || path !== 'checkpoint') continue
    const bundle = acts.findIndex((act) => act.place === place && act.path === `tile/entries/000.p/${size}`)
    assert.ok(bundle >= 0 && bundle < index, `the entries under the head over ${size}`)
  }
})

test('a verdict that passes says recording until its entry is off-host, and turns green by itself when it is', async (t) => {
  const { place, d, shown } = await passedAway(t)
  const [verdict] = await d.store.log.find({ type: 'verdict', limit: 1 })
  assert.match(Buffer.from(verdict?.bytes ?? []).toString(), /"outcome":"pass"/)
  assert.equal(shown()?.conclusion, 'action_required')
  await assert.rejects(d.server.publisher.publish(), { code: 'log-files-unavailable' })
  await d.pass(600_000)
  assert.equal(shown()?.conclusion, 'action_required')

  place.set(true)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(shown()?.conclusion, 'success')
})

test('a copy that falls behind is seen at once: in the readiness and in the measurements', async (t) => {
  const { place, d } = await approvedChange(t)
  await d.server.events.flush()
  await d.server.securityCopy?.publish()
  await d.server.publisher.publish()
  assert.deepEqual(await ready(d).then((told) => [told.ready, told.offHost]), [true, true])
  const lag = () =>
    d.telemetry
      .snapshot()
      .histograms.find(({ name, labels }) => name === 'log_off_host_lag' && labels.log === 'decisions')
  const before = lag()
  place.set(false)
  await d.pass(periodMs)
  await assert.rejects(d.server.publisher.publish(), { code: 'log-files-unavailable' })
  assert.deepEqual(await ready(d).then((told) => [told.ready, told.offHost]), [true, false])
  assert.ok((lag()?.sum ?? 0) > (before?.sum ?? 0))
})

test('recording outlives a restart', async (t) => {
  const { place, d, shown } = await passedAway(t)
  place.set(true)
  await d.restart()
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(shown()?.conclusion, 'success')
})

test('what lowers trust does not wait for the off-host copy, nor does a red check', async (t) => {
  const { place, d, pull, shown } = await approvedChange(t)
  await d.pass(periodMs)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(shown()?.conclusion, 'success')

  place.set(false)
  const [first] = d.of('layer-5')
  assert.ok(first)
  assert.equal(await act(d, 'acme/sdk', pull.number, first, { decision: 'withdraw' }), 'ok')
  assert.notEqual(shown()?.conclusion, 'success')
  assert.doesNotMatch(shown()?.title ?? '', /^Recording/)
  const other = await openChange(d, 'other', 'rpc/methods.ts')
  assert.equal(d.check('acme/sdk', other.headSha)?.conclusion, 'action_required')
})

test('T47 a start asks the off-host copy first: away, empty or of another log, nothing is signed', async (t) => {
  const place = removable()
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], offHost: place.files })
  place.set(false)
  await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  place.set(true)
  await d.restart()
  assert.equal((await ready(d)).unwitnessed, false)

  const other = await startDeployment(t, { frozen: true, origin: 'other.example.org/decisions' })
  const foreign = await other.store.log.checkpoint()
  // A server that ends says so in the log, and publishes that.
  await d.server.stop(2_000)
  await place.files.replaceCheckpoint(Buffer.from(foreign?.note ?? ''))
  await assert.rejects(d.restart(), { code: 'log-file-differs' })
  const { size } = await d.store.log.head()
  // The refused server is stopped here, and may not even say that in the log.
  await assert.rejects(d.restart(), { code: 'log-file-differs' })
  assert.equal((await d.store.log.head()).size, size)
  // What a place looks like that is not mounted.
  place.held.clear()
  await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  assert.equal((await d.store.log.head()).size, size)
  assert.equal(place.held.size, 0)
  assert.equal((await ready(other)).unwitnessed, true)
  other.fake.commit('acme/node', 'fix', { author: 'alice', message: 'fix', files: { 'docs/guide.md': 'x' } })
  const pull = other.fake.openPullRequest({ repo: 'acme/node', head: 'fix', author: 'alice', title: 'fix' })
  await other.settled()
  assert.match(other.check('acme/node', pull.headSha)?.summary ?? '', /The log is unwitnessed/)
})

const securityAnchors = async (d: Deployment): Promise<number[]> =>
  (await d.store.log.find({ type: 'security-checkpoint', limit: 100 })).map(({ bytes }) => {
    const { data } = JSON.parse(new TextDecoder().decode(bytes)) as { data: { size: number } }
    return data.size
  })

test('security events are off-host, files before heads, before the public log tells of their head, and never in public', async (t) => {
  const acts: Act[] = []
  const local = observed('local', acts)
  const copies = { offHost: observed('decisions', acts), offHostSecurity: observed('security', acts) }
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], logFiles: local, ...copies })
  await openChange(d, 'fix')
  await d.server.events.flush()
  await d.server.securityCopy?.publish()
  const heads = acts.flatMap(({ place, size }, index) =>
    place === 'security' && size !== null ? [{ size, index }] : [],
  )
  assert.equal(heads.at(-1)?.size, (await d.store.security.head()).size)
  for (const { size, index } of heads)
    assert.ok(
      acts.slice(0, index).some(({ place, path }) => place === 'security' && path === `tile/entries/000.p/${size}`),
      `the events under the head over ${size}`,
    )
  assert.match(
    decodeUtf8((await copies.offHostSecurity.read('checkpoint')) ?? new Uint8Array()) ?? '',
    /^gov\.example\.org\/decisions\/security\n/,
  )
  await d.server.stop(2_000)
  const anchors = await securityAnchors(d)
  const copied = acts.filter(({ place, size }) => place === 'security' && size !== null).map(({ size }) => size)
  assert.ok(anchors.length > 0)
  for (const size of anchors) assert.ok(copied.includes(size), `the anchored head over ${size}`)
})

test('while the copy of the security log is away its heads are not anchored, and the outage is an event of that log', async (t) => {
  const place = removable()
  const d = await startDeployment(t, {
    frozen: true,
    repositories: ['sdk'],
    offHost: memoryLogFiles(),
    offHostSecurity: place.files,
  })
  await d.server.events.flush()
  await d.server.securityCopy?.publish()
  const copied = d.server.securityCopy?.published().offHostSize ?? 0
  place.set(false)
  const pull = await openChange(d, 'fix')
  // Deciding does not wait for it.
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'action_required')
  await d.pass(600_000)
  await d.server.events.flush()
  await assert.rejects(d.server.securityCopy?.publish() ?? Promise.resolve(), { code: 'log-files-unavailable' })
  assert.ok((await d.store.security.head()).size > copied)
  for (const size of await securityAnchors(d)) assert.ok(size <= copied, `${size} of ${copied}`)
  await d.server.events.flush()
  const failed = await d.store.security.search({ eventType: 'off-host-failed', limit: 10 })
  assert.deepEqual(
    failed.map(({ subject }) => subject),
    ['log:security'],
  )
  place.set(true)
  await d.server.securityCopy?.publish()
  await d.pass(600_000)
  await d.server.events.flush()
  assert.ok(Math.max(...(await securityAnchors(d))) > copied)
})

test('T47 a start asks the copy of the security log too: away or empty, nothing is signed', async (t) => {
  const place = removable()
  const d = await startDeployment(t, {
    frozen: true,
    repositories: ['sdk'],
    offHost: memoryLogFiles(),
    offHostSecurity: place.files,
  })
  const size = async (): Promise<number[]> => [(await d.store.log.head()).size, (await d.store.security.head()).size]
  place.set(false)
  await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  // The server that ran said that it ended; the refused one may not.
  const before = await size()
  place.set(true)
  place.held.clear()
  await assert.rejects(d.restart(), { code: 'log-files-unavailable' })
  assert.deepEqual(await size(), before)
})
