import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import test from 'node:test'
import { AppError } from '../../src/flows/app-error.ts'
import { guid, openConnection, sign, startServer, webhookSecret } from './http-server.ts'

type Example = { readonly name: string; readonly examples: readonly Record<string, unknown>[] }
const examples = JSON.parse(
  readFileSync(
    new URL('../../node_modules/@octokit/webhooks-examples/api.github.com/index.json', import.meta.url),
    'utf8',
  ),
) as readonly Example[]
const example = (event: string): string => JSON.stringify(examples.find(({ name }) => name === event)?.examples[0])
const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { code: string }).code

test('T01 a webhook without a right signature over its very bytes is refused with 401 and leaves nothing', async (t) => {
  const { post, ports, url } = await startServer(t)
  const body = example('pull_request')
  const hmac = (kind: string): string => `${kind}=${createHmac(kind, webhookSecret).update(body).digest('hex')}`
  const right = sign(body)
  const wrongs: [string, string][] = [
    ['', 'signature-missing'],
    ['sha256=', 'signature-malformed'],
    [right.slice('sha256='.length), 'signature-malformed'],
    [right.toUpperCase(), 'signature-malformed'],
    [`${right}, ${right}`, 'signature-malformed'],
    [`${right}00`, 'signature-malformed'],
    [hmac('sha1'), 'signature-malformed'],
    [hmac('sha512'), 'signature-malformed'],
    [sign(`${body} `), 'signature-wrong'],
    [`sha256=${createHmac('sha256', '').update(body).digest('hex')}`, 'signature-wrong'],
  ]
  for (const [signature, code] of wrongs) {
    const response = await post(body, { 'x-hub-signature-256': signature, 'x-github-event': 'pull_request' })
    assert.equal(response.status, 401, signature)
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
    assert.equal(await codeOf(response), code, signature)
  }
  const bytes = Buffer.from(body)
  for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 1
    assert.equal((await post(changed, { 'x-hub-signature-256': right })).status, 401)
  }
  const legacyOnly = await fetch(`${url}/webhooks/github`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-hub-signature': hmac('sha1'), 'x-github-delivery': guid },
  })
  assert.equal(legacyOnly.status, 401)
  assert.deepEqual(await ports.deliveries.list({ limit: 10 }), [])
  const accepted = await post(body, { 'x-github-event': 'pull_request' })
  assert.equal(accepted.status, 202)
  assert.deepEqual(await accepted.json(), { status: 'accepted', code: 'queued' })
})

test('T01 a signature header that is sent twice is no signature', async (t) => {
  const { port, ports } = await startServer(t)
  const body = '{}'
  const line = `x-hub-signature-256: ${sign(body)}\r\n`
  const { socket, answered } = openConnection(port)
  socket.write(
    `POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${line}${line}x-github-event: ping\r\nx-github-delivery: ${guid}\r\ncontent-length: 2\r\n\r\n{}`,
  )
  assert.match(await answered(/\r\n\r\n\{/), /^HTTP\/1\.1 401 /)
  socket.destroy()
  assert.deepEqual(await ports.deliveries.list({ limit: 10 }), [])
})

test('T03 the same GUID 20 times at once is one delivery and one job; each sender hears that it arrived', async (t) => {
  const { post, ports } = await startServer(t)
  const body = example('pull_request')
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(body, { 'x-github-event': 'pull_request' })))
  assert.equal(answers.filter(({ status }) => status === 202).length, 1)
  assert.equal(answers.filter(({ status }) => status === 200).length, 19)
  assert.equal((await ports.deliveries.list({ limit: 100 })).length, 1)
  assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 0 })
})

test('T05 ping, installation and unknown events without a repository are accepted and harmless', async (t) => {
  const { post, ports } = await startServer(t)
  const send = async (event: string, body: string, n: number) => {
    const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
    const response = await post(body, { 'x-github-event': event, 'x-github-delivery': id })
    assert.equal(response.status, 202, event)
    return codeOf(response)
  }
  assert.equal(await send('ping', example('ping'), 1), 'ignored')
  assert.equal(await send('installation', example('installation'), 2), 'queued')
  assert.equal(await send('github_app_authorization', example('github_app_authorization'), 3), 'ignored')
  assert.equal(await send('event_of_tomorrow', '{"anything":[1,2,3]}', 4), 'ignored')
  assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 0 })
})

