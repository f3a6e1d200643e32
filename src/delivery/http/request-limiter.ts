import type { Clock } from '../../flows/ports.ts'

export interface RequestLimiter {
  /**
   * Whether a request may be served: the first of its `subject` in a minute always, the others while client and all
   * clients together are below their rates. Errs: towards serving, when so many subjects were asked for that they
   * cannot all be remembered.
   */
  admits(client: string, subject: string | null): boolean
}

const minuteMs = 60_000
const mostRemembered = 20_000

/** Counts per minute of the clock, in bounded memory. */
export function createRequestLimiter(
  clock: Clock,
  rates: { readonly perClientAndMinute: number; readonly perMinute: number },
): RequestLimiter {
  let minute = -1
  let total = 0
  const clients = new Map<string, number>()
  const subjects = new Set<string>()

  return {
    admits(client, subject) {
      const now = Math.floor(clock.now() / minuteMs)
      if (now !== minute) {
        minute = now
        total = 0
        clients.clear()
        subjects.clear()
      }
      const ofClient = (clients.get(client) ?? 0) + 1
      if (clients.has(client) || clients.size < mostRemembered) clients.set(client, ofClient)
      total++
      if (subject !== null && !subjects.has(subject)) {
        // Nobody may keep a maintainer from signing by asking often: their first request passes whatever the rates say.
        if (subjects.size < mostRemembered) subjects.add(subject)
        return true
      }
      return ofClient <= rates.perClientAndMinute && total <= rates.perMinute
    },
  }
}
