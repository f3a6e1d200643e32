/** Walks the fields of evidence, names each by what it is, and changes its value into another one. */
import type { Doc } from './evidence-forgery.ts'

export interface Field {
  /** The place by role: `entry(verdict).data.outcome`, `blob(facts).head.sha`, `checkpoint`. */
  readonly name: string
  readonly path: readonly (string | number)[]
  readonly value: unknown
}

/** Records whose keys are names of things; a star stands for each. */
const namedRecords = new Set(['layers', 'tiers', 'repositories', 'sets', 'emergency', 'files'])

type Roles = { readonly entry: ReadonlyMap<number, string>; readonly blob: ReadonlyMap<string, string> }

/** What each entry and blob is for. Those of earlier verdicts, which put policies into force, are named apart. */
export function rolesOf(doc: Doc): Roles {
  const entry = new Map<number, string>()
  const blob = new Map<string, string>()
  const name = (digest: unknown, role: string): void => {
    if (typeof digest === 'string' && digest in doc.blobs && !blob.has(digest)) blob.set(digest, role)
  }
  for (const { index, entry: one } of doc.entries) {
    const { data, type } = one
    entry.set(index, type)
    if (type === 'verdict') {
      const layer0 = index === doc.verdict ? '' : ' of layer 0'
      entry.set(index, `verdict${layer0}`)
      name(data.verdict, `verdict${layer0}`)
      name(data.facts, `facts${layer0}`)
      const facts = doc.blobs[String(data.facts)] as { readonly changeDigest?: string } | undefined
      name(facts?.changeDigest, `files${layer0}`)
    } else if (type === 'policy-in-force') {
      const later = data.verdict === null ? '' : ', later'
      entry.set(index, `${type}${later}`)
      name(data.policy, `policy${later}`)
    } else if (type === 'statement-admitted') {
      const payload = doc.blobs[String(data.payloadDigest)] as { readonly predicate: { readonly decision: string } }
      const { decision } = payload.predicate
      entry.set(index, decision)
      name(data.payloadDigest, `payload of ${decision}`)
      name(data.requirement, 'requirement')
      name(data.inForce, 'requirement')
    }
  }
  return { entry, blob }
}

/** Every field of a document, entries before blobs, blobs in the order in which entries name them. */
export function fieldsOf(doc: Doc): readonly Field[] {
  const roles = rolesOf(doc)
  const fields: Field[] = []
  const walk = (value: unknown, name: string, path: readonly (string | number)[], record: boolean): void => {
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
    if (typeof value !== 'object' || value === null || isEmpty) {
      fields.push({ name, path, value })
      return
    }
    if (Array.isArray(value))
      for (const [i, element] of value.entries()) walk(element, `${name}[]`, [...path, i], false)
    else
      for (const [key, member] of Object.entries(value))
        walk(member, record ? `${name}.*` : `${name}.${key}`, [...path, key], !record && namedRecords.has(key))
  }
  for (const [key, value] of Object.entries(doc)) {
    if (key === 'entries') {
      for (const [i, item] of doc.entries.entries()) {
        const role = `entry(${roles.entry.get(item.index)})`
        for (const [member, inside] of Object.entries(item.entry))
          walk(inside, `${role}.${member}`, ['entries', i, 'entry', member], false)
        walk(item.index, `${role}#index`, ['entries', i, 'index'], false)
        walk(item.proof, `${role}#proof`, ['entries', i, 'proof'], false)
      }
    } else if (key === 'blobs') {
      for (const [digest, role] of roles.blob) walk(doc.blobs[digest], `blob(${role})`, ['blobs', digest], false)
    } else walk(value, key, [key], false)
  }
  return fields
}

/** Other values that a field of this name may have, where a mangled text would not even read. */
const others: Readonly<Record<string, (value: unknown) => unknown>> = {
  outcome: (value) => (value === 'pass' ? 'fail' : 'pass'),
  state: (value) => (value === 'open' ? 'closed' : value === 'clean' ? 'conflict' : 'open'),
  how: (value) => (value === 'email' ? 'trailer' : 'email'),
  kind: (value) => (value === 'operator' ? 'server' : 'operator'),
  decision: (value) => (value === 'approve' ? 'withdraw' : 'approve'),
}

/** Another value of the same kind: hex stays hex, a number stays a number. */
export function otherValue({ name, value }: Pick<Field, 'name' | 'value'>): unknown {
  const last = /[a-zA-Z]+$/.exec(name)?.[0] ?? ''
  const other = Object.hasOwn(others, last) ? others[last] : undefined
  if (other !== undefined) return other(value)
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (value === null) return 1
  if (Array.isArray(value)) return ['x']
  if (typeof value === 'object') return { x: 1 }
  const text = String(value)
  if (/^[0-9a-f]{8,}$/.test(text)) return (text.startsWith('0') ? '1' : '0') + text.slice(1)
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return text.replace(/\.000Z$/, '.001Z')
  if (/^[A-Za-z0-9+/_-]{40,}=?=?$/.test(text)) return (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
  return `${text}x`
}

/** The document with one field changed. */
export function withChange(doc: Doc, path: Field['path'], value: unknown): Doc {
  const copy = structuredClone(doc)
  let at: Record<string | number, unknown> = copy
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>
  at[path.at(-1) as string] = value
  return copy
}
