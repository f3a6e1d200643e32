import type { Recorder } from '../gate/recorder.ts'

/** Somebody outside of this machine who knows how long a log was, and is asked before it is signed again. */
export interface OutsideSource {
  readonly name: string
  /**
   * Resolves when nothing that this source knows stands against signing the log as it is.
   * @throws AppError log-ahead, log-file-differs when signing would fork the log; log-files-unavailable and what else says
   * that the source could not tell
   */
  ask(): Promise<void>
}

/** What stands between a start and the first signature. */
export interface StartGate {
  /** False: nobody outside is asked, so a rollback of this machine as a whole is not seen. */
  readonly isWitnessed: boolean
  /** Asks every source until all have let the log pass once. @throws AppError as `OutsideSource.ask` */
  pass(): Promise<void>
}

/** What a gate looks at and tells besides what sources outside say. */
export interface GateParts {
  /** The question to what was published on this machine, asked last. @throws AppError log-ahead, log-file-differs */
  readonly ownFiles?: () => Promise<void>
  /** Told of every refusal before it is thrown; never throws. */
  readonly onRefused?: (error: unknown) => Promise<void>
}

/**
 * Lets the log be signed after every configured source was asked (T47): one that cannot be reached may be the one that
 * knows more. Passed once, it stays open until the process ends; refused, it asks again the next time.
 */
export function createStartGate(sources: readonly OutsideSource[], { ownFiles, onRefused }: GateParts = {}): StartGate {
  let passing: Promise<void> | null = null

  async function ask(): Promise<void> {
    try {
      await Promise.all(sources.map((source) => source.ask()))
      await ownFiles?.()
    } catch (error) {
      await onRefused?.(error)
      throw error
    }
  }

  return {
    isWitnessed: sources.length > 0,
    async pass() {
      passing ??= ask()
      const mine = passing
      try {
        await mine
      } catch (error) {
        if (passing === mine) passing = null
        throw error
      }
    },
  }
}

/** A recorder that signs nothing before the gate let it. */
export const gatedRecorder = (recorder: Recorder, gate: StartGate): Recorder => ({
  async record(build) {
    await gate.pass()
    return recorder.record(build)
  },
})
