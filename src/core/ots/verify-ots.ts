import { equalBytes } from '../bytes/byte-array.ts'
import { decodeHex } from '../bytes/hex.ts'
import { attestationsOf, type OtsAttestation, type OtsFile } from './stamp.ts'

/** What a Bitcoin block says of its content and its time (seconds since 1970). */
export type BlockHeader = { readonly merkleRoot: Uint8Array; readonly time: number }

/** What became of one attestation. Skipped never counts as passed. */
export type OtsCheck = {
  readonly attestation: OtsAttestation
  readonly outcome: 'pass' | 'fail' | 'skipped'
  readonly code: 'ots-pending' | 'ots-no-header' | 'ots-attestation-unknown' | 'ots-merkle-root-differs' | null
  /** Of a passed one: the block's own time, in milliseconds; the stamped bytes are older, give or take two hours. */
  readonly at: number | null
}

/** `verified` only when a block of the caller's headers holds the digest and no attestation is false. */
export type OtsReport = {
  readonly state: 'verified' | 'unverified' | 'invalid'
  readonly checks: readonly OtsCheck[]
}

function checkOf(
  attestation: OtsAttestation,
  message: Uint8Array,
  headerAt: (height: number) => BlockHeader | null,
): OtsCheck {
  const skipped = (code: OtsCheck['code']): OtsCheck => ({ attestation, outcome: 'skipped', code, at: null })
  if (attestation.kind === 'pending') return skipped('ots-pending')
  if (attestation.kind === 'unknown') return skipped('ots-attestation-unknown')
  const header = headerAt(attestation.height)
  if (header === null) return skipped('ots-no-header')
  return equalBytes(header.merkleRoot, message)
    ? { attestation, outcome: 'pass', code: null, at: header.time * 1000 }
    : { attestation, outcome: 'fail', code: 'ots-merkle-root-differs', at: null }
}

/**
 * Judges every attestation of a timestamp by the block headers that the caller trusts.
 *
 * Trust: the file is a stranger's; `headerAt` is the caller's word for the chain, null where it knows no such block.
 * Checks: the path of operations from the digest to the merkle root of the block.
 * Does not check: that the headers are of the chain with the most work; whose digest it is, which the caller compares.
 * Errs: without headers the state is `unverified`, whatever the file claims.
 */
export function verifyOts(file: OtsFile, headerAt: (height: number) => BlockHeader | null): OtsReport {
  const checks = attestationsOf(file.stamp, file.digest).map(({ message, attestation }) =>
    checkOf(attestation, message, headerAt),
  )
  const has = (outcome: OtsCheck['outcome']): boolean => checks.some((check) => check.outcome === outcome)
  return { state: has('fail') ? 'invalid' : has('pass') ? 'verified' : 'unverified', checks }
}

const headerBytes = 80

/**
 * Reads a file of block headers: one line `height header` each, the header being the 80 bytes in hex that
 * `bitcoin-cli getblockheader HASH false` prints. Empty lines and lines that start with `#` are skipped.
 * Undefined when any other line is not that, or a height is named twice with different headers.
 */
export function readBlockHeaders(text: string): ReadonlyMap<number, BlockHeader> | undefined {
  const headers = new Map<number, BlockHeader>()
  const seen = new Map<number, string>()
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue
    const match = /^(0|[1-9]\d{0,8}) ([0-9a-f]+)$/.exec(line)
    const height = Number(match?.[1])
    const hex = match?.[2] ?? ''
    const bytes = decodeHex(hex)
    if (bytes?.length !== headerBytes || (seen.get(height) ?? hex) !== hex) return undefined
    seen.set(height, hex)
    const time = new DataView(bytes.buffer, bytes.byteOffset).getUint32(68, true)
    headers.set(height, { merkleRoot: bytes.slice(36, 68), time })
  }
  return headers
}
