import { fault, note, type Reading } from './faults.ts'
import type { Position, SourceMap, SourceNode } from './source-node.ts'

// After a fault these readers return a value of the right type so that reading goes on and all faults are reported at
// once. None of them reaches a policy: a reading with a fault has no policy.

const kindName = (node: SourceNode): string =>
  node.kind === 'scalar' ? `"${node.text.slice(0, 60)}"` : node.kind === 'map' ? 'a mapping' : 'a list'

function wrongType(reading: Reading, node: SourceNode, expected: string): void {
  fault(reading, 'wrong-type', node.at, `${expected} is expected, not ${kindName(node)}`, `Write ${expected} here.`)
}

const emptyMap = (at: Position): SourceMap => ({ kind: 'map', at, entries: new Map() })

/** The value of an optional key. */
export const optional = (map: SourceMap, key: string): SourceNode | undefined => map.entries.get(key)?.value

/** The value of a required key; a fault where it is missing. */
export function required(reading: Reading, map: SourceMap, key: string): SourceNode | undefined {
  const node = optional(map, key)
  if (node === undefined) fault(reading, 'missing-key', map.at, `${key} is missing`, `Add ${key}: to this part.`)
  return node
}

/** Reads a mapping. */
export function asMap(reading: Reading, node: SourceNode): SourceMap {
  if (node.kind === 'map') return node
  wrongType(reading, node, 'a mapping')
  return emptyMap(node.at)
}

/** Reads a required mapping. */
export function mapAt(reading: Reading, map: SourceMap, key: string): SourceMap {
  const node = required(reading, map, key)
  return node === undefined ? emptyMap(map.at) : asMap(reading, node)
}

/** Reads an optional mapping. */
export function optionalMap(reading: Reading, map: SourceMap, key: string): SourceMap | undefined {
  const node = optional(map, key)
  return node === undefined ? undefined : asMap(reading, node)
}

/** Reads a sequence. */
export function asList(reading: Reading, node: SourceNode): readonly SourceNode[] {
  if (node.kind === 'list') return node.items
  wrongType(reading, node, 'a list')
  return []
}

/** Reads an optional sequence; absent is empty. */
export function listAt(reading: Reading, map: SourceMap, key: string): readonly SourceNode[] {
  const node = optional(map, key)
  return node === undefined ? [] : asList(reading, node)
}

/** Reads text. */
export function asText(reading: Reading, node: SourceNode): string {
  if (node.kind === 'scalar' && node.text !== '') return node.text
  wrongType(reading, node, 'text')
  return ''
}

/** Reads required text. */
export function textAt(reading: Reading, map: SourceMap, key: string): string {
  const node = required(reading, map, key)
  return node === undefined ? '' : asText(reading, node)
}

/** Reads an optional list of texts; absent is empty. */
export const textsAt = (reading: Reading, map: SourceMap, key: string): readonly string[] =>
  listAt(reading, map, key).map((item) => asText(reading, item))

/** Reads an unquoted decimal integer from `min` to `max`. */
export function asInteger(reading: Reading, node: SourceNode, min: number, max: number): number {
  if (node.kind !== 'scalar' || !node.isPlain || !/^(?:0|[1-9][0-9]{0,15})$/.test(node.text)) {
    wrongType(reading, node, 'a whole number')
    return min
  }
  const value = Number(node.text)
  if (value >= min && value <= max) return value
  const message = `${node.text} is outside of ${min} to ${max}`
  fault(reading, 'out-of-range', node.at, message, `Write a number from ${min} to ${max}.`)
  return min
}

/** Reads a required number of days. */
export function daysAt(reading: Reading, map: SourceMap, key: string): number {
  const node = required(reading, map, key)
  return node === undefined ? 0 : asInteger(reading, node, 0, 3650)
}

/** Reads an unquoted `true` or `false`. */
export function asBoolean(reading: Reading, node: SourceNode): boolean {
  if (node.kind === 'scalar' && node.isPlain && (node.text === 'true' || node.text === 'false')) {
    return node.text === 'true'
  }
  wrongType(reading, node, 'true or false')
  return false
}

/** Reads an optional `true` or `false`. */
export function booleanAt(reading: Reading, map: SourceMap, key: string): boolean | undefined {
  const node = optional(map, key)
  return node === undefined ? undefined : asBoolean(reading, node)
}

/** Reports keys that no reader looks at, so that a misspelt key is seen. `require…` keys have their own reader. */
export function reportUnknownKeys(reading: Reading, map: SourceMap, known: readonly string[]): void {
  for (const [key, { keyAt }] of map.entries) {
    if (known.includes(key) || /^requires?_/.test(key)) continue
    const remedy = 'Correct the spelling or remove the key; it decides nothing.'
    note(reading, 'unknown-key', 'warning', keyAt, `nobody reads the key ${key}`, remedy)
  }
}

/** Refuses keys that no reader looks at, where a misspelt key would weaken something. */
export function refuseUnknownKeys(reading: Reading, map: SourceMap, known: readonly string[]): void {
  for (const [key, { keyAt }] of map.entries) {
    if (!known.includes(key)) {
      fault(reading, 'unknown-key', keyAt, `the key ${key} is not known here`, `Use one of ${known.join(', ')}.`)
    }
  }
}
