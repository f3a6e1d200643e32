import {
  type Acceleration,
  type AdmittedStatement,
  asInstant,
  bytesDigest,
  canonicalBytes,
  encodeFacts,
  evaluate,
  type Facts,
  type Instant,
  type Json,
  type Keyring,
  type LogIndex,
  type Reason,
  refusedVerdict,
  requirementDigest,
  type Sha256,
  type Verdict,
} from '../../core/index.ts'
import { changeResource, eventOf, serverUser } from '../audit/event-of.ts'
import type { SecurityEvent } from '../audit/security-event.ts'
import type { ChangeRecord, PolicyRecord, RepositoryRecord, StatementRecord, Write } from '../ports.ts'
import { type Collected, clockToleranceMs } from './collect.ts'
import { decidedChange, observedChange } from './change-record.ts'
import { type EntryDraft, serverActor } from './entries.ts'
import { publishJob, refreshJob, statusJob, timerJob } from './jobs.ts'
import { type Draft, dueAtOnce, type Moment } from './recorder.ts'

/** How soon an unknown test merge is looked at again: the forge computes it in the background. */
const mergePollMs = 2_000
const longestMergePollMs = 120_000

/** Everything a decision is made of, read before the recorder settles the moment. */
export interface DecisionInput {
  readonly repository: RepositoryRecord
  readonly record: ChangeRecord | null
  readonly pushers: ChangeRecord['pushers']
  readonly collected: Collected
  readonly policy: PolicyRecord
  readonly keyring: { readonly keyring: Keyring; readonly digest: Sha256 }
  /** Statements of this change and those of its group, in log order. */
  readonly statements: readonly StatementRecord[]
  /** Open pull requests that had the same head and base when this one was last collected. */
  readonly groupBefore: readonly number[]
  /** Witnesses saw the start of the running clock too late for it to count. */
  readonly isClockLate: boolean
  /** How often the test merge was found unknown in a row. */
  readonly polls: number
  readonly acceleration: Acceleration
}

/** What a command adds to a decision: judged at the recorder's moment, on the facts of that moment. */
export interface CommandStep {
  /** Reads what the statement is judged by, in the recorder's turn: nothing is recorded between this and the admission. */
  readonly prepare: () => Promise<void>
  /** Decides on the statement, given the verdict without it. */
  readonly apply: (context: {
    readonly moment: Moment
    readonly entry: LogIndex
    readonly facts: Facts
    readonly verdict: Verdict
    readonly keyring: Keyring
  }) => CommandEffect
  /** Rows that follow from what the verdict is with the statement: the reply. */
  readonly conclude: (verdict: Verdict, facts: Facts, moment: Moment) => readonly Write[]
}

export interface CommandEffect {
  readonly entries: readonly EntryDraft[]
  readonly writes: readonly Write[]
  readonly admitted: AdmittedStatement | null
  /** What the security log says of it, in the same commit. */
  readonly events: readonly SecurityEvent[]
  /** The keyring after the statement, where it suspends or lifts. */
  readonly keyring: { readonly keyring: Keyring; readonly digest: Sha256 } | null
}

export interface Decided {
  readonly verdict: Verdict
  readonly facts: Facts
  readonly record: ChangeRecord
  /** A new entry was written: something other than time-independent repetition happened. */
  readonly isNew: boolean
}

const codesOf = (reason: Reason): readonly string[] => [
  `${reason.code}:${reason.outcome}`,
  ...reason.children.flatMap(codesOf),
]

/**
 * Names what a verdict says apart from when it was said: an equal basis needs no second entry. Inputs, outcome and reason
 * codes are in it, moments are not.
 */
function basisOf(verdict: Verdict, acceleration: Acceleration): Sha256 {
  const basis = { inputs: verdict.inputs, outcome: verdict.outcome, codes: codesOf(verdict.reason) }
  return bytesDigest(canonicalBytes(basis), acceleration)
}

type ClockState = { readonly clock: ChangeRecord['clock']; readonly entries: readonly EntryDraft[] }

/** The event that goes with the entry of a verdict. */
export const decisionRecorded = (
  resource: string,
  { outcome, reason, inputs }: Verdict,
  head: string,
  entry: LogIndex,
): SecurityEvent =>
  eventOf('decision-recorded', {
    userId: serverUser,
    resource,
    action: 'decide',
    details: { outcome, code: reason.code, head, epoch: inputs.epoch, entry },
  })

