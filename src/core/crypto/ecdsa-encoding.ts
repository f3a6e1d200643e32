import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concatBytes } from '../bytes/byte-array.ts'

const order = secp256k1.Point.Fn.ORDER
const halfOrder = order >> 1n

/** A decoded ECDSA signature: `compact` is r‖s with low s, one byte string per signature and its malleated twin. */
export type DecodedEcdsa =
  | { readonly ok: true; readonly compact: Uint8Array; readonly hadHighS: boolean }
  | { readonly ok: false; readonly code: 'signature-malformed' | 'signature-out-of-range' }

/** Reads one DER INTEGER: its magnitude without leading zero, and where it ends; `undefined` unless minimal and positive. */
function readInteger(bytes: Uint8Array, at: number): { magnitude: Uint8Array; end: number } | undefined {
  const length = bytes[at + 1]
  if (bytes[at] !== 0x02 || length === undefined || length === 0 || length > 33) return undefined
  const end = at + 2 + length
  if (end > bytes.length) return undefined
  const first = bytes[at + 2] as number
  if (first >= 0x80) return undefined
  const isPadded = first === 0 && length > 1
  // A leading zero is allowed only where the next bit would read as a sign.
  if (isPadded && (bytes[at + 3] as number) < 0x80) return undefined
  return { magnitude: bytes.subarray(isPadded ? at + 3 : at + 2, end), end }
}

/** The number as 32 bytes, or `undefined` when it needs more. */
function leftPad32(magnitude: Uint8Array): Uint8Array | undefined {
  return magnitude.length > 32 ? undefined : concatBytes(new Uint8Array(32 - magnitude.length), magnitude)
}

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

function to32Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 31, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

/** Splits a signature into r and s without looking at their values. */
function split(signature: Uint8Array): DecodedEcdsa | readonly [Uint8Array, Uint8Array] {
  if (signature.length === 64) return [signature.subarray(0, 32), signature.subarray(32)]
  const malformed: DecodedEcdsa = { ok: false, code: 'signature-malformed' }
  if (signature[0] !== 0x30 || signature.length > 72 || signature[1] !== signature.length - 2) return malformed
  const first = readInteger(signature, 2)
  const second = first && readInteger(signature, first.end)
  if (first === undefined || second === undefined || second.end !== signature.length) return malformed
  const r = leftPad32(first.magnitude)
  const s = leftPad32(second.magnitude)
  return r === undefined || s === undefined ? { ok: false, code: 'signature-out-of-range' } : [r, s]
}

/**
 * Decodes an ECDSA signature by the one acceptance rule: exactly 64 bytes are r‖s, any other length is strict DER.
 *
 * Trust: the bytes are chosen by an attacker.
 * Checks: short-form lengths, minimal positive integers, no trailing byte, r and s in [1, n−1]. High s is accepted and
 * replaced by n−s, so that a malleated copy decodes to the same bytes.
 * Errs: an honest DER signature of exactly 64 bytes (chance about 2^-40) reads as r‖s and fails; nothing is accepted twice.
 * Spec: formats.md, `ecdsa-secp256k1-v1`; X.690 §8.3, §10.1.
 */
export function decodeEcdsaSignature(signature: Uint8Array): DecodedEcdsa {
  const parts = split(signature)
  if ('ok' in parts) return parts
  const r = toBigInt(parts[0])
  const s = toBigInt(parts[1])
  if (r === 0n || s === 0n || r >= order || s >= order) return { ok: false, code: 'signature-out-of-range' }
  const hadHighS = s > halfOrder
  return { ok: true, compact: concatBytes(parts[0], hadHighS ? to32Bytes(order - s) : parts[1]), hadHighS }
}

/** One DER INTEGER of a positive number of 32 bytes. */
function integer(bytes: Uint8Array): Uint8Array {
  let from = 0
  while (from < 31 && bytes[from] === 0) from++
  const magnitude = bytes.subarray(from)
  const sign = (magnitude[0] as number) >= 0x80 ? [0] : []
  return concatBytes(Uint8Array.of(0x02, magnitude.length + sign.length, ...sign), magnitude)
}

/**
 * Writes r‖s as its one DER form.
 *
 * @throws RangeError unless `compact` has 64 bytes
 */
export function encodeEcdsaDer(compact: Uint8Array): Uint8Array {
  if (compact.length !== 64) throw new RangeError('r‖s has 64 bytes')
  const body = concatBytes(integer(compact.subarray(0, 32)), integer(compact.subarray(32)))
  return concatBytes(Uint8Array.of(0x30, body.length), body)
}
