import assert from 'node:assert/strict'
import { createVerify, generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { appKeyPem, startStage } from '../../../test/fakes/github-stage.ts'
import type { CommitId, Instant, RepositoryId } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import type { Timers } from '../../flows/ports.ts'
import { createApiAddress, path } from './api-address.ts'
import { createAppJwt } from './app-jwt.ts'
import { createGitHub } from './github.ts'
import { exchangeManifestCode } from './manifest.ts'

const refused = async (run: Promise<unknown>): Promise<AppError> => {
  try {
    await run
  } catch (error) {
    assert.ok(error instanceof AppError, String(error))
    return error
  }
  throw new Error('it resolved')
}
const codeOf = async (run: Promise<unknown>): Promise<string> => (await refused(run)).code

/** Fifty times faster than it is asked for. */
const timers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms / 50)
    return () => clearTimeout(timer)
  },
}

const content = { conclusion: 'failure', title: 't', summary: 's' } as const

test('the App JWT is RS256, a minute old, ten minutes long, from PKCS#1 and PKCS#8 alike', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const now = Date.UTC(2026, 0, 1) as Instant
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const pem = privateKey.export({ type, format: 'pem' }).toString()
    const jwt = createAppJwt({ appId: 7, privateKey: () => Promise.resolve(pem), clock: { now: () => now } })
    const [head = '', body = '', signature = ''] = (await jwt.current()).split('.')
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
    assert.deepEqual(decode(head), { alg: 'RS256', typ: 'JWT' })
    assert.deepEqual(decode(body), { iat: now / 1000 - 60, exp: now / 1000 + 540, iss: '7' })
    assert.ok(createVerify('sha256').update(`${head}.${body}`).verify(publicKey, Buffer.from(signature, 'base64url')))
  }
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  for (const pem of ['secret', elliptic.export({ type: 'pkcs8', format: 'pem' }).toString()]) {
    const jwt = createAppJwt({ appId: 7, privateKey: () => Promise.resolve(pem), clock: { now: () => now } })
    const error = await refused(jwt.current())
    assert.equal(error.code, 'config-invalid')
    assert.ok(
      !JSON.stringify([error.message, error.cause ?? null, error.stack]).includes(pem),
      'T59 no key in an error',
    )
  }
})

test('one installation token serves many requests, and a new one is made when its hour or the clock has gone', async (t) => {
  const { fake, github, repository, clock } = await startStage(t)
  const made = () => fake.requests.since(0, { kind: 'auth' }).length
  await Promise.all([1, 2, 3, 4].map(() => github.history.branchTip(repository, 'main')))
  assert.equal(made(), 1)
  clock.at += 56 * 60_000
  await github.history.branchTip(repository, 'main')
  assert.equal(made(), 2)
  clock.at += 90 * 86_400_000
  await github.history.branchTip(repository, 'main')
  assert.equal(made(), 3)
})

test('a token that the forge no longer takes is made anew once, also for a write', async (t) => {
  const { fake, connect, repository, clock } = await startStage(t)
  const head = fake.branch('acme/node', 'main') as CommitId
  // The adapter's clock is behind the forge's: only the forge knows that the token has run out.
  const github = connect({ clock: { now: () => (clock.at - 400_000) as Instant } })
  await github.checks.list(repository, head, 'x')
  clock.at += 3_650_000
  const mark = fake.requests.mark()
  assert.deepEqual(await github.checks.list(repository, head, 'x'), [])
  assert.deepEqual(
    fake.requests.since(mark).map((one) => one.status),
    [401, 201, 304],
  )
  const stale = fake.faults.failNext({
    method: 'POST',
    path: '/check-runs$',
    status: 401,
    body: { message: 'Bad credentials' },
  })
  await github.checks.create(repository, head, 'x', content, null)
  assert.equal(stale.hits, 1)
  assert.equal(fake.checkRuns('acme/node', head).length, 1)
  fake.faults.failNext({ path: '/branches/', status: 401, times: 9, body: { message: 'Bad credentials' } })
  assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-forbidden')
})

