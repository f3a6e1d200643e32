import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { InvariantError } from '../../flows/app-error.ts'
import type { BundleJob, BundleReport } from '../../flows/record/audit-bundle.ts'
import type { AuditAnswer } from './audit-thread.ts'

/** Threads that audit bundles, so that an audit is as fast as the machine has cores. */
export interface AuditThreads {
  readonly count: number
  /** The bytes of the job are given away. */
  audit(job: BundleJob): Promise<BundleReport>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (report: BundleReport) => void
  readonly reject: (error: Error) => void
}

const threadFile = new URL(`./audit-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
const mostThreads = 16

function startThread() {
  const worker = new Worker(threadFile)
  const waiting: Waiting[] = []
  let ended: Error | null = null
  const end = (error: Error): void => {
    ended = error
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('message', (answer: AuditAnswer) => {
    const next = waiting.shift()
    if (answer.ok) next?.resolve(answer.report)
    else next?.reject(new InvariantError(`a bundle could not be audited: ${answer.message}`))
  })
  worker.on('error', (error: Error) => end(error))
  worker.on('exit', () => end(new InvariantError('a thread of the audit ended')))
  return {
    get load() {
      return waiting.length
    },
    run(job: BundleJob): Promise<BundleReport> {
      return new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended)
        waiting.push({ resolve, reject })
        const travelling = [job.bundle?.bytes.buffer, job.tile?.bytes.buffer].filter(
          (buffer) => buffer instanceof ArrayBuffer,
        )
        worker.postMessage(job, travelling)
      })
    },
    close: async (): Promise<void> => void (await worker.terminate()),
  }
}

export function startAuditThreads(count: number = Math.min(availableParallelism(), mostThreads)): AuditThreads {
  const threads = Array.from({ length: count }, startThread)
  return {
    count,
    audit(job) {
      const idlest = threads.reduce((best, thread) => (thread.load < best.load ? thread : best))
      return idlest.run(job)
    },
    close: async () => void (await Promise.all(threads.map(async (thread) => thread.close()))),
  }
}
