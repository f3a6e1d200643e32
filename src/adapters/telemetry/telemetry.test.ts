import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { secret } from '../../config/secret.ts'
import { createMeasurements } from './measurements.ts'
import { scrub, scrubText } from './scrub.ts'
import { createTelemetry } from './telemetry.ts'

function record(level: 'debug' | 'info' | 'warn' = 'debug') {
  const lines: string[] = []
  return { lines, telemetry: createTelemetry({ level, destination: { write: (line) => void lines.push(line) } }) }
}

test('an event is one JSON line with level, time, name and its fields', () => {
  const { lines, telemetry } = record('info')
  telemetry.event('job-done', 'info', { job: 'delivery/1', ms: 7, level: 'mine' })
  telemetry.event('too-quiet', 'debug', {})
  assert.equal(lines.length, 1)
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT/)
  delete line['time']
  assert.deepEqual(line, { level: 'info', event: 'job-done', job: 'delivery/1', ms: 7, field_level: 'mine' })
})

test('T59 no secret reaches a line: wrapped, named, nested, in errors and their causes, in text, in keys', () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const inner = pem.split('\n')[1] as string
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI0MjQyIn0.c2lnbmF0dXJl'
  const { lines, telemetry } = record()
  const error = new Error(`refused with ghs_AAAAhunter2BBBB`, {
    cause: Object.assign(new Error(`cause Bearer hunter2hunter2`), {
      request: { headers: { Authorization: 'Basic hunter2', cookie: 'hunter2' } },
    }),
  })
  telemetry.event('ghp_hunter2hunter2', 'error', {
    wrapped: secret('hunter2'),
    nested: [{ deep: [new Map([['webhook_secret', 'hunter2']])] }, new Set([secret('hunter2')])],
    privateKey: 'hunter2',
    password: ['hunter2'],
    bytes: Buffer.from('hunter2'),
    error,
    pem: `before ${pem} after`,
    cut: pem.slice(0, -30),
    jwt: `token was ${jwt}`,
    url: 'https://x-access-token:hunter2@github.com/acme/node',
    list: ['github_pat_hunter2hunter2', `ghs_4242_${jwt}`],
    ghs_hunter2hunter2: 1,
    failing: Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('hunter2')
      },
    }),
    fn: () => 'hunter2',
  })
  const text = lines.join('')
  assert.doesNotMatch(text, /hunter2/)
  assert.ok(!text.includes(inner) && !text.includes('c2lnbmF0dXJl'))
  const line = JSON.parse(text) as Record<string, unknown>
  assert.equal(line['wrapped'], '[secret]')
  assert.equal(line['pem'], 'before [secret]\n after')
  assert.equal(line['bytes'], '[7 bytes]')
  assert.equal((line['error'] as { cause: { request: { headers: object } } }).cause.request.headers !== undefined, true)
})

test('T59 a secret at the edge of what is cut off stays hidden', () => {
  const token = `ghs_${'hunter2'.repeat(6)}`
  for (const padding of [4_070, 4_090, 16_380]) assert.doesNotMatch(scrubText(' '.repeat(padding) + token), /hunter2/)
})

test('T59 label values of measurements are scrubbed and short', () => {
  const measurements = createMeasurements()
  measurements.count('x', { who: 'ghp_hunter2hunter2' })
  measurements.observe('y', 1, { who: `${'a'.repeat(500)}` })
  const text = JSON.stringify(measurements.snapshot())
  assert.doesNotMatch(text, /hunter2/)
  assert.ok(!text.includes('a'.repeat(100)))
})

test('scrubbing ends for cycles, depth and width, and never throws', () => {
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  let deep: unknown = 'end'
  for (let i = 0; i < 10_000; i++) deep = { deep }
  assert.deepEqual(scrub(loop), Object.assign(Object.create(null), { self: '[circular]' }))
  assert.match(JSON.stringify(scrub(deep)), /\[deep\]/)
  assert.equal((scrub(Array.from({ length: 5_000 }, () => 1)) as unknown[]).length, 100)
  assert.equal(scrub(10n), '10')
  assert.equal(scrub(Number.NaN), 'NaN')
  const startedAt = performance.now()
  scrubText('eyJ.'.repeat(1_000_000))
  scrubText('-----BEGIN '.repeat(500_000))
  assert.ok(performance.now() - startedAt < 500)
})

test('a stranger cannot add a line or a member to the log', () => {
  const { lines, telemetry } = record()
  telemetry.event('x', 'info', { login: 'a"}\n{"level":"error","event":"forged"}' })
  assert.equal(lines.length, 1)
  assert.equal(lines[0]?.split('\n').length, 2)
  assert.equal((JSON.parse(lines[0] ?? '') as { event: string }).event, 'x')
})

test('counters and histograms add up, and their number is bounded', () => {
  const { telemetry } = record()
  telemetry.count('a', { code: 'x' })
  telemetry.count('a', { code: 'x' })
  telemetry.count('a', { code: 'y' })
  for (const ms of [1, 3, 1_000_000]) telemetry.observe('ms', ms)
  const { counters, histograms } = telemetry.snapshot()
  assert.deepEqual(counters, [
    { name: 'a', labels: { code: 'x' }, value: 2 },
    { name: 'a', labels: { code: 'y' }, value: 1 },
  ])
  const [ms] = histograms
  assert.deepEqual([ms?.count, ms?.sum, ms?.largest], [3, 1_000_004, 1_000_000])
  assert.deepEqual(ms?.buckets.find(({ limit }) => limit === 5)?.count, 2)
  assert.deepEqual(ms?.buckets.at(-1), { limit: Infinity, count: 3 })
  for (let i = 0; i < 10_000; i++) telemetry.count('b', { i: String(i) })
  const many = telemetry.snapshot().counters
  assert.ok(many.length <= 2_001)
  assert.ok((many.find(({ name }) => name === 'telemetry_dropped')?.value ?? 0) > 7_000)
})
