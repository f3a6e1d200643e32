import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { dataFiles } from '../../src/compose-deployment.ts'
import { appId } from '../e2e/deployment.ts'
import { startLoad } from './gate-load.ts'
import { prepareGate } from './gate-process.ts'
import { until } from './green.ts'
import { checkEnd, findGreens, read, settle } from './killed-gate.ts'

test('T44 T43 a full disk under the server: refused, lowered, journaled, and caught up once there is room', async (t) => {
  // The kernel refuses to let any file grow past this, as a full disk does. Node ignores SIGXFSZ.
  let limit = ''
  const gate = await prepareGate(t, { limit: () => limit })
  const { fake } = gate
  assert.ok(await gate.start())
  const load = startLoad(gate, { patienceMs: 120_000 })
  const standing = await load.playToGreen('standing')
  const other = await load.playToGreen('other')
  await settle(gate)
  await gate.kill()

  const { database } = dataFiles(gate.directory)
  const used = statSync(database).size + statSync(`${database}-wal`).size
  limit = `ulimit -f ${Math.ceil((used + 100_000) / 512)}`
  assert.ok(await gate.start())
  load.enter(2)
  const refusals = (): number => fake.deliveries(appId).filter(({ statusCode }) => statusCode === 503).length
  await until('the disk is full', () => refusals() >= 3, 40_000)
  // What lowers acts at once.
  fake.closePullRequest({ repo: 'acme/sdk', number: standing.number }, 'alice')
  standing.state = 'closed'
  const runOf = (head: string) => fake.checkRuns('acme/sdk', head).find((run) => run.appId === appId)
  await until('lowered', () => runOf(standing.head)?.conclusion === 'failure', 8_000)
  assert.match(runOf(standing.head)?.title ?? '', /log cannot be written/)
  // It goes on: what still fits is whole, and every green has its record.
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const full = read(gate)
  assert.deepEqual(full.faults, [])
  findGreens(load, load.greens().length, read(gate))

  await gate.kill()
  limit = ''
  assert.ok(await gate.start())
  await load.finish()
  await settle(gate)
  checkEnd(gate, load)
  const lowered = read(gate).entries.filter(({ type }) => type === 'check-lowered')
  assert.ok(
    lowered.some(({ data }) => data.head === standing.head),
    'the journal did not become entries',
  )
  assert.equal(new Set(lowered.map(({ data }) => JSON.stringify(data))).size, lowered.length, 'a lowering stands twice')
  assert.equal(runOf(other.head)?.conclusion, 'success')
  t.diagnostic(`${refusals()} deliveries were refused, ${lowered.length} greens lowered, all caught up`)
})
