import { type LogIndex, nothingDigest, type Sha256 } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { eventOf } from '../audit/event-of.ts'
import { entryData } from '../gate/entry-data.ts'
import { publishLogJob, refreshJob } from '../gate/jobs.ts'
import { dueAtOnce, type Recorder } from '../gate/recorder.ts'
import type { ChangeRecord, Changes, DecisionLog, Memory, Write } from '../ports.ts'
import { type BlobKind, findNaming, type Naming, releasesIn } from './blob-naming.ts'

/** Why a value is not erased. */
export type ErasureRefusal =
  /** No entry names it, or its bytes are not there. */
  | 'blob-unknown'
  /** A policy, its files, a keyring or a requirement: without it no verdict could be verified, and no person's text is in it. */
  | 'blob-not-erasable'
  /** A statement that suspends a key or lifts a suspension: the keyring of every later verdict follows from it. */
  | 'blob-makes-keyring'
  /** The statement that was signed for a release: strangers judge the release by it. */
  | 'blob-makes-release'
  /** The facts of a change that is merged and not yet matched with what landed. */
  | 'blob-awaits-landing'

/** What erasing a value means, before it is done. */
export interface ErasurePlan {
  readonly digest: Sha256
  readonly kind: BlobKind
  /** Bytes of the value; null where they are gone already. */
  readonly size: number | null
  /** The entry that says that it was erased before; null: it was not. */
  readonly erasedBy: LogIndex | null
  readonly naming: readonly Naming[]
  /** Changes that were about it, and those of them that are open: they are decided anew. */
  readonly changes: readonly ChangeRecord[]
  readonly open: readonly ChangeRecord[]
  /** Entries with which policies took effect by a verdict that it belongs to: no later verdict is more than `consistent`. */
  readonly policies: readonly LogIndex[]
}

export type PlannedErasure =
  | { readonly ok: true; readonly plan: ErasurePlan }
  | {
      readonly ok: false
      readonly code: ErasureRefusal
      readonly kind: BlobKind | null
      readonly naming: readonly Naming[]
    }

export interface EraseNeeds {
  readonly log: DecisionLog
  readonly memory: Pick<Memory, 'blob' | 'isErased'>
  readonly changes: Pick<Changes, 'find'>
}

const erasable: ReadonlySet<BlobKind> = new Set(['statement', 'facts', 'files', 'verdict'])
const triesWhenMoved = 5

async function changesOf(needs: EraseNeeds, naming: readonly Naming[]): Promise<readonly ChangeRecord[]> {
  const found = new Map<string, ChangeRecord>()
  for (const { change } of naming) {
    const record = change && (await needs.changes.find(change.repository, change.number))
    if (record) found.set(`${record.repository}/${record.number}`, record)
  }
  return [...found.values()]
}

/** Whether what landed has still to be compared with these facts. */
const awaitsLanding = (record: ChangeRecord, naming: readonly Naming[]): boolean =>
  record.state === 'merged' &&
  record.landed === null &&
  naming.some(({ role, index }) => (role === 'facts' || role === 'files') && index === record.lastPass?.entry)

/**
 * Says what a digest names, which entries name it, and what follows when its bytes are gone.
 *
 * Checks: that an entry names it, that it may hold a person's text, and that no keyring and no landing needs it.
 * @throws AppError store-corrupt
 */
export async function planErasure(needs: EraseNeeds, digest: Sha256): Promise<PlannedErasure> {
  const { naming, kind, makesKeyring, policies } = await findNaming(needs, digest)
  const refused = (code: ErasureRefusal): PlannedErasure => ({ ok: false, code, kind, naming })
  if (kind === null) return refused('blob-unknown')
  if (kind === 'release') return refused('blob-makes-release')
  if (!erasable.has(kind)) return refused('blob-not-erasable')
  if (makesKeyring) return refused('blob-makes-keyring')
  const changes = await changesOf(needs, naming)
  if (changes.some((record) => awaitsLanding(record, naming))) return refused('blob-awaits-landing')
  const erasedBy = (await needs.memory.isErased(digest)) ? await tombstoneOf(needs.log, digest) : null
  const size = (await needs.memory.blob(digest))?.length ?? null
  if (size === null && erasedBy === null) return refused('blob-unknown')
  const open = changes.filter(({ state }) => state === 'open')
  return { ok: true, plan: { digest, kind, size, erasedBy, naming, changes, open, policies } }
}

