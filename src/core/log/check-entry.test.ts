import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { EntryType } from '../../flows/gate/entries.ts'
import { checkEntry, entriesJsonSchema, exampleEntries } from './check-entry.ts'
import { decodeEntry, encodeEntry, type LogEntry } from './entry.ts'
import { entryTypes } from './entry-types.ts'

const validate = new Ajv2020({ strict: true }).compile(entriesJsonSchema())
const codeOf = (entry: LogEntry): string => {
  const checked = checkEntry(entry)
  return checked.ok ? 'ok' : checked.code
}
const exampleOf = (type: string): LogEntry => exampleEntries().find((entry) => entry.type === type) as LogEntry

test('every type that the server writes is in the registry and in the specification, with the same members', () => {
  // The compiler refuses this line when the server knows a type that the registry does not.
  const written: Readonly<Record<EntryType, unknown>> = entryTypes
  const specification = readFileSync(new URL('../../../spec/log/entry-types.md', import.meta.url), 'utf8')
  const rows = new Map(
    [...specification.matchAll(/^\| `([a-z-]+)` \| (.*?) \| .* \|$/gm)].map(([, type = '', cell = '']) => [
      type,
      [...cell.matchAll(/`([a-zA-Z]+)[^`]*`/g)].map(([, member = '']) => member).sort(),
    ]),
  )
  assert.deepEqual([...rows.keys()].sort(), Object.keys(written).sort())
  for (const { type, data } of exampleEntries()) assert.deepEqual(rows.get(type), Object.keys(data).sort(), type)
})

test('every example is an entry, by our check and by a validator that is not ours', () => {
  for (const entry of exampleEntries()) {
    const encoded = encodeEntry(entry)
    assert.ok(encoded.ok && decodeEntry(encoded.bytes).ok)
    assert.equal(codeOf(entry), 'ok', entry.type)
    assert.equal(validate(entry), true, `${entry.type}: ${JSON.stringify(validate.errors)}`)
  }
})

test('an entry with a member more, a member less, a foreign actor or subject is refused by both', () => {
  for (const entry of exampleEntries()) {
    const [member = ''] = Object.keys(entry.data)
    const { [member]: _, ...fewer } = entry.data
    const changed: readonly LogEntry[] = [
      { ...entry, data: fewer },
      { ...entry, data: { ...entry.data, extra: 1 } },
      { ...entry, actor: { kind: 'stranger' } },
      { ...entry, actor: { ...entry.actor, extra: 1 } },
      { ...entry, subject: {} },
      { ...entry, id: 'x' },
    ]
    for (const bad of changed) {
      assert.equal(codeOf(bad), 'entry-bad-data', JSON.stringify(bad))
      assert.equal(validate(bad), false, JSON.stringify(bad))
    }
  }
  assert.equal(codeOf({ ...exampleOf('finding'), type: 'unheard-of' }), 'entry-unknown-type')
  assert.equal(codeOf({ ...exampleOf('finding'), type: 'constructor' }), 'entry-unknown-type')
})

test('the blobs of an entry are those that it names', () => {
  const checked = checkEntry(exampleOf('policy-in-force'))
  assert.deepEqual(
    checked.ok && checked.blobs,
    ['a', 'd', 'c'].map((letter) => letter.repeat(64)),
  )
  const refused = { ...exampleOf('verdict'), data: { ...exampleOf('verdict').data, facts: null, keyring: null } }
  const fewer = checkEntry(refused)
  assert.deepEqual(
    fewer.ok && fewer.blobs,
    ['a', '0', '9'].map((letter) => letter.repeat(64)),
  )
})

test('an entry of the security log is a security event of its own type', () => {
  const event: LogEntry = {
    v: 1,
    id: '0'.repeat(32),
    at: 1,
    type: 'webhook-refused',
    actor: { kind: 'server' },
    subject: { kind: 'deployment' },
    data: {
      eventType: 'webhook-refused',
      userId: null,
      resource: 'deployment',
      action: 'verify',
      result: 'denied',
      details: {},
    },
  }
  assert.equal(checkEntry(event, 'security').ok, true)
  assert.equal(checkEntry({ ...event, type: 'other' }, 'security').ok, false)
  assert.equal(checkEntry({ ...event, data: { ...event.data, result: 'maybe' } }, 'security').ok, false)
  assert.equal(codeOf(event), 'entry-unknown-type')
})
