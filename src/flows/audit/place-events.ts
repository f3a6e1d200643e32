import type { LogName } from '../ports.ts'
import type { PlaceTurn } from '../record/publisher.ts'
import { eventOf, serverUser } from './event-of.ts'
import type { SecurityEvent } from './security-event.ts'

/** The event of a place of a log's files that cannot be written any more, or can be again. */
export function placeTurned(log: LogName, { place, code, size }: PlaceTurn): SecurityEvent {
  const who = { userId: serverUser, resource: `log:${log}` } as const
  if (place === 'off-host')
    return code === null
      ? eventOf('off-host-recovered', { ...who, action: 'copy', details: { size } })
      : eventOf('off-host-failed', { ...who, action: 'copy', details: { code, size } })
  return code === null
    ? eventOf('log-publishing-recovered', { ...who, action: 'publish', details: { size } })
    : eventOf('log-publishing-failed', { ...who, action: 'publish', details: { code, size } })
}
