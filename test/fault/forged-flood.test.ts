import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { dataFiles } from '../../src/compose-deployment.ts'
import { appId } from '../e2e/deployment.ts'
import { startLoad } from './gate-load.ts'
import { prepareGate } from './gate-process.ts'
import { checkEnd, read, settle } from './killed-gate.ts'

const forged = 20_000

const timed = async (run: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}

test(`T08a ${forged} forged webhooks: no row, no growth of memory or log, and a real change is decided meanwhile`, async (t) => {
  const gate = await prepareGate(t)
  assert.ok(await gate.start())
  const load = startLoad(gate, { patienceMs: 60_000 })
  await load.playToGreen('warm')
  const calmMs = await timed(() => load.playToGreen('calm'))
  await settle(gate)
  const before = read(gate)
  const rssBefore = await gate.memory()
  const lines = gate.log.length
  const { database } = dataFiles(gate.directory)
  const sizeOf = (): number => statSync(database).size + statSync(`${database}-wal`).size

  const flood = spawn(
    process.execPath,
    [join(import.meta.dirname, 'forged-flood.ts'), gate.url ?? '', String(forged)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => void flood.kill('SIGKILL'))
  const said: string[] = []
  let floodMs = 0
  const begun = performance.now()
  const over = (async () => {
    for await (const line of createInterface({ input: flood.stdout })) said.push(line)
    floodMs = performance.now() - begun
  })()
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  const floodedMs = await timed(() => load.playToGreen('flooded'))
  const isDuring = said.length === 1
  await over
  assert.deepEqual(JSON.parse(said[1] ?? '{}'), { 401: forged }, 'a forged webhook was answered with something else')
  await settle(gate)

  // Nothing of it is anywhere.
  const after = read(gate)
  const genuine = new Set(gate.fake.deliveries(appId).map(({ guid }) => guid))
  for (const guid of after.deliveries.keys()) assert.ok(genuine.has(guid), `${guid} is nobody's`)
  const quiet = gate.log.slice(lines).filter((line) => line.includes('intake-refused'))
  assert.ok(quiet.length <= 8, `${quiet.length} lines about ${forged} forged webhooks`)
  const sizeAfter = sizeOf()
  const rssAfter = await gate.memory()
  assert.ok(rssAfter < 250_000_000, `${rssAfter} bytes resident`)
  assert.ok(rssAfter - rssBefore < 90_000_000, `grew by ${rssAfter - rssBefore} bytes`)
  checkEnd(gate, load)
  t.diagnostic(
    `${forged} in ${Math.round(floodMs)} ms; a change from opening to green: ${Math.round(calmMs)} ms calm, ` +
      `${Math.round(floodedMs)} ms flooded (${isDuring ? 'all of it during the flood' : 'the flood ended before'}); resident ` +
      `${Math.round(rssBefore / 1e6)} → ${Math.round(rssAfter / 1e6)} MB; ${before.deliveries.size} → ` +
      `${after.deliveries.size} deliveries; ${Math.round(sizeAfter / 1e3)} kB on disk`,
  )
})
