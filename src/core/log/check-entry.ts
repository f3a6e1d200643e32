import { unseen } from '../bytes/canonical-end.ts'
import type { JsonObject } from '../bytes/json.ts'
import { integer, nullable, object, oneOf, type Shape, type ShapeFault } from '../bytes/shape.ts'
import type { LogEntry } from './entry.ts'
import { actorOf, code, entryId, line, subjectOf } from './entry-shapes.ts'
import { type EntryTypeSpec, entryTypes } from './entry-types.ts'

/** Which registry of types a log's entries are of. */
export type LogKind = 'decisions' | 'security'

/** What an entry says beyond its own bytes, or why it fits no type. */
export type CheckedEntry =
  | {
      readonly ok: true
      /** Blobs that the entry names. */
      readonly blobs: readonly string[]
    }
  | { readonly ok: false; readonly code: 'entry-unknown-type' | 'entry-bad-data'; readonly path: string }

const shapeOf = (type: string, spec: EntryTypeSpec) =>
  object({
    v: oneOf([1]),
    id: entryId,
    at: integer(0, Number.MAX_SAFE_INTEGER),
    type: oneOf([type]),
    actor: actorOf(spec.actors),
    subject: subjectOf(spec.subjects),
    data: spec.data,
  })

/** A type of the decision log, with the shape of its whole entries. */
export interface DecisionType {
  readonly spec: EntryTypeSpec
  readonly shape: ReturnType<typeof shapeOf>
}

export const decisionTypes: ReadonlyMap<string, DecisionType> = new Map(
  Object.entries<EntryTypeSpec>(entryTypes).map(([type, spec]) => [type, { spec, shape: shapeOf(type, spec) }]),
)

const anyObject: Shape<unknown> = {
  endIn: () => unseen,
  fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  check: (value, path, faults) => {
    if (anyObject.fits(value)) return
    faults.push({ code: 'wrong-type', path, data: { expected: 'object', found: typeof value } })
  },
  schema: () => ({ type: 'object' }),
}

const securityEvent = object({
  v: oneOf([1]),
  id: entryId,
  at: integer(0, Number.MAX_SAFE_INTEGER),
  type: code,
  actor: anyObject,
  subject: anyObject,
  data: object({
    eventType: code,
    userId: nullable(line),
    resource: line,
    action: code,
    result: oneOf(['success', 'denied', 'error']),
    details: anyObject,
  }),
})

/**
 * Decides whether a decoded entry is one that the log may hold: a type of the registry, and actor, subject and data as the
 * type has them.
 *
 * Trust: the entry is an attacker's.
 * Does not check: what stands before it in the log, nor that what it says is true.
 * Spec: spec/log/entry-types.md, spec/schema/log-entries-v1.json.
 */
export function checkEntry(entry: LogEntry, kind: LogKind = 'decisions'): CheckedEntry {
  if (kind === 'security') {
    if (!securityEvent.fits(entry)) return badData(securityEvent, entry)
    if (entry.data['eventType'] !== entry.type) return { ok: false, code: 'entry-bad-data', path: '/type' }
    return { ok: true, blobs: [] }
  }
  const known = decisionTypes.get(entry.type)
  if (known === undefined) return { ok: false, code: 'entry-unknown-type', path: '/type' }
  if (!known.shape.fits(entry)) return badData(known.shape, entry)
  return { ok: true, blobs: namedBy(known.spec, entry.data) }
}

function namedBy({ blobs }: EntryTypeSpec, data: JsonObject): readonly string[] {
  return blobs.flatMap((name) => {
    const value = data[name] as string | null | Readonly<Record<string, string>>
    return value === null ? [] : typeof value === 'string' ? [value] : Object.values(value)
  })
}

function badData(shape: Shape<unknown>, entry: LogEntry): CheckedEntry {
  const faults: ShapeFault[] = []
  shape.check(entry, '', faults)
  return { ok: false, code: 'entry-bad-data', path: faults[0]?.path ?? '' }
}

/** Says what of the log an origin names: the security log of a deployment is its decision log's origin and `/security`. */
export const kindOfLog = (origin: string): LogKind => (origin.endsWith('/security') ? 'security' : 'decisions')

const firstOf = <T>(kinds: readonly T[]): T => kinds[0] as T

const actorExamples = {
  server: { kind: 'server' },
  operator: { kind: 'operator' },
  forge: { kind: 'forge', account: null },
  person: { kind: 'person', account: 11, keyid: 'a'.repeat(64) },
} as const

const subjectExamples = {
  deployment: { kind: 'deployment' },
  change: { kind: 'change', repository: 7, number: 12 },
  branch: { kind: 'branch', repository: 7, ref: 'main' },
  person: { kind: 'person', account: 11 },
  release: { kind: 'release', repository: 7, tag: 'v1.2.3' },
} as const

/** An entry of every type of the decision log, as a reader would meet it. */
export function exampleEntries(): readonly LogEntry[] {
  return Object.entries<EntryTypeSpec>(entryTypes).map(([type, spec], i) => ({
    v: 1,
    id: String(i).padStart(32, '0'),
    at: 1_700_000_000_000 + i,
    type,
    actor: actorExamples[firstOf(spec.actors)],
    subject: subjectExamples[firstOf(spec.subjects)],
    data: spec.example,
  }))
}

/** JSON Schema (2020-12) of the entries of the decision log, derived from the declaration that checks them. */
export function entriesJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:governance-app:schema:log-entries-v1',
    title: 'an entry of the decision log, version 1',
    oneOf: [...decisionTypes.values()].map(({ shape }) => shape.schema()),
    examples: exampleEntries(),
  }
}