test('an unchanged answer is asked for conditionally and costs no quota', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const first = await github.history.branchTip(repository, 'main')
  const mark = fake.requests.mark()
  assert.deepEqual(await github.history.branchTip(repository, 'main'), first)
  assert.deepEqual(
    fake.requests.since(mark).map((one) => one.notModified),
    [true],
  )
  fake.commit('acme/node', 'main', { files: { x: 'y' }, author: 'bob' })
  assert.notDeepEqual(await github.history.branchTip(repository, 'main'), first)
})

test('a secondary limit stops requests until its end, which the error tells', async (t) => {
  const { fake, github, repository, clock } = await startStage(t)
  await github.history.branchTip(repository, 'main')
  fake.faults.secondaryLimit({ retryAfterSeconds: 90 })
  const error = await refused(github.history.branchTip(repository, 'main'))
  assert.deepEqual([error.code, error.retryAt], ['forge-rate-limited', clock.at + 90_000])
  const mark = fake.requests.mark()
  assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-rate-limited')
  const head = fake.branch('acme/node', 'main') as CommitId
  assert.equal(await codeOf(github.checks.create(repository, head, 'x', content, null)), 'forge-rate-limited')
  assert.equal(fake.requests.since(mark).length, 0, 'nothing was sent meanwhile')
  clock.at += 90_000
  await github.history.branchTip(repository, 'main')
})

test('a limit without Retry-After means a minute, and a short one is waited for', async (t) => {
  const { fake, github, repository, clock } = await startStage(t)
  fake.faults.failNext({
    path: '/branches/',
    status: 403,
    body: { message: 'You have exceeded a secondary rate limit' },
  })
  const error = await refused(github.history.branchTip(repository, 'main'))
  assert.deepEqual([error.code, error.retryAt], ['forge-rate-limited', clock.at + 60_000])
  clock.at += 60_000
  fake.faults.secondaryLimit({ retryAfterSeconds: 0 })
  await github.history.branchTip(repository, 'main')
  fake.faults.secondaryLimit({ retryAfterSeconds: 0, times: 50 })
  assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-rate-limited')
})

test('a used-up quota is told with its reset, and its last request already stops the next', async (t) => {
  const { fake, github, repository, clock } = await startStage(t, { settings: { rateLimit: 3 } })
  const names = ['a', 'b', 'c'].map((name) => fake.createBranch('acme/node', name, 'main', 'acme') && name)
  for (const name of names) await github.history.branchTip(repository, name)
  const mark = fake.requests.mark()
  const error = await refused(github.history.branchTip(repository, 'main'))
  assert.equal(error.code, 'forge-rate-limited')
  assert.equal(error.retryAt, clock.at + 3_600_000)
  assert.equal(fake.requests.since(mark).length, 0)
})

test('reads are tried three times, with pauses; writes once', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const head = fake.branch('acme/node', 'main') as CommitId
  for (const kind of ['status', 'reset'] as const) {
    const twice = fake.faults.failNext({ path: '/branches/', kind, status: 502, times: 2 })
    await github.history.branchTip(repository, 'main')
    assert.equal(twice.hits, 2, kind)
    const always = fake.faults.failNext({ path: '/branches/', kind, status: 502, times: 3 })
    assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-unavailable', kind)
    assert.equal(always.hits, 3, kind)
    const write = fake.faults.failNext({ method: 'POST', path: '/check-runs$', kind, status: 502, times: 9 })
    assert.equal(await codeOf(github.checks.create(repository, head, 'x', content, null)), 'forge-ambiguous', kind)
    assert.equal(write.hits, 1, kind)
    fake.faults.clear()
  }
  assert.deepEqual(fake.checkRuns('acme/node', head), [])
})

test('a write that took effect without an answer is ambiguous, whatever way the answer was lost', async (t) => {
  const stage = await startStage(t)
  const { fake, repository } = stage
  const head = fake.branch('acme/node', 'main') as CommitId
  const github = stage.connect({ timeoutMs: 50 * 300 })
  for (const [at, kind] of (['status', 'timeout', 'reset'] as const).entries()) {
    fake.faults.failButApply({ method: 'POST', path: '/check-runs$', kind })
    assert.equal(await codeOf(github.checks.create(repository, head, 'x', content, null)), 'forge-ambiguous', kind)
    assert.equal(fake.checkRuns('acme/node', head).length, at + 1)
    fake.faults.failButApply({ method: 'PATCH', kind })
    const [run] = await github.checks.list(repository, head, 'x')
    assert.ok(run)
    const update = github.checks.update(repository, run.id, 'x', { ...content, title: kind }, null)
    assert.equal(await codeOf(update), 'forge-ambiguous', kind)
    assert.equal(fake.checkRuns('acme/node', head)[0]?.title, kind)
  }
})

