import type { Telemetry } from '../../src/flows/ports.ts'

export interface RecordedTelemetry extends Telemetry {
  readonly events: { readonly name: string; readonly level: string; readonly fields: Record<string, unknown> }[]
  /** How often `name` was counted, with the label value where one is given. */
  counted(name: string, label?: string): number
}

/** Telemetry that keeps what it is told. */
export function createRecordedTelemetry(): RecordedTelemetry {
  const events: RecordedTelemetry['events'][number][] = []
  const counts = new Map<string, number>()
  const add = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    events,
    event: (name, level, fields = {}) => void events.push({ name, level, fields: { ...fields } }),
    count(name, labels = {}) {
      add(name)
      for (const value of Object.values(labels)) add(`${name}\u0000${value}`)
    },
    observe: () => {},
    counted: (name, label) => counts.get(label === undefined ? name : `${name}\u0000${label}`) ?? 0,
  }
}
