import {
  type AccountId,
  type AdmittedStatement,
  admit,
  bytesDigest,
  canonicalBytes,
  commandAllows,
  type Decision,
  type Instant,
  isReleasePayload,
  type Json,
  nonceFor,
  normalizeRequirement,
  type ParsedCommand,
  type PolicyV1,
  parseCommand,
  parseJsonStrict,
  parseStatement,
  type Requirement,
  requirementDigest,
  type RepositoryId,
  type Statement,
  verifySignature,
  statementPae,
  decodeHex,
} from '../../core/index.ts'
import { AppError, invariant } from '../app-error.ts'
import { accountUser, changeResource, eventOf } from '../audit/event-of.ts'
import { statementRefused } from '../audit/refusals.ts'
import type { StatementRecord, Write } from '../ports.ts'
import { runReleaseCommand } from '../release/admit-statement.ts'
import type { Landings } from '../record/landings-by-commit.ts'
import { type ChallengeNeeds, challengeBasis, challengeFor, signingKey } from './challenge.ts'
import type { Comment } from './comment.ts'
import type { CommandEffect, CommandStep } from './decide.ts'
import { statusJob } from './jobs.ts'
import { type JudgeNeeds, governing, judge } from './judge.ts'
import { type ReplyBudget, replyJob } from './replies.ts'
import { refusedRecord } from './refused-statement.ts'
import { type CommandOutcome, replyText } from './reply-text.ts'
import { settleSuspension } from './settle-suspension.ts'

export interface ApproveNeeds extends JudgeNeeds, Omit<ChallengeNeeds, 'registry'> {
  readonly replies: ReplyBudget
  readonly landings: Landings
}

type SignedCommand = Extract<ParsedCommand, { readonly signature: Uint8Array }>

/**
 * Carries out the command of one comment, once per comment, and returns the rows that remember it and its one reply.
 *
 * Trust: everybody can comment; the signature is the proof, the account only where the policy asks for it.
 * Checks: bots and comments that are no command are ignored (T08); whether it was edited is the caller's to know.
 */
export async function runCommand(needs: ApproveNeeds, comment: Comment): Promise<readonly Write[]> {
  if (comment.author.isBot) return []
  const command = parseCommand(comment.body)
  if (command.kind === 'none') return []
  const governed = await governing(needs, comment.repository)
  if (governed === null) return []
  if (await needs.statements.wasCommandAdmitted(comment.repository, comment.commentId)) return []
  const now = needs.clock.now()
  const remembered: Write = {
    kind: 'command',
    repository: comment.repository,
    commentId: comment.commentId,
    at: now,
  }
  if (command.kind === 'command' && command.name === 'status')
    return [remembered, statusJob(comment.repository, comment.number, now)]
  const isKnown = await isRegistered(needs, comment.author.id)
  const isPaidFor = needs.replies.take(comment.repository, comment.number, comment.author.id, isKnown)
  const answer = (outcome: CommandOutcome, at: Instant): readonly Write[] => {
    needs.telemetry.count('commands', { outcome: outcome.kind })
    return [
      { ...remembered, at },
      ...(isPaidFor ? [replyJob(comment, replyText(outcome, comment.author.login), at)] : []),
    ]
  }
  if (command.kind === 'malformed') return answer({ kind: 'malformed', code: command.code }, now)
  if (!('signature' in command)) return answer({ kind: 'help', code: null }, now)
  const refusal = await runSigned(needs, comment, command, answer)
  return refusal === null ? [] : answer(refusal, now)
}

async function isRegistered(needs: ApproveNeeds, account: AccountId): Promise<boolean> {
  const keyring = await needs.registry.keyring()
  return keyring?.keyring.persons.some((person) => person.account === account) === true
}

/** Finds the one open challenge of whoever made a bare signature; null when there is none or more than one. */
async function findChallenge(needs: ApproveNeeds, comment: Comment, signature: Uint8Array): Promise<Uint8Array | null> {
  const basis = await challengeBasis(needs, comment.repository, comment.number)
  if (basis === null) return null
  const at = needs.clock.now()
  const found: Uint8Array[] = []
  const accounts = new Set(basis.requirement.quorums.flatMap((quorum) => quorum.persons))
  for (const person of basis.keyring.persons.filter(({ account }) => accounts.has(account))) {
    const recordedVotes = await needs.statements.count(comment.repository, comment.number, person.account)
    for (const key of person.keys) {
      const keyid = signingKey(basis, person, key.keyid, at)
      const publicKey = decodeHex(key.publicKey)
      if (keyid === null || publicKey === undefined) continue
      const { payload } = challengeFor(
        needs,
        basis,
        { account: person.account, keyid, recordedVotes },
        { decision: 'approve' },
      )
      if (verifySignature(key.scheme, publicKey, statementPae(payload), signature, needs.acceleration).ok)
        found.push(payload)
    }
  }
  return found.length === 1 ? (found[0] ?? null) : null
}

