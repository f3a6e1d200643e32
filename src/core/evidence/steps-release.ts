import { isVoidedByRegenesis } from '../approval/regenesis.ts'
import type { AdmittedRelease } from '../approval/release-predicate.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import { requirementDigest } from '../policy/requirement.ts'
import { issuedPayload, type OpenedIssued, openIssued } from '../provenance/issued-statement.ts'
import { releaseAttestation, releasePredicateType, repositoryUriOf } from '../provenance/release-attestation.ts'
import { type Artifact, artifactsDigest, compareArtifacts } from '../release/artifacts.ts'
import { decideRelease, type ReleaseDecided, releaseRequirement } from '../release/decide-release.ts'
import { readArtifacts } from '../release/release-request.ts'
import { type EvidenceCase, ofType, openCase, type VerifyContext } from './evidence-case.ts'
import type { State } from './history.ts'
import { eraOfSize } from './log-eras.ts'
import type { EntryOf } from './read-entry.ts'
import type { ReleaseFile } from './release-file.ts'
import { failed, type Finding, skipped, unknownFor } from './report.ts'
import { neededBy, surplusIn } from './steps-verdict.ts'

/** What a verifier of a release brings. */
export interface ReleaseContext extends Omit<VerifyContext, 'cloneCheck'> {
  /** The files that somebody got, by name, with their digests; null where nobody looked at any. */
  readonly found: readonly Artifact[] | null
}

/** A release that was read, with what follows from it; nothing in it is judged. */
export interface ReleaseCase {
  readonly one: EvidenceCase
  readonly file: ReleaseFile
  readonly signed: EntryOf<'release-signed'> | null
  readonly landing: EntryOf<'landing-matched'> | null
  readonly state: State
  readonly opened: OpenedIssued
  readonly artifacts: readonly Artifact[] | null
  readonly decided: ReleaseDecided | null
  readonly found: ReleaseContext['found']
}

/** One step of the verifier of releases. */
export type ReleaseStep = (release: ReleaseCase) => Finding

/** The statements about the release's tag that bear on it: before it, and not void. */
function bearing(one: EvidenceCase, signed: EntryOf<'release-signed'>, state: State): readonly AdmittedRelease[] {
  return one.history.releases.flatMap(({ entry, admitted }) => {
    if (admitted === null || entry.index >= signed.index || entry.subject.kind !== 'release') return []
    if (signed.subject.kind !== 'release') return []
    if (entry.subject.repository !== signed.subject.repository || entry.subject.tag !== signed.subject.tag) return []
    const isVoid = entry.index < state.voidBefore && isVoidedByRegenesis(admitted.statement.predicate.decision)
    return isVoid ? [] : [admitted]
  })
}

function decide(one: EvidenceCase, signed: EntryOf<'release-signed'> | null, state: State): ReleaseDecided | null {
  const policy = state.policy?.policy
  const name = one.verdicts[0]?.facts?.repository.name
  if (signed === null || signed.subject.kind !== 'release' || !policy || name === undefined) return null
  const requirement = releaseRequirement(policy, name, state.keyring)
  if (requirement === null) return null
  const { tag, revision, artifacts } = signed.data
  return decideRelease({
    subject: { repositoryId: signed.subject.repository, tag, revision, artifacts },
    requirement,
    options: policy.options,
    statements: bearing(one, signed, state),
    keyring: state.keyring,
    at: signed.at,
  })
}

function artifactsOf(opened: OpenedIssued): readonly Artifact[] | null {
  if (!opened.ok) return null
  const listed = opened.statement.subject.map(({ name, digest, ...more }) => {
    const { sha256, ...others } = (digest ?? {}) as Record<string, Json>
    return Object.keys(more).length + Object.keys(others).length > 0
      ? {}
      : { ...(name === undefined ? {} : { name }), ...(sha256 === undefined ? {} : { sha256 }) }
  })
  try {
    return readArtifacts(listed, 'subject')
  } catch {
    return null
  }
}

