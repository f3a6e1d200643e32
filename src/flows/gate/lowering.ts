import type { CommitId, RepositoryId } from '../../core/index.ts'
import type {
  Changes,
  CheckContent,
  ForgeChecks,
  ForgeEvent,
  ForgeRepository,
  JobData,
  Journal,
  Registry,
  Telemetry,
  Timers,
} from '../ports.ts'
import { checkName, type ShownSuccesses } from './publish.ts'

interface ShownSuccess {
  readonly repository: ForgeRepository
  readonly head: CommitId
  readonly baseRef: string
  readonly runId: number
}

/** What is known of something that could not be stored: enough to tell which successes it may concern. */
export type Concern = Pick<ForgeEvent, 'repository' | 'installation' | 'detail'>

/** What a lowered check shows until its change is decided anew. */
const recordingStopped: CheckContent = {
  conclusion: 'failure',
  title: 'Not decided: the decision log cannot be written',
  summary:
    'Something about this change happened while the decision log could not be written. Nothing is shown as success that the log does not hold; everything is decided anew when it can be written again.',
}

export interface Lowering extends ShownSuccesses {
  /** Fills the memory from the store and the journal; called once at start. */
  load(): Promise<void>
  /**
   * Lowers every shown success that something unrecorded may concern, without the store: journal first, then the forge.
   * From then on no success may be shown until `recover` has had everything open decided anew. Never throws: what the
   * journal or the forge refuses is kept and tried again.
   * Errs: lowers too much rather than too little.
   */
  lowerFor(concern: Concern): Promise<void>
  /** Lowers one place whose newest decision is no pass and could not be recorded. */
  lowerUnrecorded(repository: RepositoryId, head: CommitId, baseRef: string): Promise<void>
  /** What the journal holds, and what it refused to take. */
  unrecorded(): Promise<readonly JobData[]>
  /** Forgets what `unrecorded` handed out last, now that it is entries, and lets successes be shown again. */
  recorded(): Promise<void>
}

export interface LoweringNeeds {
  readonly changes: Pick<Changes, 'checks'>
  readonly registry: Pick<Registry, 'repositories'>
  readonly checks: Pick<ForgeChecks, 'update'>
  readonly journal: Journal
  readonly telemetry: Telemetry
  readonly timers: Timers
  readonly now: () => number
  /** The App's own id: its successes coming back as events lower nothing. */
  readonly appId: number
  /** Called when something was lowered or halted: the return of the log has to be waited for. */
  readonly onHalt: () => void
}

const firstRetryMs = 1_000
const longestRetryMs = 15_000

const keyOf = (repository: RepositoryId, head: CommitId, baseRef: string): string => `${repository}/${head}/${baseRef}`

/**
 * What lowers trust acts at once and works while the store is down (T43): which successes are shown is kept in memory, and
 * the record of lowering one goes to a journal outside the database until the log returns.
 */
