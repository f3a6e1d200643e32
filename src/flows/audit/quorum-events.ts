import type { Clock, SecurityLog, Timers } from '../ports.ts'
import { createTurns } from '../rationed-events.ts'
import type { QuorumReport } from '../record/cosign.ts'
import { eventOf, serverUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'
import type { SecurityEvents } from './security-events.ts'

/** Says in the security log when the quorum of witnesses is lost, and when it is regained. */
export interface QuorumEvents {
  /** Reads what the log said last; called once at start, before anything is published. @throws AppError of the store */
  load(): Promise<void>
  /** Hears how a head stands that was cosigned just now. */
  saw(report: QuorumReport): void
}

export interface QuorumEventsParts {
  readonly security: Pick<SecurityLog, 'find'>
  readonly events: () => Pick<SecurityEvents, 'note'>
  readonly clock: Clock
  readonly timers: Timers
}

function quorumTurned({ met, size, by }: QuorumReport): SecurityEvent {
  const told = { userId: serverUser, resource: 'log:decisions', action: 'cosign' } as const
  const details = { size, cosigned: by.length }
  return met
    ? eventOf('witness-quorum-regained', { ...told, details })
    : eventOf('witness-quorum-lost', { ...told, details })
}

/**
 * The log itself is the memory over a restart: a quorum that it calls lost is told once more by the next process, as lost or
 * as regained; one that it does not call lost is told only when it is missing.
 */
export function createQuorumEvents({ security, events, clock, timers }: QuorumEventsParts): QuorumEvents {
  let turned = createTurns({ clock, timers }, 'met')
  return {
    async load() {
      const [lost] = await security.find({ type: 'witness-quorum-lost', limit: 1 })
      const [regained] = await security.find({ type: 'witness-quorum-regained', limit: 1 })
      if (lost !== undefined && lost.index > (regained?.index ?? -1)) turned = createTurns({ clock, timers }, null)
    },
    saw: (report) => turned(report.met ? 'met' : 'missing', () => events().note(quorumTurned(report))),
  }
}
