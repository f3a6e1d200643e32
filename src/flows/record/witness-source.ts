import { AppError } from '../app-error.ts'
import type { DecisionLog, Timers } from '../ports.ts'
import type { NewestKnown } from './newest-known.ts'
import type { OutsideSource } from './start-gate.ts'

export interface WitnessSourceParts {
  readonly log: Pick<DecisionLog, 'checkpoint'>
  readonly newest: (note: string) => Promise<NewestKnown>
  readonly timers: Timers
  readonly retryMs: number
  /** So long it waits for witnesses that are not there yet: a pair that is restarted together waits for each other. */
  readonly patienceMs: number
}

/**
 * The question to witnesses before the log is signed: does one of them hold a head that this log has not (T47)? Asks again
 * while too few answer. A log that was never signed has no head to ask about.
 *
 * Errs: towards refusing, with `witness-unreachable`.
 */
export const witnessSource = ({ log, newest, timers, retryMs, patienceMs }: WitnessSourceParts): OutsideSource => ({
  name: 'the witnesses',
  async ask() {
    const head = await log.checkpoint()
    if (head === null) return
    for (let waitedMs = 0; ; waitedMs += retryMs) {
      const known = await newest(head.note)
      if (known.kind === 'known' || known.kind === 'unwitnessed') return
      if (known.kind === 'ahead')
        throw new AppError('log-ahead', `witness ${known.by} holds a head of this log that is not in the database`, {
          data: { witness: known.by, size: known.size },
        })
      if (waitedMs >= patienceMs)
        throw new AppError('witness-unreachable', 'too few witnesses say which head of the log is the newest', {
          data: { missing: known.missing.join(' ') },
        })
      await new Promise<void>((resolve) => timers.after(retryMs, resolve))
    }
  },
})
