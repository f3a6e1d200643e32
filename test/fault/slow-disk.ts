/**
 * Makes the disk of a process slow, loaded before its program: `--import .../slow-disk.ts?ms=60`. Every sync, rename and link
 * takes so many milliseconds longer, in the log's directories and, on its own thread, in the database; nothing fails.
 */
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import workerThreads, { type WorkerOptions } from 'node:worker_threads'

const ms = Number(new URL(import.meta.url).searchParams.get('ms'))
if (!(ms > 0)) throw new Error('slow-disk.ts?ms=MILLISECONDS')

type Step = (...values: never[]) => Promise<unknown>

const slow = <T extends Step>(original: T): T =>
  (async (...values: Parameters<T>) => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return original(...values)
  }) as T

const real = { ...fsPromises }
const target = fsPromises as unknown as Record<string, Step>
for (const name of ['link', 'rename'] as const) target[name] = slow(real[name] as Step)
target['open'] = async (...values: never[]) => {
  const handle = (await (real.open as Step)(...values)) as fsPromises.FileHandle
  return Object.assign(handle, { sync: slow(handle.sync.bind(handle) as Step) })
}

const { Worker } = workerThreads
const storeThread = /\/sqlite-worker\.ts$/

/** The thread of the database runs its own program behind commits that take longer. */
class SlowWorker extends Worker {
  constructor(program: URL | string, options: WorkerOptions = {}) {
    const isStore = program instanceof URL && storeThread.test(program.pathname)
    super(
      isStore ? new URL('./slow-store-thread.ts', import.meta.url) : program,
      isStore ? { ...options, argv: [String(ms)] } : options,
    )
  }
}
Object.assign(workerThreads, { Worker: SlowWorker })
syncBuiltinESMExports()
