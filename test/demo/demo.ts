/** `npm run demo`: a newcomer's first two minutes. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { playAttacks } from './attacks.ts'
import { checkRecord } from './check-record.ts'
import { playLaundering } from './laundering.ts'
import { humanLines, humanListener, jsonOf, silentListener } from './narrate.ts'
import { recomputeLog } from './observe.ts'
import { exitCodeOf, perform, type RunStep } from './steps.ts'
import { playStory } from './story.ts'
import { createEnds, openFolder, startWorld } from './world.ts'

const usage = 'usage: npm run demo [-- --json]\n'

function wantsJson(): boolean {
  try {
    return parseArgs({ options: { json: { type: 'boolean', default: false } } }).values.json
  } catch {
    process.stderr.write(usage)
    process.exit(64)
  }
}

/** Keeps what the server said outside of the folder that is removed. */
function keepLog(lines: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'governance-demo-log-')), 'server.log')
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  return file
}

const asJson = wantsJson()
const out = (text: string): void => void process.stdout.write(text)
const tell = (lines: readonly string[]): void => out(`${lines.join('\n')}\n`)

const ends = createEnds()
let interruptedWith: number | null = null
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => {
    if (interruptedWith !== null) return
    interruptedWith = code
    process.stderr.write('\nInterrupted: ending the processes and removing the folder.\n')
    void ends.run().finally(() => process.exit(code))
  })

const logLines: string[] = []

async function play(step: RunStep): Promise<void> {
  const folder = openFolder(ends)
  const world = await step('setup', 'Setting up a deployment', async (telling) =>
    startWorld(ends, folder, (line) => void logLines.push(line), telling),
  )
  await playStory(step, world)
  await playAttacks(step, world)
  await playLaundering(step, world)
  await step('log', 'The record of all this', async ({ say }) => {
    const { size, root } = await recomputeLog(world)
    say(
      `${size} log entries; their Merkle tree, computed anew, is the one that the log key signed: ${root.slice(0, 16)}…`,
    )
  })
  await checkRecord(step, world, folder)
}

if (!asJson) tell(humanLines.opening())
const listener = asJson ? silentListener : humanListener((text) => interruptedWith ?? out(text))
const report = await perform(listener, play)
await ends.run()
if (interruptedWith !== null) process.exit(interruptedWith)
const log = report.ok ? null : keepLog(logLines)
if (asJson) out(`${jsonOf(report, log)}\n`)
else tell(log === null ? humanLines.closing(report) : humanLines.failed(report, log))
process.exitCode = exitCodeOf(report)
// Whatever still waits must not keep the demo: once the text is out, it is over.
process.stdout.write('', () => process.exit())
