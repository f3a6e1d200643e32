const common = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

type Alphabet = { readonly letters: string; readonly values: Int8Array; readonly isPadded: boolean }

function alphabet(letters: string, isPadded: boolean): Alphabet {
  const values = new Int8Array(128).fill(-1)
  for (let i = 0; i < 64; i++) values[letters.charCodeAt(i)] = i
  return { letters, values, isPadded }
}

const standard = alphabet(`${common}+/`, true)
const urlSafe = alphabet(`${common}-_`, false)

function encode({ letters, isPadded }: Alphabet, bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group =
      ((bytes[i] as number) << 16) |
      ((left > 1 ? (bytes[i + 1] as number) : 0) << 8) |
      (left > 2 ? (bytes[i + 2] as number) : 0)
    text += letters.charAt(group >>> 18) + letters.charAt((group >>> 12) & 63)
    if (left > 1) text += letters.charAt((group >>> 6) & 63)
    if (left > 2) text += letters.charAt(group & 63)
    if (isPadded && left < 3) text += left === 1 ? '==' : '='
  }
  return text
}

function decode({ values, isPadded }: Alphabet, text: string): Uint8Array | undefined {
  let end = text.length
  if (isPadded) {
    if (end % 4 !== 0) return undefined
    if (text.endsWith('==')) end -= 2
    else if (text.endsWith('=')) end -= 1
  }
  const rest = end % 4
  if (rest === 1) return undefined
  const bytes = new Uint8Array(Math.floor((end * 3) / 4))
  let pending = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? (values[code] as number) : -1
    if (value < 0) return undefined
    pending = ((pending << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (pending >>> bits) & 0xff
    }
  }
  // Non-zero bits after the last byte would give one byte string several texts.
  return (pending & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

/** Writes bytes as padded base64 (RFC 4648 §4). */
export const encodeBase64 = (bytes: Uint8Array): string => encode(standard, bytes)

/**
 * Reads base64: exactly one text per byte string, or `undefined`.
 *
 * Checks: alphabet, padding present and exact, unused bits zero, no white space.
 * Spec: RFC 4648 §4 with the strictness of §3.5.
 */
export const decodeBase64 = (text: string): Uint8Array | undefined => decode(standard, text)

/** Writes bytes as base64url without padding (RFC 4648 §5, as in JWS). */
export const encodeBase64Url = (bytes: Uint8Array): string => encode(urlSafe, bytes)

/**
 * Reads base64url without padding: exactly one text per byte string, or `undefined`.
 *
 * Checks: alphabet, no padding, possible length, unused bits zero.
 */
export const decodeBase64Url = (text: string): Uint8Array | undefined => decode(urlSafe, text)
