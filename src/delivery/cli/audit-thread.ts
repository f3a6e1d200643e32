import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { Acceleration } from '../../core/index.ts'
import { auditBundle, type BundleJob, type BundleReport } from '../../flows/record/audit-bundle.ts'

/** What a thread answers to each job, in the order in which they came. */
export type AuditAnswer =
  | { readonly ok: true; readonly report: BundleReport }
  | { readonly ok: false; readonly message: string }

/**
 * SHA-256 by way of a text of one character a byte: a third of the time that the platform takes to hand out a buffer, and most
 * of an audit is this.
 */
function sha256(bytes: Uint8Array): Uint8Array {
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i)
  return digest
}

const acceleration: Acceleration = {
  sha256,
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
