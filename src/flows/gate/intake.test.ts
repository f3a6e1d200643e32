import assert from 'node:assert/strict'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { createManualTime } from '../../../test/fakes/manual-time.ts'
import { createRecordedEvents } from '../../../test/fakes/recorded-events.ts'
import { createRecordedTelemetry } from '../../../test/fakes/recorded-telemetry.ts'
import { createWebhooks } from '../../adapters/github/webhook.ts'
import { openMemoryStore } from '../../adapters/store/memory.ts'
import { asSha256 } from '../../core/index.ts'
import type { ForgeEvent } from '../ports.ts'
import { createIntake, eventOfJob, type IntakeParts, jobOf } from './intake.ts'

type Faults = NonNullable<Parameters<typeof openMemoryStore>[0]>['faults']
type Example = { readonly name: string; readonly examples: readonly Record<string, unknown>[] }

const examples = JSON.parse(
  readFileSync(
    new URL('../../../node_modules/@octokit/webhooks-examples/api.github.com/index.json', import.meta.url),
    'utf8',
  ),
) as readonly Example[]
const bodyOf = (event: string, index = 0): Buffer => {
  const payload = examples.find(({ name }) => name === event)?.examples[index]
  assert.ok(payload, `an official example of ${event}`)
  return Buffer.from(JSON.stringify(payload))
}

const secret = randomBytes(32)
const guid = '72d3162e-cc78-11e3-81ab-4c9367dc0958'
const sign = (body: Uint8Array): string => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

function setUp(faults?: Faults, more: Partial<IntakeParts> = {}) {
  const time = createManualTime()
  const telemetry = createRecordedTelemetry()
  const events = createRecordedEvents(time.clock)
  const ports = openMemoryStore(faults === undefined ? {} : { faults })
  let wakes = 0
  const intake = createIntake({
    webhooks: createWebhooks({ secrets: [secret] }),
    store: ports.store,
    deliveries: ports.deliveries,
    clock: time.clock,
    telemetry,
    events,
    digest: (bytes) => asSha256(createHash('sha256').update(bytes).digest('hex')),
    wake: () => void wakes++,
    ...more,
  })
  const send = (event: string, body: Uint8Array, id = guid, signature: string | undefined = sign(body)) =>
    intake.receive({ guid: id, event, signature, body })
  return { time, telemetry, events, ports, intake, send, wakes: () => wakes }
}

test('an accepted delivery is durable with its bytes, its digest and its job before it is acknowledged', async () => {
  const { ports, send, wakes } = setUp()
  const body = bodyOf('pull_request')
  assert.deepEqual(await send('pull_request', body), { status: 'accepted', code: 'queued', http: 202 })
  const delivery = await ports.deliveries.find(guid)
  assert.equal(delivery?.state, 'queued')
  assert.equal(delivery.via, 'webhook')
  assert.equal(delivery.bodyDigest, createHash('sha256').update(body).digest('hex'))
  assert.deepEqual(Buffer.from(delivery.body ?? []), body)
  const job = await ports.jobs.find(`delivery/${guid}`)
  assert.ok(job)
  assert.equal(job.kind, 'delivery')
  assert.equal(job.lane, `${delivery.repository}/${delivery.number}`)
  const event = eventOfJob(job)
  assert.equal(event.detail.kind, 'change')
  assert.ok(JSON.stringify(event).length < 1_000, 'a job carries what it needs and no payload')
  assert.equal(wakes(), 1)
})

test('each kind of event has its lane, and an event without effect has no job', () => {
  const repository = { id: 7, name: 'a/b' }
  const lane = (detail: object, more: object = {}): string | null =>
    jobOf(
      { guid, event: 'x', action: null, installation: 9, repository, sender: null, detail, ...more } as ForgeEvent,
      0 as never,
    )?.lane ?? null
  assert.equal(lane({ kind: 'change', number: 3 }), '7/3')
  assert.equal(lane({ kind: 'comment', number: 4 }), '7/4')
  for (const kind of ['checks', 'push', 'merge-group', 'repository']) assert.equal(lane({ kind }), '7')
  assert.equal(lane({ kind: 'installation' }), 'installation/9')
  assert.equal(lane({ kind: 'other' }), null)
  assert.equal(lane({ kind: 'push' }, { repository: null }), null)
  assert.equal(lane({ kind: 'installation' }, { installation: null }), null)
})

