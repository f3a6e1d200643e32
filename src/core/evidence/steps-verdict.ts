import { approvalsDigest } from '../policy/evaluate.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import type { Json } from '../bytes/json.ts'
import { bytesDigest } from '../crypto/text-digest.ts'
import { nothingDigest } from '../policy/refused-verdict.ts'
import type { Instant, LogIndex, Sha256 } from '../ids.ts'
import { type EvidenceCase, ofType } from './evidence-case.ts'
import type { EntryOf } from './read-entry.ts'
import type { StatementStep } from './history.ts'
import type { Recomputation } from './recompute.ts'
import { failed, type Finding, skipped, unknownFor } from './report.ts'
import { witnessGraceMs } from '../log/quorum-time.ts'
import { provenBy } from './steps-log.ts'

const judgedOf = ({ verdicts }: EvidenceCase): readonly Recomputation[] => verdicts.filter(({ isJudged }) => isJudged)

/** The enrolment that gives a repository's number its name, before an entry. */
const enrolmentBefore = (
  { typed }: EvidenceCase,
  repository: number,
  index: number,
): EntryOf<'repository-enrolled'> | undefined =>
  ofType(typed, 'repository-enrolled').findLast(
    (entry) => entry.subject.kind === 'branch' && entry.subject.repository === repository && entry.index < index,
  )

/** The facts of every verdict are whole, about the change of its entry, and about a repository that is enrolled by that name. */
export function checkFactsOfVerdicts(one: EvidenceCase): Finding {
  if (one.verdicts[0]?.entry.index !== one.decisive) return failed('verdict-missing')
  let unknown: Finding = null
  for (const { entry, facts, factsFault, erased } of judgedOf(one)) {
    if (facts === null && erased !== null) {
      unknown ??= unknownFor(erased)
      continue
    }
    if (facts === null)
      return failed(
        factsFault?.code === 'blob-missing' ? 'blob-missing' : `facts-${factsFault?.code}`,
        factsFault?.field,
      )
    const { subject } = entry
    const isSame =
      subject.kind === 'change' && subject.repository === facts.repository.id && subject.number === facts.number
    if (!isSame) return failed('facts-about-another-change', entry.index)
    const enrolment = enrolmentBefore(one, facts.repository.id, entry.index)
    if (enrolment === undefined) return failed('repository-not-enrolled', entry.index)
    if (enrolment.data.name !== facts.repository.name) return failed('repository-wrong-name', enrolment.index)
  }
  return unknown
}

/** The review clock of every verdict started with the entry that it names, for this content and base. */
export function checkClock(one: EvidenceCase): Finding {
  let unknown: Finding = null
  for (const { entry, facts, erased } of judgedOf(one)) {
    if (facts === null && erased !== null) unknown ??= unknownFor(erased)
    if (facts === null || facts.clock === null) continue
    const { startedAt, entry: index } = facts.clock
    const started = ofType(one.typed, 'clock-started').find((candidate) => candidate.index === index)
    if (started === undefined || index >= entry.index) return failed('clock-entry-missing', entry.index)
    const { subject, data, at } = started
    if (at !== startedAt) return failed('clock-wrong-start', index)
    const isSame =
      subject.kind === 'change' &&
      subject.repository === facts.repository.id &&
      subject.number === facts.number &&
      data.baseRef === facts.base.ref &&
      data.changeDigest === facts.changeDigest
    if (!isSame) return failed('clock-of-another-content', index)
  }
  return unknown
}

type CountedStatement = Parameters<typeof approvalsDigest>[0][number]

/** What the digest over the statements is made of. The entry alone says it too, also where the payload was erased. */
function countedStatement({ entry, admitted }: StatementStep, isErased: boolean): CountedStatement | null {
  if (!isErased) return admitted
  const { payloadDigest, scheme, signature } = entry.data
  return { entry: entry.index, at: entry.at, payloadDigest, scheme, signature }
}

