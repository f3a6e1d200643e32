import {
  type AccountId,
  type Acceleration,
  type AdmittedRelease,
  artifactsDigest,
  asSha256,
  bytesDigest,
  canonicalBytes,
  decideRelease,
  type IssuedStatement,
  issuedPayload,
  type Json,
  type JsonObject,
  type LogIndex,
  normalizeRequirement,
  parseIssuedPayload,
  parseJsonStrict,
  type ReleaseDecided,
  type ReleaseRequest,
  releaseAttestation,
  type ReleaseSubject,
  requirementDigest,
  type Sha256,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, repositoryResource } from '../audit/event-of.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { subjectKey } from '../gate/entries.ts'
import type { Draft, Moment, Recorder } from '../gate/recorder.ts'
import type { Custody, RepositoryRecord, StorePorts } from '../ports.ts'
import { issue } from '../record/issue.ts'
import { createLandings } from '../record/landings-by-commit.ts'
import { gatherRelease } from './gather-release.ts'
import { type ReleaseBasis, releaseBasis, releaseStatements } from './release-basis.ts'

export interface SignReleaseNeeds extends Pick<StorePorts, 'log' | 'memory' | 'registry' | 'statements'> {
  readonly recorder: Recorder
  readonly custody: Pick<Custody, 'publicKey' | 'sign'>
  readonly origin: string
  /** Where people see repositories. */
  readonly webUrl: string
  readonly acceleration: Acceleration
  /** The newest head that was published, cosignatures and all. */
  readonly publishedHead: string | null
  /** Who does it, as the security log names them. */
  readonly operator: string
}

/** A release that was signed, as it goes out. */
export interface SignedRelease {
  /** DSSE envelope of the in-toto statement. */
  readonly envelope: Uint8Array
  /** The file that strangers verify. */
  readonly file: Uint8Array
  readonly entry: LogIndex
  /** It had been signed before; this is what was signed then. */
  readonly isRepeated: boolean
}

export type SignedReleaseResult =
  | ({ readonly ok: true } & SignedRelease)
  | { readonly ok: false; readonly code: 'not-governed' | 'revision-not-matched' }
  /** Another release goes by this tag. */
  | { readonly ok: false; readonly code: 'tag-released'; readonly entry: LogIndex }
  | {
      readonly ok: false
      readonly code: 'quorum-not-met' | 'release-vetoed'
      readonly decided: ReleaseDecided
      readonly logins: ReadonlyMap<AccountId, string>
    }

interface Earlier {
  readonly entry: LogIndex
  readonly data: JsonObject
}

/** The release that was signed under a tag; a tag is signed once. */
async function signedBefore(
  { log }: SignReleaseNeeds,
  repository: RepositoryRecord,
  tag: string,
): Promise<Earlier | null> {
  const subject = subjectKey({ kind: 'release', repository: repository.id, tag })
  const [row] = await log.find({ type: 'release-signed', subject, limit: 1 })
  return row === undefined ? null : { entry: row.index, data: entryData(row) }
}

async function recordedStatement({ memory }: SignReleaseNeeds, { data, entry }: Earlier): Promise<IssuedStatement> {
  const payload = await memory.blob(asSha256(textIn(data, 'statement')))
  const read = payload === null ? null : parseIssuedPayload(payload)
  if (read === null || typeof read === 'string')
    throw new AppError('store-corrupt', `the statement that entry ${entry} names is not there`)
  return read
}

/** Everything that a release is decided from, read while the log had `size` entries. */
interface Prepared {
  readonly request: ReleaseRequest
  readonly basis: ReleaseBasis
  readonly statements: readonly AdmittedRelease[]
  readonly artifacts: Sha256
  /** Digest of the verdict that the landing was matched with. */
  readonly verdict: Sha256
  readonly size: number
}

type Outcome =
  | { readonly kind: 'signed'; readonly statement: IssuedStatement; readonly entry: LogIndex }
  | { readonly kind: 'unmet'; readonly decided: ReleaseDecided }
  /** The log grew meanwhile: what was read may not hold any more. */
  | { readonly kind: 'moved' }

/** How often a release is decided anew because a server appended to the log meanwhile. */
const triesWhenMoved = 50

async function verdictDigest({ log }: SignReleaseNeeds, entry: LogIndex): Promise<Sha256> {
  const [row] = await log.entries(entry, entry + 1)
  if (row === undefined) throw new AppError('store-corrupt', 'the verdict that a landing names is not in the log')
  return asSha256(textIn(entryData(row), 'verdict'))
}

const subjectOf = ({ request, basis, artifacts }: Prepared): ReleaseSubject => ({
  repositoryId: basis.repository.id,
  tag: request.tag,
  revision: request.revision,
  artifacts,
})

function attestationOf(
  needs: Pick<SignReleaseNeeds, 'origin' | 'webUrl'>,
  { request, basis, statements, artifacts, verdict }: Prepared,
  decided: ReleaseDecided,
): IssuedStatement {
  const { repository, policy, landing } = basis
  const counted = new Set<number>(decided.counted)
  return releaseAttestation({
    origin: needs.origin,
    repositoryId: repository.id,
    repositoryUri: `${needs.webUrl}/${repository.name}`,
    repository: repository.name,
    tag: request.tag,
    revision: request.revision,
    artifacts: request.artifacts,
    artifactsDigest: artifacts,
    landing: landing.index,
    verdict: { entry: landing.verdict, digest: verdict },
    policy: { epoch: policy.epoch, digest: policy.digest },
    requirement: requirementDigest(basis.requirement),
    approvals: statements
      .filter(({ entry }) => counted.has(entry))
      .map(({ entry, payloadDigest }) => ({ entry, payload: payloadDigest })),
  })
}

