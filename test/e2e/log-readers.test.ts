import assert from 'node:assert/strict'
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { refreshJob } from '../../src/flows/gate/jobs.ts'
import { settlePrivacy } from '../../src/flows/gate/privacy.ts'
import { createKnownReaders } from '../../src/flows/record/log-readers.ts'
import { type Deployment, startDeployment } from './deployment.ts'

const token = randomBytes(32).toString('base64url')
const withToken = { log: { token: { keystore: 'log-token' } }, secrets: { 'log-token': Buffer.from(`${token}\n`) } }

const ask = (d: Deployment, path: string, authorization?: string): Promise<Response> =>
  fetch(`${d.url}/log/decisions/${path}`, { headers: authorization === undefined ? {} : { authorization } })

/** Governs a private repository from now on. */
async function governPrivate(d: Deployment): Promise<void> {
  d.fake.createRepository('acme', 'node', { files: { 'README.md': 'secret\n' }, private: true })
  d.fake.addCollaborator('acme/node', 'admin', 'admin')
  await d.enrol('acme/node')
}

const statuses = async (d: Deployment, authorization?: string): Promise<number[]> =>
  Promise.all(
    ['checkpoint', 'tile/entries/999', 'none'].map(async (path) => (await ask(d, path, authorization)).status),
  )

const start = (t: TestContext, more: Parameters<typeof startDeployment>[1] = {}): Promise<Deployment> =>
  startDeployment(t, { frozen: true, repositories: ['sdk'], ...more })

test('a log of token holders gives everybody else the one 404, whatever they ask for', async (t) => {
  const d = await start(t, { ...withToken, log: { ...withToken.log, access: 'token' } })
  await d.published()
  const bodies = new Set<string>()
  const strangers = [
    undefined,
    token,
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    'Bearer',
    `Bearer  ${token}`,
  ]
  for (const authorization of strangers)
    for (const path of ['checkpoint', 'tile/0/999', 'none']) {
      const answer = await ask(d, path, authorization)
      assert.equal(answer.status, 404, String(authorization))
      bodies.add(await answer.text())
    }
  assert.equal(bodies.size, 1)
  const holder = await ask(d, 'checkpoint', `Bearer ${token}`)
  assert.equal(holder.status, 200)
  assert.equal(holder.headers.get('vary'), 'authorization')
  assert.equal(holder.headers.get('access-control-allow-origin'), null)
  const { size } = await d.store.log.head()
  const tile = await ask(d, `tile/0/000.p/${size}`, `bearer ${token}`)
  assert.equal(tile.headers.get('cache-control'), 'private, max-age=31536000, immutable')
  assert.ok(!d.logLines.some((line) => line.includes(token)))
})

test('with the first private repository a public log is closed before a head tells of it', async (t) => {
  const d = await start(t)
  await d.published()
  assert.deepEqual(await statuses(d), [200, 404, 404])
  await governPrivate(d)
  await d.published()
  assert.deepEqual(await statuses(d), [404, 404, 404])
  assert.ok(d.logLines.some((line) => line.includes('log-readers') && line.includes('nobody')))
  await d.restart()
  assert.deepEqual(await statuses(d), [404, 404, 404])
})

test('a public log with a private repository is read by holders of the token', async (t) => {
  const d = await start(t, withToken)
  await d.published()
  assert.deepEqual(await statuses(d), [200, 404, 404])
  await governPrivate(d)
  await d.published()
  assert.deepEqual(await statuses(d), [404, 404, 404])
  assert.deepEqual(await statuses(d, `Bearer ${token}`), [200, 404, 404])
})

/** The forge does not tell what a repository is until `end`. */
function breakForge(d: Deployment): { end(): void } {
  d.fake.faults.failNext({ path: '/repositories/\\d+$', status: 404, times: 1_000 })
  return { end: () => d.fake.faults.clear() }
}

const sdk = (d: Deployment) => ({ id: d.repositoryId('acme/sdk'), full_name: 'acme/sdk' })

