import assert from 'node:assert/strict'
import { generateKeyPairSync, createSign } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startScene, type Scene } from './scene.ts'
import type { Json } from './world.ts'

let scene: Scene
before(async () => {
  scene = await startScene({ private: true })
})
after(() => scene.close())

const message = (json: unknown) => (json as { message: string }).message

test('an App JWT is really verified: key, algorithm, lifetime, issuer', async () => {
  const { jwt, call, clock } = scene
  assert.equal((await call('GET', '/app', { auth: jwt() })).status, 200)
  const now = Math.floor(clock.now() / 1000)
  assert.match(message((await call('GET', '/app', { auth: jwt({ exp: now + 660 }) })).json), /too far in the future/)
  assert.equal((await call('GET', '/app', { auth: jwt({ exp: now - 1 }) })).status, 401)
  assert.equal((await call('GET', '/app', { auth: jwt({ iat: now + 120 }) })).status, 401)
  assert.equal((await call('GET', '/app', { auth: jwt({ iss: '99' }) })).status, 404)
  const [head, body] = jwt().split('.')
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const forged = createSign('sha256').update(`${head}.${body}`).sign(other).toString('base64url')
  assert.equal((await call('GET', '/app', { auth: `${head}.${body}.${forged}` })).status, 401)
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  assert.equal((await call('GET', '/app', { auth: `${none}.${body}.` })).status, 401)
})

test('installation tokens end after an hour and never reach beyond their permissions', async () => {
  const { call, token, clock, github } = scene
  const auth = await token()
  assert.equal((await call('GET', '/repos/acme/node', { auth })).status, 200)
  assert.equal((await call('GET', '/repos/acme/node')).status, 404)
  const stranger = github.createToken('mallory')
  assert.equal((await call('GET', '/repos/acme/node', { auth: stranger })).status, 404)
  const narrow = await token({ permissions: { contents: 'read' } })
  assert.equal((await call('GET', '/repos/acme/node/pulls', { auth: narrow })).status, 403)
  assert.equal((await call('POST', '/repos/acme/node/check-runs', { auth: narrow, body: {} })).status, 403)
  assert.equal((await call('POST', '/repos/acme/node/rulesets', { auth, body: {} })).status, 403)
  const wide = await call('POST', `/app/installations/${scene.installationId}/access_tokens`, {
    auth: scene.jwt(),
    body: { permissions: { administration: 'write' } },
  })
  assert.equal(wide.status, 422)
  clock.advance(3_600_000)
  assert.equal((await call('GET', '/repos/acme/node', { auth })).status, 401)
})

test('an unchanged answer is 304 and costs nothing; every answer carries the clock and the quota', async () => {
  const { call, token, clock } = scene
  const auth = await token()
  const first = await call('GET', '/repos/acme/node', { auth })
  assert.equal(first.headers.get('date'), new Date(clock.now()).toUTCString())
  const left = Number(first.headers.get('x-ratelimit-remaining'))
  const again = await call('GET', '/repos/acme/node', {
    auth,
    headers: { 'if-none-match': first.headers.get('etag') ?? '' },
  })
  assert.equal(again.status, 304)
  assert.equal(Number(again.headers.get('x-ratelimit-remaining')), left)
  scene.github.createRuleset('acme/node', { name: 'other', include: ['refs/heads/none'], rules: [] })
  const fresh = await call('GET', '/repos/acme/node/rulesets', {
    auth,
    headers: { 'if-none-match': first.headers.get('etag') ?? '' },
  })
  assert.equal(fresh.status, 200)
  assert.equal(Number(fresh.headers.get('x-ratelimit-remaining')), left - 1)
})

test('limits: the hour is used up, a secondary limit says when to come back, a suspended App gets 403', async () => {
  const { call, token, github, clock, installationId } = scene
  const auth = await token()
  const limited = github.faults.secondaryLimit({ path: '/pulls', retryAfterSeconds: 7 })
  const refused = await call('GET', '/repos/acme/node/pulls', { auth })
  assert.deepEqual([refused.status, refused.headers.get('retry-after'), limited.hits], [403, '7', 1])
  github.faults.exhaustRateLimit(5000)
  const empty = await call('GET', '/repos/acme/node', { auth })
  assert.deepEqual([empty.status, empty.headers.get('x-ratelimit-remaining')], [403, '0'])
  clock.advance(6000)
  assert.equal((await call('GET', '/repos/acme/node', { auth })).status, 200)
  github.suspendInstallation(installationId)
  assert.equal((await call('GET', '/repos/acme/node', { auth })).status, 403)
  assert.equal(
    (await call('POST', `/app/installations/${installationId}/access_tokens`, { auth: scene.jwt() })).status,
    403,
  )
  github.unsuspendInstallation(installationId)
  assert.equal((await call('GET', '/repos/acme/node', { auth })).status, 200)
})