export function createLowering(needs: LoweringNeeds): Lowering {
  const shown = new Map<string, ShownSuccess>()
  /** Lowered in our mind, not yet on the forge. */
  const owed = new Map<string, ShownSuccess>()
  /** Records that the journal did not take: the disk may be as full as the database's. */
  const unjournaled: JobData[] = []
  let isHalted = false
  /** Counts what could not be stored, so that a recovery does not forget what happened during it. */
  let halts = 0
  /** What `unrecorded` handed out last. */
  let handedOut = { journaled: 0, inMemory: 0, halts: 0 }
  let retryMs = firstRetryMs
  let isRetryArmed = false
  let driving: Promise<void> = Promise.resolve()

  function concerns({ repository, installation, detail }: Concern, success: ShownSuccess): boolean {
    if (detail.kind === 'installation')
      return installation === success.repository.installation || detail.repositories.includes(success.repository.id)
    // A suspension takes a person's votes everywhere.
    if (detail.kind === 'comment' && detail.body.startsWith('/governance-suspend')) return true
    if (repository?.id !== success.repository.id) return false
    switch (detail.kind) {
      case 'checks':
        return detail.head === success.head && !isOwnEcho(detail)
      case 'push':
        return detail.ref === `refs/heads/${success.baseRef}`
      case 'change':
        return detail.baseRef === success.baseRef || detail.head === success.head
      case 'comment':
        return detail.body.startsWith('/governance-')
      case 'merge-group':
      case 'repository':
      case 'other':
        return true
    }
  }

  const isOwnEcho = (detail: Concern['detail']): boolean =>
    detail.kind === 'checks' && detail.appId === needs.appId && (detail.runId === null || isShownRun(detail))

  const isShownRun = (detail: Extract<Concern['detail'], { kind: 'checks' }>): boolean =>
    detail.conclusion === 'success' && [...shown.values()].some(({ runId }) => runId === detail.runId)

  function halt(): void {
    isHalted = true
    halts += 1
    needs.onHalt()
  }

  async function write(record: JobData): Promise<void> {
    try {
      await needs.journal.append(record)
    } catch (error) {
      unjournaled.push(record)
      needs.telemetry.event('journal-failed', 'error', { error })
    }
  }

  async function lower(successes: readonly ShownSuccess[], why: string): Promise<void> {
    const fresh = successes.filter((success) => {
      const key = keyOf(success.repository.id, success.head, success.baseRef)
      if (owed.has(key)) return false
      shown.delete(key)
      owed.set(key, success)
      return true
    })
    for (const { repository, head, baseRef } of fresh) {
      const at = needs.now()
      const id = `${at}/${keyOf(repository.id, head, baseRef)}`
      await write({ id, repository: repository.id, head, baseRef, why, at })
    }
    await drive()
  }

  /** Tells the forge, one after the other; one refusal hinders no other. */
  function drive(): Promise<void> {
    driving = driving.then(async () => {
      for (const [key, success] of owed) {
        const { repository, head, baseRef, runId } = success
        try {
          await needs.checks.update(repository, runId, checkName(baseRef), recordingStopped, null)
        } catch (error) {
          needs.telemetry.event('check-not-lowered', 'error', { repository: repository.name, head, baseRef, error })
          continue
        }
        if (owed.get(key) === success) owed.delete(key)
        needs.telemetry.event('check-lowered', 'warn', { repository: repository.name, head, baseRef })
        needs.telemetry.count('checks_lowered', { why: 'store-unavailable' })
      }
      retry()
    })
    return driving
  }

  function retry(): void {
    if (owed.size === 0) retryMs = firstRetryMs
    if (owed.size === 0 || isRetryArmed) return
    isRetryArmed = true
    needs.timers.after(retryMs, () => {
      isRetryArmed = false
      void drive()
    })
    retryMs = Math.min(retryMs * 2, longestRetryMs)
  }

  return {
    note(success) {
      shown.set(keyOf(success.repository.id, success.head, success.baseRef), success)
      // It was on its way when the log failed.
      if (isHalted) void lower([success], 'store-unavailable')
    },
    forget(repository, head, baseRef) {
      shown.delete(keyOf(repository, head, baseRef))
      owed.delete(keyOf(repository, head, baseRef))
    },
    mayShow: () => !isHalted,

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
      const records = await needs.journal.read()
      if (records.length === 0) return
      halt()
      // An earlier process may have died between its journal and the forge.
      for (const { repository, head, baseRef } of records) {
        const key = `${String(repository)}/${String(head)}/${String(baseRef)}`
        const success = shown.get(key)
        if (success !== undefined) owed.set(key, success)
      }
      void drive()
    },

    async lowerFor(concern) {
      if (isOwnEcho(concern.detail)) return
      halt()
      await lower(
        [...shown.values()].filter((success) => concerns(concern, success)),
        'store-unavailable',
      )
    },

    async lowerUnrecorded(repository, head, baseRef) {
      const success = shown.get(keyOf(repository, head, baseRef))
      if (success === undefined) return
      halt()
      await lower([success], 'not-recorded')
    },

    async unrecorded() {
      const inMemory = [...unjournaled]
      const seen = halts
      const journaled = await needs.journal.read()
      handedOut = { journaled: journaled.length, inMemory: inMemory.length, halts: seen }
      return [...journaled, ...inMemory]
    },

    async recorded() {
      const { journaled, inMemory, halts: halted } = handedOut
      if (journaled > 0) await needs.journal.drop(journaled)
      unjournaled.splice(0, inMemory)
      handedOut = { journaled: 0, inMemory: 0, halts: halted }
      // What happened meanwhile is not covered by what was just decided to be decided anew.
      if (halts === halted) isHalted = false
    },
  }
}
