import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sampleEvents } from '../../../../test/fixtures/sample-events.ts'
import { parseCef, parseSyslog } from '../../../../test/fixtures/syslog-parser.ts'
import { asInstant, canonicalize, formatInstant } from '../../../core/index.ts'
import { catalogue, type EventType } from '../catalogue.ts'
import { cefLine } from './cef.ts'
import { ecsEvent } from './ecs.ts'
import type { ExportedEvent } from './exported-event.ts'
import { syslogLine } from './syslog.ts'

const source = { version: '0.1.0', origin: 'gov.example.org/decisions/security', enterprise: 32473 }

/** Events with any text in every place, as a log of a later version or a damaged one might hold. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('\\', '"', ']', '[', '=', '|', '\n', '\r', ' ', 'a', '\u2028', 'é', 'n'),
    maxLength: 20,
  }),
)
const strangeEvents: fc.Arbitrary<ExportedEvent> = fc.record(
  {
    index: fc.nat(),
    id: anyText,
    at: fc.integer({ min: 0, max: 253_402_300_799_999 }).map(asInstant),
    eventType: anyText,
    userId: fc.option(anyText),
    resource: anyText,
    action: anyText,
    result: fc.constantFrom('success' as const, 'denied' as const, 'error' as const),
    details: fc.dictionary(
      fc.stringMatching(/^[a-zA-Z]{1,20}$/),
      fc.oneof(anyText, fc.nat(), fc.boolean(), fc.constant(null)),
      {
        noNullPrototype: true,
      },
    ),
  },
  { noNullPrototype: true },
)

test('every event of the catalogue is a record of RFC 5424 that holds all of it', () => {
  const severities = { critical: 2, high: 3, medium: 4, low: 5, info: 6 }
  for (const event of sampleEvents()) {
    const record = parseSyslog(syslogLine(event, source))
    assert.equal(record.facility, 13)
    assert.equal(record.severity, severities[catalogue[event.eventType as EventType].severity])
    assert.equal(record.timestamp, formatInstant(event.at))
    assert.equal(record.hostname, 'gov.example.org')
    assert.equal(record.msgId, event.eventType)
    assert.deepEqual(record.data['event@32473'], {
      index: String(event.index),
      id: event.id,
      ...(event.userId === null ? {} : { user: event.userId }),
      resource: event.resource,
      action: event.action,
      result: event.result,
    })
    assert.deepEqual(
      record.data['details@32473'] ?? {},
      Object.fromEntries(Object.entries(event.details).map(([name, value]) => [name, String(value)])),
    )
  }
})

test('no text of an event breaks out of its place in a record of syslog', () => {
  fc.assert(
    fc.property(strangeEvents, (event) => {
      const line = syslogLine(event, { ...source, enterprise: 4711 })
      const record = parseSyslog(line)
      assert.deepEqual(
        Object.keys(record.data).filter((id) => id !== 'details@4711'),
        ['event@4711'],
      )
      const readBack = record.data['event@4711']?.['resource'] ?? ''
      // What has no control character comes back as it was.
      if (!/[\p{Cc}\u2028\u2029]/u.test(event.resource)) assert.equal(readBack, event.resource)
      assert.equal(record.data['event@4711']?.['result'], event.result)
    }),
    { numRuns: 500 },
  )
})

test('every event of the catalogue is a line of CEF that holds all of it', () => {
  for (const event of sampleEvents()) {
    const { header, extension } = parseCef(cefLine(event, source))
    assert.deepEqual(header.slice(0, 4), ['governance-app', 'governance-app', '0.1.0', event.eventType])
    assert.equal(header[4], catalogue[event.eventType as EventType].meaning)
    assert.equal(extension['rt'], String(event.at))
    assert.equal(extension['cn1'], String(event.index))
    assert.equal(extension['cs1'], event.resource)
    assert.equal(extension['cs2'], canonicalize(event.details))
    assert.equal(extension['suid'], event.userId ?? undefined)
    assert.deepEqual([extension['act'], extension['outcome']], [event.action, event.result])
  }
})

test('no text of an event breaks out of its place in a line of CEF', () => {
  fc.assert(
    fc.property(strangeEvents, (event) => {
      const { header, extension } = parseCef(cefLine(event, source))
      assert.equal(header[3], event.eventType.replace(/[\r\n]/g, ' '))
      assert.equal(extension['cs1'], event.resource)
      assert.equal(extension['act'], event.action)
      assert.equal(extension['outcome'], event.result)
      assert.deepEqual(JSON.parse(extension['cs2'] ?? ''), event.details)
    }),
    { numRuns: 500 },
  )
})

/** Which types each category of ECS allows. Spec: ECS, "Categorization fields". */
const allowedTypes: Readonly<Record<string, readonly string[]>> = {
  api: ['access', 'admin', 'allowed', 'change', 'creation', 'deletion', 'denied', 'end', 'info', 'start', 'user'],
  authentication: ['start', 'end', 'info'],
  configuration: ['access', 'change', 'creation', 'deletion', 'info'],
  iam: ['admin', 'change', 'creation', 'deletion', 'group', 'info', 'user'],
  intrusion_detection: ['allowed', 'denied', 'info'],
  process: ['access', 'change', 'end', 'info', 'start'],
}

test('every event of the catalogue has the words that ECS allows', () => {
  for (const sample of sampleEvents()) {
    const rendered = ecsEvent(sample, source)
    const event = rendered['event'] as Readonly<Record<string, unknown>>
    const [category = ''] = event['category'] as readonly string[]
    for (const type of event['type'] as readonly string[])
      assert.ok(allowedTypes[category]?.includes(type), `${sample.eventType}: ${category} ${type}`)
    assert.ok(['success', 'failure', 'unknown'].includes(String(event['outcome'])))
    assert.ok(['alert', 'event'].includes(String(event['kind'])))
    assert.equal(event['action'], sample.eventType)
    assert.equal(event['sequence'], sample.index)
    assert.equal(rendered['@timestamp'], formatInstant(sample.at))
    const { resource, action, result, details } = sample
    assert.deepEqual(rendered['governance'], { resource, action, result, details })
  }
})
