import {
  type AccountId,
  bytesDigest,
  canonicalBytes,
  type CommitId,
  evaluate,
  type Json,
  type RefusalCode,
  refusedVerdict,
  type RepositoryId,
} from '../../core/index.ts'
import { AppError, isLogFailure } from '../app-error.ts'
import { changeResource, eventOf, serverUser } from '../audit/event-of.ts'
import type { SecurityEvents } from '../audit/security-events.ts'
import type {
  ChangeRecord,
  Changes,
  ForgeReader,
  Memory,
  PolicyRecord,
  Registry,
  RepositoryRecord,
  Statements,
  Store,
  Telemetry,
  Write,
} from '../ports.ts'
import { type Collected, type CollectNeeds, collect, repositoryPolicy } from './collect.ts'
import type { ClockWitness } from './clock-witness.ts'
import { asOfNow, isInForce, statementsOf } from './current-input.ts'
import { type CommandStep, type Decided, decisionRecorded, type DecisionInput, settle } from './decide.ts'
import { serverActor } from './entries.ts'
import { blankChange } from './change-record.ts'
import { publishJob, statusJob } from './jobs.ts'
import { notePrivate, type PrivacyNeeds } from './privacy.ts'
import { type Draft, dueAtOnce, type Recorder } from './recorder.ts'
import type { VerdictReader } from './verdict-reader.ts'

/** Cursor that names the commit of the governance repository whose files are in force. */
export const inForceCommitCursor = 'policy/in-force-commit'

/** An existing success is lowered for unreadable facts only after so many failed collections over so long. */
const failuresBeforeLowering = 3
const failingMsBeforeLowering = 600_000
const triesWhenMoved = 5
/** The conflict of a decision under a policy that was replaced while it was made. */
const overtaken = 'policy-moved'

export interface JudgeNeeds extends CollectNeeds {
  readonly memory: Memory
  readonly registry: Registry
  readonly changes: Changes
  readonly statements: Statements
  readonly reader: ForgeReader
  readonly recorder: Recorder
  readonly store: Store
  readonly verdicts: VerdictReader
  readonly telemetry: Telemetry
  readonly events: Pick<SecurityEvents, 'note' | 'noteRationed'>
  readonly readers: PrivacyNeeds['readers']
  readonly clockWitness: Pick<ClockWitness, 'isLate'>
  readonly lowering: {
    /** Lowers a shown success whose newer decision is no pass and could not be recorded. */
    lowerUnrecorded(repository: RepositoryId, head: CommitId, baseRef: string): Promise<void>
  }
}

export type Judged =
  | { readonly kind: 'not-governed' }
  | { readonly kind: 'decided'; readonly decided: Decided }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
  | { readonly kind: 'conflict'; readonly conflict: string }

export interface JudgeTarget {
  readonly repository: RepositoryId
  readonly number: number
  readonly polls?: number
  /** Who pushed a head, as the delivery of that push says; believed of that head only. */
  readonly pusher?: { readonly head: CommitId; readonly account: AccountId } | null
}

/** The repository and the policy that govern it; null unless it is enrolled, active and mapped by the policy (T06, T07). */
export async function governing(
  needs: Pick<JudgeNeeds, 'registry'>,
  id: RepositoryId,
): Promise<{ readonly repository: RepositoryRecord; readonly policy: PolicyRecord } | null> {
  const repository = await needs.registry.repository(id)
  const policy = await needs.registry.policyInForce()
  if (repository === null || !repository.active || policy === null) return null
  if (
    repository.name !== policy.policy.governanceRepository &&
    repositoryPolicy(policy.policy, repository.name) === null
  )
    return null
  return { repository, policy }
}

/** Who pushed a head stays remembered for as long as it is the head: the pusher can never deny being its author. */
function withPusher(
  record: ChangeRecord | null,
  pusher: NonNullable<JudgeTarget['pusher']> | null,
): ChangeRecord['pushers'] {
  const known = record?.pushers ?? null
  if (pusher === null) return known
  const before = known?.head === pusher.head ? known.accounts : []
  return { head: pusher.head, accounts: [...new Set([...before, pusher.account])] }
}

/** Cursor that names who pushed a commit to a branch of the repository, before or after a pull request was opened from it. */
export const pusherCursor = (repository: RepositoryId, commit: string): string => `pusher/${repository}/${commit}`

/** A head that was pushed before its pull request was opened has a pusher too (T17). */
async function withEarlyPusher(needs: Pick<JudgeNeeds, 'memory'>, collected: Collected): Promise<Collected> {
  const { repository, head, pushers } = collected.facts
  const early = Number((await needs.memory.cursor(pusherCursor(repository.id, head.sha))) ?? 0) as AccountId
  if (early === 0 || pushers.includes(early)) return collected
  return { ...collected, facts: { ...collected.facts, pushers: [...pushers, early].sort((a, b) => a - b) } }
}

