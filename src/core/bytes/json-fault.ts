/** Why strict JSON refuses a text. */
export type JsonFaultCode =
  | 'too-large'
  | 'invalid-utf8'
  | 'invalid-syntax'
  | 'too-deep'
  | 'duplicate-key'
  | 'forbidden-key'
  | 'lone-surrogate'
  | 'number-not-finite'

/** The first fault of a text. `at` counts UTF-16 code units. */
export type JsonFault = { readonly code: JsonFaultCode; readonly at: number }

/** Carries a fault out of the recursive descent; never leaves this file. */
class Stop extends Error {
  readonly fault: JsonFault
  constructor(code: JsonFaultCode, at: number) {
    super(code)
    this.fault = { code, at }
  }
}

const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const hex4 = /[0-9a-fA-F]{4}/y
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * Finds the first fault of a JSON text, or `undefined` when strict JSON accepts it: the reference that the fast parser
 * must agree with, and the one that knows the place.
 *
 * Trust: the text is chosen by an attacker; time is linear in its length, recursion is bounded by `maxDepth`.
 * Checks: RFC 8259 grammar, nesting, repeated member names after unescaping, `__proto__`, lone surrogates,
 * numbers that are no finite double.
 * Spec: RFC 8259; RFC 7493 §2.1–2.3.
 */
export function findJsonFault(text: string, maxDepth: number): JsonFault | undefined {
  let at = 0

  function skipSpace(): void {
    for (;;) {
      const code = text.charCodeAt(at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      at++
    }
  }

  function readString(): string {
    const start = at
    if (text[at] !== '"') throw new Stop('invalid-syntax', at)
    at++
    let value = ''
    let plainFrom = at
    for (;;) {
      const code = text.charCodeAt(at)
      if (Number.isNaN(code) || code < 0x20) throw new Stop('invalid-syntax', at)
      if (code === 0x22) break
      if (code !== 0x5c) {
        at++
        continue
      }
      value += text.slice(plainFrom, at)
      const letter = text[at + 1] ?? ''
      const plain = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined
      if (plain !== undefined) {
        value += plain
        at += 2
      } else {
        hex4.lastIndex = at + 2
        if (letter !== 'u' || !hex4.test(text)) throw new Stop('invalid-syntax', at)
        value += String.fromCharCode(Number.parseInt(text.slice(at + 2, at + 6), 16))
        at += 6
      }
      plainFrom = at
    }
    value += text.slice(plainFrom, at)
    at++
    if (!value.isWellFormed()) throw new Stop('lone-surrogate', start)
    return value
  }

  function readLiteral(literal: string): void {
    if (!text.startsWith(literal, at)) throw new Stop('invalid-syntax', at)
    at += literal.length
  }

  function readNumber(): void {
    numberToken.lastIndex = at
    const token = numberToken.exec(text)?.[0]
    if (token === undefined) throw new Stop('invalid-syntax', at)
    if (!Number.isFinite(Number(token))) throw new Stop('number-not-finite', at)
    at += token.length
  }

  function readMembers(depth: number): void {
    const seen = new Set<string>()
    for (;;) {
      skipSpace()
      const start = at
      const key = readString()
      if (key === '__proto__') throw new Stop('forbidden-key', start)
      if (seen.has(key)) throw new Stop('duplicate-key', start)
      seen.add(key)
      skipSpace()
      readLiteral(':')
      readValue(depth)
      if (text[at] === ',') at++
      else return readLiteral('}')
    }
  }

  function readElements(depth: number): void {
    for (;;) {
      readValue(depth)
      if (text[at] === ',') at++
      else return readLiteral(']')
    }
  }

  function readValue(depth: number): void {
    skipSpace()
    const first = text[at]
    if (first === '{' || first === '[') {
      if (depth >= maxDepth) throw new Stop('too-deep', at)
      at++
      skipSpace()
      if (text[at] === (first === '{' ? '}' : ']')) at++
      else if (first === '{') readMembers(depth + 1)
      else readElements(depth + 1)
    } else if (first === '"') readString()
    else if (first === 't') readLiteral('true')
    else if (first === 'f') readLiteral('false')
    else if (first === 'n') readLiteral('null')
    else readNumber()
    skipSpace()
  }

  try {
    readValue(0)
    if (at < text.length) throw new Stop('invalid-syntax', at)
    return undefined
  } catch (error) {
    if (error instanceof Stop) return error.fault
    throw error
  }
}