/** Everything about the statement that has to be read in the recorder's turn. */
interface Prepared {
  readonly policy: PolicyV1
  readonly payload: Uint8Array
  readonly statement: Statement
  readonly recordedVotes: number
  readonly onChange: readonly StatementRecord[]
  readonly signedRequirement: Requirement | null
  readonly aboutTarget: readonly StatementRecord[]
  readonly openChanges: readonly { readonly repository: RepositoryId; readonly number: number }[]
}

/**
 * Admits the statement at the recorder's moment, together with the comment's id and its reply: one commit, so that a crash
 * leaves all of it or none. Returns a refusal that nothing was recorded for.
 */
async function runSigned(
  needs: ApproveNeeds,
  comment: Comment,
  command: SignedCommand,
  answer: (outcome: CommandOutcome, at: Instant) => readonly Write[],
): Promise<CommandOutcome | null> {
  const payload = command.payload ?? (await findChallenge(needs, comment, command.signature))
  let decision: Decision | null = null
  const refuse = (code: string, detail: string | null = null): CommandOutcome => {
    const { repository, number, commentId, author } = comment
    statementRefused(needs.events, { repository, number, commentId, account: author.id, code, keyid: null, decision })
    return { kind: 'refused', code, detail }
  }
  if (payload === null) return refuse('no-open-challenge')
  if (isReleasePayload(payload)) return runReleaseCommand(needs, { comment, command, payload }, { answer, refuse })
  const parsed = parseStatement(payload)
  if (!parsed.ok) return refuse(parsed.code, parsed.field)
  const { predicate } = parsed.statement
  if (!commandAllows(command.name, predicate.decision)) return refuse('wrong-command', predicate.decision)
  decision = predicate.decision
  const policy = await needs.registry.policyInForce()
  if (policy === null) return refuse('no-policy')
  if (policy.policy.options.commenterMustBeSigner && predicate.signer.maintainer !== comment.author.id)
    return refuse('commenter-not-signer')
  let prepared: Prepared | null = null
  const told: { outcome: CommandOutcome; isRecorded: boolean } = {
    outcome: { kind: 'refused', code: 'not-governed', detail: null },
    isRecorded: true,
  }
  const step: CommandStep = {
    async prepare() {
      prepared = await prepare(needs, comment, payload, parsed.statement)
    },
    apply: (context) => {
      invariant(prepared !== null, 'a statement is prepared before it is judged')
      const effect = admitNow(needs, comment, command, prepared, context)
      told.outcome = effect.outcome
      told.isRecorded = effect.entries.length > 0
      return effect
    },
    conclude: (verdict, facts, moment) => {
      const { outcome } = told
      return answer(outcome.kind === 'admitted' ? { ...outcome, verdict, headSha: facts.head.sha } : outcome, moment.at)
    },
  }
  const judged = await judge(needs, { repository: comment.repository, number: comment.number }, step)
  switch (judged.kind) {
    case 'decided':
      if (told.outcome.kind === 'refused' && !told.isRecorded) refuse(told.outcome.code)
      return null
    case 'refused':
      return refuse(judged.code)
    case 'not-governed':
      return told.outcome
    case 'conflict':
      if (judged.conflict === 'duplicate-nonce') return refuse('nonce-used')
      if (judged.conflict === 'duplicate-statement') return refuse('duplicate-statement')
      // An earlier attempt of ours whose answer was lost may have recorded it: the job runs again and sees what is there.
      throw new AppError('store-unavailable', `the command met ${judged.conflict}`)
  }
}

async function prepare(
  needs: ApproveNeeds,
  comment: Comment,
  payload: Uint8Array,
  statement: Statement,
): Promise<Prepared> {
  const inForce = await needs.registry.policyInForce()
  invariant(inForce !== null, 'statements are judged under a policy in force')
  const { predicate } = statement
  const { target } = predicate
  const named = await needs.memory.blob(predicate.requirement.digest.sha256)
  const openChanges: { repository: RepositoryId; number: number }[] = []
  if (target !== undefined)
    for (const repository of await needs.registry.repositories())
      for (const change of await needs.changes.open(repository.id))
        openChanges.push({ repository: repository.id, number: change.number })
  return {
    policy: inForce.policy,
    payload,
    statement,
    recordedVotes: await needs.statements.count(comment.repository, comment.number, predicate.signer.maintainer),
    onChange: await needs.statements.forChange(comment.repository, comment.number),
    signedRequirement: named === null ? null : readRequirement(named, predicate.requirement.digest.sha256),
    aboutTarget: target === undefined ? [] : await needs.statements.aboutPerson(target),
    openChanges,
  }
}

