import type { Json, JsonObject } from './json.ts'
import { findJsonFault, type JsonFaultCode } from './json-fault.ts'
import { decodeUtf8, utf8Fault, utf8Length } from './utf8.ts'

/**
 * Bounds of one parse. `decodeUtf8` may be a faster decoder than core's; it must be fatal (return `undefined` or throw
 * on any byte that is not UTF-8) and must keep a byte order mark.
 */
export type JsonLimits = {
  readonly maxBytes: number
  readonly maxDepth: number
  readonly decodeUtf8?: (bytes: Uint8Array) => string | undefined
}

/** The value, or the first fault with its offset in UTF-8 bytes. */
export type ParsedJson =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: JsonFaultCode; readonly offset: number }

/** The nesting that `maxDepth` may not pass, because the fault finder recurses. */
export const jsonDepthCeiling = 512

const quote = 0x22
const quoteWord = 0x22222222
const lowBits = 0x7f7f7f7f

/** Counts the `"` bytes, four at a time where the alignment allows it. */
function countQuoteBytes(bytes: Uint8Array): number {
  let count = 0
  let at = 0
  if (bytes.byteOffset % 4 === 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    for (let i = 0; i < words.length; ) {
      // Each lane of `sums` counts up to 255 before it is emptied.
      const end = Math.min(i + 255, words.length)
      let sums = 0
      for (; i < end; i++) {
        const difference = (words[i] as number) ^ quoteWord
        const carried = ((difference & lowBits) + lowBits) | 0
        sums = (sums + (~(carried | difference | lowBits) >>> 7)) | 0
      }
      count += (sums & 255) + ((sums >>> 8) & 255) + ((sums >>> 16) & 255) + (sums >>> 24)
    }
    at = words.length * 4
  }
  for (; at < bytes.length; at++) if (bytes[at] === quote) count++
  return count
}

function countQuotes(text: string): number {
  let count = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++
  return count
}

const refused = -1

/** What the backslashes of a text stand for. In valid JSON each of them starts an escape inside a string. */
type Escapes = { readonly quotes: number; readonly hasSurrogates: boolean }

function surveyEscapes(text: string): Escapes {
  let quotes = 0
  let hasSurrogates = false
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at + 2)) {
    const next = text.charCodeAt(at + 1)
    if (next === quote) quotes++
    else if (next === 0x75 && (text.charCodeAt(at + 2) | 0x20) === 0x64) hasSurrogates = true
  }
  return { quotes, hasSurrogates }
}

/**
 * Counts the strings of a value, names included, or answers `refused`. The loop over members is the engine's fastest and also
 * sees inherited ones; the caller makes sure that there are none.
 */
function countStrings(value: Json, depthLeft: number, mustCheckText: boolean): number {
  if (typeof value === 'string') return mustCheckText && !value.isWellFormed() ? refused : 1
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : refused
  if (typeof value !== 'object' || value === null) return 0
  if (depthLeft === 0) return refused
  let count = 0
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const inner = countStrings(value[i] as Json, depthLeft - 1, mustCheckText)
      if (inner === refused) return refused
      count += inner
    }
    return count
  }
  const members = value as JsonObject
  for (const key in members) {
    if (key === '__proto__' || (mustCheckText && !key.isWellFormed())) return refused
    const inner = countStrings(members[key] as Json, depthLeft - 1, mustCheckText)
    if (inner === refused) return refused
    count += 1 + inner
  }
  return count
}

/**
 * The engine's parser keeps a handle per open bracket, which makes deep nesting quadratic: 1 ms at 10,000 levels, a minute at
 * ten million. Texts short enough for that not to matter skip the scan.
 */
const deepTextLength = 131_072

function nestsDeeperThan(maxDepth: number, text: string): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) isInString = !isInString
    else if (isInString) at += code === 0x5c ? 1 : 0
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}

function hasInheritedMembers(): boolean {
  for (const _ in {}) return true
  return false
}

function decodeWith(decode: (bytes: Uint8Array) => string | undefined, bytes: Uint8Array): string | undefined {
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Accepts by counting instead of scanning: the engine's own parser checks the grammar, then every string that the text
 * holds must be found again in the value. A repeated member name loses at least its own string, so the counts differ.
 * Returns `undefined` whenever it cannot accept; the fault finder then decides.
 */
function parseByCount(text: string, quotes: number, maxDepth: number): { readonly value: Json } | undefined {
  if (hasInheritedMembers()) return undefined
  if (text.length > deepTextLength && nestsDeeperThan(maxDepth, text)) return undefined
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  const escapes = surveyEscapes(text)
  const strings = countStrings(value, maxDepth, escapes.hasSurrogates)
  return strings !== refused && 2 * strings === quotes - escapes.quotes ? { value } : undefined
}

/**
 * Parses JSON so that every reader of the same bytes sees the same value, or refuses with the first fault.
 *
 * Trust: the input is chosen by an attacker; time and memory are linear in `maxBytes`.
 * Checks: size, UTF-8, RFC 8259 grammar (no byte order mark), depth, repeated names, `__proto__` as a name, lone
 * surrogates (raw or escaped), numbers beyond a double.
 * Does not check: that a number keeps all its digits in a double; compare canonical forms where that matters.
 * Members named `constructor` or `prototype` are data: own properties, never read through.
 * @throws RangeError when `maxDepth` passes `jsonDepthCeiling`
 * Spec: RFC 8259, RFC 7493 (I-JSON).
 */
export function parseJsonStrict(input: Uint8Array | string, limits: JsonLimits): ParsedJson {
  const { maxBytes, maxDepth } = limits
  if (!(maxDepth >= 0 && maxDepth <= jsonDepthCeiling)) throw new RangeError('maxDepth out of range')
  const isText = typeof input === 'string'
  // Every code unit takes a byte or more, so a text past the cap in units need not be measured.
  if (input.length > maxBytes || (isText && input.length * 3 > maxBytes && utf8Length(input) > maxBytes)) {
    return { ok: false, code: 'too-large', offset: maxBytes }
  }
  const text = isText ? input : decodeWith(limits.decodeUtf8 ?? decodeUtf8, input)
  if (text === undefined) {
    return { ok: false, code: 'invalid-utf8', offset: Math.max(0, utf8Fault(input as Uint8Array)) }
  }
  if (isText && !text.isWellFormed()) {
    const at = /[\ud800-\udfff]/u.exec(text)?.index ?? 0
    return { ok: false, code: 'lone-surrogate', offset: utf8Length(text.slice(0, at)) }
  }
  const counted = parseByCount(text, isText ? countQuotes(text) : countQuoteBytes(input), maxDepth)
  if (counted !== undefined) return { ok: true, value: counted.value }
  const fault = findJsonFault(text, maxDepth)
  if (fault !== undefined) return { ok: false, code: fault.code, offset: utf8Length(text.slice(0, fault.at)) }
  return { ok: true, value: JSON.parse(text) as Json }
}
