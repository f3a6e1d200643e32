import type { Instant } from '../core/index.ts'
import type { Clock, Telemetry, Timers } from './ports.ts'

const windowMs = 60_000
const mostKeys = 1_000

/**
 * Says once per key and minute that something may be said, and how often it was not since (T08a); null when not now. Keys
 * come from a closed list; should they not, memory stays bounded.
 */
export function createRation(clock: Clock): (key: string) => number | null {
  const windows = new Map<string, { start: Instant; unsaid: number }>()
  return (key) => {
    const now = clock.now()
    const last = windows.get(key)
    // A clock that was set back opens a new window rather than silence one for long.
    if (last !== undefined && now >= last.start && now - last.start < windowMs) {
      last.unsaid++
      return null
    }
    if (last === undefined && windows.size >= mostKeys) windows.clear()
    windows.set(key, { start: now, unsaid: 0 })
    return last?.unsaid ?? 0
  }
}

/**
 * Tells how something stands each time it turned: each way at most once a minute, so that what flaps does not grow the log
 * without bound (T08a). A turn that came too soon is told when the minute is over, unless it turned back by then.
 *
 * `told`: what was told last; null: whatever comes first is told.
 */
export function createTurns(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  told: string | null,
): (state: string, tell: () => void) => void {
  const mayBeSaid = createRation(clock)
  let said = told
  let newest: { readonly state: string; readonly tell: () => void } | null = null
  let cancel: (() => void) | null = null

  function settle(): void {
    cancel?.()
    cancel = null
    if (newest === null || newest.state === said) return
    if (mayBeSaid(newest.state) === null) {
      cancel = timers.after(windowMs, settle)
      return
    }
    said = newest.state
    newest.tell()
  }

  return (state, tell) => {
    newest = { state, tell }
    // While a turn waits for its minute only turning back needs to be looked at.
    if (cancel === null || state === said) settle()
  }
}

/**
 * Writes at most one line per key and minute, for what a stranger can cause without end (T08a). The next line of a key
 * says how many were left out.
 */
export function rationEvents(
  telemetry: Telemetry,
  clock: Clock,
): (name: string, level: 'info' | 'warn' | 'error', key: string, fields?: Readonly<Record<string, unknown>>) => void {
  const mayBeSaid = createRation(clock)
  return (name, level, key, fields = {}) => {
    const unsaidBefore = mayBeSaid(`${name} ${key}`)
    if (unsaidBefore !== null) telemetry.event(name, level, { ...fields, code: key, unsaidBefore })
  }
}
