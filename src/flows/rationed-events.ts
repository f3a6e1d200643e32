import type { Instant } from '../core/index.ts'
import type { Clock, Telemetry } from './ports.ts'

const windowMs = 60_000
const mostKeys = 1_000

/**
 * Writes at most one line per key and minute, for what a stranger can cause without end (T08a). The next line of a key
 * says how many were left out. `key` comes from a closed list; should it not, memory stays bounded.
 */
export function rationEvents(
  telemetry: Telemetry,
  clock: Clock,
): (name: string, level: 'info' | 'warn' | 'error', key: string, fields?: Readonly<Record<string, unknown>>) => void {
  const windows = new Map<string, { start: Instant; unsaid: number }>()
  return (name, level, key, fields = {}) => {
    const now = clock.now()
    const id = `${name} ${key}`
    const last = windows.get(id)
    // A clock that was set back opens a new window rather than silence one for long.
    if (last !== undefined && now >= last.start && now - last.start < windowMs) {
      last.unsaid++
      return
    }
    if (last === undefined && windows.size >= mostKeys) windows.clear()
    windows.set(id, { start: now, unsaid: 0 })
    telemetry.event(name, level, { ...fields, code: key, unsaidBefore: last?.unsaid ?? 0 })
  }
}
