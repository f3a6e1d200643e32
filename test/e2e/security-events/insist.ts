/** What is asked of every event that a test caused: that it fits its row, our schema and that of its export. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { asInstant } from '../../../src/core/index.ts'
import { eventFault } from '../../../src/flows/audit/event-of.ts'
import { ocsfEvent } from '../../../src/flows/audit/formats/ocsf.ts'
import type { SecurityEvent } from '../../../src/flows/audit/security-event.ts'
import { compileOcsf, definitionOf } from '../../fixtures/ocsf-schema.ts'
import { sharedVector } from '../../vectors/shared-vectors.ts'

const schema = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../spec/schema/security-events.json'), 'utf8'),
) as object
const fitsSchema = new Ajv2020({ strict: true }).compile(schema)
const { url: ocsfUrl, skip } = sharedVector('ocsf/')
export const lacksOcsf = skip
export const ocsf = lacksOcsf === false ? compileOcsf(ocsfUrl) : null
const ocsfSource = { version: '0.1.0', origin: 'gov.example.org/decisions/security', enterprise: 32473 }

function insistOnExport(event: SecurityEvent): void {
  const rendered = ocsfEvent({ ...event, index: 0, id: 'entry', at: asInstant(0) }, ocsfSource)
  const fitsOcsf = ocsf?.validatorOf(definitionOf(String(rendered['class_name'])))
  if (fitsOcsf !== undefined) assert.ok(fitsOcsf(rendered), JSON.stringify([rendered, fitsOcsf.errors]))
}

/** Every event fits its row, the schema that we ship and that of its export; one of them is of the wanted type. */
export function insistOn(type: string, events: readonly SecurityEvent[]): void {
  for (const event of events) {
    assert.equal(eventFault(event), null, JSON.stringify(event))
    assert.ok(fitsSchema(event), JSON.stringify([event, fitsSchema.errors]))
    insistOnExport(event)
  }
  const found = events.filter(({ eventType }) => eventType === type)
  assert.ok(found.length > 0, `no ${type} among ${events.map(({ eventType }) => eventType).join(', ')}`)
}