test('a write that cannot have been sent is unavailable, not ambiguous', async (t) => {
  const gone = await hostile(t, () => {})
  await gone.close()
  const ports = {
    clock: { now: () => Date.now() as Instant },
    timers,
    random: { bytes: (count: number) => new Uint8Array(count) },
  }
  const write = exchangeManifestCode(`http://127.0.0.1:${gone.port}`, 'code', ports)
  assert.equal(await codeOf(write), 'forge-unavailable')
})

test('a suspended installation, a removed one, and missing permissions have their own codes', async (t) => {
  const { fake, github, repository, connect } = await startStage(t)
  await github.history.branchTip(repository, 'main')
  fake.suspendInstallation(repository.installation)
  fake.commit('acme/node', 'main', { files: { x: 'y' }, author: 'bob' })
  assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-suspended')
  assert.equal(await codeOf(connect().history.branchTip(repository, 'main')), 'forge-suspended')
  fake.unsuspendInstallation(repository.installation)
  await github.history.branchTip(repository, 'main')
  fake.setPermissions(repository.installation, { contents: 'read', metadata: 'read' })
  assert.equal(await codeOf(connect().history.branchTip(repository, 'main')), 'forge-forbidden')
  fake.deleteInstallation(repository.installation)
  assert.equal(await codeOf(github.history.branchTip(repository, 'main')), 'forge-not-found')
})

