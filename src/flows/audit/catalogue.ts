import { deploymentEvents } from './deployment-events.ts'
import type { EventRow } from './event-row.ts'
import { gateEvents } from './gate-events.ts'
import { logEvents } from './log-events.ts'

/**
 * Every kind of event that the security log may hold. A new kind is a new row in one of the three tables and one call site
 * in the flow that causes it; a row that no test produces through the outside interface fails the build.
 */
export const catalogue = { ...deploymentEvents, ...gateEvents, ...logEvents } as const satisfies Readonly<
  Record<string, EventRow>
>

export type EventType = keyof typeof catalogue

/** Names of event types, sorted. */
export const eventTypes: readonly EventType[] = (Object.keys(catalogue) as EventType[]).sort()
