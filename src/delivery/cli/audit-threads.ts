import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { AppError, type AppErrorCode, InvariantError } from '../../flows/app-error.ts'
import type { LogSource } from '../../flows/ports.ts'
import type { BundleJob, BundlePlace, BundleReport } from '../../flows/record/audit-bundle.ts'
import { readBundle } from '../../flows/record/audit-entries.ts'

/** What a thread is started with: where it reads bundles itself; null when it is sent their bytes. */
export interface AuditThreadData {
  readonly directory: string | null
}

/** What a thread answers about the bundle of that index. */
export type AuditAnswer =
  | { readonly ok: true; readonly index: number; readonly report: BundleReport }
  | {
      readonly ok: false
      readonly index: number
      readonly message: string
      /** Set where the world refused. */
      readonly refusal: { readonly code: AppErrorCode; readonly data: AppError['data'] } | null
    }

/** Threads that audit bundles, so that an audit is as fast as the machine has cores. */
export interface AuditThreads {
  readonly count: number
  /** Reads the bundle of a place and audits it. @throws AppError log-files-unavailable */
  audit(place: BundlePlace, source: LogSource): Promise<BundleReport>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (report: BundleReport) => void
  readonly reject: (error: Error) => void
}

const mostThreads = 16

function startThread(file: URL, workerData: AuditThreadData) {
  const worker = new Worker(file, { workerData })
  const waiting = new Map<number, Waiting>()
  let ended: Error | null = null
  const end = (error: Error): void => {
    ended = error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on('message', (answer: AuditAnswer) => {
    const asked = waiting.get(answer.index)
    waiting.delete(answer.index)
    if (answer.ok) asked?.resolve(answer.report)
    else if (answer.refusal === null)
      asked?.reject(new InvariantError(`a bundle could not be audited: ${answer.message}`))
    else asked?.reject(new AppError(answer.refusal.code, answer.message, { data: answer.refusal.data }))
  })
  worker.on('error', (error: Error) => end(error))
  worker.on('exit', () => end(new InvariantError('a thread of the audit ended')))
  return {
    get load() {
      return waiting.size
    },
    run(asked: BundlePlace | BundleJob): Promise<BundleReport> {
      return new Promise((resolve, reject) => {
        if (ended !== null) return reject(ended)
        waiting.set(asked.index, { resolve, reject })
        const bytes = 'bundle' in asked ? [asked.bundle?.bytes.buffer, asked.tile?.bytes.buffer] : []
        worker.postMessage(
          asked,
          bytes.filter((buffer) => buffer instanceof ArrayBuffer),
        )
      })
    },
    close: async (): Promise<void> => void (await worker.terminate()),
  }
}

/** Starts the threads of that file. With a directory they read it themselves; without, this thread reads and sends. */
export function startAuditThreads(
  file: URL,
  directory: string | null,
  count: number = Math.min(availableParallelism(), mostThreads),
): AuditThreads {
  const threads = Array.from({ length: count }, () => startThread(file, { directory }))
  return {
    count,
    async audit(place, source) {
      const asked = directory === null ? await readBundle(source, place) : place
      const idlest = threads.reduce((best, thread) => (thread.load < best.load ? thread : best))
      return idlest.run(asked)
    },
    close: async () => void (await Promise.all(threads.map(async (thread) => thread.close()))),
  }
}
