import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { asInstant } from '../../src/core/index.ts'
import { eventTypes } from '../../src/flows/audit/catalogue.ts'
import { eventFault } from '../../src/flows/audit/event-of.ts'
import { ocsfEvent } from '../../src/flows/audit/formats/ocsf.ts'
import type { SecurityEvent } from '../../src/flows/audit/security-event.ts'
import { compileOcsf, definitionOf } from '../fixtures/ocsf-schema.ts'
import { sharedVector } from '../vectors/shared-vectors.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { startBreakable, until } from '../fault/green.ts'
import { type Desk, setDesk } from './cli-deployment.ts'
import { producers } from './security-events/producers.ts'

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../spec/schema/security-events.json'), 'utf8'),
) as object
const fitsSchema = new Ajv2020({ strict: true }).compile(schema)
const { url: ocsfUrl, skip: lacksOcsf } = sharedVector('ocsf/')
const ocsf = lacksOcsf === false ? compileOcsf(ocsfUrl) : null
const ocsfSource = { version: '0.1.0', origin: 'gov.example.org/decisions/security', enterprise: 32473 }

function insistOnExport(event: SecurityEvent): void {
  const rendered = ocsfEvent({ ...event, index: 0, id: 'entry', at: asInstant(0) }, ocsfSource)
  const fitsOcsf = ocsf?.validatorOf(definitionOf(String(rendered['class_name'])))
  if (fitsOcsf !== undefined) assert.ok(fitsOcsf(rendered), JSON.stringify([rendered, fitsOcsf.errors]))
}

/** Every event fits its row, the schema that we ship and that of its export; one of them is of the wanted type. */
function insistOn(type: string, events: readonly SecurityEvent[]): void {
  for (const event of events) {
    assert.equal(eventFault(event), null, JSON.stringify(event))
    assert.ok(fitsSchema(event), JSON.stringify([event, fitsSchema.errors]))
    insistOnExport(event)
  }
  const found = events.filter(({ eventType }) => eventType === type)
  assert.ok(found.length > 0, `no ${type} among ${events.map(({ eventType }) => eventType).join(', ')}`)
}

test('every type of the catalogue has a cause outside, and nothing else claims to be a type', (t) => {
  assert.deepEqual(Object.keys(producers).sort(), eventTypes)
  t.diagnostic(`${Object.keys(producers).length} of ${eventTypes.length} types are produced`)
})

test('the schema of the export is there to be met', { skip: lacksOcsf }, () => assert.ok(ocsf !== null))

for (const type of eventTypes) {
  const producer = producers[type]
  if (producer.stage !== 'gate') continue
  test(`${type} is an entry of the security log when its cause happens`, async (t) => {
    const { d, disk } = await startBreakable(t, { frozen: true, ...(await producer.prepare(t)) })
    await d.server.events.flush()
    const { size } = await d.store.security.head()
    await producer.cause(d, disk)
    const events = async (): Promise<readonly SecurityEvent[]> => {
      await d.server.events.flush()
      const entries = await decodeEntries(d.store.security)
      return entries.slice(size).map(({ data }) => data as unknown as SecurityEvent)
    }
    await until(type, async () => (await events()).some(({ eventType }) => eventType === type))
    insistOn(type, await events())
  })
}

const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends.reverse()) await end()
})
let shared: Promise<Desk> | null = null
const theDesk = (): Promise<Desk> => {
  shared ??= setDesk({ after: (end: () => unknown) => void ends.push(end) } as Parameters<typeof setDesk>[0])
  return shared
}

async function listed(desk: Desk): Promise<readonly (SecurityEvent & { readonly index: number })[]> {
  const { code, stdout, stderr } = await desk.cli('audit', 'list', '--json', '--limit', '1000', '--config', desk.config)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as (SecurityEvent & { readonly index: number })[]
}

let isMade = false
for (const [type, producer] of Object.entries(producers)) {
  if (producer.stage !== 'desk') continue
  test(`${type} is an entry of the security log when the command ran`, async () => {
    const desk = await theDesk()
    // The first three are of one command.
    const isInit = ['key-created', 'maintainer-key-added', 'policy-in-force'].includes(type)
    const before = isInit ? -1 : ((await listed(desk))[0]?.index ?? -1)
    if (!isInit || !isMade) await producer.cause(desk)
    isMade = true
    const events = (await listed(desk)).filter(({ index }) => type === 'db-migrated' || index > before)
    insistOn(
      type,
      events.map(({ eventType, userId, resource, action, result, details }) => ({
        eventType,
        userId,
        resource,
        action,
        result,
        details,
      })),
    )
    assert.ok(events.every(({ userId }) => userId !== null))
  })
}