/** Sends a webhook of our own making. */
async function tellOf(d: Deployment, event: string, payload: object, secret = d.webhookSecret): Promise<number> {
  const body = JSON.stringify(payload)
  const answer = await fetch(`${d.url}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  })
  return answer.status
}

/** What the log answers to a stranger who asks for its newest head. */
const shownTo = async (d: Deployment): Promise<number> => (await ask(d, 'checkpoint')).status

test('a repository that turns private closes a public log with the delivery that says so', async (t) => {
  const d = await start(t)
  await d.published()
  await d.settled()
  assert.equal(await shownTo(d), 200)
  // The forge does not answer: closing needs no look at it.
  const broken = breakForge(d)
  d.fake.setPrivate('acme/sdk', true)
  await d.fake.settled()
  assert.equal(await shownTo(d), 404)
  broken.end()
  await d.restart()
  assert.equal(await shownTo(d), 404)
  assert.equal((await d.store.registry.repository(d.repositoryId('acme/sdk')))?.private, true)

  // That it is public again is believed of the forge only, not of the delivery.
  await d.settled()
  const again = breakForge(d)
  d.fake.setPrivate('acme/sdk', false)
  await d.fake.settled()
  assert.equal(await shownTo(d), 404)
  again.end()
  await d.pass(300_000)
  assert.equal(await shownTo(d), 200)
})

test('any delivery tells that its repository is private, also one that has no effect', async (t) => {
  const d = await start(t)
  await d.published()
  await d.settled()
  d.fake.deliveryFaults.dropNext(1, { event: 'repository' })
  const broken = breakForge(d)
  d.fake.setPrivate('acme/sdk', true)
  await d.fake.settled()
  assert.equal(await shownTo(d), 200)
  assert.equal(await tellOf(d, 'watch', { action: 'started', repository: { ...sdk(d), private: 'yes' } }), 202)
  assert.equal(await shownTo(d), 200)
  assert.equal(await tellOf(d, 'watch', { action: 'started', repository: { ...sdk(d), private: true } }), 202)
  assert.equal(await shownTo(d), 404)
  broken.end()
})

test('a stranger who says that a repository is private closes nothing, nor does one that is not governed', async (t) => {
  const d = await start(t)
  await d.published()
  const payload = { action: 'privatized', repository: { ...sdk(d), private: true } }
  assert.equal(await tellOf(d, 'repository', payload, randomBytes(32)), 401)
  assert.equal(await shownTo(d), 200)
  const other = { id: 999_999, full_name: 'acme/other', private: true }
  assert.equal(await tellOf(d, 'repository', { action: 'privatized', repository: other }), 202)
  assert.equal(await shownTo(d), 200)
})

test('reconciliation closes the log of a repository whose turning private nobody told', async (t) => {
  const d = await start(t)
  await d.published()
  await d.settled()
  d.fake.deliveryFaults.dropNext(1, { event: 'repository', logged: false })
  d.fake.setPrivate('acme/sdk', true)
  await d.settled()
  assert.equal(await shownTo(d), 200)
  await d.pass(300_000)
  assert.equal(await shownTo(d), 404)
  await d.server.events.flush()
  const events = await d.store.security.search({ eventType: 'repository-changed', limit: 10 })
  assert.ok(events.some(({ bytes }) => new TextDecoder().decode(bytes).includes('seen-private')))
})

test('reading the facts of a change closes the log when they say that the repository is private', async (t) => {
  const d = await start(t)
  d.fake.commit('acme/sdk', 'fix', { author: 'alice', files: { 'docs/guide.md': 'hello!\n' } })
  const { number } = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'Typo' })
  await d.settled()
  await d.published()
  d.fake.deliveryFaults.dropNext(1, { event: 'repository', logged: false })
  d.fake.setPrivate('acme/sdk', true)
  await d.settled()
  assert.equal(await shownTo(d), 200)
  await d.store.store.commit([refreshJob(d.repositoryId('acme/sdk'), number, d.clock.now())])
  d.server.runner.wake()
  await d.settled()
  assert.equal(await shownTo(d), 404)
})

test('an answer of the forge that is older than a closing does not open the log again', async (t) => {
  const d = await start(t)
  await d.published()
  await d.settled()
  const id = d.repositoryId('acme/sdk')
  const readers = createKnownReaders({ access: 'public', hasToken: false, ...d.store, telemetry: d.telemetry })
  await readers.refresh()
  const close = async (): Promise<void> => {
    readers.close(id)
    await d.store.store.commit([{ kind: 'repository-private', repository: id, private: true }])
  }
  await close()
  const needs = { ...d.store, readers, events: d.server.events }
  const reader = { isPrivate: async () => (await close(), false) }
  await settlePrivacy({ ...needs, reader }, id)
  assert.equal(readers.now(), 'nobody')
  assert.equal((await d.store.registry.repository(id))?.private, true)
  await settlePrivacy({ ...needs, reader: { isPrivate: async () => false } }, id)
  assert.equal(readers.now(), 'anybody')
})
