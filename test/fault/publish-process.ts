/**
 * The publisher as a process that dies at a chosen step on the file system:
 * `publish-process ENTRIES LOCAL OFF-HOST STEP torn|whole`. Kills itself with SIGKILL before the STEP-th step that changes
 * something; `torn` writes half of the file first where that step writes one. Prints how many steps there were when none
 * was reached.
 */
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [entries, local, offHost, stepText, how] = process.argv.slice(2)
if (entries === undefined || local === undefined || offHost === undefined) throw new Error('usage: see above')
const step = Number(stepText)
let done = 0

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  // The signal ends the process before anything after it takes effect.
  for (;;);
}

type Step = (...values: never[]) => Promise<unknown>

function counted<T extends Step>(original: T, torn?: (...values: Parameters<T>) => Promise<unknown>): T {
  return (async (...values: Parameters<T>) => {
    done += 1
    if (done === step) {
      if (how === 'torn') await torn?.(...values)
      die()
    }
    return original(...values)
  }) as T
}

const real = { ...fsPromises }
const target = fsPromises as unknown as Record<string, Step>
for (const name of ['link', 'rename', 'rm', 'mkdir', 'chmod'] as const) target[name] = counted(real[name] as Step)
target['open'] = async (path: string, ...rest: never[]) => {
  const handle = (await (real.open as Step)(path as never, ...rest)) as fsPromises.FileHandle
  const { writeFile, sync, chmod } = handle
  const half = async (bytes: Uint8Array): Promise<void> => writeFile.call(handle, bytes.subarray(0, bytes.length >> 1))
  return Object.assign(handle, {
    writeFile: counted(writeFile.bind(handle) as Step, half as Step),
    sync: counted(sync.bind(handle) as Step),
    chmod: counted(chmod.bind(handle) as Step),
  })
}
syncBuiltinESMExports()

const { publishSample } = await import('./published-sample.ts')
await publishSample({ local, offHost, size: Number(entries) })
process.stdout.write(`${done}\n`)
