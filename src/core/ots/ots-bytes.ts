/** Why bytes are not a timestamp. */
export type OtsFaultCode =
  | 'ots-too-large'
  | 'ots-bad-magic'
  | 'ots-version-unknown'
  | 'ots-hash-unsupported'
  | 'ots-truncated'
  | 'ots-trailing-bytes'
  | 'ots-number-malformed'
  | 'ots-argument-length'
  | 'ots-operation-unknown'
  | 'ots-result-too-long'
  | 'ots-too-deep'
  | 'ots-attestation-malformed'
  | 'ots-duplicate'

/** Ends a reading; never leaves the folder. */
export class OtsFault extends Error {
  readonly code: OtsFaultCode
  constructor(code: OtsFaultCode) {
    super(code)
    this.code = code
  }
}

/** Bytes that are read once from the front. Every method throws `OtsFault` rather than read past the end. */
export type OtsBytes = {
  readonly left: number
  take(count: number): Uint8Array
  /** LEB128, shortest form, up to 2^53−1. */
  takeVaruint(): number
  takeVariable(most: number, least?: number): Uint8Array
  /** A reader of the bytes of one member. */
  within(bytes: Uint8Array): OtsBytes
  refuse(code: OtsFaultCode): never
}

/** Starts reading. */
export function otsBytes(bytes: Uint8Array): OtsBytes {
  let at = 0
  const refuse = (code: OtsFaultCode): never => {
    throw new OtsFault(code)
  }
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) return refuse('ots-truncated')
    at += count
    return bytes.subarray(at - count, at)
  }
  const takeVaruint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = take(1)[0] as number
      value += (byte & 0x7f) * factor
      if (!Number.isSafeInteger(value)) return refuse('ots-number-malformed')
      if (byte >= 0x80) continue
      // A last byte of zero adds nothing: the same number in more bytes, so two files would say the same.
      if (byte === 0 && factor > 1) return refuse('ots-number-malformed')
      return value
    }
  }
  return {
    get left() {
      return bytes.length - at
    },
    take,
    takeVaruint,
    takeVariable(most, least = 0) {
      const length = takeVaruint()
      return length > most || length < least ? refuse('ots-argument-length') : take(length)
    },
    within: otsBytes,
    refuse,
  }
}

/** Writes a number in LEB128, shortest form. */
export function encodeVaruint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.of(...bytes, rest)
}
