import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { auditLog } from '../contract/tree.ts'

/** How often the process is killed: the labs ask for a number, everyday runs stop early on a busy machine. */
const asked = process.env['GOVERNANCE_STORE_KILLS']
const kills = Number(asked ?? 20)
const leastKills = asked === undefined ? 5 : kills
const enoughMs = 15_000

const load = join(import.meta.dirname, 'store-load.ts')

/** Runs the load, kills it `afterMs` after it opened, and returns what it acknowledged. */
async function killedLoad(file: string, key: Buffer, run: number, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [load, file, key.toString('hex'), String(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(dirname(file), 'compiled') },
  })
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') setTimeout(() => child.kill('SIGKILL'), afterMs)
    else {
      assert.notEqual(line, 'full', 'the store refused')
      lines.push(line)
    }
  }
  await exited
  assert.equal(child.signalCode, 'SIGKILL', 'the load ended by itself')
  return lines
}

test(`T44 kill -9 again and again: nothing acknowledged is lost, nothing is half-applied`, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'governance-kill-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'store.db')
  const key = randomBytes(32)
  const acknowledged = new Set<string>()
  let logSize = 0
  let before = 0
  const started = performance.now()
  let run = 0
  for (; run < kills; run++) {
    if (run >= leastKills && performance.now() - started > enoughMs) break
    const lines = await killedLoad(file, key, run, randomInt(0, 150))
    for (const line of lines) {
      const [kind, what = ''] = line.split(' ')
      if (kind === 'd') acknowledged.add(what)
      else if (kind === 'l') logSize = Number(what)
      else assert.fail(`the load said ${line}`)
    }
    const store = await openSqliteStore({ file, key, create: false })
    try {
      const { size, faults } = await auditLog(store.log)
      assert.deepEqual(faults, [], `run ${run}`)
      assert.ok(size >= logSize, `run ${run}: entries up to ${logSize} were acknowledged, ${size} are there`)
      logSize = size
      // The three rows of a log commit stand and fall together.
      assert.equal((await store.log.checkpoint())?.size ?? 0, size)
      assert.equal(Number((await store.memory.cursor('appended')) ?? 0), size)
      const deliveries = await store.deliveries.list({ limit: 1_000_000 })
      const known = new Set(deliveries.map(({ guid }) => guid))
      for (const guid of acknowledged) assert.ok(known.has(guid), `run ${run}: ${guid} was acknowledged and is lost`)
      for (const { guid, state } of deliveries.slice(0, deliveries.length - before)) {
        assert.notEqual(await store.jobs.find(`job-${guid}`), null, `run ${run}: ${guid} has no job`)
        assert.notEqual((await store.deliveries.find(guid))?.body ?? null, null, `run ${run}: ${guid} has no body`)
        assert.equal(state, Number(guid.split('-')[2]) % 3 === 0 ? 'done' : 'queued')
      }
      before = deliveries.length
      if (run % 5 === 4) assert.deepEqual(await store.checkIntegrity(), [])
    } finally {
      await store.store.close()
    }
  }
  assert.ok(acknowledged.size > run, `only ${acknowledged.size} commits were acknowledged: the kills prove nothing`)
  assert.ok(logSize > run)
  t.diagnostic(`${acknowledged.size} deliveries and ${logSize} entries were acknowledged across ${run} kills`)
})
