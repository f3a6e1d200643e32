import {
  checkFacts,
  type Acceleration,
  type Facts,
  isJsonObject,
  type Json,
  type LogIndex,
  nothingDigest,
  parseJsonStrict,
  type RepositoryId,
  type Sha256,
  type TypedEntry,
  type Verdict,
} from '../../core/index.ts'
import { blankChange, decidedChange, observedChange } from '../gate/change-record.ts'
import { publishJob, refreshJob, statusJob } from '../gate/jobs.ts'
import type { ChangeRecord, Changes, Write } from '../ports.ts'
import type { Instant } from '../../core/index.ts'

export type EntryOfType<T extends TypedEntry['type']> = Extract<TypedEntry, { readonly type: T }>

/** Reads a value that entries name; null where it was erased. */
export type ReadBlob = (digest: Sha256) => Promise<Uint8Array | null>

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

const jsonOf = (bytes: Uint8Array | null): Json | undefined => {
  const parsed = bytes === null ? null : parseJsonStrict(bytes, limits)
  return parsed?.ok === true ? parsed.value : undefined
}

/** The facts that a verdict names, with their list of files; null where they were erased or are none. */
export async function readFacts(digest: Sha256, blob: ReadBlob, acceleration: Acceleration): Promise<Facts | null> {
  const head = jsonOf(await blob(digest))
  if (!isJsonObject(head) || typeof head.changeDigest !== 'string') return null
  const files = jsonOf(await blob(head.changeDigest as Sha256))
  const checked = files === undefined ? null : checkFacts({ ...head, files }, acceleration)
  return checked?.ok === true ? checked.facts : null
}

/** What the store remembers of changes, moved on by entries that it lost. */
export interface RecoveredChanges {
  clockStarted(entry: EntryOfType<'clock-started'>): Promise<void>
  clockEnded(of: { readonly repository: RepositoryId; readonly number: number }, why: string): Promise<void>
  verdict(entry: EntryOfType<'verdict'>): Promise<void>
  landed(repository: RepositoryId, number: number, commit: string): Promise<void>
  /** What is remembered of these changes, without a value that was erased: facts are read anew, and no pass by them is believed. */
  erased(
    digest: Sha256,
    about: readonly { readonly repository: RepositoryId; readonly number: number }[],
  ): Promise<void>
  /** Rows after which every open change waits to be decided anew, and every check that was shown meanwhile is looked at. */
  writes(open: readonly ChangeRecord[], now: Instant): readonly Write[]
}

/**
 * Moves changes on as the server did when it wrote the entries. What a later look would find anyway (test merge, status
 * comment) is left to that.
 *
 * Errs: no earlier success is shown again: each open change is decided anew, and what the log shows as over stays over.
 */
export function recoveredChanges(
  changes: Pick<Changes, 'find'>,
  blob: ReadBlob,
  acceleration: Acceleration,
): RecoveredChanges {
  const records = new Map<string, { readonly stored: number; record: ChangeRecord }>()
  const shown = new Map<string, Pick<ChangeRecord, 'repository' | 'head' | 'baseRef'>>()

  async function known(repository: RepositoryId, number: number): Promise<ChangeRecord | null> {
    const key = `${repository}/${number}`
    const held = records.get(key)
    if (held !== undefined) return held.record
    const record = await changes.find(repository, number)
    if (record !== null) keep(record, record.version)
    return record
  }

  function keep(record: ChangeRecord, stored?: number): void {
    const key = `${record.repository}/${record.number}`
    records.set(key, { stored: stored ?? records.get(key)?.stored ?? 0, record })
    const { repository, head, baseRef } = record
    shown.set(`${repository}/${head}/${baseRef}`, { repository, head, baseRef })
  }

  return {
    async clockStarted({ subject, data, at, index }) {
      if (subject.kind !== 'change') return
      const { repository, number } = subject
      const before = (await known(repository, number)) ?? blankChange(repository, number, data)
      const { baseRef, changeDigest, head } = data
      const clock = { changeDigest, baseRef, startedAt: at, entry: index }
      keep({ ...before, state: 'open', draft: false, head, baseRef, clock })
    },
    async clockEnded({ repository, number }, why) {
      const before = await known(repository, number)
      if (before === null) return
      const state = why === 'closed' || why === 'merged' ? why : before.state
      keep({ ...before, state, draft: why === 'draft' || before.draft, clock: null })
    },
    async verdict({ subject, data, index, at }) {
      if (subject.kind !== 'change') return
      const { repository, number } = subject
      const before = await known(repository, number)
      const { head, baseRef } = data
      const recorded = { entry: index, at, digest: data.verdict, basis: nothingDigest }
      const facts =
        data.facts === null || data.facts === nothingDigest ? null : await readFacts(data.facts, blob, acceleration)
      const verdict = jsonOf(await blob(data.verdict)) as unknown as Verdict | undefined
      if (facts !== null && verdict !== undefined) {
        const seen = {
          factsName: data.facts as Sha256,
          clock: facts.clock === null ? null : clockOf(facts, facts.clock),
          pushers: { head: facts.head.sha, accounts: facts.pushers },
          mergeCommit: null,
        }
        keep(decidedChange(observedChange(before, facts, seen), verdict, facts, recorded))
      } else if (head !== null && baseRef !== null) {
        const place = before ?? blankChange(repository, number, { head, baseRef })
        const { outcome, mergeTree } = data
        const lastPass = outcome === 'pass' ? place.lastPass : null
        keep({
          ...place,
          head,
          baseRef,
          lastPass,
          verdict: { outcome, ...recorded, head, baseRef, mergeTree, nextChangeAt: null },
        })
      }
    },
    async landed(repository, number, commit) {
      const before = await known(repository, number)
      if (before !== null) keep({ ...before, landed: commit as ChangeRecord['landed'] })
    },
    async erased(digest, about) {
      for (const { repository, number } of about) {
        const before = await known(repository, number)
        const losesFacts = before?.facts === digest || before?.changeDigest === digest
        if (before === null || !losesFacts) continue
        keep({ ...before, facts: null, lastPass: before.state === 'open' ? null : before.lastPass })
      }
    },
    writes(open, now) {
      const rest = open.filter(({ repository, number }) => !records.has(`${repository}/${number}`))
      const all = [...records.values(), ...rest.map((record) => ({ record, stored: record.version }))]
      return [
        ...all.map(({ record, stored }): Write => {
          const verdict = record.verdict === null ? null : { ...record.verdict, basis: nothingDigest }
          return { kind: 'change', record: { ...record, version: stored + 1, verdict } }
        }),
        ...all.flatMap(({ record }) => [
          refreshJob(record.repository, record.number, now),
          statusJob(record.repository, record.number, now),
        ]),
        ...[...shown.values()].map(({ repository, head, baseRef }) => publishJob(repository, head, baseRef, now)),
      ]
    },
  }
}

const clockOf = (
  { changeDigest, base }: Facts,
  { startedAt, entry }: { readonly startedAt: Instant; readonly entry: LogIndex },
): NonNullable<ChangeRecord['clock']> => ({ changeDigest, baseRef: base.ref, startedAt, entry })
