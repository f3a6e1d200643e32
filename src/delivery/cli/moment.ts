import { type Instant, parseInstant } from '../../core/index.ts'
import { UsageError } from './refusal.ts'

/** Reads a moment as people write it: a day (its first moment), or date and time, in UTC. @throws UsageError */
export function momentOf(option: string, text: string): Instant {
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z)?$/.exec(text)
  const [, day = '', minute = '00:00', second = '00', fraction = ''] = match ?? []
  const instant = parseInstant(`${day}T${minute}:${second}.${fraction.padEnd(3, '0')}Z`)
  if (match === null || instant === undefined)
    throw new UsageError(`${option} ${text} is no moment in UTC, like 2026-01-31 or 2026-01-31T12:00:00Z`)
  return instant
}
