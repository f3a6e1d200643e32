import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { decodeUtf8 } from '../bytes/utf8.ts'
import { isTreeSize } from './subtree.ts'

/** What a log sends to a witness: a checkpoint, and the proof that it continues the log of `oldSize` entries. */
export interface AddCheckpointRequest {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  /** The signed note, not looked into. */
  readonly note: string
}

/** The most hashes that a proof of a log can have. */
const maxProofHashes = 63
/** A note of 64 KiB, 63 hashes of 45 bytes and the first lines. */
export const maxAddCheckpointBytes = 65_536 + maxProofHashes * 45 + 64

const decimal = /^(?:0|[1-9][0-9]{0,15})$/

/** Writes the body of a request. @throws RangeError for a size or hash that is none, or too many. Spec: C2SP tlog-witness. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpointRequest): string {
  if (!isTreeSize(oldSize) || proof.length > maxProofHashes || proof.some((hash) => hash.length !== 32))
    throw new RangeError('not a consistency proof')
  return `old ${oldSize}\n${proof.map((hash) => `${encodeBase64(hash)}\n`).join('')}\n${note}`
}

/**
 * Reads the body of a request, or `undefined`.
 *
 * Trust: the body is a stranger's.
 * Checks: size, UTF-8, canonical number and base64, at most 63 hashes of 32 bytes, the blank line.
 */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpointRequest | undefined {
  const text = body.length > maxAddCheckpointBytes ? undefined : decodeUtf8(body)
  const split = text?.indexOf('\n\n') ?? -1
  if (text === undefined || split < 0) return undefined
  const [first = '', ...lines] = text.slice(0, split).split('\n')
  const size = first.slice('old '.length)
  if (!first.startsWith('old ') || !decimal.test(size) || !isTreeSize(Number(size))) return undefined
  if (lines.length > maxProofHashes) return undefined
  const proof: Uint8Array[] = []
  for (const line of lines) {
    const hash = decodeBase64(line)
    if (hash?.length !== 32) return undefined
    proof.push(hash)
  }
  return { oldSize: Number(size), proof, note: text.slice(split + 2) }
}
