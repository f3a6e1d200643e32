import type { Clock, LogName, Timers } from '../ports.ts'
import { createTurns } from '../rationed-events.ts'
import type { PlaceTurn } from '../record/publisher.ts'
import { eventOf, serverUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'
import type { SecurityEvents } from './security-events.ts'

/** The event of a place of a log's files that cannot be written any more, or can be again. */
function placeTurned(log: LogName, { place, code, size }: PlaceTurn): SecurityEvent {
  const who = { userId: serverUser, resource: `log:${log}` } as const
  if (place === 'off-host')
    return code === null
      ? eventOf('off-host-recovered', { ...who, action: 'copy', details: { size } })
      : eventOf('off-host-failed', { ...who, action: 'copy', details: { code, size } })
  return code === null
    ? eventOf('log-publishing-recovered', { ...who, action: 'publish', details: { size } })
    : eventOf('log-publishing-failed', { ...who, action: 'publish', details: { code, size } })
}

/** Notes turns of the places of the logs' files; one that flaps is told at most once a minute for each way. */
export function createPlaceEvents(parts: {
  readonly events: () => Pick<SecurityEvents, 'note'>
  readonly clock: Clock
  readonly timers: Timers
}): (log: LogName, turn: PlaceTurn) => void {
  const ofLog = () => ({ local: createTurns(parts, 'written'), 'off-host': createTurns(parts, 'written') })
  const turns = { decisions: ofLog(), security: ofLog() }
  return (log, turn) =>
    turns[log][turn.place](turn.code === null ? 'written' : 'refused', () =>
      parts.events().note(placeTurned(log, turn)),
    )
}