test('T01 nothing is parsed before the signature over the raw bytes holds', async () => {
  let decoded = 0
  const real = createWebhooks({ secrets: [secret] })
  const webhooks: IntakeParts['webhooks'] = {
    authenticate: (signature, body) => real.authenticate(signature, body),
    decode(headers, body) {
      decoded++
      return real.decode(headers, body)
    },
  }
  const { send, ports, intake } = setUp(undefined, { webhooks })
  const body = bodyOf('pull_request')
  const changed = Buffer.from(body)
  changed[100] = (changed[100] as number) ^ 1
  const sha1 = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`
  for (const signature of [
    undefined,
    '',
    'sha256=',
    sign(body).slice(7),
    sha1,
    sign(changed),
    'sha256=' + '0'.repeat(64),
  ])
    assert.equal((await intake.receive({ guid, event: 'pull_request', signature, body })).http, 401, String(signature))
  assert.equal((await send('pull_request', changed, guid, sign(body))).http, 401)
  // Not even the GUID is looked at for somebody who cannot sign.
  assert.equal((await send('nonsense!', changed, 'x', sign(body))).http, 401)
  assert.equal(decoded, 0)
  assert.deepEqual(await ports.deliveries.list({ limit: 10 }), [])
  assert.equal((await send('pull_request', body)).http, 202)
  assert.equal(decoded, 1)
})

test('T03 one GUID is one effect: repeated, at the same time, in capitals, under another event name', async () => {
  const { send, ports, wakes } = setUp()
  const body = bodyOf('pull_request')
  const answers = await Promise.all(
    [guid, guid, guid.toUpperCase(), guid].map((id, i) => send(i === 3 ? 'ping' : 'pull_request', body, id)),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), ['accepted', 'duplicate', 'duplicate', 'duplicate'])
  const again = await send('pull_request', body)
  assert.deepEqual(again, { status: 'duplicate', code: 'duplicate-delivery', http: 200 })
  assert.equal((await ports.deliveries.list({ limit: 10 })).length, 1)
  assert.equal((await ports.jobs.counts()).queued, 1)
  assert.equal(wakes(), 1)
})

test('T04 a signed body that is no strict JSON, and a malformed GUID or event name, are refused and leave nothing', async () => {
  const { send, ports } = setUp()
  const refused = async (event: string, body: string | Uint8Array, id = guid) => {
    const answer = await send(event, Buffer.from(body as string), id)
    assert.equal(answer.http, 400)
    return answer.code
  }
  const plain = bodyOf('pull_request').toString()
  assert.match(await refused('pull_request', plain.replace('{', '{"action":"opened","action":"closed",')), /^payload-/)
  assert.match(await refused('pull_request', plain.replace('{', '{"__proto__":{"a":1},')), /^payload-/)
  assert.match(await refused('pull_request', `${'['.repeat(100_000)}${']'.repeat(100_000)}`), /^payload-/)
  assert.match(await refused('pull_request', Buffer.from([0x7b, 0xff, 0x7d])), /^payload-/)
  assert.match(await refused('pull_request', ''), /^payload-/)
  for (const id of ['', 'x', `${guid}0`, `${guid}\n`, '../../../../etc/passwd', guid.replace('7', 'g')])
    assert.equal(await refused('pull_request', plain, id), 'guid-malformed')
  for (const event of ['', 'Push', 'pull request', 'x'.repeat(65), 'a\r\nb'])
    assert.equal(await refused(event, plain), 'event-malformed')
  assert.deepEqual(await ports.deliveries.list({ limit: 10 }), [])
  assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
})

test('T05 every official example is accepted; what has no effect is recorded as ignored', async () => {
  const { send, ports } = setUp()
  let count = 0
  for (const { name, examples: payloads } of examples) {
    for (let i = 0; i < payloads.length; i++) {
      const id = `00000000-0000-4000-8000-${String(count++).padStart(12, '0')}`
      assert.equal((await send(name, bodyOf(name, i), id)).http, 202, `${name} ${i}`)
    }
  }
  assert.ok(count > 100, `${count} examples`)
  const counts = await ports.deliveries.counts()
  assert.equal(counts.queued + counts.ignored, count)
  assert.ok(counts.queued > 20 && counts.ignored > 20, JSON.stringify(counts))
  await send('ping', bodyOf('ping'))
  const ping = await ports.deliveries.find(guid)
  assert.equal(ping?.state, 'ignored')
  assert.equal(ping.reason, 'event-without-effect')
  assert.equal(await ports.jobs.find(`delivery/${guid}`), null)
})

test('T08a 20,000 forged webhooks: no row, one line a minute, a counter, flat memory', async () => {
  const { send, ports, telemetry, time } = setUp()
  const body = randomBytes(2_048)
  const signature = `sha256=${'0'.repeat(64)}`
  const warmUp = 2_000
  let before = 0
  for (let i = 0; i < 20_000 + warmUp; i++) {
    if (i === warmUp) {
      globalThis.gc?.()
      before = process.memoryUsage().rss
    }
    const id = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    const answer = await send('pull_request', body, id, signature)
    if (answer.http !== 401) assert.fail(`${answer.http}`)
    if (i % 1_000 === 0) time.advance(5_000)
  }
  const grown = process.memoryUsage().rss - before
  assert.ok(grown < 48 * 1024 * 1024, `grew by ${grown} bytes`)
  assert.deepEqual(await ports.deliveries.list({ limit: 1 }), [])
  assert.equal(telemetry.counted('intake_refused', 'signature-wrong'), 22_000)
  const lines = telemetry.events.filter(({ name }) => name === 'intake-refused')
  assert.ok(lines.length <= 3 && lines.length >= 2, `${lines.length} lines in 110 s`)
  assert.ok(Number(lines[1]?.fields['unsaidBefore']) > 5_000)
})

test('T44 a store that fails: refused with 503 and nothing kept; stored in spite of the failure: acknowledged', async () => {
  const body = bodyOf('pull_request')
  const lost = setUp({
    before() {
      throw new Error('disk full')
    },
    after: () => {},
  })
  assert.deepEqual(await lost.send('pull_request', body), { status: 'refused', code: 'store-unavailable', http: 503 })
  assert.equal(lost.wakes(), 0)

  let isBroken = true
  const kept = setUp({
    before: () => {},
    after() {
      if (isBroken) throw new Error('the answer was lost')
    },
  })
  assert.equal((await kept.send('pull_request', body)).status, 'accepted')
  assert.equal(kept.wakes(), 1)
  isBroken = false
  assert.equal((await kept.send('pull_request', body)).status, 'duplicate')
  assert.equal((await kept.ports.jobs.counts()).queued, 1)
})

test('the intake says that it is overloaded while the store lags, and no longer afterwards', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = openMemoryStore()
  const { send, intake } = setUp(undefined, {
    store: {
      async commit(writes) {
        await promise
        return slow.store.commit(writes)
      },
    },
    limits: { maxPending: 1 },
  })
  assert.equal(intake.isOverloaded(), false)
  const first = send('ping', bodyOf('ping'))
  assert.equal(intake.isOverloaded(), true)
  resolve()
  assert.equal((await first).status, 'accepted')
  assert.equal(intake.isOverloaded(), false)
})

test('a delivery fetched from the forge needs no signature, is marked, and is one effect with its webhook', async () => {
  const { intake, send, ports } = setUp()
  const body = bodyOf('pull_request')
  const answer = await intake.receiveFromForge({ guid, event: 'pull_request', body })
  assert.equal(answer.status, 'accepted')
  assert.equal((await ports.deliveries.find(guid))?.via, 'gap-closing')
  assert.equal((await send('pull_request', body)).status, 'duplicate')
})
