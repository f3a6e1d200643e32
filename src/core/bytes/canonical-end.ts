import { encodeUtf8 } from './utf8.ts'

/**
 * Where the value ends that begins at `at`, when its bytes are the canonical form of a value that fits; -1 when a quick look
 * cannot tell. Whatever it accepts, the strict parser reads as a value that fits; what it leaves open, that one decides.
 *
 * Trust: the bytes are an attacker's.
 */
export type EndIn = (bytes: Uint8Array, at: number) => number

export const unseen = -1
const quote = 0x22
const backslash = 0x5c
const zero = 0x30
const nine = 0x39
/** Digits that every safe integer has room in. */
const maxDigits = 16

/** A set of bytes, as a table. */
export type ByteSet = Uint8Array

export function byteSet(has: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0))
}

/** What a canonical text holds as it is and in one byte; the rest is left to the strict parser. */
export const plainBytes = byteSet((byte) => byte >= 0x20 && byte < 0x7f && byte !== quote && byte !== backslash)
export const hexBytes = byteSet((byte) => (byte >= zero && byte <= nine) || (byte >= 0x61 && byte <= 0x66))

/** The end of exactly these characters. */
export function literalEnd(literal: string): EndIn {
  const wanted = encodeUtf8(literal)
  return (bytes, at) => {
    for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return unseen
    return at + wanted.length
  }
}

/** The end of a text of `min` to `max` bytes of the set. */
export function textEnd(set: ByteSet, limit: { readonly min: number; readonly max: number }): EndIn {
  const { min, max } = limit
  return (bytes, at) => {
    if (bytes[at] !== quote) return unseen
    let end = at + 1
    while (end < bytes.length && set[bytes[end] as number] === 1) end++
    const length = end - at - 1
    return bytes[end] === quote && length >= min && length <= max ? end + 1 : unseen
  }
}

/** The end of a text of exactly so many bytes of the set. */
export function fixedTextEnd(set: ByteSet, length: number): EndIn {
  return (bytes, at) => {
    const end = at + 1 + length
    if (bytes[at] !== quote || bytes[end] !== quote) return unseen
    let isIn = 1
    for (let i = at + 1; i < end; i++) isIn &= set[bytes[i] as number] as number
    return isIn === 1 ? end + 1 : unseen
  }
}

/** The plain text between two quotes. */
export function plainText(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode.apply(null, bytes.subarray(from + 1, to - 1) as unknown as number[])
}

/** The integer that stands there, up to `end`. */
export function integerAt(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let i = at; i < end; i++) value = value * 10 + (bytes[i] as number) - zero
  return value
}

/** The end of an integer from `min` to `max`; those below zero are left open. */
export function integerEnd(min: number, max: number): EndIn {
  return (bytes, at) => {
    let end = at
    while (end < bytes.length && (bytes[end] as number) >= zero && (bytes[end] as number) <= nine) end++
    if (end === at || end - at > maxDigits || (bytes[at] === zero && end > at + 1)) return unseen
    const value = integerAt(bytes, at, end)
    return Number.isSafeInteger(value) && value >= min && value <= max ? end : unseen
  }
}

/** The end of the first that can tell. */
export function firstEnd(ends: readonly EndIn[]): EndIn {
  return (bytes, at) => {
    for (const endIn of ends) {
      const end = endIn(bytes, at)
      if (end !== unseen) return end
    }
    return unseen
  }
}

/** The end of a list of `min` to `max` items. */
export function listEnd(item: EndIn, limit: { readonly min: number; readonly max: number }): EndIn {
  const [open, comma, close] = [0x5b, 0x2c, 0x5d]
  return (bytes, at) => {
    if (bytes[at] !== open) return unseen
    let end = at + 1
    let count = 0
    while (bytes[end] !== close) {
      if (count > 0 && bytes[end++] !== comma) return unseen
      end = item(bytes, end)
      if (end === unseen || ++count > limit.max) return unseen
    }
    return count >= limit.min ? end + 1 : unseen
  }
}

/** The end of an object of at most `max` members whose names are plain and fit; names must stand in order, each once. */
export function recordEnd(isName: (name: string) => boolean, item: EndIn, max: number): EndIn {
  const [open, comma, colon, close] = [0x7b, 0x2c, 0x3a, 0x7d]
  const nameEnd = textEnd(plainBytes, { min: 1, max: Number.MAX_SAFE_INTEGER })
  return (bytes, at) => {
    if (bytes[at] !== open) return unseen
    let end = at + 1
    let before = ''
    for (let count = 0; bytes[end] !== close; count++) {
      if (count === max || (count > 0 && bytes[end++] !== comma)) return unseen
      const start = end
      end = nameEnd(bytes, start)
      if (end === unseen || bytes[end] !== colon) return unseen
      const name = plainText(bytes, start, end)
      // The strict parser refuses this one name.
      if (name <= before || name === '__proto__' || !isName(name)) return unseen
      before = name
      end = item(bytes, end + 1)
      if (end === unseen) return unseen
    }
    return end + 1
  }
}

/** The end of an object with exactly these members, each named once. */
export function objectEnd(members: Readonly<Record<string, EndIn>>): EndIn {
  // The default order of `sort` is by UTF-16 code unit, as canonical JSON asks.
  const steps = Object.keys(members)
    .sort()
    .map((name, i) => ({
      lead: literalEnd(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`),
      endIn: members[name] as EndIn,
    }))
  const close = literalEnd(steps.length === 0 ? '{}' : '}')
  return (bytes, at) => {
    let end = at
    for (const { lead, endIn } of steps) {
      end = lead(bytes, end)
      if (end === unseen) return unseen
      end = endIn(bytes, end)
      if (end === unseen) return unseen
    }
    return close(bytes, end)
  }
}
