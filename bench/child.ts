import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Burst, FromProcess } from './processes/protocol.ts'

/** A process of the bench, with the messages it sends. */
export interface BenchProcess {
  readonly child: ChildProcess
  /** The next message of that kind. @throws Error when the process says that it failed, or ends */
  next<K extends FromProcess['kind']>(kind: K): Promise<Extract<FromProcess, { kind: K }>>
  stop(): Promise<void>
}

/** Starts a file of `bench/` under the same Node, with a channel. */
export function startProcess(
  file: string,
  args: readonly string[] = [],
  options: { readonly execArgv?: readonly string[]; readonly isSilent?: boolean } = {},
): BenchProcess {
  const child = fork(join(import.meta.dirname, file), args, {
    execArgv: [...(options.execArgv ?? [])],
    stdio: ['ignore', options.isSilent === true ? 'ignore' : 'inherit', 'inherit', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    child,
    next(kind) {
      return new Promise((resolve, reject) => {
        const onMessage = (message: unknown): void => {
          const said = message as FromProcess
          if (said.kind === 'failed') settle(() => reject(new Error(`${file}: ${said.message}`)))
          else if (said.kind === kind) settle(() => resolve(said as Extract<FromProcess, { kind: typeof kind }>))
        }
        const onExit = (): void => settle(() => reject(new Error(`${file} ended`)))
        const settle = (act: () => void): void => {
          child.off('message', onMessage).off('exit', onExit)
          act()
        }
        child.on('message', onMessage).on('exit', onExit)
      })
    },
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** Has a load process send one burst; resolves with requests per second. @throws Error when any was refused */
export async function sendBurst(load: BenchProcess, burst: Burst): Promise<number> {
  const done = load.next('loaded')
  load.child.send(burst)
  const { answered, refused, ms } = await done
  if (refused > 0) throw new Error(`${refused} of ${answered + refused} webhooks were refused`)
  return answered / (ms / 1000)
}

/** What is installed is compiled code: the stripping of types alone takes 36 MB and half a second. */
export function buildProduct(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '..', 'scripts', 'build.ts')], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the build failed: ${stderr}`)
}
