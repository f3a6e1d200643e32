import {
  asInstant,
  asLogIndex,
  type CommitId,
  encodeUtf8,
  explain,
  type Instant,
  type NameOf,
  nothingDigest,
  type RepositoryId,
  sha256Hex,
  type Verdict,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf, repositoryResource, serverUser } from '../audit/event-of.ts'
import type { SecurityEvents } from '../audit/security-events.ts'
import type { Recording } from '../record/recording.ts'
import type {
  ChangeRecord,
  Changes,
  CheckContent,
  CheckRecord,
  Clock,
  DecisionLog,
  ForgeCheck,
  ForgeChecks,
  ForgeRepository,
  Registry,
  Write,
} from '../ports.ts'
import type { ClockWitness } from './clock-witness.ts'
import { type FindingNeeds, recordFinding } from './findings.ts'
import { currentNames } from './names.ts'
import { recordingJob, refreshJob } from './jobs.ts'
import { undecided } from './undecided.ts'
import type { VerdictReader } from './verdict-reader.ts'

/** Longest summary that is sent, in UTF-8 bytes; the forge cuts at 65,535. */
const summaryLimitBytes = 60_000
/** Longest title that is sent, in characters. */
const titleLimit = 200

/** The name of the check of a base ref: one per base, so that a lax base never answers for a strict one (T33). */
export const checkName = (baseRef: string): string => `governance/${baseRef}`

/** The forge archives runs after 400 days; ours is made anew before. */
const recreateAfterMs = 300 * 86_400_000

/** So long the record may take to get where it must be before people are told that it has not yet. */
const recordingGraceMs = 2_000

export interface PublishNeeds extends FindingNeeds {
  readonly changes: Changes
  readonly checks: ForgeChecks
  readonly clock: Clock
  readonly log: DecisionLog
  readonly registry: Registry
  readonly verdicts: VerdictReader
  readonly publicUrl: string
  readonly events: Pick<SecurityEvents, 'note' | 'noteRationed'>
  /** Successes that the forge is known or believed to show, kept where the store's failure cannot reach it. */
  readonly shownSuccesses: ShownSuccesses
  /** What a success waits for besides the signed checkpoint. */
  readonly recording: Pick<Recording, 'missing'>
  /** Says of a review clock that the success stands on whether witnesses vouch for its start. */
  readonly clockWitness: Pick<ClockWitness, 'isLate'>
  /** False: nobody outside of this machine is asked before the log is signed, and every check says so. */
  readonly isWitnessed: boolean
}

/** What is shown as success right now, in memory: lowering must work while the store is down (T43). */
export interface ShownSuccesses {
  note(check: {
    readonly repository: ForgeRepository
    readonly head: CommitId
    readonly baseRef: string
    readonly runId: number
  }): void
  forget(repository: RepositoryId, head: CommitId, baseRef: string): void
  /** False while something happened that the log does not hold: no success may be shown then. */
  mayShow(): boolean
}

const unwitnessedLine =
  'The log is unwitnessed: neither a copy nor a witness outside of the server is asked before it is signed.'

/** What the check shows while a verdict that passes has not reached everything that it must be recorded in. */
const recordingContent = ({ title, summary }: CheckContent, missing: readonly string[]): CheckContent => ({
  conclusion: 'action_required',
  title: clipText(`Recording: waits for ${missing.join(' and ')}, then turns green by itself`, titleLimit),
  summary: clipLines(`**${title}**\n\n${summary}`, summaryLimitBytes),
})

const superseded: CheckContent = {
  conclusion: 'failure',
  title: 'Superseded: no open pull request has this head and base',
  summary: 'This commit is no longer the head of an open pull request against this base, so nothing is decided for it.',
}

interface Member {
  readonly record: ChangeRecord
  readonly verdict: Verdict
  /** Size that a checkpoint must have before this verdict may be shown as success. */
  readonly entry: number
}

/** What the check must show, given the newest recorded verdicts of all open members of its group (domain.md, "The check"). */
export function groupContent(
  members: readonly Member[],
  nameOf: NameOf = () => null,
  isWitnessed = true,
): CheckContent {
  const passing = members.find((member) => member.verdict.outcome === 'pass')
  const shown = passing ?? members[0]
  if (shown === undefined) return superseded
  const { title, lines } = explain(shown.verdict, 'markdown', nameOf)
  const conclusion = passing ? 'success' : shown.verdict.outcome === 'pending' ? 'action_required' : 'failure'
  const numbered = members.length > 1 ? `#${shown.record.number}: ${title}` : title
  const others = members
    .filter((member) => member !== shown)
    .map((member) => `#${member.record.number}: ${explain(member.verdict, 'markdown').title}`)
  const summary = [
    ...lines,
    ...(others.length === 0
      ? []
      : ['', 'Open pull requests with the same head and base:', '', ...others.map((line) => `- ${line}`)]),
    ...(isWitnessed ? [] : ['', unwitnessedLine]),
  ].join('\n')
  return { conclusion, title: clipText(numbered, titleLimit), summary: clipLines(summary, summaryLimitBytes) }
}

