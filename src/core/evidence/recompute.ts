import { isVoidedByRegenesis } from '../approval/regenesis.ts'
import type { AdmittedStatement } from '../approval/statement.ts'
import { isJsonObject, type Json } from '../bytes/json.ts'
import type { Acceleration } from '../crypto/acceleration.ts'
import { checkFacts } from '../facts/check-facts.ts'
import type { Facts } from '../facts/facts.ts'
import { asSha256, type Instant, type Sha256 } from '../ids.ts'
import { evaluate } from '../policy/evaluate.ts'
import { nothingDigest, refusalCodes, refusedVerdict } from '../policy/refused-verdict.ts'
import type { Verdict } from '../policy/verdict.ts'
import type { History, State, StatementStep } from './history.ts'
import type { EntryOf } from './read-entry.ts'

/** A recorded verdict, and what judging anew gives. */
export interface Recomputation {
  readonly entry: EntryOf<'verdict'>
  readonly state: State
  /** False where nothing could be judged: the verdict is `error` by itself. */
  readonly isJudged: boolean
  readonly facts: Facts | null
  readonly factsFault: { readonly code: string; readonly field: string } | null
  /** The statements that bear on it, each with its replay. */
  readonly statements: readonly StatementStep[]
  readonly verdict: Verdict | null
  /** A value without which nothing can be judged anew, and which was erased. */
  readonly erased: Sha256 | null
  /** Judges once more with another start of the review clock; null where nothing was judged. */
  readonly withStart: ((startedAt: Instant) => Verdict) | null
}

export interface RecomputeInput {
  readonly history: History
  readonly blob: (digest: Sha256) => Json | undefined
  /** Whether the log says of a value that is not there that it was erased. */
  readonly isErased: (digest: Sha256) => boolean
  readonly acceleration: Acceleration
}

/** The facts under a digest, with the file list that they name. */
export function factsOf(
  digest: Sha256,
  blob: RecomputeInput['blob'],
  acceleration: Acceleration,
): Pick<Recomputation, 'facts' | 'factsFault'> {
  const head = blob(digest)
  const missing = { facts: null, factsFault: { code: 'blob-missing', field: digest } }
  if (head === undefined) return missing
  if (!isJsonObject(head) || typeof head.changeDigest !== 'string' || Object.hasOwn(head, 'files'))
    return { facts: null, factsFault: { code: 'malformed-field', field: 'facts' } }
  let files: Json | undefined
  try {
    files = blob(asSha256(head.changeDigest))
  } catch {
    return { facts: null, factsFault: { code: 'malformed-field', field: 'changeDigest' } }
  }
  if (files === undefined) return { facts: null, factsFault: { code: 'blob-missing', field: head.changeDigest } }
  const checked = checkFacts({ ...head, files }, acceleration)
  return checked.ok
    ? { facts: checked.facts, factsFault: null }
    : { facts: null, factsFault: { code: checked.code, field: checked.field } }
}

/** The statements in the log before a verdict that bear on it: of its change and its group, and not void. */
function bearing(history: History, entry: EntryOf<'verdict'>, facts: Facts, state: State): readonly StatementStep[] {
  const numbers = new Set([facts.number, ...facts.group])
  return history.statements.filter(({ entry: { index, subject }, statement }) => {
    if (index >= entry.index || subject.kind !== 'change') return false
    if (subject.repository !== facts.repository.id || !numbers.has(subject.number)) return false
    return index >= state.voidBefore || statement === null || !isVoidedByRegenesis(statement.predicate.decision)
  })
}

function refused(entry: EntryOf<'verdict'>, state: State, recorded: Json | undefined): Verdict | null {
  const reason = isJsonObject(recorded) ? recorded.reason : undefined
  if (!isJsonObject(reason) || !isJsonObject(reason.data)) return null
  const code = refusalCodes.find((known) => known === reason.code)
  if (code === undefined) return null
  const { policy } = state
  const inForce = policy === null ? null : { digest: policy.entry.data.policy, epoch: policy.entry.data.epoch }
  return refusedVerdict(code, reason.data as Verdict['reason']['data'], inForce, entry.at)
}

/** The facts or the list of files that a fault says are missing, where they were erased. */
function erasedFacts({ isErased }: RecomputeInput, fault: Recomputation['factsFault']): Sha256 | null {
  if (fault?.code !== 'blob-missing') return null
  const digest = fault.field as Sha256
  return isErased(digest) ? digest : null
}

/**
 * Judges anew what an entry says was judged, from the policy, keys and statements of the log and the facts by digest.
 *
 * Trust: every value is a stranger's; nothing of the recorded verdict is looked at but the code of one that refuses.
 */
export function recompute(entry: EntryOf<'verdict'>, input: RecomputeInput): Recomputation {
  const { history, blob, isErased, acceleration } = input
  const state = history.stateBefore(entry.index)
  const { facts: digest, verdict } = entry.data
  const isJudged = digest !== null && digest !== nothingDigest
  const none = { facts: null, factsFault: null, statements: [], verdict: null, erased: null, withStart: null }
  const nothing = { entry, state, isJudged, ...none }
  if (!isJudged) {
    const recorded = blob(verdict)
    const erased = recorded === undefined && isErased(verdict) ? verdict : null
    return { ...nothing, verdict: refused(entry, state, recorded), erased }
  }
  const { facts, factsFault } = factsOf(digest, blob, acceleration)
  if (facts === null) return { ...nothing, factsFault, erased: erasedFacts(input, factsFault) }
  const statements = bearing(history, entry, facts, state)
  const unread = statements.find((step) => step.statement === null && isErased(step.entry.data.payloadDigest))
  // A vote that nobody can read may be for or against: without it there is no judgement.
  if (unread !== undefined) return { ...nothing, facts, statements, erased: unread.entry.data.payloadDigest }
  const approvals = statements.flatMap(({ admitted }): readonly AdmittedStatement[] =>
    admitted === null ? [] : [admitted],
  )
  const policy = state.policy?.policy
  if (!policy || state.policy === null) return { ...nothing, facts, statements }
  const inForce = { policy, digest: state.policy.entry.data.policy, epoch: state.policy.entry.data.epoch }
  const judge = (judged: Facts): Verdict =>
    evaluate({ policy: inForce, facts: judged, approvals, keyring: state.keyring, at: entry.at }, acceleration)
  const { clock } = facts
  return {
    ...nothing,
    facts,
    statements,
    verdict: judge(facts),
    withStart: clock === null ? null : (startedAt) => judge({ ...facts, clock: { ...clock, startedAt } }),
  }
}
