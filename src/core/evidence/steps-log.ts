import { canonicalBytes } from '../bytes/canonical-json.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import type { Instant, Sha256 } from '../ids.ts'
import { verifyHead } from '../log/log-key.ts'
import { verifyConsistency, verifyInclusion } from '../log/proof-check.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { EvidenceCase } from './evidence-case.ts'
import { eraOfSize } from './log-eras.ts'
import { bodyOf } from './note-body.ts'
import { failed, type Finding, skipped, unknownFor } from './report.ts'

/** Every break of the log is rightly made, and what stands before it is what a head says that the old log signed. */
export function checkBreaks({ eras }: Pick<EvidenceCase, 'eras'>): Finding {
  if (!eras.ok) return failed(eras.code, eras.index ?? undefined)
  for (const { end, origin, spans } of eras.eras) {
    const recovered = end === null ? null : verifyHead(end.data.recovered, origin, spans)
    if (recovered?.ok === false) return failed(recovered.code, end?.index)
  }
  return null
}

/**
 * The heads are signed by the key of the log that the verifier trusts, or that the log itself names; and what stands before a
 * break is what the old log's own head says.
 */
export function checkCheckpoint(one: EvidenceCase): Finding {
  const { evidence, history, eras } = one
  if (history.genesis === null) return failed('genesis-missing')
  const broken = checkBreaks(one)
  if (broken !== null || !eras.ok) return broken
  const earlier = evidence.earlier.map(({ checkpoint }) => checkpoint)
  for (const note of [evidence.checkpoint, ...earlier]) {
    const { origin, spans } = eraOfSize(eras.eras, bodyOf(note)?.size ?? 0)
    const opened = verifyHead(note, origin, spans)
    if (!opened.ok) return failed(opened.code)
  }
  // Its consistency with the head over everything is the business of `checkInclusion`, as that of every older head.
  for (const { end } of eras.eras)
    if (end !== null && !earlier.includes(end.data.recovered)) return failed('log-break-prefix-unproven', end.index)
  return null
}

/** The log is the one that the verifier was told of: origin, key of its beginning, and the policy that everything descends from. */
export function checkTrust({ context, history, eras, evidence }: EvidenceCase): Finding {
  const { genesis, policies } = history
  if (genesis === null) return failed('genesis-missing')
  const { trust } = context
  if (trust === null) return skipped('no-trust')
  if (genesis.data.origin !== (trust.before?.[0]?.origin ?? trust.origin)) return failed('genesis-wrong-origin')
  const first = eras.ok ? (eras.eras[0]?.spans ?? []) : []
  if (!first.some(({ key }) => encodeHex(key.publicKey) === genesis.data.logKey)) return failed('genesis-wrong-log-key')
  const pinned = policies.findLast(({ root, entry }) => root !== null && entry.index < evidence.verdict)
  return pinned?.entry.data.policy === trust.genesisPolicy ? null : failed('policy-not-pinned')
}

/** When witnesses had seen each head; null where the quorum had not, or nobody can tell. */
function quorumTimes({ evidence, context }: EvidenceCase): readonly { readonly size: number; readonly at: Instant }[] {
  const { trust, quorumTime } = context
  const policy = trust?.witnessPolicy ?? null
  if (policy === null || quorumTime === null) return []
  return [evidence.checkpoint, ...evidence.earlier.map(({ checkpoint }) => checkpoint)].flatMap((note) => {
    const at = quorumTime(note, policy)
    const size = bodyOf(note)?.size
    return at === null || size === undefined ? [] : [{ size, at }]
  })
}

/** When the log is known to have held an entry, by its witnesses; null where they do not say. */
export function provenBy(one: EvidenceCase, index: number): Instant | null {
  const covering = quorumTimes(one).filter(({ size }) => size > index)
  return covering.length === 0 ? null : (Math.min(...covering.map(({ at }) => at)) as Instant)
}

/** The quorum of witnesses that the verifier asks for has cosigned a head that holds the verdict. */
export function checkWitnesses(one: EvidenceCase): Finding {
  const { trust, quorumTime } = one.context
  if (trust === null) return skipped('no-trust')
  if (trust.witnessPolicy === null) return skipped('unwitnessed')
  if (quorumTime === null) return skipped('witnesses-not-read')
  return provenBy(one, one.evidence.verdict) === null ? failed('witness-quorum-missing') : null
}

/** Every entry stands at its index under the one checkpoint, and every older head is a beginning of it. */
export function checkInclusion({ evidence, checkpoint, hasher }: EvidenceCase): Finding {
  if (checkpoint === null) return failed('checkpoint-malformed')
  const { size, root } = checkpoint
  for (const { index, entry, proof } of evidence.entries) {
    const leafHash = hasher.leaf(canonicalBytes(entry))
    const included = verifyInclusion({ index, size, leafHash, root, proof }, hasher)
    if (!included.ok) return failed(`inclusion-${included.code}`, index)
  }
  for (const { checkpoint: note, proof } of evidence.earlier) {
    const older = bodyOf(note)
    if (older === null) return failed('checkpoint-malformed')
    const claim = { firstSize: older.size, firstRoot: older.root, secondSize: size, secondRoot: root, proof }
    const consistent = verifyConsistency(claim, hasher)
    if (!consistent.ok) return failed(`consistency-${consistent.code}`, older.size)
  }
  return null
}

/** Later entries are never earlier in time, and no id stands twice. */
export function checkOrder({ evidence }: EvidenceCase): Finding {
  const ids = new Set<string>()
  let before = 0
  for (const { index, entry } of evidence.entries) {
    if (entry.at < before) return failed('entry-time-order', index)
    before = entry.at
    if (ids.has(entry.id)) return failed('entry-id-repeated', index)
    ids.add(entry.id)
  }
  return null
}

/** Every entry reads as its type, and there is one genesis, at the beginning. */
export function checkEntries({ malformed, evidence, history }: EvidenceCase): Finding {
  if (malformed !== null) return failed(`entry-${malformed.code}`, malformed.detail)
  const beginnings = evidence.entries.filter(({ entry }) => entry.type === 'genesis')
  if (history.genesis?.index !== 0 || beginnings.length !== 1) return failed('genesis-not-first')
  return null
}

/** Every value is what its digest names; one that was erased cannot be looked at. */
export function checkBlobs({ evidence, erased, acceleration }: EvidenceCase): Finding {
  for (const [digest, value] of evidence.blobs) {
    if (bytesDigest(canonicalBytes(value), acceleration) !== (digest satisfies Sha256))
      return failed('blob-digest-mismatch', digest)
  }
  const [gone] = erased.keys()
  return gone === undefined ? null : unknownFor(gone)
}
