import {
  type AdmittedRelease,
  admitRelease,
  bytesDigest,
  canonicalBytes,
  commandAllows,
  decideRelease,
  type Instant,
  type Json,
  normalizeRequirement,
  type ParsedCommand,
  parseReleaseStatement,
  type ReleaseDecided,
  releaseNonceFor,
  type ReleaseStatement,
  requirementDigest,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { accountUser, changeResource, eventOf } from '../audit/event-of.ts'
import type { Comment } from '../gate/comment.ts'
import type { Draft, Moment, Recorder } from '../gate/recorder.ts'
import { refusedRecord } from '../gate/refused-statement.ts'
import type { CommandOutcome } from '../gate/reply-text.ts'
import type { Memory, ReleaseStatementRecord, Write } from '../ports.ts'
import { type ReleaseBasis, releaseBasis, releaseStatements } from './release-basis.ts'
import type { ReleaseChallengeNeeds } from './release-challenge.ts'

export interface ReleaseCommandNeeds extends Omit<ReleaseChallengeNeeds, 'webUrl' | 'log' | 'clock'> {
  readonly memory: Memory
  readonly recorder: Recorder
  readonly acceleration: Parameters<typeof refusedRecord>[2]
}

/** A signed comment whose payload is about a release. */
export interface ReleaseCommand {
  readonly comment: Comment
  readonly command: Extract<ParsedCommand, { readonly signature: Uint8Array }>
  readonly payload: Uint8Array
}

interface Prepared extends ReleaseCommand {
  readonly statement: ReleaseStatement
  readonly basis: ReleaseBasis
  readonly recorded: readonly ReleaseStatementRecord[]
  readonly standing: readonly AdmittedRelease[]
}

type Answer = (outcome: CommandOutcome, at: Instant) => readonly Write[]

type Refuse = (code: string, detail?: string | null) => CommandOutcome

/**
 * Admits a statement about a release that came with a comment on any pull request of its repository, with the comment's id
 * and its reply in one commit. Returns a refusal that nothing was recorded for; null where everything is recorded.
 *
 * Trust: everybody can comment, anywhere; the signature over repository, tag, revision and artefacts is the proof.
 */
export async function runReleaseCommand(
  needs: ReleaseCommandNeeds,
  said: ReleaseCommand,
  { answer, refuse }: { readonly answer: Answer; readonly refuse: Refuse },
): Promise<CommandOutcome | null> {
  const parsed = parseReleaseStatement(said.payload)
  if (!parsed.ok) return refuse(parsed.code, parsed.field)
  const { predicate } = parsed.statement
  if (!commandAllows(said.command.name, predicate.decision)) return refuse('wrong-command', predicate.decision)
  // Before anything is looked up by what it names: a statement for elsewhere is told so.
  if (predicate.audience !== needs.origin) return refuse('wrong-audience')
  if (predicate.repository.id !== said.comment.repository) return refuse('wrong-repository')
  const found = await releaseBasis(needs, said.comment.repository, predicate.release.revision)
  if (!found.ok) return refuse(found.code)
  const { basis } = found
  const { commenterMustBeSigner } = basis.policy.policy.options
  if (commenterMustBeSigner && predicate.signer.maintainer !== said.comment.author.id)
    return refuse('commenter-not-signer')
  const { tag } = predicate.release
  const prepared: Prepared = {
    ...said,
    statement: parsed.statement,
    basis,
    recorded: await needs.statements.forRelease(basis.repository.id, tag),
    standing: await releaseStatements(needs, basis.repository.id, tag),
  }
  const recorded = await needs.recorder.record((moment) => admitNow(needs, prepared, moment, answer))
  if (recorded.ok) return recorded.result === null ? null : refuse(recorded.result.code, recorded.result.detail)
  if (recorded.conflict === 'duplicate-nonce') return refuse('nonce-used')
  if (recorded.conflict === 'duplicate-statement') return refuse('duplicate-statement')
  // An earlier attempt of ours whose answer was lost may have recorded it: the job runs again and sees what is there.
  throw new AppError('store-unavailable', `the command met ${recorded.conflict}`)
}

type Unrecorded = { readonly code: string; readonly detail: string | null } | null

function admitNow(needs: ReleaseCommandNeeds, prepared: Prepared, moment: Moment, answer: Answer): Draft<Unrecorded> {
  const { comment, command, payload, statement, basis, recorded } = prepared
  const { predicate } = statement
  const { release, signer, decision } = predicate
  const keyring = basis.keyring.keyring
  const entry = moment.indexOf(0)
  const digest = bytesDigest(payload, needs.acceleration)
  const mine = recorded.filter((known) => known.person === signer.maintainer)
  const admission = admitRelease(
    { payload, signature: command.signature },
    {
      origin: needs.origin,
      repositoryId: basis.repository.id,
      tag: null,
      isLanded: basis.landing.commit === release.revision,
      requirement: basis.requirement,
      epoch: basis.policy.epoch,
      options: basis.policy.policy.options,
      keyring,
      entry,
      at: moment.at,
      expectedNonce: releaseNonceFor(needs.nonceKey, {
        repositoryId: predicate.repository.id,
        ...release,
        signer: signer.maintainer,
        keyid: signer.keyid,
        recordedVotes: mine.length,
      }),
      nonceUsed: recorded.some((known) => known.statement.predicate.nonce === predicate.nonce),
      isRecorded: mine.some((known) => known.payloadDigest === digest),
      acceleration: needs.acceleration,
    },
  )
  if (!admission.ok) {
    const { code, detail } = admission
    const refused = { place: comment, decision, signer, payload, signature: command.signature, code }
    const told = refusedRecord(refused, keyring, needs.acceleration)
    if (told.entries.length === 0) return { entries: [], writes: [], result: { code, detail } }
    return { ...told, writes: answer({ kind: 'refused', code, detail }, moment.at), result: null }
  }
  const admitted: AdmittedRelease = { ...admission.draft, entry, at: moment.at }
  const decided = decideNow(prepared, admitted, moment.at)
  return { ...admittedRecord(prepared, admitted, decided, answer), result: null }
}

/** How the release stands with the statement, for the reply. */
const decideNow = ({ basis, statement, standing }: Prepared, admitted: AdmittedRelease, at: Instant): ReleaseDecided =>
  decideRelease({
    subject: { repositoryId: basis.repository.id, ...statement.predicate.release },
    requirement: basis.requirement,
    options: basis.policy.policy.options,
    statements: [...standing, admitted],
    keyring: basis.keyring.keyring,
    at,
  })

function admittedRecord(
  { comment, statement, basis, payload }: Prepared,
  admitted: AdmittedRelease,
  decided: ReleaseDecided,
  answer: Answer,
): Pick<Draft<null>, 'entries' | 'events' | 'writes'> {
  const { signer, decision, release } = statement.predicate
  const { repository, requirement } = basis
  const { tag } = release
  const named = requirementDigest(requirement)
  const { entry, at, payloadDigest, signature, scheme } = admitted
  return {
    entries: [
      {
        type: 'statement-admitted',
        actor: { kind: 'person', account: signer.maintainer, keyid: signer.keyid },
        subject: { kind: 'release', repository: repository.id, tag },
        data: {
          payloadDigest,
          signature,
          scheme,
          commentId: comment.commentId,
          requirement: named,
          inForce: named,
        },
      },
    ],
    events: [
      eventOf('statement-admitted', {
        userId: accountUser(signer.maintainer),
        resource: changeResource(comment.repository, comment.number),
        action: decision,
        details: { keyid: signer.keyid, payload: payloadDigest, entry, commentId: comment.commentId },
      }),
    ],
    writes: [
      {
        kind: 'release-statement',
        record: { ...admitted, repository: repository.id, tag, person: signer.maintainer },
      },
      { kind: 'blob', digest: payloadDigest, bytes: payload },
      {
        kind: 'blob',
        digest: named,
        bytes: canonicalBytes(normalizeRequirement(requirement) as unknown as Json),
      },
      ...answer({ kind: 'release-admitted', decision, tag, entry, decided }, at),
    ],
  }
}
