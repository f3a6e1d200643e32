import { isUtf8 } from 'node:buffer'
import { parentPort } from 'node:worker_threads'
import type { Acceleration } from '../../core/index.ts'
import { auditBundle, type BundleJob, type BundleReport } from '../../flows/record/audit-bundle.ts'
import { platformSha256 } from './platform-sha256.ts'

/** What a thread answers to each job, in the order in which they came. */
export type AuditAnswer =
  | { readonly ok: true; readonly report: BundleReport }
  | { readonly ok: false; readonly message: string }

const acceleration: Acceleration = {
  sha256: platformSha256,
  decodeUtf8: (bytes) =>
    isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') : undefined,
}

const port = parentPort
if (port === null) throw new Error('this module runs as a worker thread')

port.on('message', (job: BundleJob) => {
  try {
    port.postMessage({ ok: true, report: auditBundle(job, acceleration) } satisfies AuditAnswer)
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown'
    port.postMessage({ ok: false, message } satisfies AuditAnswer)
  }
})
