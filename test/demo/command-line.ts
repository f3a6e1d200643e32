/** The real command line, each command a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { StepFailure } from './steps.ts'

const governance = join(import.meta.dirname, '../../bin/governance')

export interface CommandLine {
  /** Runs one command and returns what it printed. @throws StepFailure unless it ends with 0 */
  run(args: readonly string[]): Promise<string>
  /** Runs two commands, the output of the first one into the second. @throws StepFailure unless both end with 0 */
  pipe(first: readonly string[], second: readonly string[]): Promise<string>
  /** Ends every process that still runs. */
  stop(): void
}

interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number | null
}

/** Opens the command line in a folder. Of the caller's environment no setting of ours gets in. */
export function openCommandLine(folder: string, environment: Readonly<Record<string, string>>): CommandLine {
  const running = new Set<ChildProcess>()
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GOVERNANCE_'))
  const env = { ...Object.fromEntries(inherited), ...environment }

  const start = (args: readonly string[]) => {
    const child = spawn(governance, args, { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(child)
    // A command that has all it needs may end before its input does.
    child.stdin.on('error', () => undefined)
    return child
  }
  const ended = (child: ReturnType<typeof start>, isReadElsewhere = false): Promise<Ended> => {
    let out = ''
    let err = ''
    if (!isReadElsewhere) child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text))
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => {
        running.delete(child)
        resolve({ out, err, code })
      })
    })
  }
  const good = (args: readonly string[], { out, err, code }: Ended): string => {
    if (code === 0) return out
    throw new StepFailure(`governance ${args.slice(0, 3).join(' ')} …`, 'exit code 0', `exit code ${code}: ${err}`)
  }

  return {
    async run(args) {
      const child = start(args)
      child.stdin.end()
      return good(args, await ended(child))
    },
    async pipe(first, second) {
      const [from, into] = [start(first), start(second)]
      from.stdin.end()
      from.stdout.pipe(into.stdin)
      const [before, after] = await Promise.all([ended(from, true), ended(into)])
      good(first, before)
      return good(second, after)
    },
    stop() {
      for (const child of running) child.kill('SIGKILL')
    },
  }
}
