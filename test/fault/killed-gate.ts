/** Kills the real server again and again under load and compares what it remembers with what the world outside knows. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import type { TestContext } from 'node:test'
import { dataFiles } from '../../src/compose-deployment.ts'
import { appId, origin } from '../e2e/deployment.ts'
import { type Load, startLoad } from './gate-load.ts'
import { type GateProcess, prepareGate } from './gate-process.ts'
import { until } from './green.ts'
import { readIndependently, type Snapshot } from './independent-reader.ts'
import { watchLog } from './log-watcher.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const read = (gate: GateProcess): Snapshot =>
  readIndependently(dataFiles(gate.directory).database, gate.databaseKey, gate.logKey)

/** Every green that was ever shown is a pass of the log, under a signed checkpoint, and not younger than what was shown. */
export function findGreens(load: Load, before: number, snapshot: Snapshot): void {
  const passes = snapshot.entries.filter(({ type, data }) => type === 'verdict' && data.outcome === 'pass')
  for (const green of load.greens().slice(0, before)) {
    const found = passes.find(({ data }) => data.head === green.head && data.baseRef === green.base)
    assert.ok(found, `${green.head} was shown green on ${green.base} and the log holds no pass of it`)
    assert.ok(found.index < snapshot.signedSize, `the pass of ${green.head} is under no signed checkpoint`)
    assert.ok(found.at <= green.at + 1_000, `${green.head} was shown green before its pass`)
  }
}

function checkDurable(load: Load, acknowledged: ReadonlySet<string>, snapshot: Snapshot): void {
  assert.deepEqual(snapshot.faults, [])
  for (const guid of acknowledged)
    assert.equal(snapshot.deliveries.get(guid)?.count, 1, `${guid} was acknowledged and is there this often`)
  const once = (what: string, values: readonly (string | number)[]): void =>
    assert.equal(new Set(values).size, values.length, `${what} stands twice`)
  once(
    'a nonce',
    snapshot.statements.map(({ nonce }) => nonce),
  )
  once(
    'a statement',
    snapshot.statements.map(({ payloadDigest }) => payloadDigest),
  )
  once('a command', snapshot.commands)
  const admitted = snapshot.entries.filter(({ type }) => type === 'statement-admitted')
  once(
    'an admission',
    admitted.map(({ data }) => String(data.payloadDigest)),
  )
  assert.equal(admitted.length, snapshot.statements.length)
  assert.ok(admitted.length <= load.signed.length)
}

/** Nothing runs, nothing is due, nothing is on its way. */
export async function settle(gate: GateProcess): Promise<void> {
  const end = Date.now() + 120_000
  for (let quiet = 0; quiet < 5; ) {
    await gate.fake.settled()
    const { openJobs } = read(gate)
    quiet = openJobs.length === 0 ? quiet + 1 : 0
    if (Date.now() > end) assert.fail(`not at rest: ${openJobs.join('; ')}\n${gate.log.slice(-20).join('\n')}`)
    await pause(50)
  }
}

export function checkEnd(gate: GateProcess, load: Load): void {
  const { fake } = gate
  const snapshot = read(gate)
  findGreens(load, load.greens().length, snapshot)
  checkDurable(load, load.acknowledged(), snapshot)
  assert.deepEqual(snapshot.deadJobs, [])
  for (const [guid, { state }] of snapshot.deliveries) assert.notEqual(state, 'queued', `${guid} is still queued`)
  for (const approval of load.signed) {
    const of = snapshot.statements.filter(({ payloadDigest }) => payloadDigest === approval.payloadDigest)
    assert.equal(of.length, 1, `#${approval.number}: the approval of ${approval.person} is admitted this often`)
    assert.equal(of[0]?.person, approval.person)
    const marker = `<!-- governance-reply:${approval.commentId} -->`
    const comments = fake.comments({ repo: 'acme/sdk', number: approval.number })
    const replies = comments.filter(({ isApp, body }) => isApp && body.includes(marker))
    assert.equal(replies.length, 1, `#${approval.number}: replies to comment ${approval.commentId}`)
  }
  const refused = snapshot.entries.filter(({ type }) => type === 'statement-refused' || type === 'finding')
  assert.deepEqual(
    refused.map(({ data }) => data),
    [],
  )
  for (const change of load.changes) {
    const place = { repo: 'acme/sdk', number: change.number }
    const status = fake.comments(place).filter(({ isApp, body }) => isApp && body.includes('governance-status'))
    assert.ok(status.length <= 1, `#${change.number} has ${status.length} status comments`)
    const runs = fake.checkRuns('acme/sdk', change.head).filter((run) => run.appId === appId)
    assert.equal(runs.length, 1, `#${change.number} has ${runs.length} checks on its head`)
    const signatures = load.signed.filter(({ number, head }) => number === change.number && head === change.head)
    const verdicts = snapshot.entries.filter(({ type, data }) => type === 'verdict' && data.head === change.head)
    // Another merge may have moved the base just before this one: what was decided then is on its way while people merge.
    const wasInDoubt = change.state === 'merged' && verdicts.at(-1)?.data.outcome === 'pending'
    // A closed one is lowered, a merged one stays as it was; the rest is what its signatures say.
    const wanted = change.state === 'closed' ? 'failure' : signatures.length >= 3 ? 'success' : 'action_required'
    const history = verdicts.map(({ index, at, data }) => `${index} at ${at}: ${data.outcome} (${data.code})`)
    assert.ok(
      runs[0]?.conclusion === wanted || (wasInDoubt && runs[0]?.conclusion === 'action_required'),
      `#${change.number}, ${change.state}, shows ${runs[0]?.conclusion}, not ${wanted}: ${runs[0]?.title}\n${history.join('\n')}`,
    )
  }
  const landed = snapshot.entries.filter(({ type }) => type === 'landing-matched').map(({ data }) => data.number)
  const merged = load.changes.filter(({ state }) => state === 'merged').map(({ number }) => number)
  assert.equal(landed.length, merged.length)
  assert.deepEqual(new Set(landed), new Set(merged), 'landings are matched once each')
}