/** A stored blob is a requirement only if it has the digest of one. */
function readRequirement(bytes: Uint8Array, digest: string): Requirement | null {
  try {
    const parsed = parseJsonStrict(bytes, { maxBytes: 1_000_000, maxDepth: 16 })
    if (!parsed.ok) return null
    const value = parsed.value as unknown as Requirement
    return requirementDigest(value) === digest ? value : null
  } catch {
    return null
  }
}

const requirementBlob = (requirement: Requirement): Write => ({
  kind: 'blob',
  digest: requirementDigest(requirement),
  bytes: canonicalBytes(normalizeRequirement(requirement) as unknown as Json),
})

type Effect = CommandEffect & { readonly outcome: CommandOutcome }

function admitNow(
  needs: ApproveNeeds,
  comment: Comment,
  command: SignedCommand,
  prepared: Prepared,
  context: Parameters<CommandStep['apply']>[0],
): Effect {
  const { facts, verdict, moment, entry, keyring } = context
  const { statement, payload } = prepared
  const { predicate } = statement
  const nothing = { entries: [], events: [], writes: [], admitted: null, keyring: null }
  if (verdict.requirement === null)
    return { ...nothing, outcome: { kind: 'refused', code: verdict.reason.code, detail: null } }
  const digest = bytesDigest(payload, needs.acceleration)
  const person = predicate.signer.maintainer
  const admission = admit(
    { payload, signature: command.signature },
    {
      origin: needs.origin,
      subject: {
        repositoryId: comment.repository,
        number: comment.number,
        head: facts.head.sha,
        headTree: facts.head.tree,
        baseRef: facts.base.ref,
        changeDigest: facts.changeDigest,
        isGovernance: facts.governance !== null,
      },
      requirement: verdict.requirement,
      signedRequirement: prepared.signedRequirement,
      epoch: verdict.inputs.epoch,
      options: prepared.policy.options,
      tiers: Object.keys(prepared.policy.tiers),
      keyring,
      entry,
      at: moment.at,
      expectedNonce: nonceFor(needs.nonceKey, {
        repositoryId: predicate.repository.id,
        number: predicate.pullRequest.number,
        head: predicate.pullRequest.headSha,
        baseRef: predicate.pullRequest.baseRef,
        signer: person,
        keyid: predicate.signer.keyid,
        recordedVotes: prepared.recordedVotes,
      }),
      nonceUsed: prepared.onChange.some((known) => known.statement.predicate.nonce === predicate.nonce),
      isRecorded: prepared.onChange.some((known) => known.payloadDigest === digest && known.person === person),
      acceleration: needs.acceleration,
    },
  )
  const subject = { kind: 'change', repository: comment.repository, number: comment.number } as const
  const actor = { kind: 'person', account: person, keyid: predicate.signer.keyid } as const
  if (!admission.ok) {
    const refused = {
      place: comment,
      decision: predicate.decision,
      signer: predicate.signer,
      payload,
      signature: command.signature,
      code: admission.code,
    }
    return {
      ...nothing,
      outcome: { kind: 'refused', code: admission.code, detail: admission.detail },
      ...refusedRecord(refused, keyring, needs.acceleration),
    }
  }
  const admitted: AdmittedStatement = { ...admission.draft, entry, at: moment.at }
  const record: StatementRecord = { ...admitted, repository: comment.repository, number: comment.number, person }
  const suspension = settleSuspension(needs, prepared, admitted, context)
  return {
    outcome: { kind: 'admitted', decision: predicate.decision, verdict, headSha: facts.head.sha, entry },
    admitted,
    keyring: suspension?.keyring ?? null,
    events: [
      eventOf('statement-admitted', {
        userId: accountUser(person),
        resource: changeResource(comment.repository, comment.number),
        action: predicate.decision,
        details: { keyid: predicate.signer.keyid, payload: digest, entry, commentId: comment.commentId },
      }),
      ...(suspension?.events ?? []),
    ],
    entries: [
      {
        type: 'statement-admitted',
        actor,
        subject,
        data: {
          payloadDigest: admitted.payloadDigest,
          signature: admitted.signature,
          scheme: admitted.scheme,
          commentId: comment.commentId,
          requirement: requirementDigest(admitted.requirement),
          inForce: requirementDigest(verdict.requirement),
        },
      },
    ],
    writes: [
      { kind: 'statement', record },
      { kind: 'blob', digest: admitted.payloadDigest, bytes: payload },
      requirementBlob(admitted.requirement),
      requirementBlob(verdict.requirement),
      ...(suspension?.writes ?? []),
    ],
  }
}
