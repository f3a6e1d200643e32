import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileOcsf, definitionOf } from '../../../../test/fixtures/ocsf-schema.ts'
import { sampleEvents } from '../../../../test/fixtures/sample-events.ts'
import { sharedVector } from '../../../../test/vectors/shared-vectors.ts'
import { eventTypes } from '../catalogue.ts'
import { ocsfClasses, ocsfMappings } from './ocsf-classes.ts'
import { ocsfEvent } from './ocsf.ts'

const source = { version: '0.1.0', origin: 'gov.example.org/decisions/security', enterprise: 32473 }
const { url, skip } = sharedVector('ocsf/')

test('every event of the catalogue is valid by the schema of OCSF', { skip }, () => {
  const ocsf = compileOcsf(url)
  const validators = new Map(Object.keys(ocsfClasses).map((name) => [name, ocsf.validatorOf(definitionOf(name))]))
  const seen = new Set<string>()
  for (const event of sampleEvents()) {
    const rendered = ocsfEvent(event, source)
    const validate = validators.get(String(rendered['class_name']))
    assert.ok(validate !== undefined)
    assert.ok(validate(rendered), `${event.eventType}: ${JSON.stringify(validate.errors)}\n${JSON.stringify(rendered)}`)
    seen.add(event.eventType)
  }
  assert.deepEqual([...seen].toSorted(), [...eventTypes].toSorted())
})

test('the compiled schema refuses what OCSF refuses', { skip }, () => {
  const ocsf = compileOcsf(url)
  for (const event of sampleEvents()) {
    if (event.userId !== 'account:1001') continue
    const rendered = ocsfEvent(event, source)
    const validate = ocsf.validatorOf(definitionOf(String(rendered['class_name'])))
    const isValid = (changes: object): boolean => validate({ ...rendered, ...changes })
    assert.ok(isValid({}))
    for (const name of ['activity_id', 'category_uid', 'class_uid', 'type_uid', 'severity_id', 'time', 'metadata'])
      assert.equal(isValid({ [name]: undefined, [`${name}x`]: 1 }), false, name)
    assert.equal(isValid({ time: 'today' }), false)
    assert.equal(isValid({ severity_id: 7 }), false)
    assert.equal(isValid({ activity_id: 77 }), false)
    assert.equal(isValid({ type_uid: Number(rendered['type_uid']) + 50 }), false)
    assert.equal(isValid({ metadata: { version: '1.8.0' } }), false)
    assert.equal(isValid({ surplus: 1 }), false)
    return
  }
})

test('each class wants what it wants', { skip }, () => {
  const ocsf = compileOcsf(url)
  const wanted: Readonly<Record<string, readonly string[]>> = {
    'Detection Finding': ['finding_info'],
    'Account Change': ['user'],
    Authentication: ['user', 'service'],
    'Entity Management': ['entity'],
    'Application Lifecycle': ['app'],
    'API Activity': ['actor', 'api', 'src_endpoint'],
  }
  for (const [name, members] of Object.entries(wanted)) {
    const validate = ocsf.validatorOf(definitionOf(name))
    const rendered = sampleEvents()
      .map((event) => ocsfEvent(event, source))
      .find((event) => event['class_name'] === name)
    assert.ok(rendered !== undefined)
    for (const member of members) {
      const { [member]: _, ...rest } = rendered
      assert.equal(validate(rest), false, `${name} without ${member}`)
    }
  }
})

test('an event of a kind that this version does not know is a base event with everything in it', { skip }, () => {
  const [sample] = sampleEvents()
  assert.ok(sample !== undefined)
  const rendered = ocsfEvent({ ...sample, eventType: 'of-next-year' }, source)
  assert.ok(compileOcsf(url).validatorOf('base_event')(rendered))
  assert.deepEqual(rendered['unmapped'], {
    user_id: sample.userId,
    resource: sample.resource,
    action: sample.action,
    result: sample.result,
    details: sample.details,
  })
})

test('classes and types have the numbers of OCSF', () => {
  for (const [eventType, { ocsfClass, activity }] of Object.entries(ocsfMappings)) {
    const sample = sampleEvents().find((one) => one.eventType === eventType)
    assert.ok(sample !== undefined)
    const rendered = ocsfEvent(sample, source)
    assert.equal(rendered['type_uid'], ocsfClasses[ocsfClass].classUid * 100 + activity)
    assert.equal(Math.floor(ocsfClasses[ocsfClass].classUid / 1000), ocsfClasses[ocsfClass].categoryUid)
  }
})
