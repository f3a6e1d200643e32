import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from 'yaml'
import { fault, type Reading } from './faults.ts'
import type { Position, SourceEntry, SourceMap, SourceNode } from './source-node.ts'

/** Largest file that is read. The public sample's largest is 6 kB. */
export const maxFileBytes = 256 * 1024
const maxDepth = 24
const maxFlowDepth = 64

/** Thrown inside this file for what YAML allows and a policy does not; becomes a fault. */
class Refused extends Error {
  readonly code: string
  readonly offset: number
  readonly remedy: string
  constructor(code: string, offset: number, message: string, remedy: string) {
    super(message)
    this.code = code
    this.offset = offset
    this.remedy = remedy
  }
}

function refuseAnchorsAndTags(node: Node, offset: number): void {
  if (isAlias(node)) {
    throw new Refused('yaml-alias', offset, 'an alias stands here', 'Write the value out; aliases are refused.')
  }
  if ('anchor' in node && node.anchor !== undefined) {
    throw new Refused('yaml-anchor', offset, 'an anchor stands here', 'Remove the anchor; anchors are refused.')
  }
  if (node.tag !== undefined && node.tag !== null && !node.tag.startsWith('tag:yaml.org,2002:')) {
    throw new Refused('yaml-tag', offset, `the tag ${node.tag} stands here`, 'Remove the tag.')
  }
}

function convert(node: unknown, at: Position, depth: number, place: (offset: number) => Position): SourceNode {
  const offset = (node as Node | null)?.range?.[0] ?? 0
  if (depth > maxDepth) throw new Refused('yaml-too-deep', offset, 'too deeply nested', 'Flatten the file.')
  if (node === null || node === undefined) return { kind: 'scalar', at, text: '', isPlain: true }
  refuseAnchorsAndTags(node as Node, offset)
  if (isMap(node)) {
    const entries = new Map<string, SourceEntry>()
    for (const { key, value } of node.items) {
      const keyOffset = (key as Node | null)?.range?.[0] ?? offset
      if (!isScalar(key) || typeof key.value !== 'string') {
        throw new Refused('yaml-key', keyOffset, 'a key that is no text', 'Write the key as text.')
      }
      refuseAnchorsAndTags(key, keyOffset)
      if (key.value === '<<') {
        throw new Refused('yaml-merge', keyOffset, 'a merge key stands here', 'Write the values out.')
      }
      if (entries.has(key.value)) {
        const first = entries.get(key.value)?.keyAt.line ?? 0
        const message = `the key ${key.value} stands here again; first at line ${first}`
        throw new Refused('yaml-duplicate-key', keyOffset, message, 'Remove one of the two.')
      }
      const keyAt = place(keyOffset)
      const isNested = isMap(value) || isSeq(value)
      const valueOffset = (value as Node | null)?.range?.[0]
      const valueAt = isNested || valueOffset === undefined ? keyAt : place(valueOffset)
      entries.set(key.value, { keyAt, value: convert(value, valueAt, depth + 1, place) })
    }
    return { kind: 'map', at, entries }
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => {
      const itemOffset = (item as Node | null)?.range?.[0]
      return convert(item, itemOffset === undefined ? at : place(itemOffset), depth + 1, place)
    })
    return { kind: 'list', at, items }
  }
  if (isScalar(node)) {
    return {
      kind: 'scalar',
      at,
      text: typeof node.value === 'string' ? node.value : '',
      isPlain: node.type === Scalar.PLAIN,
    }
  }
  throw new Refused('yaml-syntax', offset, 'a node of an unknown kind', 'Write plain YAML.')
}

function flowDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth)
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1)
  }
  return deepest
}

function decode(content: Uint8Array | string): string | undefined {
  if (typeof content === 'string') return content
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return undefined
  }
}

/**
 * Parses one file into source nodes, or records why not and returns null. The document must be a mapping.
 *
 * Trust: the text is whatever somebody pushed to the governance repository.
 * Checks: size, UTF-8, YAML 1.2 syntax, one document, no duplicate keys, no aliases, anchors, merge keys or tags, depth.
 */
export function parseYamlFile(reading: Reading, file: string, content: Uint8Array | string): SourceMap | null {
  const start: Position = { file, line: 1, column: 1 }
  const size = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength
  if (size > maxFileBytes) {
    fault(reading, 'file-too-big', start, `the file has ${size} bytes`, `Keep it below ${maxFileBytes} bytes.`)
    return null
  }
  const text = decode(content)
  if (text === undefined) {
    fault(reading, 'not-utf-8', start, 'the file is not UTF-8', 'Save the file as UTF-8.')
    return null
  }
  if (flowDepth(text) > maxFlowDepth) {
    fault(reading, 'yaml-too-deep', start, 'too deeply nested', 'Flatten the file.')
    return null
  }
  const lines = new LineCounter()
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col) }
  }
  try {
    const document = parseDocument(text, {
      schema: 'failsafe',
      version: '1.2',
      strict: true,
      uniqueKeys: false,
      prettyErrors: false,
      // Silent, the parser would not report a second document.
      logLevel: 'error',
      lineCounter: lines,
    })
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) {
      fault(reading, 'yaml-syntax', place(problem.pos[0]), problem.message, 'Correct the YAML at this place.')
      return null
    }
    const root = convert(document.contents, start, 0, place)
    if (root.kind === 'map') return root
    fault(reading, 'wrong-type', root.at, 'the file is not a mapping', 'Write keys and values at the top level.')
    return null
  } catch (error) {
    if (error instanceof Refused) {
      fault(reading, error.code, place(error.offset), error.message, error.remedy)
      return null
    }
    if (error instanceof RangeError) {
      fault(reading, 'yaml-too-deep', start, 'too deeply nested', 'Flatten the file.')
      return null
    }
    throw error
  }
}