/**
 * The review clock belongs to (pull request, base ref, content) and runs only while that content is the head of an open,
 * non-draft pull request: a push of other content, a retarget, a draft or a close ends it, a return starts a new one (T36).
 * One that witnesses saw begin too late begins anew: what nobody can prove to have run earns no days (T24).
 */
export function settleClock(
  running: ChangeRecord['clock'],
  facts: Pick<Facts, 'state' | 'draft' | 'base' | 'changeDigest' | 'head' | 'repository' | 'number'>,
  moment: Moment,
  isLate = false,
): ClockState {
  const subject = { kind: 'change', repository: facts.repository.id, number: facts.number } as const
  const ended = (why: 'content' | 'retarget' | 'draft' | 'closed' | 'merged' | 'unwitnessed'): EntryDraft => ({
    type: 'clock-ended',
    actor: serverActor,
    subject,
    data: { baseRef: running?.baseRef ?? '', changeDigest: running?.changeDigest ?? facts.changeDigest, why },
  })
  if (facts.state !== 'open') return { clock: null, entries: running ? [ended(facts.state)] : [] }
  if (facts.draft) return { clock: null, entries: running ? [ended('draft')] : [] }
  const isSame = running?.changeDigest === facts.changeDigest && running.baseRef === facts.base.ref
  if (running && isSame && !isLate) return { clock: running, entries: [] }
  const why = isSame ? 'unwitnessed' : running?.baseRef === facts.base.ref ? 'content' : 'retarget'
  const before = running ? [ended(why)] : []
  const started: EntryDraft = {
    type: 'clock-started',
    actor: serverActor,
    subject,
    data: { baseRef: facts.base.ref, changeDigest: facts.changeDigest, head: facts.head.sha },
  }
  return {
    entries: [...before, started],
    clock: {
      changeDigest: facts.changeDigest,
      baseRef: facts.base.ref,
      startedAt: moment.at,
      entry: moment.indexOf(before.length),
    },
  }
}

/**
 * Settles clock, command and verdict of one change at one moment into entries and rows. Pure: the recorder may call it
 * again when the log moved.
 */
