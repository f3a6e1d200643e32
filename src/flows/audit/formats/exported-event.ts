import { decodeEntry, type Instant, asInstant } from '../../../core/index.ts'
import { AppError } from '../../app-error.ts'
import type { LogEntryRow } from '../../ports.ts'
import { catalogue, type EventType } from '../catalogue.ts'
import type { EventRow } from '../event-row.ts'
import type { SecurityEvent } from '../security-event.ts'

/** An event with its place in the log: what a format renders. */
export interface ExportedEvent extends SecurityEvent {
  readonly index: number
  /** The entry's id. */
  readonly id: string
  readonly at: Instant
}

/** What is the same for every event of an export. */
export interface ExportSource {
  /** Version of the product. */
  readonly version: string
  /** Origin of the security log. */
  readonly origin: string
  /** Private enterprise number under which structured data of syslog is named. */
  readonly enterprise: number
}

/** One rendering of events: a line without its end, never holding one. */
export type EventFormat = (event: ExportedEvent, source: ExportSource) => string

/** Name of the product in every format. */
export const productName = 'governance-app'
export const vendorName = 'governance-app'

type Severity = EventRow['severity']

/** What the catalogue says of an event's type; a type of a later version is unknown and told as such. */
export function rowOf(eventType: string): Pick<EventRow, 'meaning'> & { readonly severity: Severity | null } {
  return Object.hasOwn(catalogue, eventType)
    ? catalogue[eventType as EventType]
    : { severity: null, meaning: 'an event of a kind that this version does not know' }
}

/** A sentence that people read: identifiers only, as the event itself. */
export const messageOf = ({ eventType, action, resource, result }: SecurityEvent): string =>
  `${eventType}: ${action} ${resource} (${result})`

/** Reads an entry of the security log back as an event. @throws AppError store-corrupt */
export function exportedEvent({ index, bytes }: Pick<LogEntryRow, 'index' | 'bytes'>): ExportedEvent {
  const decoded = decodeEntry(bytes)
  if (!decoded.ok)
    throw new AppError('store-corrupt', 'an entry of the security log cannot be read', { data: { index } })
  const { id, at, data } = decoded.entry
  return { ...(data as unknown as SecurityEvent), index, id, at: asInstant(at) }
}
