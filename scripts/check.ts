import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')

/** One rule of the house: what it is called and the commands that must all end with 0. */
type Step = { readonly name: string; readonly commands: readonly (readonly [string, ...string[]])[] }

const STEPS: readonly Step[] = [
  {
    name: 'types',
    commands: [
      ['tsc', '-p', 'tsconfig.json'],
      ['tsc', '-p', 'src/core/tsconfig.json'],
      ['tsc', '-p', 'src/delivery/verify/page/tsconfig.json'],
      ['tsc', '-p', 'test/verify/tsconfig.json'],
    ],
  },
  { name: 'lint', commands: [['oxlint', '--type-aware', '--deny-warnings']] },
  { name: 'format', commands: [['biome', 'format', '--error-on-warnings', '--reporter=summary']] },
  { name: 'boundaries', commands: [['node', 'scripts/boundaries.ts']] },
  { name: 'unused', commands: [['knip', '--no-progress', '--treat-config-hints-as-errors']] },
  { name: 'generated', commands: [['node', 'scripts/generate.ts', '--check']] },
]

/** The steps run two at a time: enough for the machines that build this, and the lines still come in order. */
const AT_ONCE = 2

/** How much a failed step says when several run; a single step says everything. */
const LINES_PER_FAILURE = 80

type Outcome = { readonly ok: boolean; readonly seconds: number; readonly output: string }

async function run(step: Step): Promise<Outcome> {
  const started = performance.now()
  const outcomes: { code: number; output: string }[] = []
  for (const [command, ...args] of step.commands) outcomes.push(await runCommand(command, args))
  return {
    ok: outcomes.every(({ code }) => code === 0),
    seconds: (performance.now() - started) / 1000,
    output: outcomes.map(({ output }) => output).join(''),
  }
}

async function runCommand(command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(join(BIN, command), args, {
    cwd: ROOT,
    env: { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const append = (chunk: Buffer): void => {
    output += chunk.toString('utf8')
  }
  child.stdout.on('data', append)
  child.stderr.on('data', append)
  return new Promise((settle) => {
    child.on('error', (error) => settle({ code: 127, output: `${command}: ${error.message}\n` }))
    child.on('close', (code, signal) => {
      settle({ code: code ?? 128, output: signal === null ? output : `${output}${command}: ended by ${signal}\n` })
    })
  })
}

function chosenSteps(): readonly Step[] {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
  if (values.only === undefined) return STEPS
  const names = values.only.flatMap((name) => name.split(','))
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name))
  if (unknown.length > 0) {
    console.error(`no step ${unknown.join(', ')}; there are ${STEPS.map(({ name }) => name).join(', ')}`)
    process.exit(64)
  }
  return STEPS.filter(({ name }) => names.includes(name))
}

const steps = chosenSteps()
const started = performance.now()
const waiting = steps.map((step) => ({ step, done: Promise.withResolvers<Outcome>() }))
const queue = [...waiting]
const worker = async (): Promise<void> => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) next.done.resolve(await run(next.step))
}
const workers = Promise.all(Array.from({ length: AT_ONCE }, worker))

const failed: string[] = []
for (const { step, done } of waiting) {
  const outcome = await done.promise
  console.log(`${outcome.ok ? 'ok  ' : 'FAIL'} ${step.name.padEnd(11)} ${outcome.seconds.toFixed(1).padStart(5)} s`)
  if (!outcome.ok) {
    failed.push(step.name)
    const lines = outcome.output.trimEnd().split('\n')
    const shown = steps.length === 1 ? lines : lines.slice(0, LINES_PER_FAILURE)
    for (const line of shown) console.log(`     ${line}`)
    if (shown.length < lines.length) console.log(`     … ${lines.length - shown.length} more: --only ${step.name}`)
  }
}
await workers
const total = ((performance.now() - started) / 1000).toFixed(1)
console.log(failed.length === 0 ? `all ${steps.length} steps passed in ${total} s` : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
