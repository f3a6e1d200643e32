import type { EventType } from '../catalogue.ts'

/** Classes of OCSF that events are mapped to, with the category of each. */
export const ocsfClasses = {
  'Base Event': { classUid: 0, categoryUid: 0 },
  'Detection Finding': { classUid: 2004, categoryUid: 2 },
  'Account Change': { classUid: 3001, categoryUid: 3 },
  Authentication: { classUid: 3002, categoryUid: 3 },
  'Entity Management': { classUid: 3004, categoryUid: 3 },
  'Application Lifecycle': { classUid: 6002, categoryUid: 6 },
  'API Activity': { classUid: 6003, categoryUid: 6 },
} as const

export type OcsfClass = keyof typeof ocsfClasses

/** The class of a type and its activity there; 99 is "other", which the action then names. */
export interface OcsfMapping {
  readonly ocsfClass: OcsfClass
  readonly activity: number
}

const is = (ocsfClass: OcsfClass, activity: number): OcsfMapping => ({ ocsfClass, activity })

const created = 1
const read = 2
const updated = 3
const closed = 3
const deleted = 4
const other = 99

/** One row per type of the catalogue, so that a new type cannot be forgotten. */
export const ocsfMappings: Readonly<Record<EventType, OcsfMapping>> = {
  'server-started': is('Application Lifecycle', 3),
  'server-stopped': is('Application Lifecycle', 4),
  'server-refused': is('Application Lifecycle', 3),
  'config-loaded': is('Application Lifecycle', other),
  'config-changed': is('Application Lifecycle', 8),
  'clock-jumped': is('Detection Finding', created),
  'clock-untrusted': is('Detection Finding', created),
  'webhook-refused': is('API Activity', created),
  'challenge-refused': is('API Activity', read),
  'statement-admitted': is('Authentication', other),
  'statement-refused': is('Authentication', other),
  'authorization-refused': is('API Activity', created),
  'maintainer-key-added': is('Entity Management', 1),
  'maintainer-key-changed': is('Entity Management', 3),
  'maintainer-key-revoked': is('Entity Management', 11),
  'maintainer-suspended': is('Account Change', 9),
  'suspension-lifted': is('Account Change', 12),
  'key-created': is('Entity Management', 1),
  'key-used': is('API Activity', read),
  'key-refused': is('API Activity', read),
  'policy-in-force': is('Entity Management', 10),
  'policy-regenesis': is('Entity Management', 3),
  'policy-refused': is('Entity Management', 10),
  'repository-enrolled': is('Entity Management', 6),
  'repository-changed': is('Entity Management', 3),
  'decision-recorded': is('API Activity', created),
  'check-published': is('API Activity', updated),
  'check-lowered': is('API Activity', updated),
  'finding-recorded': is('Detection Finding', created),
  'landing-matched': is('API Activity', created),
  'landing-unmatched': is('Detection Finding', created),
  'delivery-replayed': is('API Activity', updated),
  'doctor-run': is('Application Lifecycle', other),
  'db-migrated': is('Application Lifecycle', 8),
  'audit-read': is('API Activity', read),
  'audit-exported': is('API Activity', read),
  'evidence-exported': is('API Activity', read),
  'release-signed': is('API Activity', created),
  'trust-exported': is('API Activity', read),
  'blob-erased': is('API Activity', deleted),
  'store-failed': is('Detection Finding', created),
  'store-recovered': is('Detection Finding', closed),
  'journal-replayed': is('API Activity', created),
  'log-publishing-failed': is('Detection Finding', created),
  'log-publishing-recovered': is('Detection Finding', closed),
  'off-host-failed': is('Detection Finding', created),
  'off-host-recovered': is('Detection Finding', closed),
  'witness-quorum-lost': is('Detection Finding', created),
  'witness-quorum-regained': is('Detection Finding', closed),
  'log-signing-refused': is('Detection Finding', created),
  'log-key-succeeded': is('Entity Management', 3),
  'log-broken': is('Detection Finding', created),
}
