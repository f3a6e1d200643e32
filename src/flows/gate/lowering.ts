import { asCommitId, asInstant, asRepositoryId, type CommitId, type RepositoryId } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type {
  ChangeRecord,
  Changes,
  CheckContent,
  ForgeChecks,
  ForgeEvent,
  ForgeRepository,
  Journal,
  Registry,
  Telemetry,
  Write,
} from '../ports.ts'
import { serverActor } from './entries.ts'
import { refreshJob } from './jobs.ts'
import { checkName, type ShownSuccesses } from './publish.ts'
import type { Recorder } from './recorder.ts'
import { nothingDigest } from './refused-verdict.ts'

interface ShownSuccess {
  readonly repository: ForgeRepository
  readonly head: CommitId
  readonly baseRef: string
  readonly runId: number
}

const recordingStopped: CheckContent = {
  conclusion: 'failure',
  title: 'Not decided: the decision log cannot be written',
  summary:
    'Something about this change happened while the decision log could not be written. Nothing is shown as success that the log does not hold; everything is decided anew when it can be written again.',
}

export interface Lowering extends ShownSuccesses {
  /** Fills the memory from the store; called once at start. */
  load(): Promise<void>
  /**
   * Lowers every shown success that an authenticated event may concern, without the store: journal first, then the forge.
   * Errs: lowers too much rather than too little.
   */
  lowerFor(event: ForgeEvent): Promise<void>
  /** Turns what the journal holds into entries and has everything that is open decided anew. */
  replayJournal(): Promise<void>
}

export interface LoweringNeeds {
  readonly changes: Changes
  readonly registry: Registry
  readonly checks: ForgeChecks
  readonly journal: Journal
  readonly recorder: Recorder
  readonly telemetry: Telemetry
  readonly now: () => number
}

const keyOf = (repository: RepositoryId, head: CommitId, baseRef: string): string => `${repository}/${head}/${baseRef}`

/**
 * What lowers trust acts at once and works while the store is down (T43): which successes are shown is kept in memory, and
 * the record of lowering one goes to a journal outside the database until the log returns.
 */
export function createLowering(needs: LoweringNeeds): Lowering {
  const shown = new Map<string, ShownSuccess>()

  const concerned = (event: ForgeEvent): readonly ShownSuccess[] =>
    [...shown.values()].filter(({ repository, head, baseRef }) => {
      if (event.repository === null || event.repository.id !== repository.id) return false
      const { detail } = event
      switch (detail.kind) {
        case 'checks':
          return detail.head === head
        case 'push':
          return detail.ref === `refs/heads/${baseRef}`
        case 'change':
          return detail.baseRef === baseRef || detail.head === head
        case 'comment':
          return detail.body.startsWith('/governance-')
        default:
          return true
      }
    })

  return {
    note: (success) => void shown.set(keyOf(success.repository.id, success.head, success.baseRef), success),
    forget: (repository, head, baseRef) => void shown.delete(keyOf(repository, head, baseRef)),

    async load() {
      const repositories = new Map((await needs.registry.repositories()).map((record) => [record.id, record]))
      for (const check of await needs.changes.checks({})) {
        const repository = repositories.get(check.repository)
        if (check.shown?.conclusion !== 'success' || check.runId === null || repository === undefined) continue
        this.note({
          repository: { id: repository.id, name: repository.name, installation: repository.installation },
          head: check.head,
          baseRef: check.baseRef,
          runId: check.runId,
        })
      }
    },

    async lowerFor(event) {
      for (const success of concerned(event)) {
        const { repository, head, baseRef, runId } = success
        await needs.journal.append({
          repository: repository.id,
          head,
          baseRef,
          why: 'store-unavailable',
          at: needs.now(),
        })
        await needs.checks.update(repository, runId, checkName(baseRef), recordingStopped, null)
        shown.delete(keyOf(repository.id, head, baseRef))
        needs.telemetry.event('check-lowered', 'warn', { repository: repository.name, head, baseRef })
        needs.telemetry.count('checks_lowered', { why: 'store-unavailable' })
      }
    },

    async replayJournal() {
      const records = await needs.journal.read()
      if (records.length === 0) return
      const open: ChangeRecord[] = []
      for (const repository of await needs.registry.repositories())
        open.push(...(await needs.changes.open(repository.id)))
      const lowered = await Promise.all(
        records.map(async (record) => {
          const repository = asRepositoryId(Number(record.repository))
          const head = asCommitId(String(record.head))
          const baseRef = String(record.baseRef)
          const check = await needs.changes.check(repository, head, baseRef)
          return { repository, head, baseRef, why: String(record.why), at: asInstant(Number(record.at)), check }
        }),
      )
      const recorded = await needs.recorder.record((moment) => ({
        result: undefined,
        entries: lowered.map((record) => ({
          type: 'check-lowered' as const,
          actor: serverActor,
          subject: { kind: 'branch' as const, repository: record.repository, ref: record.baseRef },
          data: { head: record.head, baseRef: record.baseRef, why: record.why, loweredAt: record.at },
        })),
        writes: [
          // What the forge shows is no longer what the store remembers: forget it, and publish compares anew.
          ...lowered.flatMap(({ check }): readonly Write[] =>
            check === null ? [] : [{ kind: 'check', record: { ...check, shown: null } }],
          ),
          // No earlier success is shown again: every open change gets a verdict that is newer than the lowering.
          ...open.flatMap((change): readonly Write[] =>
            change.verdict === null
              ? []
              : [
                  {
                    kind: 'change',
                    record: {
                      ...change,
                      version: change.version + 1,
                      verdict: { ...change.verdict, basis: nothingDigest },
                    },
                  },
                ],
          ),
          ...open.map((change) => refreshJob(change.repository, change.number, moment.at)),
        ],
      }))
      if (!recorded.ok) throw new AppError('store-unavailable', `the journal met ${recorded.conflict}`)
      await needs.journal.drop(records.length)
    },
  }
}
