/** Runs the command line as a process of its own, as an operator does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export const root: string = join(import.meta.dirname, '..', '..')
const main = join(root, 'src', 'main.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
}

const cleanEnv = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('GOVERNANCE_') ? [] : [[name, value]],
    ),
  )

/** Starts `governance ARGS…` with nobody at the terminal. */
export function start(args: readonly string[], options: RunOptions = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    // What Node made of our types is kept between the many short processes of these tests.
    env: { ...cleanEnv(), NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'), ...options.env },
    cwd: options.cwd ?? root,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** A command that should end by itself and does not, such as a server that should have refused to start. */
const patienceMs = 60_000

/** Runs `governance ARGS…` to its end; one that does not come to it is killed, and has no code. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(args, options)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin?.end(options.input ?? '')
  const impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(impatience)
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** A folder of the test's own, removed at its end. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'governance-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The one JSON value on standard output. */
export const json = (finished: Finished): unknown => JSON.parse(finished.stdout)