/** Every verdict counted exactly the statements that the evidence holds for it. */
export function checkApprovals(one: EvidenceCase): Finding {
  let unknown: Finding = null
  for (const { entry, facts, statements, erased } of judgedOf(one)) {
    if (facts === null && erased !== null) {
      unknown ??= unknownFor(erased)
      continue
    }
    const gone = (step: StatementStep): LogIndex | undefined => one.erased.get(step.entry.data.payloadDigest)
    const approvals = statements.flatMap((step) => countedStatement(step, gone(step) !== undefined) ?? [])
    if (approvalsDigest(approvals, one.acceleration) === entry.data.approvals) continue
    // What was erased by then did not count where it would have raised trust; whether it would have nobody can read.
    const isOpenQuestion = statements.some((step) => (gone(step) ?? entry.index) < entry.index)
    if (erased === null || !isOpenQuestion) return failed('approvals-mismatch', entry.index)
    unknown ??= unknownFor(erased)
  }
  return unknown
}

/** Every verdict is, byte for byte, what judging anew gives. */
export function checkVerdicts(one: EvidenceCase): Finding {
  let unknown: Finding = null
  for (const { entry, verdict, erased } of one.verdicts) {
    const { verdict: recorded } = entry.data
    if (!one.evidence.blobs.has(recorded) && !one.erased.has(recorded)) return failed('blob-missing', recorded)
    if (verdict === null && erased !== null) {
      unknown ??= unknownFor(erased)
      continue
    }
    if (verdict === null) return failed('verdict-not-recomputed', entry.index)
    // The entry names the bytes: they are known by what judging anew gives, also where they were erased.
    const digest = bytesDigest(canonicalBytes(verdict as unknown as Json), one.acceleration)
    if (digest !== recorded) return failed('verdict-mismatch', entry.index)
  }
  return unknown
}

const nothingOr = (digest: Sha256 | null): boolean => digest === null || digest === nothingDigest

/** What the entry of a verdict says beside the verdict: its short form, which checks, landings and searches go by. */
function shortFormFault({ entry, verdict, facts, isJudged }: Recomputation): string | null {
  const { data } = entry
  if (verdict === null) return null
  if (data.outcome !== verdict.outcome) return 'outcome'
  if (data.code !== verdict.reason.code) return 'code'
  if ((data.policy ?? nothingDigest) !== verdict.inputs.policy) return 'policy'
  if ((data.epoch ?? 0) !== verdict.inputs.epoch) return 'epoch'
  if (data.requirement !== verdict.requirementDigest) return 'requirement'
  if (!isJudged) {
    if (!nothingOr(data.facts)) return 'facts'
    if (!nothingOr(data.approvals)) return 'approvals'
    return nothingOr(data.keyring) ? null : 'keyring'
  }
  if (facts === null) return null
  const mergeTree = facts.merge.state === 'clean' ? facts.merge.tree : null
  if (data.head !== facts.head.sha) return 'head'
  if (data.baseRef !== facts.base.ref) return 'baseRef'
  return data.mergeTree === mergeTree ? null : 'mergeTree'
}

/** The entry of every verdict says in short what the verdict says. */
export function checkShortForms({ verdicts }: EvidenceCase): Finding {
  let unknown: Finding = null
  for (const recomputed of verdicts) {
    const field = shortFormFault(recomputed)
    if (field !== null) return failed(`verdict-entry-${field}`, recomputed.entry.index)
    if (recomputed.verdict === null && recomputed.erased !== null) unknown ??= unknownFor(recomputed.erased)
  }
  return unknown
}

/**
 * The times are those that witnesses can vouch for: the verdict was not dated forward, and it passes too with a review clock
 * that starts no earlier than witnesses saw it start.
 */