const clipText = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`)

function clipLines(text: string, limitBytes: number): string {
  if (encodeUtf8(text).length <= limitBytes) return text
  const kept: string[] = []
  let bytes = 0
  for (const line of text.split('\n')) {
    bytes += encodeUtf8(line).length + 1
    if (bytes > limitBytes - 200) break
    kept.push(line)
  }
  return `${kept.join('\n')}\n\n(cut to the forge's limit; the details page has all of it)`
}

export const contentDigest = (content: CheckContent) =>
  sha256Hex(encodeUtf8(`${content.conclusion}\n${content.title}\n${content.summary}`))

/** What a publish job is about. `relist`: a run was seen that the store does not know, so all of ours are compared. */
export interface PublishTarget {
  readonly repository: RepositoryId
  readonly head: CommitId
  readonly baseRef: string
  readonly relist?: boolean
  /** The record was given its time to get where it must be: what is missing now is shown. */
  readonly waited?: boolean
}

/**
 * Makes the forge show what the log says for one (repository, head, base ref), and returns the rows that remember it.
 *
 * Checks: success is sent only when its verdict is an entry under a signed checkpoint (no record, no green) that has
 * reached every place that is configured; until then the check says `recording`, and what lowers never waits. The forge
 * keeps every run that is POSTed, so ours are listed before one is created and changed by id afterwards.
 * Errs: after an ambiguous write it throws, and the retry reads what the forge holds.
 */
export async function publish(needs: PublishNeeds, target: PublishTarget): Promise<readonly Write[]> {
  const repository = await needs.registry.repository(target.repository)
  if (repository === null) return []
  const all = (await needs.changes.byHead(target.repository, target.head)).filter(
    (record) => record.baseRef === target.baseRef,
  )
  const check = await needs.changes.check(target.repository, target.head, target.baseRef)
  const open = all.filter((record) => record.state === 'open')
  if (open.length === 0 && all.some((record) => record.state === 'merged')) {
    needs.shownSuccesses.forget(target.repository, target.head, target.baseRef)
    return check === null || check.closed ? [] : [{ kind: 'check', record: { ...check, closed: true } }]
  }
  if (open.length === 0 && check === null) return []

  const members = await membersOf(needs, open)
  if (open.length > 0 && members.length === 0) return []
  const wanted = groupContent(members, await currentNames(needs.registry), needs.isWitnessed)
  const wantedEntry = asLogIndex(Math.max(check?.wantedEntry ?? 0, ...members.map((member) => member.entry)))
  const isStale = check?.createdAt != null && needs.clock.now() - check.createdAt > recreateAfterMs
  let content = wanted
  if (wanted.conclusion === 'success') {
    if (!needs.shownSuccesses.mayShow())
      throw new AppError('store-unavailable', 'something happened that the log does not hold yet')
    const checkpoint = await needs.log.checkpoint()
    if (checkpoint === null || checkpoint.size <= wantedEntry)
      throw new AppError('store-unavailable', 'the verdict is not under a signed checkpoint yet')
    const late = await lateAmong(needs, members)
    // Evidence would refuse it: the clock begins anew with the next decision, and this one is shown no more.
    if (late.length > 0)
      return late.flatMap((record) => [
        ...undecided(record),
        refreshJob(record.repository, record.number, needs.clock.now()),
      ])
    const missing = needs.recording.missing(target, wantedEntry)
    if (missing.length > 0) {
      // A success that is shown stands on an entry that has arrived; a newer verdict that passes too need not lower it.
      const mayStay = check?.shown?.conclusion === 'success' && !check.closed && !isStale && target.relist !== true
      if (mayStay) return [{ kind: 'check', record: { ...check, wanted, wantedEntry } }]
      if (target.waited !== true) {
        const dueAt = asInstant(needs.clock.now() + recordingGraceMs)
        return [recordingJob(target.repository, target.head, target.baseRef, dueAt)]
      }
      content = recordingContent(wanted, missing)
    }
  }
  const digest = contentDigest(content)
  const isShown = check?.shown?.digest === digest && check.runId !== null && !check.closed
  if (isShown && !isStale && target.relist !== true)
    return content === wanted ? [] : [{ kind: 'check', record: { ...check, wanted, wantedEntry } }]

  const place: Place = {
    repository: { id: repository.id, name: repository.name, installation: repository.installation },
    head: target.head,
    baseRef: target.baseRef,
    detailsUrl: repository.private ? null : detailsUrl(needs, repository.name, members[0]?.record.number ?? null),
  }
  if (target.relist === true && (await wasLoweredElsewhere(needs, place, check, content)))
    return [
      ...(check === null ? [] : [{ kind: 'check' as const, record: { ...check, shown: null } }]),
      ...open.flatMap((record) => [
        ...undecided(record),
        refreshJob(record.repository, record.number, needs.clock.now()),
      ]),
    ]
  const shown = await showOnForge(needs, place, isStale ? null : check, content, {
    relist: target.relist === true,
    mayShowSuccess: wanted.conclusion === 'success',
  })
  if (content.conclusion === 'success') needs.shownSuccesses.note({ ...place, runId: shown.runId })
  else needs.shownSuccesses.forget(target.repository, target.head, target.baseRef)
  if (check?.shown?.conclusion !== content.conclusion)
    needs.events.note(
      eventOf('check-published', {
        userId: serverUser,
        resource: repositoryResource(target.repository),
        action: 'publish',
        details: { conclusion: content.conclusion, head: target.head, run: shown.runId, entry: wantedEntry },
      }),
    )
  const record: CheckRecord = {
    repository: target.repository,
    head: target.head,
    baseRef: target.baseRef,
    runId: shown.runId,
    wanted,
    wantedEntry,
    shown: { conclusion: content.conclusion, digest },
    createdAt: shown.createdAt,
    closed: open.length === 0,
  }
  for (const run of shown.unexplained)
    await recordFinding(needs, {
      code: 'app-key-misuse',
      key: String(run.id),
      repository: target.repository,
      subject: { kind: 'branch', repository: target.repository, ref: target.baseRef },
      detail: { run: run.id, head: target.head, baseRef: target.baseRef, conclusion: run.conclusion },
    })
  return [{ kind: 'check', record }]
}