export function settle(input: DecisionInput, moment: Moment, command: CommandStep | null): Draft<Decided> {
  const { repository, record, collected, policy, acceleration } = input
  const { change } = collected
  const subject = { kind: 'change', repository: repository.id, number: change.number } as const
  const clock = settleClock(record?.clock ?? null, collected.facts, moment, input.isClockLate)
  const entries: EntryDraft[] = [...clock.entries]
  const events: SecurityEvent[] = []
  const writes: Write[] = []
  const facts: Facts = {
    ...collected.facts,
    clock: clock.clock && { startedAt: clock.clock.startedAt, entry: clock.clock.entry },
  }
  let keyring = input.keyring
  let approvals: readonly AdmittedStatement[] = input.statements
  const judgeNow = (): Verdict =>
    evaluate(
      {
        policy: { policy: policy.policy, digest: policy.digest, epoch: policy.epoch },
        facts,
        approvals,
        keyring: keyring.keyring,
        at: moment.at,
      },
      acceleration,
    )
  let verdict = judgeNow()
  const factsName = verdict.inputs.facts
  if (command !== null) {
    const effect = command.apply({
      moment,
      entry: moment.indexOf(entries.length),
      facts,
      verdict,
      keyring: keyring.keyring,
    })
    entries.push(...effect.entries)
    events.push(...effect.events)
    writes.push(...effect.writes)
    keyring = effect.keyring ?? keyring
    if (effect.admitted !== null) approvals = [...approvals, effect.admitted]
    if (effect.admitted !== null || effect.keyring !== null) verdict = judgeNow()
  }
  if (moment.correctionMs > clockToleranceMs)
    verdict = refusedVerdict('clock-untrusted', { correctionMs: moment.correctionMs }, policy, moment.at)

  if (command !== null) writes.push(...command.conclude(verdict, facts, moment))

  const isOpen = facts.state === 'open'
  const basis = basisOf(verdict, acceleration)
  const isNew = isOpen && record?.verdict?.basis !== basis
  if (record?.facts !== factsName) {
    const encoded = encodeFacts(facts)
    writes.push({ kind: 'blob', digest: factsName, bytes: encoded.facts })
    if (record?.facts == null || record.changeDigest !== facts.changeDigest)
      writes.push({ kind: 'blob', digest: facts.changeDigest, bytes: encoded.files })
  }
  const next = observedChange(record, facts, {
    factsName,
    clock: clock.clock,
    pushers: input.pushers,
    mergeCommit: change.mergeCommit,
  })
  let decided: ChangeRecord = next
  if (isNew) {
    const bytes = canonicalBytes(verdict as unknown as Json)
    const digest = bytesDigest(bytes, acceleration)
    const entry = moment.indexOf(entries.length)
    const mergeTree = facts.merge.state === 'clean' ? facts.merge.tree : null
    entries.push({
      type: 'verdict',
      actor: serverActor,
      subject,
      data: {
        outcome: verdict.outcome,
        code: verdict.reason.code,
        head: facts.head.sha,
        baseRef: facts.base.ref,
        mergeTree,
        policy: verdict.inputs.policy,
        epoch: verdict.inputs.epoch,
        facts: verdict.inputs.facts,
        approvals: verdict.inputs.approvals,
        keyring: verdict.inputs.keyring,
        requirement: verdict.requirementDigest,
        verdict: digest,
      },
    })
    events.push(decisionRecorded(changeResource(repository.id, change.number), verdict, facts.head.sha, entry))
    writes.push({ kind: 'blob', digest, bytes })
    if (verdict.requirement !== null)
      writes.push({
        kind: 'blob',
        digest: requirementDigest(verdict.requirement),
        bytes: canonicalBytes(verdict.requirement as unknown as Json),
      })
    decided = decidedChange(next, verdict, facts, { entry, at: moment.at, digest, basis })
  }
  writes.push({ kind: 'change', record: decided })
  writes.push(...followUps(input, decided, facts, dueAtOnce(moment), isNew))
  writes.push(...groupFollowUps(input, decided, facts, dueAtOnce(moment), approvals.length > input.statements.length))
  return { entries, events, writes, result: { verdict, facts, record: decided, isNew } }
}

/** What has to happen next: show it, lower what is superseded, look again when time or the forge may change it. */
function followUps(
  input: DecisionInput,
  decided: ChangeRecord,
  facts: Facts,
  at: Instant,
  isNew: boolean,
): readonly Write[] {
  const { record, polls } = input
  const { repository, number, head, baseRef } = decided
  const writes: Write[] = []
  const isMoved = record !== null && (record.head !== head || record.baseRef !== baseRef)
  if (isMoved) writes.push(publishJob(repository, record.head, record.baseRef, at))
  if (isNew || isMoved || record?.state !== decided.state) {
    writes.push(publishJob(repository, head, baseRef, at))
    if (decided.state === 'open')
      writes.push(
        statusJob(repository, number, asInstant(Math.max(at, (decided.statusComment?.writtenAt ?? 0) + 60_000))),
      )
  }
  if (decided.state !== 'open') return writes
  if (facts.merge.state === 'unknown') {
    const delay = Math.min(longestMergePollMs, mergePollMs * 2 ** Math.min(polls, 10))
    writes.push(timerJob(repository, number, asInstant(at + delay), polls + 1))
  } else if (decided.verdict?.nextChangeAt != null)
    writes.push(timerJob(repository, number, decided.verdict.nextChangeAt))
  return writes
}

/**
 * Signed vetoes and tier additions count for all open pull requests with the same head and base (T33): when one joins or
 * leaves them, or records a statement, the others are decided again.
 */
function groupFollowUps(
  input: DecisionInput,
  decided: ChangeRecord,
  facts: Facts,
  at: Instant,
  isSigned: boolean,
): readonly Write[] {
  const { record } = input
  const isElsewhere =
    record === null ||
    record.head !== decided.head ||
    record.baseRef !== decided.baseRef ||
    record.state !== decided.state
  if (!isElsewhere && !isSigned) return []
  const others = new Set([...input.groupBefore, ...facts.group].filter((number) => number !== decided.number))
  return [...others].map((number) => refreshJob(decided.repository, number, at))
}
