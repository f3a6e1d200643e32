import { asInstant, dayMs, type Instant } from '../../core/index.ts'
import { AppError, InvariantError, isLogFailure } from '../app-error.ts'
import type { Clock, JobRecord, Jobs, Random, Store, Telemetry, Timers, Write } from '../ports.ts'
import { guidOfJob } from './intake.ts'
import { type JobFailure, judgeFailure, type RetryLimits, retryDelayMs } from './retry.ts'

/**
 * Carries out one job and returns the rows that must become durable together with the job's end; nothing, when there are
 * none. It may run again after any failure and after a conflict, so what it does to the world must be idempotent.
 * On `signal` it stops early by throwing; the job then stays.
 */
export type JobHandler = (job: JobRecord, signal: AbortSignal) => Promise<readonly Write[] | void>

export interface RunnerLimits extends RetryLimits {
  /** Lanes that work at the same time. */
  readonly lanes: number
  /** After so long a job is told to stop; its lane stays closed until it did. */
  readonly jobTimeoutMs: number
}

export interface RunnerParts {
  readonly jobs: Pick<Jobs, 'due' | 'nextDueAt'>
  readonly store: Pick<Store, 'commit'>
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly telemetry: Telemetry
  readonly handlers: Readonly<Record<string, JobHandler>>
  /** Told of a job whose outcome could not be recorded, before its failure is; never throws. */
  readonly onUnrecorded?: (job: JobRecord) => Promise<void>
  readonly limits?: Partial<RunnerLimits>
}

export interface Runner {
  /** Begins to take jobs, those of an earlier process first: there is no other recovery. */
  start(): void
  /** Says that a job may have become due. Cheap, never throws, may be called at any time. */
  wake(): void
  /** Resolves when no job runs and none is due now; jobs that wait for a later time do not count. */
  idle(): Promise<void>
  /**
   * Takes no more jobs, waits for the running ones, after `deadlineMs` tells them to stop and waits no longer.
   * Resolves with the number still running then; each of them is done again by the next process.
   */
  stop(deadlineMs: number): Promise<number>
}

const defaultLimits: RunnerLimits = {
  lanes: 8,
  jobTimeoutMs: 300_000,
  maxAttempts: 10,
  maxAttemptsInOutage: 400,
  firstDelayMs: 1_000,
  longestDelayMs: 900_000,
}

/** Reason of the signal that stops a handler. */
class JobStopped extends Error {
  override name = 'JobStopped'
}

/** A due job that cannot be taken yet is looked for again after so long, and the clock is trusted no longer than the second. */
const recheckMs = 1_000
const longestSleepMs = 5_000
/** A conflict means that the world moved under the handler: it looks again, but not without end. */
const rerunsOnConflict = 5

/**
 * Runs jobs: one at a time and in order within a lane, lanes beside each other. A job's rows and its end are one commit, so a
 * crash leaves it either undone and queued or done and gone.
 */