/** A new look at every open change must find what is shown. */
async function decideAnew(gate: GateProcess, load: Load): Promise<void> {
  for (const { number, state } of load.changes)
    if (state === 'open') gate.fake.editPullRequest({ repo: 'acme/sdk', number }, { body: 'Look again.' }, 'alice')
  await settle(gate)
  checkEnd(gate, load)
}

/**
 * `kills` times: starts the server, lets an independent reader look, kills it at a random moment of start or work. Stops
 * early after `enoughMs` and at least `least` kills. Then everything must have been caught up.
 */
export async function killAgainAndAgain(
  t: TestContext,
  options: {
    readonly kills: number
    readonly least: number
    readonly enoughMs: number
    readonly longestMs: number
    readonly progress: boolean
  },
): Promise<void> {
  const gate = await prepareGate(t)
  const load = startLoad(gate, { patienceMs: options.enoughMs + 120_000 })
  const watcher = watchLog(dataFiles(gate.directory).decisions, origin, gate.logKey)
  t.after(() => watcher.stop())
  load.enter(4)
  const started = performance.now()
  let kills = 0
  let whileStarting = 0
  let size = 0
  const startMs: number[] = []
  for (; kills < options.kills; kills++) {
    if (kills >= options.least && performance.now() - started > options.enoughMs) break
    const acknowledged = new Set(load.acknowledged())
    const greens = load.greens().length
    const killsStart = kills % 7 === 3
    const begun = performance.now()
    if (killsStart) setTimeout(() => void gate.kill(), randomInt(50, 900))
    const listens = await gate.start()
    if (listens) {
      startMs.push(performance.now() - begun)
      // What the public sees is never ahead of what the database holds, and never without its files.
      const shown = await watcher.checkShown()
      const snapshot = read(gate)
      assert.ok((shown?.size ?? 0) <= snapshot.signedSize, 'a head is shown that the database has not')
      checkDurable(load, acknowledged, snapshot)
      findGreens(load, greens, snapshot)
      assert.ok(snapshot.entries.length >= size, 'the log became shorter')
      size = snapshot.entries.length
      await pause(randomInt(0, options.longestMs))
    } else whileStarting += 1
    await gate.kill()
    if (options.progress && kills % 10 === 9)
      t.diagnostic(
        `${kills + 1} kills: ${load.acknowledged().size} deliveries acknowledged, ${load.signed.length} approvals, ` +
          `${load.greens().length} greens, ${size} entries`,
      )
  }
  while (!(await gate.start()));
  await load.finish()
  await settle(gate)
  checkEnd(gate, load)
  await decideAnew(gate, load)
  const { signedSize } = read(gate)
  await until('everything is published', async () => (await watcher.checkShown())?.size === signedSize, 60_000)
  await watcher.checkAll()
  assert.ok(load.acknowledged().size > kills, 'too few deliveries were acknowledged: the kills prove nothing')
  assert.ok(load.greens().length > 0, 'nothing turned green: the kills prove nothing')
  const mean = startMs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, startMs.length)
  t.diagnostic(
    `${kills} kills (${whileStarting} while starting) in ${Math.round((performance.now() - started) / 1000)} s, a start ` +
      `takes ${Math.round(mean)} ms: ${load.acknowledged().size} deliveries acknowledged, ${load.signed.length} approvals ` +
      `signed, ${load.greens().length} greens shown, ${load.changes.length} changes, ${read(gate).entries.length} entries, ${watcher.seen} heads seen outside`,
  )
}
