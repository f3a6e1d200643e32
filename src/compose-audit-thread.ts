import { parentPort, workerData } from 'node:worker_threads'
import { blockingDirectorySource } from './adapters/log-source/directory-source.ts'
import type { AuditAnswer, AuditThreadData } from './delivery/cli/audit-threads.ts'
import { platformAcceleration } from './delivery/cli/platform-acceleration.ts'
import { AppError } from './flows/app-error.ts'
import { auditBundle, type BundleJob, type BundlePlace, noneTold } from './flows/record/audit-bundle.ts'
import { readBundle } from './flows/record/audit-entries.ts'

const port = parentPort
if (port === null) throw new Error('this module runs as a worker thread')

const { directory } = workerData as AuditThreadData
const source = directory === null ? null : blockingDirectorySource(directory)

/** What is told of again costs a look; what is remembered costs memory in every thread. */
const mostTold = 65_536
let told = noneTold()

async function jobOf(asked: BundlePlace | BundleJob): Promise<BundleJob> {
  if ('bundle' in asked) return asked
  if (source === null) throw new Error('a thread without a directory is sent the bytes')
  return readBundle(source, asked)
}

async function answer(asked: BundlePlace | BundleJob): Promise<AuditAnswer> {
  const { index } = asked
  try {
    const job = await jobOf(asked)
    // Bytes that are sent come in the order in which they were read, which is not that of the log.
    if (source === null || told.blobs.size > mostTold) told = noneTold()
    return { ok: true, index, report: auditBundle(job, platformAcceleration, told) }
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown'
    const refusal = error instanceof AppError ? { code: error.code, data: error.data } : null
    return { ok: false, index, message, refusal }
  }
}

port.on('message', (asked: BundlePlace | BundleJob) => {
  void answer(asked).then((said) => port.postMessage(said))
})
