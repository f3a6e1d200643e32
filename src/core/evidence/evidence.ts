import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import {
  FieldFault,
  type FieldFaultCode,
  readId,
  readInteger,
  readList,
  readObject,
  readText,
} from '../bytes/field-reader.ts'
import { isJsonObject, type Json, type JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { asSha256, type LogIndex, type Sha256 } from '../ids.ts'
import { decodeEntry, type LogEntry } from '../log/entry.ts'

/** One entry of the log, with the proof that it stands under the evidence's checkpoint. */
export interface EvidenceEntry {
  readonly index: LogIndex
  readonly entry: LogEntry
  readonly proof: readonly Uint8Array[]
}

/** An older head with cosignatures: proves that what it holds was there by then. */
export interface EarlierCheckpoint {
  readonly checkpoint: string
  /** Consistency proof from its size to that of the evidence's checkpoint. */
  readonly proof: readonly Uint8Array[]
}

/** Entries and values of a log under one head of it. */
export interface ProvenEntries {
  /** Signed note of one head of the log, with its cosignatures; it covers every entry. */
  readonly checkpoint: string
  readonly earlier: readonly EarlierCheckpoint[]
  /** By ascending index. */
  readonly entries: readonly EvidenceEntry[]
  /** Values that entries name by the SHA-256 of their canonical JSON. */
  readonly blobs: ReadonlyMap<Sha256, Json>
}

/** One verdict and everything that it stands on, as a stranger can recompute it. */
export interface Evidence extends ProvenEntries {
  /** Index of the entry of the verdict, or of the entry that stands on it where one does. */
  readonly verdict: LogIndex
}

export type EvidenceFaultCode =
  | FieldFaultCode
  | 'evidence-too-large'
  | 'evidence-not-json'
  | 'evidence-not-canonical'
  | 'evidence-unknown-kind'
  | 'evidence-unknown-version'

export type ReadEvidence =
  | { readonly ok: true; readonly evidence: Evidence }
  | { readonly ok: false; readonly code: EvidenceFaultCode; readonly field: string | null }

/** The largest evidence that is looked at. */
export const maxEvidenceBytes = 64 * 1024 * 1024
const maxDepth = 128
const maxEntries = 10_000
const maxEarlier = 100
const maxProof = 64
const maxNoteLength = 65_536

const readHash = (value: Json, field: string): Uint8Array => {
  const bytes = decodeBase64(readText(value, field, 44))
  if (bytes === undefined || bytes.length !== 32) throw new FieldFault('malformed-field', field)
  return bytes
}

function readEntry(value: Json, field: string): EvidenceEntry {
  const item = readObject(value, field, ['index', 'entry', 'proof'])
  if (!isJsonObject(item.entry)) throw new FieldFault('malformed-field', `${field}.entry`)
  // The entry's own bytes are its canonical JSON, so that its leaf hash follows from what stands here.
  const decoded = decodeEntry(canonicalBytes(item.entry))
  if (!decoded.ok) throw new FieldFault('malformed-field', `${field}.entry`)
  return {
    index: readInteger(item.index, `${field}.index`, 0) as LogIndex,
    entry: decoded.entry,
    proof: readList(item.proof, `${field}.proof`, maxProof, readHash),
  }
}

function readBlobs(value: Json | undefined): ReadonlyMap<Sha256, Json> {
  if (!isJsonObject(value)) throw new FieldFault('malformed-field', 'blobs')
  const blobs = new Map<Sha256, Json>()
  for (const [digest, blob] of Object.entries(value)) blobs.set(readId(digest, 'blobs', asSha256), blob)
  return blobs
}

/** Names of the members that `readProven` reads. */
export const provenMembers = ['checkpoint', 'earlier', 'entries', 'blobs'] as const

/** Reads entries with their proofs. Trust: a stranger's. @throws FieldFault */
export function readProven(json: JsonObject): ProvenEntries {
  const entries = readList(json.entries, 'entries', maxEntries, readEntry)
  for (const [i, { index }] of entries.entries()) {
    const before = entries[i - 1]
    if (before !== undefined && before.index >= index) throw new FieldFault('malformed-field', `entries[${i}].index`)
  }
  return {
    checkpoint: readText(json.checkpoint, 'checkpoint', maxNoteLength),
    earlier: readList(json.earlier, 'earlier', maxEarlier, (element, field) => {
      const older = readObject(element, field, ['checkpoint', 'proof'])
      return {
        checkpoint: readText(older.checkpoint, `${field}.checkpoint`, maxNoteLength),
        proof: readList(older.proof, `${field}.proof`, maxProof, readHash),
      }
    }),
    entries,
    blobs: readBlobs(json.blobs),
  }
}

/** The members that `readProven` reads. */
export function provenJson({ checkpoint, earlier, entries, blobs }: ProvenEntries): JsonObject {
  const proofText = (proof: readonly Uint8Array[]): readonly string[] => proof.map(encodeBase64)
  return {
    checkpoint,
    earlier: earlier.map((older) => ({ checkpoint: older.checkpoint, proof: proofText(older.proof) })),
    entries: entries.map(({ index, entry, proof }) => ({ index, entry, proof: proofText(proof) })),
    blobs: Object.fromEntries(blobs),
  }
}

function readMembers(value: JsonObject): Evidence {
  const json = readObject(value, 'evidence', ['v', 'kind', 'verdict', ...provenMembers])
  return { ...readProven(json), verdict: readInteger(json.verdict, 'verdict', 0) as LogIndex }
}

/**
 * Reads evidence; exactly one byte string per evidence.
 *
 * Trust: the bytes are a stranger's.
 * Checks: size, strict JSON, exact canonical form, kind and version, every member and no other, entries in ascending order.
 * Does not check: that anything in it is true; `verifyEvidence` does.
 * Spec: spec/evidence/evidence.md; RFC 8785.
 */
export function readEvidence(bytes: Uint8Array): ReadEvidence {
  const refused = (code: EvidenceFaultCode, field: string | null = null): ReadEvidence => ({ ok: false, code, field })
  const parsed = parseJsonStrict(bytes, { maxBytes: maxEvidenceBytes, maxDepth })
  if (!parsed.ok) return refused(parsed.code === 'too-large' ? 'evidence-too-large' : 'evidence-not-json')
  if (!isJsonObject(parsed.value)) return refused('evidence-unknown-kind')
  // Kind and version come first, so that a later format is named as such.
  if (parsed.value.kind !== 'governance-evidence') return refused('evidence-unknown-kind')
  if (parsed.value.v !== 1) return refused('evidence-unknown-version')
  if (!equalBytes(canonicalBytes(parsed.value), bytes)) return refused('evidence-not-canonical')
  try {
    return { ok: true, evidence: readMembers(parsed.value) }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}

/** Writes evidence as its one byte string. @throws RangeError when `readEvidence` would refuse it */
export function encodeEvidence(evidence: Evidence): Uint8Array {
  const bytes = canonicalBytes({
    v: 1,
    kind: 'governance-evidence',
    verdict: evidence.verdict,
    ...provenJson(evidence),
  })
  const read = readEvidence(bytes)
  if (!read.ok) throw new RangeError(`no evidence: ${read.code} ${read.field ?? ''}`)
  return bytes
}