/**
 * The main job: collects the facts of a change, decides, and makes the verdict an entry of the log together with
 * everything that follows from it. A command, where one is given, is admitted at the same moment.
 *
 * Errs: a world that cannot be read is retried; what it means for a success that is already shown is `recordFailure`'s.
 */
export async function judge(
  needs: JudgeNeeds,
  target: JudgeTarget,
  command: CommandStep | null = null,
): Promise<Judged> {
  for (let tries = 1; ; tries++) {
    const judged = await judgeOnce(needs, target, command)
    // A landing, another lane or a new policy came first: nothing failed, so nothing is lowered; it is looked at again.
    const isMoved = judged.kind === 'conflict' && (judged.conflict === 'change-moved' || judged.conflict === overtaken)
    if (!isMoved || tries >= triesWhenMoved) return judged
  }
}

async function judgeOnce(needs: JudgeNeeds, target: JudgeTarget, command: CommandStep | null): Promise<Judged> {
  const governed = await governing(needs, target.repository)
  if (governed === null) return { kind: 'not-governed' }
  const { repository, policy } = governed
  const record = await needs.changes.find(target.repository, target.number)
  const pushers = withPusher(record, target.pusher ?? null)
  const before = record?.facts == null ? null : await needs.verdicts.facts(record.facts)
  const inForceCommit = ((await needs.memory.cursor(inForceCommitCursor)) ?? policy.commit) as CommitId
  let collected: Collected
  try {
    const found = await collect(needs, {
      repository,
      number: target.number,
      record,
      pushers,
      before,
      policy,
      inForceCommit,
    })
    if (found.change.repository.private) await notePrivate(needs, repository)
    collected = await withEarlyPusher(needs, found)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'clock-untrusted') tellUntrustedClock(needs, error)
    return recordFailure(needs, { repository, policy, record, number: target.number, error })
  }
  const keyring = await needs.registry.keyring()
  if (keyring === null) throw new AppError('store-corrupt', 'a policy is in force but no keyring is stored')
  const input: DecisionInput = {
    repository,
    record,
    pushers,
    collected,
    policy,
    keyring,
    statements: await statementsOf(needs, repository.id, collected.facts.group),
    groupBefore: before?.group ?? [],
    // Asked in the recorder's turn.
    isClockLate: false,
    polls: target.polls ?? 0,
    acceleration: needs.acceleration,
  }
  const recorded = await needs.recorder
    .record(async (moment): Promise<Draft<Decided | null>> => {
      const current = await asOfNow(needs, input)
      if (current === null) return { entries: [], writes: [], result: null }
      await command?.prepare()
      return settle(current, moment, command)
    })
    .catch(async (error) => {
      await lowerUnrecorded(needs, input, error)
      throw error
    })
  if (!recorded.ok && recorded.conflict === 'blob-erased')
    return recordFailure(needs, { repository, policy, record, number: target.number, error: erasedAgain() })
  if (!recorded.ok) return { kind: 'conflict', conflict: recorded.conflict }
  if (recorded.result === null) return { kind: 'conflict', conflict: overtaken }
  const { verdict, isNew } = recorded.result
  if (isNew)
    needs.telemetry.event('verdict', 'info', {
      repository: repository.name,
      number: target.number,
      outcome: verdict.outcome,
      code: verdict.reason.code,
    })
  needs.telemetry.count('verdicts', { outcome: verdict.outcome })
  return { kind: 'decided', decided: recorded.result }
}

/** What would have to be recorded was erased: no verdict is made of what nobody could ever look at. */
const erasedAgain = (): AppError =>
  new AppError('blob-erased', 'the facts of the change, or its list of files, were erased and do not come back')

function tellUntrustedClock({ events }: Pick<JudgeNeeds, 'events'>, { data }: AppError): void {
  events.noteRationed('clock-untrusted', () =>
    eventOf('clock-untrusted', {
      userId: serverUser,
      resource: 'deployment',
      action: 'compare',
      details: { differenceMs: Math.trunc(Number(data.differenceMs ?? 0)) },
    }),
  )
}

/** What lowers trust acts also when its record cannot be written (T43): the head that was shown, and the one that is. */
async function lowerUnrecorded(needs: JudgeNeeds, input: DecisionInput, error: unknown): Promise<void> {
  const { repository, record, collected, policy, keyring, statements, acceleration } = input
  if (!isLogFailure(error)) return
  const { facts } = collected
  const isMoved = record !== null && (record.head !== facts.head.sha || record.baseRef !== facts.base.ref)
  const verdict = evaluate(
    {
      policy: { policy: policy.policy, digest: policy.digest, epoch: policy.epoch },
      facts: { ...facts, clock: record?.clock ?? null },
      approvals: statements,
      keyring: keyring.keyring,
      at: needs.clock.now(),
    },
    acceleration,
  )
  if (record !== null && (isMoved || facts.state !== 'open'))
    await needs.lowering.lowerUnrecorded(repository.id, record.head, record.baseRef)
  if (verdict.outcome !== 'pass') await needs.lowering.lowerUnrecorded(repository.id, facts.head.sha, facts.base.ref)
}