test('a renamed repository redirects by number: 301 for reads, 307 for writes; a transfer ends the reach', async () => {
  const { github, call, token, repositoryId } = scene
  const auth = await token()
  github.renameRepository('acme/node', 'full-node')
  const moved = await call('GET', '/repos/acme/node/branches/main', { auth, redirect: 'manual' })
  assert.equal(moved.status, 301)
  assert.equal(moved.headers.get('location'), `${github.url}/repositories/${repositoryId}/branches/main`)
  assert.equal((await call('GET', '/repos/acme/node/branches/main', { auth })).status, 200)
  assert.equal((await call('POST', '/repos/acme/node/check-runs', { auth, body: {}, redirect: 'manual' })).status, 307)
  github.renameRepository('acme/full-node', 'node')
  github.transferRepository('acme/node', 'other-org')
  assert.equal((await call('GET', `/repositories/${repositoryId}`, { auth })).status, 404)
  github.transferRepository('other-org/node', 'acme')
})

test('rulesets are written by administrators only and listed per branch', async () => {
  const { github, call } = scene
  const rules = [
    { type: 'deletion' },
    {
      type: 'required_status_checks',
      parameters: { required_status_checks: [{ context: 'governance/main', integration_id: 4242 }] },
    },
  ]
  const body = {
    name: 'gate',
    target: 'branch',
    enforcement: 'active',
    conditions: { ref_name: { include: ['~DEFAULT_BRANCH'], exclude: [] } },
    rules,
    bypass_actors: [],
  }
  assert.equal((await call('POST', '/repos/acme/node/rulesets', { auth: github.createToken('bob'), body })).status, 403)
  const made = await call('POST', '/repos/acme/node/rulesets', { auth: github.createToken('alice'), body })
  assert.equal(made.status, 201)
  const { id } = made.json as { id: number }
  const listed = (await call('GET', '/repos/acme/node/rules/branches/main', { auth: github.createToken('bob') }))
    .json as Json[]
  assert.deepEqual(
    listed.map((rule) => rule.type),
    ['deletion', 'required_status_checks'],
  )
  assert.throws(() => github.commit('acme/node', 'main', { author: 'alice', files: { x: '1' } }), /governance\/main/)
  assert.throws(
    () => github.commit('acme/node', 'main', { author: 'bob', files: { x: '1' }, bypass: true }),
    /administrator/,
  )
  github.commit('acme/node', 'main', { author: 'alice', files: { x: '1' }, bypass: true })
  assert.equal(
    (await call('DELETE', `/repos/acme/node/rulesets/${id}`, { auth: github.createToken('alice') })).status,
    204,
  )
})

test('the manifest flow gives a code once, and the App it makes can sign in', async () => {
  const { github, call } = scene
  const manifest = {
    name: 'Gate',
    url: 'http://x',
    redirect_url: 'http://127.0.0.1:1/done',
    hook_attributes: { url: 'http://127.0.0.1:1/hook' },
    default_permissions: { checks: 'write' },
    default_events: ['push'],
  }
  const form = await fetch(`${github.url}/settings/apps/new?state=s1`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'user-agent': 'browser' },
    body: new URLSearchParams({ manifest: JSON.stringify(manifest) }),
  })
  const target = new URL(form.headers.get('location') ?? '')
  assert.equal(target.searchParams.get('state'), 's1')
  const path = `/app-manifests/${target.searchParams.get('code')}/conversions`
  const made = await call('POST', path)
  const app = made.json as { id: number; pem: string; webhook_secret: string; permissions: Json }
  assert.equal(made.status, 201)
  assert.match(app.pem, /BEGIN RSA PRIVATE KEY/)
  assert.deepEqual(app.permissions, { checks: 'write' })
  assert.equal((await call('POST', path)).status, 404)
  const now = Math.floor(scene.clock.now() / 1000)
  const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'RS256' })}.${part({ iat: now, exp: now + 60, iss: app.id })}`
  const auth = `${text}.${createSign('sha256').update(text).sign(app.pem).toString('base64url')}`
  assert.equal(((await call('GET', '/app', { auth })).json as { slug: string }).slug, 'gate')
})

test('requests without a User-Agent and unknown API versions are refused; accounts are found by number', async () => {
  const { call, github, token } = scene
  const auth = await token()
  assert.equal((await call('GET', '/meta', { auth, headers: { 'x-github-api-version': '1999-01-01' } })).status, 400)
  assert.equal(
    (await call('GET', '/meta', { auth, headers: { 'user-agent': 'x', 'x-github-api-version': '2022-11-28' } })).status,
    200,
  )
  const { id } = github.renameUser('carol', 'caroline')
  github.createUser('carol')
  assert.equal(((await call('GET', `/user/${id}`, { auth })).json as { login: string }).login, 'caroline')
  assert.notEqual(((await call('GET', '/users/carol', { auth })).json as { id: number }).id, id)
})