test('Enterprise Server: REST below /api/v3, GraphQL beside it', async (t) => {
  const stage = await startStage(t)
  const { fake, repository } = stage
  fake.commit('acme/node', 'topic', { files: { x: 'y' }, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T' })
  const github = stage.connect({ apiUrl: `${fake.url}/api/v3` })
  assert.equal((await github.reader.change(repository, number, null)).commits.length, 1)
  const paths = stage.counted().map((note) => note.path)
  assert.ok(paths.includes('/api/graphql'))
  assert.ok(paths.every((one) => one === '/api/graphql' || one.startsWith('/api/v3/repositories/')))
})

/** A server that answers everything as the test wants, and remembers who asked with which token. */
async function hostile(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: { readonly url: string; readonly authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', authorization: request.headers.authorization })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  t.after(close)
  return { seen, port: (server.address() as AddressInfo).port, close }
}

const lone = (apiUrl: string) =>
  createGitHub({
    apiUrl,
    appId: 1,
    privateKey: () => Promise.resolve(appKeyPem),
    clock: { now: () => Date.now() as Instant },
    timers,
    random: { bytes: (count) => new Uint8Array(count) },
    timeoutMs: 50 * 2_000,
  })

test('T60 a redirect to another host, port, scheme or out of the API is refused and its target never asked', async (t) => {
  const thief = await hostile(t, (_, response) => response.end('{}'))
  let location = ''
  const forge = await hostile(t, (_, response) => response.writeHead(301, { location }).end('{}'))
  const github = lone(`http://127.0.0.1:${forge.port}/api/v3`)
  for (location of [
    `http://127.0.0.1:${thief.port}/api/v3/app`,
    `http://localhost:${forge.port}/api/v3/app`,
    `https://127.0.0.1:${forge.port}/api/v3/app`,
    `http://a:b@127.0.0.1:${forge.port}/api/v3/app`,
    `//127.0.0.1:${thief.port}/api/v3/app`,
    '/_internal/metadata',
    '/api/v3/../../latest/meta-data',
    'file:///etc/passwd',
    '',
  ]) {
    const before = forge.seen.length
    const error = await refused(github.admin.app())
    assert.deepEqual([error.code, error.data.reason], ['forge-rejected', 'redirect'], location)
    assert.equal(forge.seen.length, before + 1, location)
  }
  assert.deepEqual(thief.seen, [])
  location = '/api/v3/app'
  const before = forge.seen.length
  assert.equal(await codeOf(github.admin.app()), 'forge-rejected')
  assert.ok(forge.seen.length <= before + 4, 'a loop ends')
})

test('T60 a Link header gives numbers, never an address', async (t) => {
  const thief = await hostile(t, (_, response) => response.end('[]'))
  const forge = await hostile(t, (request, response) => {
    const isFirst = !(request.url ?? '').includes('cursor')
    const next = `<http://127.0.0.1:${thief.port}/steal?cursor=v1&per_page=100>; rel="next"`
    response.writeHead(200, isFirst ? { link: next } : {}).end('[]')
  })
  assert.deepEqual(await lone(`http://127.0.0.1:${forge.port}`).deliveries.list(0 as Instant), [])
  assert.deepEqual(thief.seen, [])
  assert.deepEqual(
    forge.seen.map((one) => one.url),
    ['/app/hook/deliveries?per_page=100', '/app/hook/deliveries?per_page=100&cursor=v1'],
  )
})

test('T60 names cannot climb out of their place in a path', async (t) => {
  const { github, repository, counted } = await startStage(t)
  for (const name of ['../app', 'acme/..', './x', 'acme/node/../../app', '', 'acme']) {
    assert.equal(await codeOf(github.admin.resolve(name)), 'forge-not-found', name)
  }
  for (const ref of ['../../app', 'a/../b', '']) {
    assert.equal(await codeOf(github.history.branchTip(repository, ref)), 'forge-not-found', ref)
  }
  assert.equal(await github.admin.account('../app'), null)
  assert.deepEqual(counted(), [], 'nothing was asked')
  assert.equal(path`/x/${'a/b?c#d'}`, '/x/a%2Fb%3Fc%23d')
})

test('api_url is https, or http on the loopback, and nothing more than host and path', () => {
  const code = (url: string) => {
    try {
      return createApiAddress(url).graphql.href
    } catch (error) {
      return error instanceof AppError ? error.code : String(error)
    }
  }
  assert.equal(code('https://api.github.com'), 'https://api.github.com/graphql')
  assert.equal(code('https://api.github.com/'), 'https://api.github.com/graphql')
  assert.equal(code('https://ghe.example/api/v3'), 'https://ghe.example/api/graphql')
  assert.equal(code('https://ghe.example/api/v3/'), 'https://ghe.example/api/graphql')
  for (const url of ['http://api.github.com', 'ftp://x', 'x', 'https://u:p@x', 'https://x/?a=b', 'https://x/#a']) {
    assert.equal(code(url), 'config-invalid', url)
  }
})

test('an endless answer and an answer that never comes end in bounded time and memory', async (t) => {
  const endless = await hostile(t, (_, response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(1024 * 1024, 0x20)
    const more = () => {
      while (response.writable && response.write(chunk)) {}
    }
    response.on('drain', more)
    more()
  })
  assert.equal(await codeOf(lone(`http://127.0.0.1:${endless.port}`).admin.app()), 'forge-incomplete')
  const silent = await hostile(t, () => {})
  const github = createGitHub({
    apiUrl: `http://127.0.0.1:${silent.port}`,
    appId: 1,
    privateKey: () => Promise.resolve(appKeyPem),
    clock: { now: () => Date.now() as Instant },
    timers,
    random: { bytes: (count) => new Uint8Array(count) },
    timeoutMs: 50 * 100,
  })
  assert.equal(await codeOf(github.admin.app()), 'forge-unavailable')
  assert.equal(silent.seen.length, 3)
})

test('no more than twenty requests run at once, and every one is answered', async (t) => {
  let running = 0
  let most = 0
  const forge = await hostile(t, (request, response) => {
    most = Math.max(most, ++running)
    setTimeout(() => {
      running--
      const isToken = (request.url ?? '').endsWith('access_tokens')
      const tip = { name: 'x', commit: { sha: 'a'.repeat(40), commit: { tree: { sha: 'b'.repeat(40) } } } }
      response.end(JSON.stringify(isToken ? { token: 't', expires_at: '2100-01-01T00:00:00Z' } : tip))
    }, 5)
  })
  const github = lone(`http://127.0.0.1:${forge.port}`)
  const repository = { id: 1 as RepositoryId, name: 'a/b', installation: 1 }
  await Promise.all(Array.from({ length: 100 }, (_, at) => github.history.branchTip(repository, `b${at}`)))
  assert.equal(forge.seen.length, 101)
  assert.ok(most <= 20 && most > 10, `${most}`)
})