const detailsUrl = (needs: PublishNeeds, name: string, number: number | null): string | null =>
  number === null ? null : `${needs.publicUrl}/changes/${name}/${number}`

async function membersOf(needs: PublishNeeds, open: readonly ChangeRecord[]): Promise<readonly Member[]> {
  const members: Member[] = []
  for (const record of open) {
    if (record.verdict?.head !== record.head || record.verdict.baseRef !== record.baseRef) continue
    // It waits to be decided anew: what was decided before is not shown again.
    if (record.verdict.basis === nothingDigest) continue
    const verdict = await needs.verdicts.read(record.verdict.digest)
    // Erased since it was read from the record: the same commit had it decided anew.
    if (verdict === null) continue
    members.push({ record, verdict, entry: record.verdict.entry })
  }
  return members.sort((a, b) => a.record.number - b.record.number)
}

/** Changes that pass by a review clock of which witnesses saw the start too late. */
async function lateAmong(
  needs: Pick<PublishNeeds, 'clockWitness'>,
  members: readonly Member[],
): Promise<ChangeRecord[]> {
  const late: ChangeRecord[] = []
  for (const { record, verdict } of members)
    if (verdict.outcome === 'pass' && (await needs.clockWitness.isLate(record.clock))) late.push(record)
  return late
}

interface Place {
  readonly repository: ForgeRepository
  readonly head: CommitId
  readonly baseRef: string
  readonly detailsUrl: string | null
}

interface Shown {
  readonly runId: number
  readonly createdAt: Instant | null
  /** Runs of our name and App that showed success though the log explains none of it. */
  readonly unexplained: readonly ForgeCheck[]
}

/** A success that the forge lost while we believed it shown was lowered for a reason: only a newer decision shows it again. */
async function wasLoweredElsewhere(
  needs: PublishNeeds,
  place: Place,
  check: CheckRecord | null,
  wanted: CheckContent,
): Promise<boolean> {
  if (wanted.conclusion !== 'success' || check?.shown?.conclusion !== 'success') return false
  const runs = await needs.checks.list(place.repository, place.head, checkName(place.baseRef))
  return runs.some((run) => run.conclusion !== 'success')
}

async function showOnForge(
  needs: PublishNeeds,
  place: Place,
  check: CheckRecord | null,
  wanted: CheckContent,
  { relist, mayShowSuccess }: { readonly relist: boolean; readonly mayShowSuccess: boolean },
): Promise<Shown> {
  const name = checkName(place.baseRef)
  const { repository, head } = place
  if (check?.runId != null && check.shown !== null && !relist) {
    await needs.checks.update(repository, check.runId, name, wanted, place.detailsUrl)
    return { runId: check.runId, createdAt: check.createdAt, unexplained: [] }
  }
  const runs = [...(await needs.checks.list(repository, head, name))].sort((a, b) => a.id - b.id)
  const last = runs.at(-1)
  if (last === undefined || (check === null && isOld(last, needs.clock.now()))) {
    const created = await needs.checks.create(repository, head, name, wanted, place.detailsUrl)
    return { runId: created.id, createdAt: needs.clock.now(), unexplained: [] }
  }
  // Which of several runs of one name a ruleset looks at is the forge's business: all of them say the same.
  for (const run of runs) await needs.checks.update(repository, run.id, name, wanted, place.detailsUrl)
  const explained = check?.shown?.conclusion === 'success' || mayShowSuccess
  return {
    runId: last.id,
    createdAt: last.startedAt ?? check?.createdAt ?? needs.clock.now(),
    unexplained: explained ? [] : runs.filter((run) => run.conclusion === 'success'),
  }
}

const isOld = (run: ForgeCheck, now: Instant): boolean =>
  run.startedAt !== null && now - run.startedAt > recreateAfterMs
