/** Counts the bytes that `encodeUtf8` would write, without writing them; a lone surrogate counts as three. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    if (code < 0x800) length += 1
    else if (code >= 0xd800 && code <= 0xdbff && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 2
      i++
    } else length += 2
  }
  return length
}

/**
 * Writes text as UTF-8 and never replaces a character.
 *
 * @throws RangeError when the text holds a lone surrogate, which has no UTF-8 form
 */
export function encodeUtf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new RangeError('lone surrogate has no UTF-8 form')
  const bytes = new Uint8Array(utf8Length(text))
  let at = 0
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      bytes[at++] = code
      continue
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >>> 6)
    } else {
      if (code >= 0xd800 && code <= 0xdbff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
        bytes[at++] = 0xf0 | (code >>> 18)
        bytes[at++] = 0x80 | ((code >>> 12) & 63)
      } else {
        bytes[at++] = 0xe0 | (code >>> 12)
      }
      bytes[at++] = 0x80 | ((code >>> 6) & 63)
    }
    bytes[at++] = 0x80 | (code & 63)
  }
  return bytes
}

/** The length of the sequence that `bytes` holds at `at`, or 0 when none that is valid starts there (Unicode table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 0x80) return 1
  const second = bytes[at + 1] ?? 0
  if (first >= 0xc2 && first <= 0xdf) return second >>> 6 === 2 ? 2 : 0
  const third = bytes[at + 2] ?? 0
  if (first >= 0xe0 && first <= 0xef) {
    // Overlong forms start after E0 below A0; surrogates after ED from A0.
    const low = first === 0xe0 ? 0xa0 : 0x80
    const high = first === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high && third >>> 6 === 2 ? 3 : 0
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80
    const high = first === 0xf4 ? 0x8f : 0xbf
    return second >= low && second <= high && third >>> 6 === 2 && (bytes[at + 3] ?? 0) >>> 6 === 2 ? 4 : 0
  }
  return 0
}

/** The offset of the first byte that is not part of valid UTF-8, or -1 when all of it is valid. */
export function utf8Fault(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length === 0) return at
    at += length
  }
  return -1
}

const chunk = 4096

/**
 * Reads UTF-8 strictly: the text, or `undefined`. A byte order mark is a character like any other.
 *
 * Checks: overlong forms, surrogates, values past U+10FFFF, truncated and stray bytes are all refused.
 * Spec: RFC 3629.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = ''
  const units = new Uint16Array(Math.min(bytes.length + 1, chunk))
  let used = 0
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number
    const length = first < 0x80 ? 1 : sequenceLength(bytes, at)
    if (length === 0) return undefined
    if (length === 1) units[used++] = first
    else {
      let code = first & (0x7f >>> length)
      for (let i = 1; i < length; i++) code = (code << 6) | ((bytes[at + i] as number) & 63)
      if (code > 0xffff) {
        units[used++] = 0xd7c0 + (code >>> 10)
        units[used++] = 0xdc00 + (code & 0x3ff)
      } else units[used++] = code
    }
    at += length
    if (used >= units.length - 1) {
      text += String.fromCharCode.apply(null, units.subarray(0, used) as unknown as number[])
      used = 0
    }
  }
  return text + String.fromCharCode.apply(null, units.subarray(0, used) as unknown as number[])
}