/** Decides at the recorder's moment, and only on the very log that everything was read from. */
function settle(needs: SignReleaseNeeds, prepared: Prepared, moment: Moment): Draft<Outcome> {
  const { request, basis, statements, artifacts, size } = prepared
  const entry = moment.indexOf(0)
  if (entry !== size) return { entries: [], writes: [], result: { kind: 'moved' } }
  const { requirement, repository } = basis
  const decided = decideRelease({
    subject: subjectOf(prepared),
    requirement,
    options: basis.policy.policy.options,
    statements,
    keyring: basis.keyring.keyring,
    at: moment.at,
  })
  if (!decided.isMet) return { entries: [], writes: [], result: { kind: 'unmet', decided } }
  const statement = attestationOf(needs, prepared, decided)
  const payload = issuedPayload(statement)
  const digest = bytesDigest(payload, needs.acceleration)
  const named = requirementDigest(requirement)
  const { tag, revision } = request
  return {
    entries: [
      {
        type: 'release-signed',
        actor: { kind: 'operator' },
        subject: { kind: 'release', repository: repository.id, tag },
        data: { tag, revision, artifacts, statement: digest, landing: basis.landing.index, requirement: named },
      },
    ],
    events: [
      eventOf('release-signed', {
        userId: needs.operator,
        resource: repositoryResource(repository.id),
        action: 'sign',
        details: { revision, artifacts, statement: digest, approvals: decided.counted.length, entry },
      }),
    ],
    writes: [
      { kind: 'blob', digest, bytes: payload },
      {
        kind: 'blob',
        digest: named,
        bytes: canonicalBytes(normalizeRequirement(requirement) as unknown as Json),
      },
    ],
    result: { kind: 'signed', statement, entry },
  }
}

async function goingOut(
  needs: SignReleaseNeeds,
  statement: IssuedStatement,
  entry: LogIndex,
  isRepeated: boolean,
): Promise<SignedReleaseResult> {
  const envelope = await issue(needs, statement)
  const parsed = parseJsonStrict(envelope, { maxBytes: envelope.length, maxDepth: 8 })
  if (!parsed.ok) throw new AppError('store-corrupt', 'the envelope that was just made cannot be read')
  const file = await gatherRelease(needs, entry, parsed.value as JsonObject)
  return { ok: true, envelope, file, entry, isRepeated }
}

async function signOnce(
  needs: SignReleaseNeeds,
  repository: RepositoryRecord,
  request: ReleaseRequest,
): Promise<SignedReleaseResult | null> {
  const { tag, revision } = request
  const { size } = await needs.log.head()
  const artifacts = artifactsDigest(request.artifacts, needs.acceleration)
  const before = await signedBefore(needs, repository, tag)
  if (before !== null) {
    const isSame = before.data.revision === revision && before.data.artifacts === artifacts
    if (!isSame) return { ok: false, code: 'tag-released', entry: before.entry }
    return goingOut(needs, await recordedStatement(needs, before), before.entry, true)
  }
  const found = await releaseBasis({ ...needs, landings: createLandings(needs.log) }, repository.id, revision)
  if (!found.ok) return found
  const { basis } = found
  const statements = await releaseStatements(needs, repository.id, tag)
  const verdict = await verdictDigest(needs, basis.landing.verdict)
  const prepared: Prepared = { request, basis, statements, artifacts, verdict, size }
  const recorded = await needs.recorder.record((moment) => settle(needs, prepared, moment))
  if (!recorded.ok) throw new AppError('store-unavailable', `the release met ${recorded.conflict}`)
  const { result } = recorded
  if (result.kind === 'moved') return null
  if (result.kind === 'signed') return goingOut(needs, result.statement, result.entry, false)
  const { decided } = result
  const logins = new Map(basis.keyring.keyring.persons.map(({ account, login }) => [account, login]))
  return { ok: false, code: decided.vetoedBy.length > 0 ? 'release-vetoed' : 'quorum-not-met', decided, logins }
}

/**
 * Signs a release for its quorum: the approvals in the log that bind exactly this repository, tag, revision and list of
 * artefacts are counted at the moment that the recorder chooses, and the statement becomes an entry before anybody gets it.
 * The same request again gives what was signed then; a crash between entry and files leaves nothing but that to do.
 *
 * Trust: whoever runs it has the machine; that the artefacts are those of the request is the caller's to check.
 * Checks: a matched landing, the quorum, vetoes, that nothing else was released under the tag.
 * @throws AppError store-…, custody-…
 */
export async function signRelease(
  needs: SignReleaseNeeds,
  repository: RepositoryRecord,
  request: ReleaseRequest,
): Promise<SignedReleaseResult> {
  for (let tries = 0; tries < triesWhenMoved; tries++) {
    const signed = await signOnce(needs, repository, request)
    if (signed !== null) return signed
  }
  throw new AppError('store-unavailable', 'the log moved at every attempt to decide the release')
}
