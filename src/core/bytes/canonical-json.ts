import type { Json } from './json.ts'
import { encodeUtf8 } from './utf8.ts'

/** Why a value has no canonical form. */
export type CanonicalFaultCode = 'not-json' | 'number-not-finite' | 'lone-surrogate' | 'forbidden-key' | 'too-deep'

/** Thrown when a value has no canonical JSON form; the code says why. */
export class CanonicalJsonError extends Error {
  override name = 'CanonicalJsonError'
  readonly code: CanonicalFaultCode
  constructor(code: CanonicalFaultCode) {
    super(`no canonical JSON form: ${code}`)
    this.code = code
  }
}

const maxDepth = 512

/** Text of which JSON spells every character as it is; most of what is written here. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function quoted(text: string): string {
  if (plainText.test(text)) return `"${text}"`
  if (!text.isWellFormed()) throw new CanonicalJsonError('lone-surrogate')
  return JSON.stringify(text)
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return false
  return true
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // The second test knows plain objects of another realm (a worker, a page's frame).
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'))
  )
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new CanonicalJsonError('number-not-finite')
    return JSON.stringify(value)
  }
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') throw new CanonicalJsonError('not-json')
  if (depth >= maxDepth) throw new CanonicalJsonError('too-deep')
  let text = ''
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + write(value[i], depth + 1)
    return `[${text}]`
  }
  if (!isPlainObject(value)) throw new CanonicalJsonError('not-json')
  const members = value as { readonly [key: string]: unknown }
  const keys = Object.keys(members)
  // The default order of `sort` and `>` is by UTF-16 code unit, as RFC 8785 §3.2.3 asks.
  if (!isSorted(keys)) keys.sort()
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    if (key === '__proto__') throw new CanonicalJsonError('forbidden-key')
    text += `${i === 0 ? '' : ','}${quoted(key)}:${write(members[key], depth + 1)}`
  }
  return `{${text}}`
}

/**
 * Writes a value as the one canonical JSON text that all of this project's digests and signatures are made over.
 *
 * Checks: refuses `undefined`, functions, symbols, bigint, class instances, holes, NaN, infinities, lone surrogates,
 * cycles (as depth) and `__proto__`, so that what is written parses strictly to an equal value.
 * @throws CanonicalJsonError with its code
 * Spec: RFC 8785.
 */
export function canonicalize(value: Json): string {
  return write(value, 0)
}

/**
 * Writes the canonical JSON of a value as UTF-8 bytes.
 *
 * @throws CanonicalJsonError with its code
 */
export function canonicalBytes(value: Json): Uint8Array {
  return encodeUtf8(canonicalize(value))
}