export function checkTime(one: EvidenceCase): Finding {
  const { trust } = one.context
  if (trust === null) return skipped('no-trust')
  const [decisive] = one.verdicts
  const seen = decisive === undefined ? null : provenBy(one, decisive.entry.index)
  if (decisive === undefined || seen === null) return skipped('clock-unproven')
  if (decisive.entry.at > seen + witnessGraceMs) return failed('at-forward-dated', decisive.entry.index)
  if (decisive.erased !== null) return unknownFor(decisive.erased)
  const clock = decisive.facts?.clock ?? null
  if (clock === null || decisive.withStart === null || decisive.verdict?.outcome !== 'pass') return null
  const started = Math.max(clock.startedAt, (provenBy(one, clock.entry) ?? seen) - witnessGraceMs) as Instant
  return decisive.withStart(started).outcome === 'pass' ? null : failed('clock-back-dated', clock.entry)
}

/** What evidence has to hold: indexes of entries, and digests of values. */
export interface Needed {
  readonly entries: Set<number>
  readonly blobs: Set<Sha256>
}

/** Everything that the verdicts of a case stand on. */
export function neededBy(one: EvidenceCase): Needed {
  const { evidence, history, verdicts } = one
  const blobs = new Set<Sha256>()
  const ofLog = [...ofType(one.typed, 'log-key'), ...ofType(one.typed, 'log-broken')]
  const entries = new Set<number>([one.decisive, ...ofLog.map(({ index }) => index)])
  if (history.genesis !== null) entries.add(history.genesis.index)
  for (const { entry, root } of history.policies) {
    if (entry.index > evidence.verdict) continue
    blobs.add(entry.data.policy)
    for (const index of [entry.index, root?.index, entry.data.verdict])
      if (typeof index === 'number') entries.add(index)
  }
  const counted = new Set(verdicts.flatMap(({ statements }) => statements.map(({ entry }) => entry.index)))
  for (const { entry, statement } of history.statements) {
    const isAboutKeys = statement?.predicate.target !== undefined && entry.index < evidence.verdict
    if (!isAboutKeys && !counted.has(entry.index)) continue
    entries.add(entry.index)
    const { payloadDigest, requirement, inForce } = entry.data
    for (const digest of [payloadDigest, requirement, inForce]) blobs.add(digest)
  }
  for (const { entry, facts, erased } of verdicts) {
    blobs.add(entry.data.verdict)
    if (facts === null && erased !== null) {
      // The facts stand there without their list of files, or the list of files could not even be named.
      if (entry.data.facts !== null) blobs.add(entry.data.facts)
      blobs.add(erased)
    }
    if (facts === null) continue
    if (entry.data.facts !== null) blobs.add(entry.data.facts)
    blobs.add(facts.changeDigest)
    if (facts.clock !== null) entries.add(facts.clock.entry)
    const enrolment = enrolmentBefore(one, facts.repository.id, entry.index)
    if (enrolment !== undefined) entries.add(enrolment.index)
  }
  return { entries, blobs }
}

/** Nothing stands in the evidence that is not needed: what nobody checks must not be shown as checked. */
export function surplusIn({ evidence, typed }: EvidenceCase, { entries, blobs }: Needed): Finding {
  const said = new Set<Sha256>()
  for (const { index, data } of ofType(typed, 'blob-erased')) {
    // One word of the log about each value that is needed; the first is the one that counts.
    if (blobs.has(data.digest) && !said.has(data.digest)) entries.add(index)
    said.add(data.digest)
  }
  const entry = evidence.entries.find(({ index }) => !entries.has(index))
  if (entry !== undefined) return failed('entry-unused', entry.index)
  const blob = [...evidence.blobs.keys()].find((digest) => !blobs.has(digest))
  return blob === undefined ? null : failed('blob-unused', blob)
}

/** Nothing stands in the evidence that the verdict does not stand on. */
export const checkSurplus = (one: EvidenceCase): Finding => surplusIn(one, neededBy(one))

/** The facts are what git objects say. Nobody but who holds a clone can tell. */
export function checkClone({ context, verdicts }: EvidenceCase): Finding {
  if (context.cloneCheck === null) return skipped('no-clone')
  if (verdicts[0]?.isJudged !== true) return skipped('no-facts')
  if (verdicts[0].facts === null && verdicts[0].erased !== null) return unknownFor(verdicts[0].erased)
  const [first] = context.cloneCheck
  return first === undefined ? null : failed(first.code, first.detail)
}
