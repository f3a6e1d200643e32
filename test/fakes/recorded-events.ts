import type { SecurityEvent } from '../../src/flows/audit/security-event.ts'
import type { SecurityEvents } from '../../src/flows/audit/security-events.ts'
import { createRation } from '../../src/flows/rationed-events.ts'
import type { Clock } from '../../src/flows/ports.ts'

/** The queue before the security log that keeps what it is told; rationed as the real one. */
export function createRecordedEvents(
  clock: Clock,
): Pick<SecurityEvents, 'note' | 'noteRationed'> & { readonly noted: SecurityEvent[] } {
  const noted: SecurityEvent[] = []
  const mayBeSaid = createRation(clock)
  return {
    noted,
    note: (event) => void noted.push(event),
    noteRationed(key, make) {
      const unsaidBefore = mayBeSaid(key)
      if (unsaidBefore !== null) noted.push(make(unsaidBefore))
    },
  }
}