const refusalOf = (error: AppError): RefusalCode =>
  error.code === 'clock-untrusted'
    ? 'clock-untrusted'
    : error.code === 'forge-incomplete'
      ? 'facts-incomplete'
      : 'facts-unavailable'

/**
 * Facts could not be had. What cannot be complete is `error` at once (T27: never a partial list). What may pass by itself
 * is retried; a success that is shown is lowered for it only after three failures over ten minutes, anything else is shown
 * as `error` at the first. Facts that were erased are `error` at once too, until the content is another one.
 */
async function recordFailure(
  needs: JudgeNeeds,
  failed: {
    readonly repository: RepositoryRecord
    readonly policy: PolicyRecord
    readonly record: ChangeRecord | null
    readonly number: number
    readonly error: AppError
  },
): Promise<Judged> {
  const { repository, policy, number, error } = failed
  if (error.code.startsWith('store-')) throw error
  const now = needs.clock.now()
  const known = failed.record
  const failures = {
    count: (known?.collectFailures?.count ?? 0) + 1,
    since: known?.collectFailures?.since ?? now,
  }
  const isLasting = failures.count >= failuresBeforeLowering && now - failures.since >= failingMsBeforeLowering
  const isShownGreen = known?.verdict?.outcome === 'pass'
  const isFinal = error.code === 'forge-incomplete' || error.code === 'blob-erased'
  const isAtOnce = isFinal || (error.code === 'clock-untrusted' && !isShownGreen)
  if (!isAtOnce && !isLasting) {
    if (known !== null)
      await needs.store.commit([
        { kind: 'change', record: { ...known, version: known.version + 1, collectFailures: failures } },
      ])
    throw error
  }
  const code = refusalOf(error)
  const place = known !== null && !isFinal ? known : await locate(needs, repository, number, known)
  if (place === null) throw error
  const recorded = await needs.recorder.record(async (moment): Promise<Draft<boolean>> => {
    if (!(await isInForce(needs, policy))) return { entries: [], writes: [], result: false }
    const verdict = refusedVerdict(code, { error: error.code, ...error.data }, policy, moment.at)
    const bytes = canonicalBytes(verdict as unknown as Json)
    const digest = bytesDigest(bytes, needs.acceleration)
    const basis = bytesDigest(canonicalBytes({ code, head: place.head, baseRef: place.baseRef }), needs.acceleration)
    if (place.verdict?.basis === basis) return { entries: [], writes: [], result: true }
    const record: ChangeRecord = {
      ...place,
      version: place.version + 1,
      verdict: {
        outcome: 'error',
        entry: moment.indexOf(0),
        at: moment.at,
        digest,
        basis,
        head: place.head,
        baseRef: place.baseRef,
        mergeTree: null,
        nextChangeAt: null,
      },
      collectFailures: failures,
    }
    const writes: Write[] = [
      { kind: 'blob', digest, bytes },
      { kind: 'change', record },
      ...(known !== null && (known.head !== place.head || known.baseRef !== place.baseRef)
        ? [publishJob(repository.id, known.head, known.baseRef, moment.at)]
        : []),
      publishJob(repository.id, place.head, place.baseRef, dueAtOnce(moment)),
      statusJob(repository.id, number, dueAtOnce(moment)),
    ]
    return {
      events: [decisionRecorded(changeResource(repository.id, number), verdict, place.head, moment.indexOf(0))],
      entries: [
        {
          type: 'verdict',
          actor: serverActor,
          subject: { kind: 'change', repository: repository.id, number },
          data: {
            outcome: 'error',
            code,
            head: place.head,
            baseRef: place.baseRef,
            mergeTree: null,
            policy: policy.digest,
            epoch: policy.epoch,
            facts: null,
            approvals: null,
            keyring: null,
            requirement: null,
            verdict: digest,
          },
        },
      ],
      writes,
      result: true,
    }
  })
  if (!recorded.ok) return { kind: 'conflict', conflict: recorded.conflict }
  if (!recorded.result) return { kind: 'conflict', conflict: overtaken }
  // What may pass by itself is still retried; what is incomplete or erased stays so until the change itself changes.
  if (!isFinal) throw error
  return { kind: 'refused', code }
}

/** Where the `error` must be shown when the facts could not be read: head and base from the forge's own list. */
async function locate(
  needs: JudgeNeeds,
  repository: RepositoryRecord,
  number: number,
  known: ChangeRecord | null,
): Promise<ChangeRecord | null> {
  const open = await needs.reader.openChanges({
    id: repository.id,
    name: repository.name,
    installation: repository.installation,
  })
  const found = open.find((change) => change.number === number)
  if (found === undefined) return known
  const base = known ?? blankChange(repository.id, number, found)
  return { ...base, state: 'open', head: found.head, baseRef: found.baseRef }
}