export function createRunner(parts: RunnerParts): Runner {
  const { jobs, store, clock, timers, random, telemetry, handlers } = parts
  const limits = { ...defaultLimits, ...parts.limits }
  const running = new Map<string, AbortController>()
  const heldLanes = new Map<string, () => void>()
  const waitingForIdle = new Set<() => void>()
  let state: 'new' | 'started' | 'stopped' = 'new'
  let isScanning = false
  let scanAgain = false
  let scanFailures = 0
  let cancelSleep: (() => void) | null = null

  const isQuiet = (): boolean => running.size === 0 && !isScanning
  function settleIdle(): void {
    if (!isQuiet()) return
    for (const resolve of waitingForIdle) resolve()
    waitingForIdle.clear()
  }

  function wake(): void {
    if (state !== 'started') return
    if (isScanning) scanAgain = true
    else void scan()
  }

  function sleep(ms: number): void {
    cancelSleep?.()
    cancelSleep = timers.after(Math.min(Math.max(ms, 1), longestSleepMs), () => {
      cancelSleep = null
      wake()
    })
  }

  async function scan(): Promise<void> {
    isScanning = true
    try {
      do {
        scanAgain = false
        await takeDueJobs()
      } while (scanAgain && state === 'started')
      scanFailures = 0
    } catch (error) {
      telemetry.event('jobs-unreadable', 'error', { error })
      sleep(retryDelayMs(++scanFailures, limits, random))
    } finally {
      isScanning = false
      settleIdle()
    }
  }

  async function takeDueJobs(): Promise<void> {
    const free = limits.lanes - running.size
    if (free > 0) {
      const busy = new Set([...running.keys(), ...heldLanes.keys()])
      for (const job of await jobs.due(clock.now(), busy, free)) {
        if (state !== 'started') return
        if (!running.has(job.lane)) void run(job)
      }
    }
    // With every lane at work the end of the first one looks again.
    if (running.size >= limits.lanes) return
    const next = await jobs.nextDueAt()
    if (next === null || state !== 'started') return
    // The earliest job may be running or behind one that waits; a later one in a free lane must not be overslept.
    sleep(Math.max(next - clock.now(), running.size > 0 || next <= clock.now() ? recheckMs : 0))
  }

  async function run(job: JobRecord): Promise<void> {
    const stopper = new AbortController()
    running.set(job.lane, stopper)
    const startedAt = clock.now()
    telemetry.observe('job_lag_ms', Math.max(0, startedAt - job.dueAt), { kind: job.kind })
    const cancelTimeout = timers.after(limits.jobTimeoutMs, () => {
      telemetry.event('job-overdue', 'error', { job: job.id, kind: job.kind })
      stopper.abort(new JobStopped('the job took longer than it may'))
    })
    try {
      await carryOut(job, stopper.signal)
      telemetry.count('job_done', { kind: job.kind })
      telemetry.observe('job_ms', Math.max(0, clock.now() - startedAt), { kind: job.kind })
    } catch (error) {
      // A job that was told to stop with the server has not failed.
      if (state !== 'stopped' || !stopper.signal.aborted) await recordFailure(job, error)
    } finally {
      cancelTimeout()
      running.delete(job.lane)
      wake()
      settleIdle()
    }
  }

  async function carryOut(job: JobRecord, signal: AbortSignal): Promise<void> {
    const handler = Object.hasOwn(handlers, job.kind) ? handlers[job.kind] : undefined
    if (handler === undefined) throw new InvariantError(`no handler for jobs of kind ${job.kind}`)
    for (let conflicts = 0; ; conflicts++) {
      const writes = (await handler(job, signal)) ?? []
      const outcome = await store.commit([...writes, ...endOf(job, writes)])
      if (outcome.ok) return
      telemetry.count('job_conflict', { kind: job.kind, conflict: outcome.conflict })
      if (conflicts >= rerunsOnConflict || signal.aborted)
        throw new AppError('store-unavailable', `the job met ${outcome.conflict} each time`)
    }
  }

  /** The job's end; its delivery is done as well unless the handler said otherwise. */
  function endOf(job: JobRecord, writes: readonly Write[]): Write[] {
    const guid = guidOfJob(job)
    const end: Write[] = [{ kind: 'job-done', id: job.id, version: job.version }]
    if (guid !== null && !writes.some((write) => write.kind === 'delivery-state' && write.guid === guid))
      end.push({ kind: 'delivery-state', guid, state: 'done', reason: null, at: clock.now() })
    return end
  }

  async function recordFailure(job: JobRecord, error: unknown): Promise<void> {
    const failure = judgeFailure(job.attempts + 1, error, limits, random)
    const now = clock.now()
    telemetry.count(failure.isDead ? 'job_dead' : 'job_retry', { kind: job.kind, code: failure.code })
    telemetry.event(failure.isDead ? 'job-dead' : 'job-failed', failure.isDead ? 'error' : 'warn', {
      job: job.id,
      kind: job.kind,
      attempt: job.attempts + 1,
      error,
    })
    if (isLogFailure(error)) await parts.onUnrecorded?.(job)
    try {
      await store.commit(failureRows(job, failure, now))
    } catch (storeError) {
      // The store does not take the failure either: the job stays as it was and its lane rests.
      telemetry.event('job-failure-unrecorded', 'error', { job: job.id, error: storeError })
      hold(job.lane, Math.max(failure.delayMs, limits.firstDelayMs))
    }
  }

  function hold(lane: string, ms: number): void {
    heldLanes.get(lane)?.()
    const cancel = timers.after(Math.min(ms, longestSleepMs), () => {
      heldLanes.delete(lane)
      wake()
    })
    heldLanes.set(lane, cancel)
  }

  return {
    start() {
      if (state !== 'new') return
      state = 'started'
      wake()
    },
    wake,
    async idle() {
      wake()
      while (!isQuiet()) await new Promise<void>((resolve) => waitingForIdle.add(resolve))
    },
    async stop(deadlineMs) {
      state = 'stopped'
      cancelSleep?.()
      for (const cancel of heldLanes.values()) cancel()
      heldLanes.clear()
      if (isQuiet()) return 0
      await new Promise<void>((resolve) => {
        const cancelDeadline = timers.after(deadlineMs, resolve)
        waitingForIdle.add(() => {
          cancelDeadline()
          resolve()
        })
      })
      const unfinished = running.size
      for (const stopper of running.values()) stopper.abort(new JobStopped('the server stops'))
      return unfinished
    },
  }
}

function failureRows(job: JobRecord, failure: JobFailure, now: Instant): Write[] {
  const { id, version } = job
  if (!failure.isDead) {
    // However far away the refuser points, a day later the job looks for itself.
    const notBefore = Math.min(failure.notBefore ?? now, now + dayMs)
    const dueAt = asInstant(Math.max(now, notBefore) + failure.delayMs)
    return [{ kind: 'job-retry', id, version, dueAt, error: failure.text }]
  }
  const rows: Write[] = [{ kind: 'job-dead', id, version, error: failure.text }]
  const guid = guidOfJob(job)
  if (guid !== null) rows.push({ kind: 'delivery-state', guid, state: 'dead', reason: failure.code, at: now })
  return rows
}
