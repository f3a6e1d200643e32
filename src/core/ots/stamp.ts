import { ripemd160, sha1 } from '@noble/hashes/legacy.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concatBytes } from '../bytes/byte-array.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { sha256 } from '../crypto/sha256.ts'

/** A step from one message to the next. */
export type OtsOperation =
  | { readonly kind: 'append' | 'prepend'; readonly argument: Uint8Array }
  | { readonly kind: 'reverse' | 'hexlify' | 'sha1' | 'ripemd160' | 'sha256' | 'keccak256' }

/** Who says since when a message exists. `unknown` keeps the bytes of every kind that this reader does not judge. */
export type OtsAttestation =
  | { readonly kind: 'pending'; readonly uri: string }
  | { readonly kind: 'bitcoin'; readonly height: number }
  | { readonly kind: 'unknown'; readonly tag: string; readonly payload: Uint8Array }

/** One thing that a stamp says of its message, in the order of the file. */
export type OtsItem =
  | { readonly attestation: OtsAttestation }
  | { readonly operation: OtsOperation; readonly next: OtsStamp }

/** A tree of operations with attestations at its leaves. The message that it starts from is not part of it. */
export type OtsStamp = readonly OtsItem[]

/** A detached timestamp file: what it stamps, by SHA-256, and the stamp. */
export type OtsFile = { readonly digest: Uint8Array; readonly stamp: OtsStamp }

/** The longest message that an operation may take or make. Spec: OpenTimestamps, `MAX_RESULT_LENGTH`. */
export const maxOtsMessageBytes = 4096

const hashes = { sha1, ripemd160, sha256, keccak256: keccak_256 } as const

/** The message after an operation; undefined when it would be empty or too long. */
export function applyOperation(operation: OtsOperation, message: Uint8Array): Uint8Array | undefined {
  if (message.length === 0 || message.length > maxOtsMessageBytes) return undefined
  const result = applied(operation, message)
  return result.length > maxOtsMessageBytes ? undefined : result
}

function applied(operation: OtsOperation, message: Uint8Array): Uint8Array {
  switch (operation.kind) {
    case 'append':
      return concatBytes(message, operation.argument)
    case 'prepend':
      return concatBytes(operation.argument, message)
    case 'reverse':
      return message.toReversed()
    case 'hexlify':
      return encodeUtf8(encodeHex(message))
    case 'sha1':
    case 'ripemd160':
    case 'sha256':
    case 'keccak256':
      return hashes[operation.kind](message)
  }
}

/** A text that two operations or two attestations share exactly when they are the same, and that sorts as the format does. */
export function operationKey(operation: OtsOperation): string {
  const argument = 'argument' in operation ? encodeHex(operation.argument) : ''
  return `${operationTags[operation.kind].toString(16).padStart(2, '0')}${argument}`
}

/** First bytes of operations. Spec: OpenTimestamps, `Op.TAG`. */
export const operationTags: Readonly<Record<OtsOperation['kind'], number>> = {
  sha1: 0x02,
  ripemd160: 0x03,
  sha256: 0x08,
  keccak256: 0x67,
  append: 0xf0,
  prepend: 0xf1,
  reverse: 0xf2,
  hexlify: 0xf3,
}

/** The message of every attestation in the stamp of `message`, in the order of the file. */
export function attestationsOf(
  stamp: OtsStamp,
  message: Uint8Array,
): readonly { readonly message: Uint8Array; readonly attestation: OtsAttestation }[] {
  return stamp.flatMap((item) => {
    if ('attestation' in item) return [{ message, attestation: item.attestation }]
    const result = applyOperation(item.operation, message)
    return result === undefined ? [] : attestationsOf(item.next, result)
  })
}
