import { formatInstant, type JsonObject } from '../../../core/index.ts'
import type { EventType } from '../catalogue.ts'
import {
  type EventFormat,
  type ExportedEvent,
  type ExportSource,
  messageOf,
  productName,
  rowOf,
  vendorName,
} from './exported-event.ts'
import { ocsfMappings } from './ocsf-classes.ts'

/** Version of the field names. */
const ecsVersion = '8.17.0'

const severities = { info: 1, low: 3, medium: 5, high: 8, critical: 10 } as const
const outcomes = { success: 'success', denied: 'failure', error: 'failure' } as const

/** Categories whose types hold `denied`. */
const maySayDenied: ReadonlySet<string> = new Set(['api', 'intrusion_detection'])

type Kind = { readonly kind: 'event' | 'alert'; readonly category: string; readonly type: string }

/** The closed words by which ECS sorts events follow from the class that OCSF gives them. */
function kindOf(eventType: string): Kind {
  if (!Object.hasOwn(ocsfMappings, eventType)) return { kind: 'event', category: 'configuration', type: 'info' }
  const { ocsfClass, activity } = ocsfMappings[eventType as EventType]
  switch (ocsfClass) {
    case 'Detection Finding':
      return { kind: 'alert', category: 'intrusion_detection', type: 'info' }
    case 'Account Change':
      return { kind: 'event', category: 'iam', type: 'change' }
    case 'Authentication':
      return { kind: 'event', category: 'authentication', type: 'info' }
    case 'Entity Management':
      return { kind: 'event', category: 'configuration', type: activity === 1 ? 'creation' : 'change' }
    case 'API Activity':
      return { kind: 'event', category: 'api', type: activity === 2 ? 'access' : 'change' }
    case 'Application Lifecycle':
      return { kind: 'event', category: 'process', type: activity === 3 ? 'start' : activity === 4 ? 'end' : 'info' }
    case 'Base Event':
      return { kind: 'event', category: 'configuration', type: 'info' }
  }
}

/** An event with the field names of the Elastic Common Schema; what that has no name for stands under `governance`. */
export function ecsEvent(event: ExportedEvent, { version, origin }: ExportSource): JsonObject {
  const { severity, meaning } = rowOf(event.eventType)
  const { kind, category, type } = kindOf(event.eventType)
  const { eventType, userId, resource, action, result, details } = event
  return {
    '@timestamp': formatInstant(event.at),
    ecs: { version: ecsVersion },
    message: messageOf(event),
    event: {
      kind,
      category: [category],
      type: [result === 'denied' && maySayDenied.has(category) ? 'denied' : type],
      outcome: outcomes[result],
      action: eventType,
      id: event.id,
      sequence: event.index,
      provider: productName,
      dataset: 'governance.security',
      severity: severity === null ? 0 : severities[severity],
      reason: meaning,
    },
    ...(userId === null ? {} : { user: { id: userId } }),
    observer: { product: productName, vendor: vendorName, version, name: origin },
    governance: { resource, action, result, details },
  }
}

export const ecsLine: EventFormat = (event, source) => JSON.stringify(ecsEvent(event, source))