/** Reads, replays and recomputes what the steps look at. */
export function openRelease(file: ReleaseFile, { found, ...context }: ReleaseContext): ReleaseCase {
  const landings = file.entries.flatMap(({ entry }) =>
    entry.type === 'landing-matched' && typeof entry.data.verdict === 'number' ? [entry.data.verdict] : [],
  )
  const one = openCase(
    { ...file, verdict: file.signed },
    { ...context, cloneCheck: null },
    (landings[0] ?? file.signed) as typeof file.signed,
  )
  const signed = ofType(one.typed, 'release-signed').find(({ index }) => index === file.signed) ?? null
  const state = one.history.stateBefore(file.signed)
  const keys = one.eras.ok ? eraOfSize(one.eras.eras, file.signed + 1).spans.map(({ key }) => key) : []
  const opened = openIssued(canonicalBytes(file.envelope), keys)
  return {
    one,
    file,
    signed,
    landing: ofType(one.typed, 'landing-matched').find(({ index }) => index === signed?.data.landing) ?? null,
    state,
    opened,
    artifacts: artifactsOf(opened),
    decided: decide(one, signed, state),
    found,
  }
}

/** The revision landed on a governed branch of the repository as something that had passed. */
export const checkLanding: ReleaseStep = ({ one, signed, landing }) => {
  if (signed === null || signed.subject.kind !== 'release') return failed('release-entry-missing')
  if (landing === null || landing.index >= signed.index) return failed('landing-missing', signed.data.landing)
  const [verdict] = one.verdicts
  if (verdict?.entry.index !== landing.data.verdict || landing.data.verdict >= landing.index)
    return failed('landing-verdict-missing', landing.index)
  if (verdict.facts === null && verdict.erased !== null) return unknownFor(verdict.erased)
  if (verdict.entry.data.outcome !== 'pass') return failed('landing-verdict-not-pass', landing.data.verdict)
  const { subject } = landing
  const isSame =
    subject.kind === 'branch' &&
    subject.repository === signed.subject.repository &&
    subject.repository === verdict.facts?.repository.id &&
    subject.ref === verdict.facts.base.ref &&
    landing.data.number === verdict.facts.number
  if (!isSame) return failed('landing-of-another-change', landing.index)
  return landing.data.commit === signed.data.revision ? null : failed('landing-of-another-revision', landing.index)
}

/** Every statement about the release is admitted again, with the signature and the keys of its moment. */
export const checkReleaseStatements: ReleaseStep = ({ one, signed }) => {
  for (const { entry, statement, admission, admitted } of one.history.releases) {
    const { actor, data } = entry
    const isErased = one.erased.has(data.payloadDigest)
    for (const digest of isErased
      ? [data.requirement, data.inForce]
      : [data.payloadDigest, data.requirement, data.inForce])
      if (!one.evidence.blobs.has(digest)) return failed('blob-missing', digest)
    if (isErased) continue
    if (admission === null) return failed('statement-malformed', entry.index)
    if (!admission.ok) return failed(admission.code, entry.index)
    if (admitted === null || statement === null) return failed('statement-not-admitted', entry.index)
    const { signer } = statement.predicate
    if (actor.kind !== 'person' || actor.account !== signer.maintainer || actor.keyid !== signer.keyid)
      return failed('statement-wrong-actor', entry.index)
    if (data.scheme !== admitted.scheme) return failed('statement-wrong-scheme', entry.index)
    if (data.signature !== admitted.signature) return failed('statement-wrong-signature', entry.index)
    const digest = requirementDigest(admitted.requirement)
    if (digest !== data.requirement || digest !== data.inForce)
      return failed('statement-wrong-requirement', entry.index)
    const { subject } = entry
    const isOfRelease =
      subject.kind === 'release' &&
      signed?.subject.kind === 'release' &&
      subject.repository === signed.subject.repository &&
      subject.tag === signed.subject.tag
    if (!isOfRelease || entry.index >= signed.index) return failed('statement-of-another-release', entry.index)
  }
  return unreadIn(one)
}

/** What nobody can look at any more, of what the quorum is counted from; null where all of it is there. */
function unreadIn({ verdicts, history, erased }: EvidenceCase): Finding {
  const said = history.releases.find(({ entry }) => erased.has(entry.data.payloadDigest))
  if (said !== undefined) return unknownFor(said.entry.data.payloadDigest)
  const facts = verdicts[0]?.facts === null ? verdicts[0].erased : null
  return facts === null ? null : unknownFor(facts)
}

