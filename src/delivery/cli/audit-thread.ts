import { parentPort } from 'node:worker_threads'
import { auditBundle, type BundleJob, type BundleReport } from '../../flows/record/audit-bundle.ts'
import { platformAcceleration } from './platform-acceleration.ts'

/** What a thread answers to each job, in the order in which they came. */
export type AuditAnswer =
  | { readonly ok: true; readonly report: BundleReport }
  | { readonly ok: false; readonly message: string }

const port = parentPort
if (port === null) throw new Error('this module runs as a worker thread')

port.on('message', (job: BundleJob) => {
  try {
    port.postMessage({ ok: true, report: auditBundle(job, platformAcceleration) } satisfies AuditAnswer)
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown'
    port.postMessage({ ok: false, message } satisfies AuditAnswer)
  }
})
