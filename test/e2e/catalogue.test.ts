import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventTypes } from '../../src/flows/audit/catalogue.ts'
import type { SecurityEvent } from '../../src/flows/audit/security-event.ts'
import { startBreakable, until } from '../fault/green.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { insistOn, lacksOcsf, ocsf } from './security-events/insist.ts'
import { producers } from './security-events/producers.ts'

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