/** The quorum in force had approved exactly this release when it was signed, and nobody's veto stood. */
export const checkQuorum: ReleaseStep = ({ one, decided, signed }) => {
  const unread = unreadIn(one)
  if (unread !== null) return unread
  if (decided === null || signed === null) return failed('release-not-recomputed')
  if (decided.vetoedBy.length > 0) return failed('release-vetoed', decided.vetoedBy.join(','))
  return decided.isMet ? null : failed('quorum-not-met', signed.index)
}

/** The statement is signed by a key of the log, and it is the one that the entry names. */
export const checkSignature: ReleaseStep = ({ opened, signed, one }) => {
  if (!opened.ok) return failed(opened.code)
  if (opened.statement.predicateType !== releasePredicateType) return failed('statement-wrong-type')
  const digest = bytesDigest(issuedPayload(opened.statement), one.acceleration)
  return digest === signed?.data.statement ? null : failed('statement-not-recorded')
}

/** The statement says, byte for byte, what follows from the entries. */
export const checkStatement: ReleaseStep = ({ one, opened, signed, landing, state, artifacts, decided }) => {
  const unread = unreadIn(one)
  if (unread !== null) return unread
  const [verdict] = one.verdicts
  const { policy } = state
  if (!opened.ok || signed === null || landing === null || decided === null || verdict === undefined || policy === null)
    return skipped('not-recomputed')
  if (artifacts === null) return failed('artifacts-malformed')
  const digest = artifactsDigest(artifacts, one.acceleration)
  if (digest !== signed.data.artifacts) return failed('artifacts-not-recorded')
  const name = verdict.facts?.repository.name ?? ''
  const repositoryUri = repositoryUriOf(opened.statement)
  if (repositoryUri === null || !repositoryUri.endsWith(`/${name}`)) return failed('statement-wrong-repository')
  const requirement = requirementDigest(decided.requirement)
  if (requirement !== signed.data.requirement) return failed('release-wrong-requirement', signed.index)
  const counted = new Set<number>(decided.counted)
  const expected = releaseAttestation({
    origin: one.history.genesis?.data.origin ?? '',
    repositoryId: verdict.facts?.repository.id ?? (0 as never),
    repositoryUri,
    repository: name,
    tag: signed.data.tag,
    revision: signed.data.revision,
    artifacts,
    artifactsDigest: digest,
    landing: landing.index,
    verdict: { entry: verdict.entry.index, digest: verdict.entry.data.verdict },
    policy: { epoch: policy.entry.data.epoch, digest: policy.entry.data.policy },
    requirement,
    approvals: one.history.releases.flatMap(({ entry }) =>
      counted.has(entry.index) ? [{ entry: entry.index, payload: entry.data.payloadDigest }] : [],
    ),
  })
  return equalBytes(issuedPayload(expected), issuedPayload(opened.statement)) ? null : failed('statement-mismatch')
}

/** Nothing stands in the file that the release does not stand on. */
export const checkReleaseSurplus: ReleaseStep = ({ one, file, landing }) => {
  const needed = neededBy(one)
  needed.entries.add(file.signed)
  if (landing !== null) needed.entries.add(landing.index)
  for (const { entry } of one.history.releases) {
    needed.entries.add(entry.index)
    for (const digest of [entry.data.payloadDigest, entry.data.requirement, entry.data.inForce])
      needed.blobs.add(digest)
  }
  return surplusIn(one, needed)
}

/** The files that somebody got are the released ones: none is missing, none is another, and there is none besides. */
export const checkArtifacts: ReleaseStep = ({ artifacts, found }) => {
  if (found === null) return skipped('no-artifacts')
  if (artifacts === null) return failed('artifacts-malformed')
  const { missing, extra, changed } = compareArtifacts(artifacts, found)
  if (changed.length > 0) return failed('artifact-changed', changed.join(' '))
  if (missing.length > 0) return failed('artifact-missing', missing.join(' '))
  return extra.length > 0 ? failed('artifact-extra', extra.join(' ')) : null
}
