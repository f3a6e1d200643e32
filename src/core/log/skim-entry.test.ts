import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json, JsonObject } from '../bytes/json.ts'
import { checkEntry, exampleEntries } from './check-entry.ts'
import { decodeEntry, type LogEntry } from './entry.ts'
import { skimEntry } from './skim-entry.ts'

const textOf = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length)).toString('latin1')

/** What a skim finds, as texts; undefined where it leaves the entry to others. */
function skimmed(bytes: Uint8Array) {
  // Neighbours as in a bundle: none of their bytes may be taken for the entry's own.
  const bundle = Buffer.concat([Buffer.from('"'), bytes, Buffer.from(',"v":1}')])
  const found = skimEntry(bundle, 1, 1 + bytes.length)
  if (found === undefined) return undefined
  return {
    at: found.at,
    id: textOf(bundle, found.idAt, 32),
    blobs: found.blobsAt.map((at) => textOf(bundle, at, 64)),
    facts: found.factsAt === -1 ? null : textOf(bundle, found.factsAt, 64),
  }
}

/** The same by reading; undefined where the bytes are no entry as its type has it. */
function read(bytes: Uint8Array) {
  const decoded = decodeEntry(bytes)
  const checked = decoded.ok ? checkEntry(decoded.entry) : null
  if (!decoded.ok || checked?.ok !== true) return undefined
  const { id, at, type, data } = decoded.entry
  return { at, id, blobs: checked.blobs, facts: type === 'verdict' ? (data['facts'] ?? null) : null }
}

/** Whatever is skimmed is what reading finds. */
function agrees(bytes: Uint8Array): boolean {
  const quick = skimmed(bytes)
  if (quick !== undefined) assert.deepEqual(quick, read(bytes), Buffer.from(bytes).toString())
  return quick !== undefined
}

const manyTypes =
  'clock-started clock-ended statement-admitted statement-refused verdict check-lowered landing-matched finding'
const examples = exampleEntries()
const values = [
  null,
  true,
  0,
  -1,
  -0.5,
  1e21,
  2 ** 53,
  '',
  'x',
  '-',
  'a-b',
  'a--b',
  'é',
  '"',
  '\u0000',
  '\u007f',
  'f'.repeat(64),
]

test('entries of the types of which there are many are skimmed, no others, and say what they say when they are read', () => {
  for (const entry of examples) {
    // A text with a line end or a letter beyond ASCII is read; the example of a checkpoint's note has both.
    const plain = JSON.parse(JSON.stringify(entry).replaceAll('\\n', ' ').replaceAll('…', '.')) as LogEntry
    assert.equal(agrees(canonicalBytes(plain)), manyTypes.split(' ').includes(entry.type), entry.type)
  }
  const verdict = examples.find(({ type }) => type === 'verdict') as LogEntry
  for (const name of Object.keys(verdict.data))
    if (name.length > 4) agrees(canonicalBytes({ ...verdict, data: { ...verdict.data, [name]: null } }))
})

test('T40 nothing is skimmed that the strict reader would refuse: one byte changed, cut out or put in', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...examples.map((entry) => canonicalBytes(entry))),
      fc.nat(),
      fc.constantFrom('change', 'cut', 'insert'),
      fc.oneof(fc.constantFrom(...Buffer.from(' "\\,:{}[]0-1af\n')), fc.nat(255)),
      (bytes, place, how, byte) => {
        const at = place % bytes.length
        const kept = how === 'insert' ? at : at + 1
        agrees(Buffer.concat([bytes.subarray(0, at), Buffer.from(how === 'cut' ? [] : [byte]), bytes.subarray(kept)]))
      },
    ),
    { numRuns: 3_000 },
  )
})

test('T40 nothing is skimmed that the strict reader would refuse: any value in any place, members more and twice', () => {
  const at = (entry: JsonObject, path: readonly string[], value: Json): JsonObject => {
    const [name = '', ...rest] = path
    const inner = entry[name]
    return { ...entry, [name]: rest.length === 0 ? value : at((inner ?? {}) as JsonObject, rest, value) }
  }
  let taken = 0
  for (const entry of examples as readonly (LogEntry & JsonObject)[])
    for (const outer of ['actor', 'subject', 'data'] as const) {
      for (const value of [...values, [], {}, [1], { a: 1 }]) {
        if (agrees(canonicalBytes(at(entry, [outer], value)))) taken++
        for (const name of [...Object.keys(entry[outer]), 'extra', '__proto__x'])
          if (agrees(canonicalBytes(at(entry, [outer, name], value)))) taken++
      }
      const text = Buffer.from(canonicalBytes(entry)).toString()
      for (const [, member = ''] of text.matchAll(/("[a-zA-Z]+":(?:"[^"]*"|\d+|null)),/g))
        agrees(Buffer.from(text.replace(member, `${member},${member}`)))
    }
  assert.ok(taken > 50, `${taken} of the changed entries were skimmed`)
  const finding = examples.find(({ type }) => type === 'finding') as LogEntry
  const details = [
    '{"a":1,"b":2}',
    '{"b":1,"a":2}',
    '{"a":1,"a":1}',
    '{"__proto__":1}',
    '{"1":1}',
    '{}',
    '{"a":{}}',
    '{"a":1,}',
  ]
  const tried = details.map((detail) =>
    agrees(
      Buffer.from(
        Buffer.from(canonicalBytes(finding))
          .toString()
          .replace(/"detail":\{.*?\}/, `"detail":${detail}`),
      ),
    ),
  )
  assert.deepEqual(tried, [true, false, false, false, false, true, false, false])
})
