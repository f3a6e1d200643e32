import type { JsonObject } from '../../../core/index.ts'
import {
  type EventFormat,
  type ExportedEvent,
  type ExportSource,
  messageOf,
  productName,
  rowOf,
  vendorName,
} from './exported-event.ts'
import { type OcsfMapping, ocsfClasses, ocsfMappings } from './ocsf-classes.ts'

/** Version of the schema that the events claim; they use nothing that later 1.x versions took away. */
const ocsfVersion = '1.8.0'

const severities = { info: 1, low: 2, medium: 3, high: 4, critical: 5 } as const
const unknownType: OcsfMapping = { ocsfClass: 'Base Event', activity: 99 }

const mappingOf = (eventType: string): OcsfMapping =>
  Object.hasOwn(ocsfMappings, eventType) ? ocsfMappings[eventType as keyof typeof ocsfMappings] : unknownType

const userTypes: Readonly<Record<string, number>> = { account: 1, operator: 2, server: 3 }

function userOf(userId: string | null): JsonObject {
  if (userId === null) return { name: 'unknown', type_id: 0 }
  return { uid: userId, type_id: userTypes[userId.split(':')[0] ?? ''] ?? 0 }
}

/** The person that an event is about, where its class wants one: the resource, or who caused it. */
const subjectOf = ({ resource, userId }: ExportedEvent): JsonObject =>
  resource.startsWith('person:') ? userOf(`account:${resource.slice('person:'.length)}`) : userOf(userId)

/** The status of an activity says how it ended; that of a finding, whether it is open. */
function statusOf({ ocsfClass, activity }: OcsfMapping, { result }: ExportedEvent): number {
  if (ocsfClass === 'Detection Finding') return activity === 1 ? 1 : 4
  return result === 'success' ? 1 : 2
}

function entityOf({ resource, details }: ExportedEvent): JsonObject {
  const [kind = ''] = resource.split(':')
  const entity = kind === 'policy' ? { type_id: 5 } : { type_id: 99, type: kind }
  const { account } = details
  return { uid: resource, ...entity, ...(typeof account === 'number' ? { user: userOf(`account:${account}`) } : {}) }
}

/** What a class asks for besides what all of them do. */
function membersOf(mapping: OcsfMapping, event: ExportedEvent, source: ExportSource): JsonObject {
  const actor = { app_name: productName, user: userOf(event.userId) }
  const resources = [{ uid: event.resource, type: event.resource.split(':')[0] ?? '' }]
  switch (mapping.ocsfClass) {
    case 'Base Event':
      return {}
    case 'Detection Finding': {
      const { meaning } = rowOf(event.eventType)
      const { id, eventType, at } = event
      return {
        finding_info: { uid: id, title: eventType, desc: meaning, types: [eventType], created_time: at },
        resources,
      }
    }
    case 'Account Change':
      return { actor, user: subjectOf(event) }
    case 'Authentication':
      return { actor, user: subjectOf(event), service: { name: productName, uid: source.origin } }
    case 'Entity Management':
      return { actor, entity: entityOf(event) }
    case 'Application Lifecycle':
      return { app: { name: productName, vendor_name: vendorName, version: source.version } }
    case 'API Activity': {
      const client = event.userId?.startsWith('client:') === true ? { uid: event.userId } : {}
      const api = { operation: event.action, service: { name: productName } }
      return { actor, api, resources, src_endpoint: { svc_name: productName, ...client } }
    }
  }
}

/**
 * An event as OCSF has it. What no attribute of the class says stands in `unmapped`, so nothing is lost.
 *
 * Spec: OCSF 1.x; `type_uid` = `class_uid` · 100 + `activity_id`.
 */
export function ocsfEvent(event: ExportedEvent, source: ExportSource): JsonObject {
  const mapping = mappingOf(event.eventType)
  const { classUid, categoryUid } = ocsfClasses[mapping.ocsfClass]
  const { severity } = rowOf(event.eventType)
  const { eventType, userId, resource, action, result, details } = event
  return {
    activity_id: mapping.activity,
    ...(mapping.activity === 99 ? { activity_name: action } : {}),
    category_uid: categoryUid,
    class_uid: classUid,
    class_name: mapping.ocsfClass,
    type_uid: classUid * 100 + mapping.activity,
    severity_id: severity === null ? 0 : severities[severity],
    status_id: statusOf(mapping, event),
    time: event.at,
    message: messageOf(event),
    metadata: {
      version: ocsfVersion,
      product: { name: productName, vendor_name: vendorName, version: source.version },
      uid: event.id,
      sequence: event.index,
      event_code: eventType,
      log_name: 'security',
      log_provider: source.origin,
    },
    ...membersOf(mapping, event, source),
    unmapped: { user_id: userId, resource, action, result, details },
  }
}

export const ocsfLine: EventFormat = (event, source) => JSON.stringify(ocsfEvent(event, source))
