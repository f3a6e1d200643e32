import type { Instant } from '../core/index.ts'
import type { Clock, Telemetry } from './ports.ts'

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
