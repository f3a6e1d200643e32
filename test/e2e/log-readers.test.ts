import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
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
