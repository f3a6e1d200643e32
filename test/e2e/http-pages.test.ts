import assert from 'node:assert/strict'
import test from 'node:test'
import type { ChallengeRequest } from '../../src/delivery/http/challenge-route.ts'
import { AppError } from '../../src/flows/app-error.ts'
import { openConnection, startServer } from './http-server.ts'

const keyid = 'ab'.repeat(32)

test('health says that the process lives, readiness says three words and asks the store once a second at most', async (t) => {
  let asked = 0
  let ready = true
  const { url, time } = await startServer(t, {
    readiness: async () => {
      asked++
      return { ready, checks: { store: ready, policy: true, log: true, path: '/var/lib/secret' } as never }
    },
  })
  const health = await fetch(`${url}/healthz`)
  assert.equal(health.status, 200)
  assert.equal(await health.text(), 'ok\n')
  const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/readyz`)))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.deepEqual(await answers[0]?.json(), { ready: true, checks: { store: true, policy: true, log: true } })
  assert.equal(asked, 1)
  ready = false
  time.advance(1_000)
  assert.equal((await fetch(`${url}/readyz`)).status, 503)
  assert.equal(asked, 2)
})

test('readiness that cannot be told is no', async (t) => {
  const { url } = await startServer(t, { readiness: () => Promise.reject(new Error('/var/lib/governance is gone')) })
  const response = await fetch(`${url}/readyz`)
  assert.equal(response.status, 503)
  assert.deepEqual(await response.json(), { ready: false, checks: { store: false, policy: false, log: false } })
})

test('every answer carries the security headers and no banner; methods and unknown paths are told apart', async (t) => {
  const { url } = await startServer(t)
  for (const path of ['/', '/healthz', '/readyz', '/nothing', '/challenge/a/b/1?maintainer=x', '/changes/a/b/1']) {
    const { headers, status } = await fetch(`${url}${path}`)
    assert.ok(status === 200 || status === 404, path)
    assert.equal(headers.get('cache-control'), 'no-store', path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path)
    assert.equal(headers.get('x-frame-options'), 'DENY', path)
    for (const banner of ['server', 'x-powered-by', 'access-control-allow-origin'])
      assert.equal(headers.get(banner), null)
  }
  const wrong = await fetch(`${url}/webhooks/github`)
  assert.equal(wrong.status, 405)
  assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS')
  const posted = await fetch(`${url}/readyz`, { method: 'POST', body: 'x'.repeat(1_000) })
  assert.equal(posted.status, 405)
  assert.equal((await fetch(`${url}/healthz`, { method: 'HEAD' })).status, 200)
  const options = await fetch(`${url}/challenge/a/b/1`, { method: 'OPTIONS' })
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS')
  assert.equal((await fetch(`${url}/nothing`, { method: 'POST', body: '{}' })).status, 404)
  assert.equal((await fetch(`${url}/healthz/`)).status, 404)
})

test('a challenge is handed out; every other question gets one and the same 404, no sooner than any', async (t) => {
  const asked: ChallengeRequest[] = []
  const { url } = await startServer(t, {
    http: { challenge: { perClientAndMinute: 100, perMinute: 100 } },
    challenge: async (request) => {
      asked.push(request)
      return request.maintainer === 'alice' ? { ok: true, body: { payload: 'p' } } : { ok: false }
    },
  })
  const good = await fetch(`${url}/challenge/acme/node/7?maintainer=alice&keyid=${keyid}`)
  assert.equal(good.status, 200)
  assert.deepEqual(await good.json(), { payload: 'p' })
  const wish = { decision: 'approve' }
  assert.deepEqual(asked, [{ owner: 'acme', repo: 'node', number: 7, maintainer: 'alice', keyid, wish }])
  const bodies = new Set<string>()
  const headers = new Set<string>()
  for (const path of [
    'acme/node/7?maintainer=mallory',
    'acme/node/7',
    'acme/node/7?maintainer=',
    'acme/node/7?maintainer=a&maintainer=alice',
    'acme/node/7?maintainer=alice&keyid=zz',
    'acme/node/7?maintainer=alice&decision=veto',
    'acme/node/7?maintainer=alice&decision=nothing',
    'acme/node/0?maintainer=alice',
    'acme/node/7e3?maintainer=alice',
    'acme/node/99999999999999999999?maintainer=alice',
    'acme/..%2f..%2fetc%2fpasswd/7?maintainer=alice',
    'acme%0d%0aset-cookie:a=b/node/7?maintainer=alice',
    'acme/node/7?maintainer=alice%00',
  ]) {
    const startedAt = performance.now()
    const response = await fetch(`${url}/challenge/${path}`)
    assert.equal(response.status, 404, path)
    assert.ok(performance.now() - startedAt >= 35, path)
    bodies.add(await response.text())
    headers.add(JSON.stringify([...response.headers].filter(([name]) => name !== 'date')))
    assert.equal(response.headers.get('set-cookie'), null)
  }
  assert.equal(bodies.size, 1)
  assert.equal(headers.size, 1)
  assert.deepEqual(
    asked.map(({ maintainer }) => maintainer),
    ['alice', 'mallory'],
  )
})

test('asking often is refused, but never the first request of a signer for a pull request in a minute', async (t) => {
  const { url, time } = await startServer(t, { challenge: async () => ({ ok: true, body: {} }) })
  const ask = async (who: string, number = 7) =>
    (await fetch(`${url}/challenge/acme/node/${number}?maintainer=${who}`)).status
  for (let i = 0; i < 5; i++) assert.equal(await ask('alice'), 200)
  assert.equal(await ask('alice'), 429)
  assert.equal(await ask('Alice'), 429)
  assert.equal(await ask('bob'), 200)
  assert.equal(await ask('bob'), 429)
  assert.equal(await ask('alice', 8), 200)
  const refused = await fetch(`${url}/challenge/acme/node/7?maintainer=alice`)
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  time.advance(60_000)
  assert.equal(await ask('alice'), 200)
})

test('T08b X-Forwarded-For is believed from configured proxies only, and from the right', async (t) => {
  const ask = async (url: string, forwarded?: string) =>
    (
      await fetch(`${url}/challenge/acme/node/7?maintainer=alice`, {
        headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      })
    ).status
  const challenge = async () => ({ ok: true, body: {} }) as const

  const direct = await startServer(t, { challenge })
  for (let i = 0; i < 5; i++) assert.equal(await ask(direct.url, `203.0.113.${i}`), 200)
  assert.equal(await ask(direct.url, '203.0.113.77'), 429)

  const proxied = await startServer(t, { challenge, http: { trustedProxies: ['127.0.0.0/8', '10.0.0.7'] } })
  for (let i = 0; i < 5; i++) assert.equal(await ask(proxied.url, `1.2.3.${i}, 198.51.100.9`), 200)
  assert.equal(await ask(proxied.url, '9.9.9.9, 198.51.100.9, 10.0.0.7'), 429)
  assert.equal(await ask(proxied.url, '198.51.100.9, 198.51.100.10'), 200)
})

test('T60 titles and logins on the details page are inert: escaped, no script may run, no text hides', async (t) => {
  const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&lt;`
  const { url } = await startServer(t, {
    details: async ({ owner }) =>
      owner === 'acme'
        ? { title: `docs: ${evil}`, lines: ['1 of 3 signatures', `by ${evil}\u202e\u0000\ud800`] }
        : null,
  })
  const response = await fetch(`${url}/changes/acme/node/7`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = response.headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.doesNotMatch(policy, /unsafe|script-src|\*/)
  const page = await response.text()
  assert.deepEqual(
    new Set([...page.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag)),
    new Set(['html', 'head', 'meta', 'title', 'style', 'body', 'h1', 'pre']),
  )
  assert.equal([...page.matchAll(/&lt;script&gt;/g)].length, 3)
  assert.ok(page.includes('&amp;lt;'))
  assert.doesNotMatch(page, /[\u202e]|\p{Cc}(?<!\n)/u)
  assert.equal((await fetch(`${url}/changes/other/node/7`)).status, 404)
  assert.equal((await fetch(`${url}/changes/acme/%3Cscript%3E/7`)).status, 404)
  assert.equal((await fetch(`${url}/changes/acme/..%2f..%2f/7`)).status, 404)
})

test('the world refusing is mapped once, and what is not mapped says nothing', async (t) => {
  const failures: Error[] = [
    new AppError('store-unavailable', 'disk /dev/sda1 is full'),
    new AppError('forge-not-found', 'acme/private'),
    new AppError('store-key-wrong', 'key 17'),
    new RangeError('at /srv/app'),
  ]
  const { url, lines } = await startServer(t, {
    details: () => Promise.reject(failures.shift() ?? new Error('one failure each')),
  })
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) {
    const response = await fetch(`${url}/changes/acme/node/7`)
    statuses.push(response.status)
    assert.doesNotMatch(await response.text(), /sda1|private|key 17|srv|Range/)
  }
  assert.deepEqual(statuses, [503, 404, 500, 500])
  assert.match(lines.join(''), /sda1/)
})

test('T60 a bent path finds nothing, and a path that is no path is refused', async (t) => {
  const { port } = await startServer(t)
  const ask = async (target: string): Promise<string> => {
    const { socket, answered } = openConnection(port)
    socket.write(`GET ${target} HTTP/1.1\r\nhost: evil.example.org\r\nconnection: close\r\n\r\n`)
    const answer = await answered(/\r\n\r\n/)
    socket.destroy()
    assert.doesNotMatch(answer, /evil|root:/)
    return answer.slice(9, 12)
  }
  for (const target of [
    '/../../etc/passwd',
    '/changes/../../etc/passwd',
    '//healthz',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/healthz%00',
  ])
    assert.equal(await ask(target), '404', target)
  assert.equal(await ask('/changes/acme/%zz/7'), '400')
  assert.equal(await ask(`/changes/acme/${'a'.repeat(500)}/7`), '414')
})
