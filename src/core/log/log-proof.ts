import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { decodeUtf8, utf8Length } from '../bytes/utf8.ts'
import { type Checkpoint, type CheckpointFaultCode, verifyCheckpoint } from './checkpoint.ts'
import { type Cosignature, type CosignatureFaultCode, verifyCosignatures } from './cosignature.ts'
import { type ProofFaultCode, verifyInclusion } from './proof-check.ts'
import { isTreeSize } from './subtree.ts'
import type { TreeHasher } from './tree-hash.ts'
import type { VerifierKey } from './verifier-key.ts'
import { meetsQuorum, type WitnessPolicy } from './witness-policy.ts'

/** A proof that stands on its own: index, inclusion proof and checkpoint, `extra` for whoever reads it. Nothing is verified. */
export interface LogProof {
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  readonly checkpoint: string
  /** Not covered by any signature. */
  readonly extra: Uint8Array | null
}

/** Why a proof file is refused. */
export type LogProofFaultCode =
  | 'log-proof-too-large'
  | 'log-proof-not-utf8'
  | 'log-proof-unknown-version'
  | 'log-proof-malformed'
  | 'log-proof-extra'
  | 'log-proof-index'
  | 'log-proof-hash'
  | 'log-proof-too-many-hashes'

/** Why an entry is not proven to be in the log. */
export type LogProofCheckCode =
  | LogProofFaultCode
  | CheckpointFaultCode
  | CosignatureFaultCode
  | ProofFaultCode
  | 'witness-quorum-missing'

type Refused<Code> = { readonly ok: false; readonly code: Code }

const firstLine = 'c2sp.org/tlog-proof@v1'
const maxHashes = 63
const maxExtraBytes = 16_384
const maxProofBytes = 131_072
const decimal = /^(?:0|[1-9][0-9]{0,15})$/
const refused = <Code>(code: Code): Refused<Code> => ({ ok: false, code })

/** Writes a proof file. @throws RangeError when index, hashes or checkpoint cannot stand in one. Spec: C2SP tlog-proof@v1. */
export function encodeLogProof({ index, hashes, checkpoint, extra }: LogProof): string {
  if (!isTreeSize(index) || hashes.length > maxHashes || hashes.some((hash) => hash.length !== 32))
    throw new RangeError('not an inclusion proof')
  if (extra !== null && (extra.length === 0 || extra.length > maxExtraBytes))
    throw new RangeError('extra data does not fit')
  const lines = [firstLine, ...(extra === null ? [] : [`extra ${encodeBase64(extra)}`]), `index ${index}`]
  return `${[...lines, ...hashes.map(encodeBase64)].join('\n')}\n\n${checkpoint}`
}

/**
 * Reads a proof file; exactly one text per proof.
 *
 * Trust: the file is an attacker's.
 * Checks: first line, order of lines, canonical numbers and base64, at most 63 hashes of 32 bytes.
 * Does not check: the checkpoint after the blank line; `verifyLogProof` does.
 * Spec: C2SP tlog-proof@v1.
 */
export function decodeLogProof(
  file: Uint8Array | string,
): { readonly ok: true; readonly proof: LogProof } | Refused<LogProofFaultCode> {
  const isText = typeof file === 'string'
  if (file.length > maxProofBytes || (isText && utf8Length(file) > maxProofBytes)) return refused('log-proof-too-large')
  const text = isText ? file : decodeUtf8(file)
  if (text === undefined || !text.isWellFormed()) return refused('log-proof-not-utf8')
  const split = text.indexOf('\n\n')
  const [first, ...lines] = (split < 0 ? text : text.slice(0, split)).split('\n')
  if (first !== firstLine) return refused('log-proof-unknown-version')
  if (split < 0) return refused('log-proof-malformed')
  const extraText = lines[0]?.startsWith('extra ') === true ? lines.shift()?.slice('extra '.length) : undefined
  const extra = extraText === undefined ? null : decodeBase64(extraText)
  if (extra === undefined || extra?.length === 0 || (extra?.length ?? 0) > maxExtraBytes)
    return refused('log-proof-extra')
  const [indexLine = '', ...hashLines] = lines
  const index = Number(indexLine.slice('index '.length))
  if (!indexLine.startsWith('index ') || !decimal.test(indexLine.slice('index '.length)) || !isTreeSize(index))
    return refused('log-proof-index')
  if (hashLines.length > maxHashes) return refused('log-proof-too-many-hashes')
  const hashes: Uint8Array[] = []
  for (const line of hashLines) {
    const hash = decodeBase64(line)
    if (hash?.length !== 32) return refused('log-proof-hash')
    hashes.push(hash)
  }
  return { ok: true, proof: { index, hashes, checkpoint: text.slice(split + 2), extra } }
}

/** Whom a verifier of proofs trusts: handed in, never looked up. Without a witness policy no cosignature is asked for. */
export interface LogProofTrust {
  readonly origin: string
  readonly logKeys: readonly VerifierKey[]
  readonly witnessPolicy: WitnessPolicy | null
}

/** The entry is in the log: where, under which head, and who vouches for that head. */
export type LogProofCheck =
  | {
      readonly ok: true
      readonly index: number
      readonly checkpoint: Checkpoint
      readonly cosignatures: readonly Cosignature[]
    }
  | Refused<LogProofCheckCode>

/**
 * Decides whether a proof file shows that the entry with this leaf hash is in the log.
 *
 * Trust: the file is an attacker's; trust and leaf hash are the caller's.
 * Checks: the form, the log's signature and origin, every cosignature of a witness of the policy, its quorum, the inclusion proof.
 * Does not check: what the entry says; `extra`, which nothing signs.
 */
export function verifyLogProof(
  file: Uint8Array | string,
  leafHash: Uint8Array,
  { origin, logKeys, witnessPolicy }: LogProofTrust,
  hasher: TreeHasher,
): LogProofCheck {
  const decoded = decodeLogProof(file)
  if (!decoded.ok) return decoded
  const { index, hashes, checkpoint: note } = decoded.proof
  const verified = verifyCheckpoint(note, origin, logKeys)
  if (!verified.ok) return verified
  const witnesses = witnessPolicy?.witnesses ?? []
  const cosigned = verifyCosignatures(
    note,
    witnesses.map(({ key }) => key),
  )
  if (!cosigned.ok) return cosigned
  const { cosignatures } = cosigned
  const names = witnesses.filter(({ key }) => cosignatures.some((one) => one.key === key)).map(({ name }) => name)
  if (witnessPolicy !== null && !meetsQuorum(witnessPolicy, names)) return refused('witness-quorum-missing')
  const { size, root } = verified.checkpoint
  const included = verifyInclusion({ index, size, leafHash, root, proof: hashes }, hasher)
  return included.ok ? { ok: true, index, checkpoint: verified.checkpoint, cosignatures } : included
}