test('T08a 5,000 forged webhooks over HTTP: no row, hardly a line, and an honest one is answered at once', async (t) => {
  const { port, post, ports, lines, telemetry } = await startServer(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  t.after(() => agent.destroy())
  const body = randomBytes(1_000)
  const forge = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': body.length,
        'x-github-event': 'push',
        'x-github-delivery': guid,
        'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
      }
      httpRequest({ port, host: '127.0.0.1', path: '/webhooks/github', method: 'POST', agent, headers }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      })
        .on('error', reject)
        .end(body)
    })
  for (let i = 0; i < 50; i++) {
    const statuses = await Promise.all(Array.from({ length: 100 }, forge))
    assert.ok(statuses.every((status) => status === 401))
  }
  assert.deepEqual(await ports.deliveries.list({ limit: 10 }), [])
  assert.ok(lines.length <= 2, lines.join(''))
  const refused = telemetry.snapshot().counters.find(({ name }) => name === 'intake_refused')
  assert.equal(refused?.value, 5_000)
  assert.equal((await post(example('ping'))).status, 202)
})

test('only JSON without encoding is read; the refusal says what to set', async (t) => {
  const { post } = await startServer(t)
  const form = await post('payload=%7B%7D', { 'content-type': 'application/x-www-form-urlencoded' })
  assert.equal(form.status, 415)
  assert.match(await form.text(), /application\/json/)
  assert.equal((await post('{}', { 'content-type': 'text/plain' })).status, 415)
  assert.equal((await post('{}', { 'content-encoding': 'gzip' })).status, 415)
  assert.equal((await post('{}', { 'content-type': 'application/json; charset=utf-8' })).status, 202)
})

test('T44 a store that fails is answered 503 and acknowledges nothing', async (t) => {
  const failing = { commit: () => Promise.reject(new AppError('store-unavailable', 'disk full')) }
  const { post } = await startServer(t, { store: failing })
  const response = await post(example('pull_request'), { 'x-github-event': 'pull_request' })
  assert.equal(response.status, 503)
  assert.ok(response.headers.has('retry-after'))
  assert.equal(await codeOf(response), 'store-unavailable')
})

test('while the store lags behind, further bodies are not even read', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = {
    async commit() {
      await promise
      return { ok: true } as const
    },
  }
  const { post, telemetry, intake } = await startServer(t, { store: slow, maxPending: 1 })
  const first = post(example('ping'))
  while (!intake.isOverloaded()) await new Promise((next) => setImmediate(next))
  const second = await post(example('ping'))
  assert.equal(second.status, 503)
  assert.equal(await codeOf(second), 'busy')
  resolve()
  assert.equal((await first).status, 202)
  assert.ok(telemetry.snapshot().counters.some(({ name }) => name === 'webhook_unread'))
})

test('T59 a fault of ours is logged whole but scrubbed, and the stranger learns nothing', async (t) => {
  const token = 'ghs_0123456789abcdefghij'
  const { post, lines } = await startServer(t, {
    store: { commit: () => Promise.reject(new TypeError(`cannot read ${token}`)) },
  })
  const response = await post(example('pull_request'), { 'x-github-event': 'pull_request' })
  assert.equal(response.status, 500)
  assert.deepEqual(await response.json(), {
    type: 'about:blank',
    status: 500,
    code: 'internal',
    title: 'Internal error',
  })
  const logged = lines.join('')
  assert.match(logged, /TypeError/)
  assert.doesNotMatch(logged, /0123456789abcdefghij/)
  assert.doesNotMatch(logged, new RegExp(webhookSecret.toString('hex')))
})

test('stop lets a running request end and takes no new one', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let commits = 0
  const slow = {
    async commit() {
      commits++
      await promise
      return { ok: true } as const
    },
  }
  const { post, server } = await startServer(t, { store: slow })
  const running = post(example('ping'))
  while (commits === 0) await new Promise((next) => setImmediate(next))
  const stopped = server.stop(5_000)
  await assert.rejects(post(example('ping')))
  resolve()
  assert.equal((await running).status, 202)
  const startedAt = performance.now()
  await stopped
  assert.ok(performance.now() - startedAt < 2_000, 'a connection kept alive holds nobody up')
})
