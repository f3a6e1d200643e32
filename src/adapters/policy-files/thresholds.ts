import { fault, type Reading } from './faults.ts'
import { asInteger, asMap, asText, optional, refuseUnknownKeys, required } from './fields.ts'
import type { Position, SourceMap, SourceNode } from './source-node.ts'

/** One threshold as written: `required` of `total` persons, of a set where the file names one. */
export interface Threshold {
  readonly required: number
  readonly total: number
  readonly set: string | null
  readonly at: Position
}

const shapes = '6-of-7, 5-of-7 + 2-of-3, 4-of-7 teams or {required: 6, total: 7}'
const partPattern = /^([1-9][0-9]{0,2})-of-([1-9][0-9]{0,2})(?: (?:teams|maintainers|keyholders))?$/

/** Reads a threshold written as text (`6-of-7`, `5-of-7 + 2-of-3`, `4-of-7 teams`), one part per signer set. */
function readText(reading: Reading, node: SourceNode): readonly Threshold[] {
  const text = asText(reading, node)
  if (text === '') return []
  const parts: Threshold[] = []
  for (const part of text.split(' + ')) {
    const match = partPattern.exec(part.trim())
    if (match === null) {
      fault(reading, 'bad-threshold', node.at, `"${text.slice(0, 60)}" is no threshold`, `Write it as ${shapes}.`)
      return []
    }
    parts.push({ required: Number(match[1]), total: Number(match[2]), set: null, at: node.at })
  }
  return parts
}

/** Reads a threshold in any of its four shapes. */
export function readThreshold(reading: Reading, node: SourceNode): readonly Threshold[] {
  if (node.kind === 'scalar') return readText(reading, node)
  const map = asMap(reading, node)
  refuseUnknownKeys(reading, map, ['required', 'total', 'set'])
  const requiredNode = required(reading, map, 'required')
  const totalNode = required(reading, map, 'total')
  const set = optional(map, 'set')
  if (requiredNode === undefined || totalNode === undefined) return []
  return [
    {
      required: asInteger(reading, requiredNode, 1, 1000),
      total: asInteger(reading, totalNode, 1, 1000),
      set: set === undefined ? null : asText(reading, set),
      at: requiredNode.at,
    },
  ]
}

/** Reads the threshold of a layer, tier or repository: `signatures` or `signature_threshold`, not both. */
export function thresholdAt(reading: Reading, map: SourceMap): readonly Threshold[] {
  const signatures = optional(map, 'signatures')
  const threshold = optional(map, 'signature_threshold')
  if (signatures !== undefined && threshold !== undefined) {
    const remedy = 'Keep one of signatures and signature_threshold.'
    fault(reading, 'threshold-stated-twice', threshold.at, 'the threshold is stated twice', remedy)
  }
  const node = signatures ?? threshold ?? required(reading, map, 'signatures')
  return node === undefined ? [] : readThreshold(reading, node)
}

/** Reads a threshold that must have exactly one part. */
export function singleThreshold(reading: Reading, parts: readonly Threshold[], at: Position): Threshold {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  if (parts.length > 1) {
    fault(reading, 'bad-threshold', at, 'one threshold is expected, not several', 'Keep one threshold here.')
  }
  return { required: 1, total: 1, set: null, at }
}

/** Writes thresholds as people do. */
export const thresholdText = (parts: readonly { readonly required: number; readonly total: number }[]): string =>
  parts.map(({ required: count, total }) => `${count}-of-${total}`).join(' + ')
