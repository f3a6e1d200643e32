import { pino } from 'pino'
import type { Telemetry } from '../../flows/ports.ts'
import { createMeasurements, type Snapshot } from './measurements.ts'
import { scrub, scrubText } from './scrub.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ProcessTelemetry extends Telemetry {
  /** What was counted and measured since the start of the process. */
  snapshot(): Snapshot
}

/** Members that every line has; a field of that name is moved aside rather than be a second one. */
const lineMembers: ReadonlySet<string> = new Set(['level', 'time', 'event'])

/**
 * One JSON line per event, to standard output unless told otherwise, and counters in memory. Every field is scrubbed
 * at every depth before it is written: no secret reaches a line, whatever a caller hands in.
 */
export function createTelemetry(options: {
  readonly level: LogLevel | 'silent'
  readonly destination?: { write(line: string): void }
}): ProcessTelemetry {
  const logger = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  )
  return {
    ...createMeasurements(),
    event(name, level, fields = {}) {
      if (!logger.isLevelEnabled(level)) return
      const scrubbed = scrub(fields) as Record<string, unknown>
      const line: Record<string, unknown> = {}
      for (const key of Object.keys(scrubbed)) line[lineMembers.has(key) ? `field_${key}` : key] = scrubbed[key]
      logger[level](line, scrubText(name))
    },
  }
}
