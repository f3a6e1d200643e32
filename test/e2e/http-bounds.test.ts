import assert from 'node:assert/strict'
import test from 'node:test'
import { guid, openConnection, sign, startServer } from './http-server.ts'

const mebibyte = 1024 * 1024
const quick = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkEveryMs: 50 }
const head = (more: string): string =>
  `POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: ping\r\nx-github-delivery: ${guid}\r\n${more}`
const statusOf = (text: string): string => text.slice(9, 12)

test('T04 a body that is declared too large is refused before it is read', async (t) => {
  const { port } = await startServer(t)
  const { socket, closed } = openConnection(port)
  socket.write(head(`content-length: ${mebibyte + 1}\r\n\r\n`))
  const answer = await closed
  assert.equal(statusOf(answer), '413')
  assert.match(answer, /"code":"body-too-large"/)
  assert.match(answer, /\r\nconnection: close\r\n/i)
})

test('T04 a body that grows too large while it comes is cut off there', async (t) => {
  const { port, ports } = await startServer(t)
  const { socket, closed } = openConnection(port)
  socket.write(head('transfer-encoding: chunked\r\n\r\n'))
  let sent = 0
  const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
  const pump = (): void => {
    while (!socket.destroyed && sent < 64 * mebibyte) {
      sent += 65_536
      if (!socket.write(chunk)) {
        socket.once('drain', pump)
        return
      }
    }
  }
  pump()
  const answer = await closed
  assert.ok(answer === '' || statusOf(answer) === '413', answer.slice(0, 80))
  assert.ok(sent < 32 * mebibyte, `${sent} bytes were taken`)
  assert.deepEqual(await ports.deliveries.list({ limit: 1 }), [])
})

test('T04 a slow body and slow headers end in bounded time', async (t) => {
  const { port } = await startServer(t, { limits: quick })
  const startedAt = performance.now()
  const body = openConnection(port)
  body.socket.write(head('content-length: 1000\r\n\r\n'))
  const headers = openConnection(port)
  headers.socket.write('POST /webhooks/github HTTP/1.1\r\nhost: x\r\n')
  const drip = setInterval(() => {
    body.socket.write('a')
    headers.socket.write('x-a: b\r\n')
  }, 20)
  t.after(() => clearInterval(drip))
  const answers = await Promise.all([body.closed, headers.closed])
  assert.deepEqual(answers.map(statusOf), ['408', '408'])
  assert.ok(performance.now() - startedAt < 3_000)
})

test('T04 an endless header is refused at its bound', async (t) => {
  const { port, telemetry } = await startServer(t)
  const { socket, closed } = openConnection(port)
  socket.write(head(`x-long: ${'a'.repeat(40_000)}`))
  assert.equal(statusOf(await closed), '431')
  assert.ok(
    telemetry.snapshot().counters.some(({ name, labels }) => name === 'http_broken_request' && labels.code === '431'),
  )
})

test('T04 signed nonsense is refused in bounded time: depth, duplicate keys, invalid UTF-8, __proto__', async (t) => {
  const { post, ports } = await startServer(t)
  const startedAt = performance.now()
  const bodies: (string | Uint8Array)[] = [
    `${'['.repeat(400_000)}${']'.repeat(400_000)}`,
    `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    '{"action":"opened","action":"closed"}',
    '{"a":{"b":1,"\\u0062":2}}',
    '{"__proto__":{"admin":true}}',
    Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
    Buffer.from('\ufeff{}'),
    '{"a":1}{"b":2}',
    '"text"',
    '',
    'null',
  ]
  for (const body of bodies) {
    const response = await post(body)
    assert.equal(response.status, 400, String(body).slice(0, 40))
    assert.match(((await response.json()) as { code: string }).code, /^payload-invalid:json-/)
  }
  assert.ok(performance.now() - startedAt < 3_000)
  assert.deepEqual(await ports.deliveries.list({ limit: 1 }), [])
})

test('T04 a body that ends early leaves nothing and holds no memory', async (t) => {
  const { port, ports, post } = await startServer(t)
  const { socket, closed } = openConnection(port)
  socket.write(head(`content-length: 100\r\nx-hub-signature-256: ${sign('{}')}\r\n\r\n{}`))
  await new Promise((resolve) => setTimeout(resolve, 50))
  socket.destroy()
  await closed
  assert.equal((await post('{}')).status, 202)
  assert.equal((await ports.deliveries.list({ limit: 5 })).length, 1)
})

test('T04 one peer holds only so many connections', async (t) => {
  const { port } = await startServer(t, { limits: { maxConnectionsPerPeer: 3 } })
  const open = Array.from({ length: 6 }, () => openConnection(port))
  t.after(() => {
    for (const { socket } of open) socket.destroy()
  })
  const cut = await Promise.race([
    Promise.all(open.slice(3).map(async ({ closed }) => closed)),
    new Promise<null>((resolve) => setTimeout(() => resolve(null), 2_000)),
  ])
  assert.deepEqual(cut, ['', '', ''])
  open[0]?.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
  assert.match((await open[0]?.answered(/ok\n/)) ?? '', /^HTTP\/1\.1 200 /)
})

test('T60 what is no HTTP request, or two in one, is refused without being repeated', async (t) => {
  const { port } = await startServer(t)
  for (const text of [
    'GARBAGE <script>\r\n\r\n',
    'GET /healthz HTTP/1.1\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: b\u0000c\r\n\r\n',
    head('content-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
    head('content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}'),
    head('transfer-encoding: xchunked\r\n\r\n{}'),
  ]) {
    const { socket, closed } = openConnection(port)
    socket.write(text)
    const answer = await closed
    assert.equal(statusOf(answer), '400', text)
    assert.doesNotMatch(answer, /script|fastify|node/i)
  }
})