/** The entry that says that a value was erased. @throws AppError store-corrupt when none does */
async function tombstoneOf(log: DecisionLog, digest: Sha256): Promise<LogIndex> {
  const rows = await log.find({ type: 'blob-erased', limit: 1_000_000 })
  const row = rows.findLast((one) => entryData(one).digest === digest)
  if (row === undefined) throw new AppError('store-corrupt', 'a value is marked as erased and no entry says so')
  return row.index
}

/**
 * What the server remembers of a change, without what was erased: facts are read anew, an open change is decided anew, and no
 * earlier pass of it is believed.
 */
function withoutErased(record: ChangeRecord, { digest, kind, naming }: ErasurePlan): ChangeRecord | null {
  const named = new Set<number>(naming.map(({ index }) => index))
  const isAboutFacts = kind === 'facts' || kind === 'files'
  const losesFacts = isAboutFacts && (record.facts === digest || record.changeDigest === digest)
  const losesPass = isAboutFacts && record.state === 'open' && named.has(record.lastPass?.entry ?? -1)
  const verdict = record.verdict
  const isUndecided = verdict !== null && record.state === 'open' && (named.has(verdict.entry) || kind === 'statement')
  if (!losesFacts && !losesPass && !isUndecided) return null
  return {
    ...record,
    version: record.version + 1,
    facts: losesFacts ? null : record.facts,
    lastPass: losesPass ? null : record.lastPass,
    verdict: isUndecided ? { ...verdict, basis: nothingDigest } : verdict,
  }
}

export interface EraseParts extends EraseNeeds {
  readonly recorder: Recorder
  /** Who does it, as the security log names them. */
  readonly operator: string
}

export type Erased =
  | { readonly ok: true; readonly entry: LogIndex }
  /** Somebody was faster; the entry is theirs. */
  | { readonly ok: false; readonly code: 'already-erased'; readonly entry: LogIndex }
  | { readonly ok: false; readonly code: ErasureRefusal }

/**
 * Erases a value for good: the entry that says so, the event, the bytes and what the server remembers of them are one commit.
 * Public files go when the entry is published, and before it is.
 *
 * Errs: a thrown `store-unavailable` may have erased it; planning again tells.
 * @throws AppError of store and custody
 */
export async function eraseBlob(parts: EraseParts, digest: Sha256, reason: string): Promise<Erased> {
  for (let tries = 0; tries < triesWhenMoved; tries++) {
    const planned = await planErasure(parts, digest)
    if (!planned.ok) return planned
    const { plan } = planned
    if (plan.erasedBy !== null) return { ok: false, code: 'already-erased', entry: plan.erasedBy }
    const changes = plan.changes.map(({ repository, number }) => ({ repository, number }))
    const recorded = await parts.recorder.record((moment) => {
      const entry = moment.indexOf(0)
      const due = dueAtOnce(moment)
      const records: Write[] = plan.changes.flatMap((record) => {
        const left = withoutErased(record, plan)
        return left === null ? [] : [{ kind: 'change', record: left } as const]
      })
      return {
        result: entry,
        entries: [
          {
            type: 'blob-erased' as const,
            actor: { kind: 'operator' as const },
            subject: { kind: 'deployment' as const },
            data: { digest, reason },
          },
        ],
        events: [
          eventOf('blob-erased', {
            userId: parts.operator,
            resource: 'log:decisions',
            action: 'erase',
            details: { digest, kind: plan.kind, entry },
          }),
        ],
        writes: [
          { kind: 'erase-blob' as const, digest, changes, comments: releasesIn(plan.naming) },
          ...records,
          ...plan.open.map(({ repository, number }) => refreshJob(repository, number, due)),
          publishLogJob(due),
        ],
      }
    })
    if (recorded.ok) return { ok: true, entry: recorded.result }
    // The server, or another operator, was faster: what follows from the erasure is planned anew.
    if (recorded.conflict !== 'change-moved' && recorded.conflict !== 'blob-erased')
      throw new AppError('store-unavailable', `the erasure met ${recorded.conflict}`)
  }
  throw new AppError('store-unavailable', 'the changes that were about the value moved at every attempt to erase it')
}
