import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError } from '../app-error.ts'
import { catalogue, eventTypes } from './catalogue.ts'
import { eventFault, eventOf, operatorUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'

const good: SecurityEvent = {
  eventType: 'webhook-refused',
  userId: null,
  resource: 'deployment',
  action: 'verify',
  result: 'denied',
  details: { code: 'signature-missing', unsaidBefore: 0 },
}

test('AUD-03 an event is exactly what its row says, or it is none', () => {
  assert.equal(eventFault(good), null)
  const bad: readonly [string, Partial<SecurityEvent>][] = [
    ['unknown event type', { eventType: 'nothing' }],
    ['unknown event type', { eventType: 'toString' }],
    ['resource', { resource: 'repository:1' }],
    ['resource', { resource: 'deployment:a b' }],
    ['userId', { userId: 'mallory' }],
    ['userId', { userId: 'operator:a b' }],
    ['action', { action: 'sign' }],
    ['result', { result: 'success' }],
    ['details', { details: { code: 'x' } }],
    ['details', { details: { code: 'x', unsaidBefore: 0, more: 1 } }],
    ['code', { details: { code: 'two words', unsaidBefore: 0 } }],
    ['code', { details: { code: 'x\ny', unsaidBefore: 0 } }],
    ['code', { details: { code: 'x'.repeat(65), unsaidBefore: 0 } }],
    ['unsaidBefore', { details: { code: 'x', unsaidBefore: 0.5 } }],
  ]
  for (const [fault, change] of bad) assert.equal(eventFault({ ...good, ...change }), fault, JSON.stringify(change))
})

test('AUD-08 no row has a place for free text', () => {
  const kinds = new Set(eventTypes.flatMap((type) => Object.values(catalogue[type].details as Record<string, string>)))
  for (const kind of kinds) assert.ok(['word', 'digest', 'digest?', 'number', 'number?', 'flag'].includes(kind), kind)
})

test('an event that does not fit is a mistake of ours', () => {
  const made = () =>
    eventOf('webhook-refused', {
      userId: null,
      resource: 'deployment',
      action: 'verify',
      details: { code: 'a stranger said this', unsaidBefore: 0 },
    })
  assert.throws(made, InvariantError)
})

test('AUD-04 the login of an operator becomes a name that an event may hold', () => {
  for (const login of [null, '', 'root', 'jane.doe', 'CORP\\jane doe', 'ü'.repeat(200)])
    assert.equal(eventFault({ ...good, userId: operatorUser(login) }), null, String(login))
})
