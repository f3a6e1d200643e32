import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import {
  dayMs,
  decodeEntry,
  decodeUtf8,
  ed25519PublicKey,
  type LogIndex,
  noteVerifierKey,
  quorumTime,
  readTrustFile,
  type TrustFile,
  verifyEvidence,
} from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { WitnessState } from '../../src/flows/ports.ts'
import { gatherEvidence } from '../../src/flows/record/evidence.ts'
import { rosterOf } from '../../src/compose-witness.ts'
import { exportTrust } from '../../src/flows/record/trust.ts'
import { startWitness, temporaryDirectory } from '../fakes/witnessed-log.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { verdictsOf } from './evidence-scene.ts'

const periodMs = 14 * dayMs + 1_000
const origin = 'gov.example.org/decisions'

/** A deployment whose heads one witness cosigns, which can be taken away and brought back. */
async function witnessed(t: TestContext, requiredForGreen: boolean) {
  const clock: { now: () => number } = { now: () => Date.now() }
  const logSeed = randomBytes(32)
  const key = noteVerifierKey(origin, ed25519PublicKey(logSeed))
  let isThere = true
  const wrap = (state: WitnessState): WitnessState => ({
    ...state,
    read: async (name) => {
      if (!isThere) throw new AppError('store-unavailable', 'the witness is away')
      return state.read(name)
    },
  })
  const witness = await startWitness(t, [{ origin, key }], {
    wrap,
    at: () => Math.floor(clock.now() / 1_000),
  })
  const policy = `witness w ${witness.vkey}\nquorum w\n`
  const quorum = { policy, urls: { w: witness.url }, requiredForGreen, deadlineMs: 5_000 }
  const d = await startDeployment(t, {
    frozen: true,
    origin,
    logSeed,
    repositories: ['sdk'],
    witness: { config: { quorum, serve: null }, seed: randomBytes(32), directory: temporaryDirectory(t) },
  })
  clock.now = () => d.clock.now()
  return { d, policy, set: (value: boolean) => void (isThere = value) }
}

async function approvedChange(d: Deployment) {
  d.fake.commit('acme/sdk', 'fix', { author: 'alice', message: 'fix', files: { 'docs/guide.md': 'fix\n' } })
  const pull = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'fix' })
  await d.settled()
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', pull.number, person)
  return pull
}

/** The trust file of the deployment, which asks for its witness. */
async function trustOf(d: Deployment, policy: string): Promise<TrustFile> {
  const pinned = d.config.policy.genesis
  const quorum = d.config.log.witness?.quorum
  assert.ok(quorum != null)
  const asked = { text: policy, roster: await rosterOf(quorum, d.custody) }
  const exported = await exportTrust(d.store.log, { origin, pinned, witnesses: asked })
  assert.deepEqual(exported.leftOut, [])
  const trust = readTrustFile(exported.bytes)
  assert.ok(trust.ok)
  return trust.trust
}

test('green waits for the quorum where the configuration says so, and comes by itself once the witness is back', async (t) => {
  const { d, set } = await witnessed(t, true)
  const pull = await approvedChange(d)
  await d.server.publisher.publish()
  set(false)
  await d.pass(periodMs)
  await d.pass(2_000)
  const check = () => d.check('acme/sdk', pull.headSha)
  assert.notEqual(check()?.conclusion, 'success')
  assert.match(check()?.title ?? '', /^Recording: waits for the witness quorum/)
  const ready = (await (await fetch(`${d.url}/readyz`)).json()) as { ready: boolean; quorum: boolean }
  assert.deepEqual([ready.ready, ready.quorum], [true, false])
  const measured = d.telemetry.snapshot().histograms.find(({ name }) => name === 'witness_quorum')
  // One for each head that had it, nothing for each that lacked it.
  assert.ok((measured?.count ?? 0) > (measured?.sum ?? 0))
  set(true)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(check()?.conclusion, 'success')
})

test('green does not wait for a quorum that is only asked for', async (t) => {
  const { d, set } = await witnessed(t, false)
  const pull = await approvedChange(d)
  set(false)
  await d.pass(periodMs)
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'success')
})

test('T24 a review clock that no witness saw begin begins anew, so that green and evidence agree', async (t) => {
  const { d, policy, set } = await witnessed(t, true)
  await d.server.publisher.publish()
  set(false)
  const pull = await approvedChange(d)
  const check = () => d.check('acme/sdk', pull.headSha)
  await d.pass(600_000)
  set(true)
  await d.server.publisher.publish()
  await d.settled()
  const clocks = async (type: string) =>
    (await d.store.log.find({ type, limit: 10 })).map(({ bytes }) => decodeEntry(bytes))
  const ended = (await clocks('clock-ended')).map((one) => (one.ok ? one.entry.data.why : null))
  assert.deepEqual([ended, (await clocks('clock-started')).length], [['unwitnessed'], 2])
  await d.server.publisher.publish()
  // Counted from the first start the period would be over.
  await d.pass(periodMs - 600_000)
  assert.notEqual(check()?.conclusion, 'success')
  await d.pass(600_000)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(check()?.conclusion, 'success')
  const [verdict] = await verdictsOf(d)
  assert.ok(verdict !== undefined)
  const publishedHead = decodeUtf8((await d.logFiles.read('checkpoint')) ?? new Uint8Array()) ?? null
  const bytes = await gatherEvidence({ ...d.store, acceleration: {}, publishedHead }, verdict)
  const { checks } = verifyEvidence(bytes, { trust: await trustOf(d, policy), cloneCheck: null, quorumTime })
  assert.deepEqual(
    checks.filter(({ outcome }) => outcome === 'fail'),
    [],
  )
  assert.equal(checks.find(({ check: name }) => name === 'time')?.outcome, 'pass')
})

test('T24 a pass whose review clock nobody saw begin never turns green when the witness is back', async (t) => {
  const { d, set } = await witnessed(t, true)
  await d.server.publisher.publish()
  set(false)
  const pull = await approvedChange(d)
  await d.pass(periodMs)
  await d.pass(2_000)
  assert.match(d.check('acme/sdk', pull.headSha)?.title ?? '', /^Recording: waits for the witness quorum/)
  set(true)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'action_required')
  const [ended] = await d.store.log.find({ type: 'clock-ended', limit: 1 })
  const decoded = decodeEntry(ended?.bytes ?? new Uint8Array())
  assert.equal(decoded.ok && decoded.entry.data.why, 'unwitnessed')
  const published = await d.store.security.find({ type: 'check-published', limit: 100 })
  const shown = published.map(({ bytes }) => decodeEntry(bytes)).map((one) => one.ok && one.entry.data.details)
  assert.ok(shown.length > 0)
  assert.deepEqual(
    shown.filter((details) => JSON.stringify(details).includes('"success"')),
    [],
  )
})

test('evidence carries the cosigned head and holds under the witnesses of the trust file, not without their quorum', async (t) => {
  const { d, policy, set } = await witnessed(t, false)
  await approvedChange(d)
  await d.server.publisher.publish()
  const [verdict] = await verdictsOf(d)
  assert.ok(verdict !== undefined)
  const trust = await trustOf(d, policy)
  const judged = async (verdict: LogIndex) => {
    const publishedHead = decodeUtf8((await d.logFiles.read('checkpoint')) ?? new Uint8Array()) ?? null
    const bytes = await gatherEvidence({ ...d.store, acceleration: {}, publishedHead }, verdict)
    const { checks } = verifyEvidence(bytes, { trust, cloneCheck: null, quorumTime })
    return ['witnesses', 'time'].map((name) => checks.find(({ check }) => check === name)?.code ?? 'pass')
  }
  assert.deepEqual(await judged(verdict), ['pass', 'pass'])
  set(false)
  await d.pass(periodMs)
  await d.server.publisher.publish()
  assert.deepEqual(await judged(verdict), ['pass', 'pass'], 'what witnesses once saw they saw')
  const newest = (await verdictsOf(d)).at(-1)
  assert.ok(newest !== undefined && newest !== verdict)
  const [witnesses] = await judged(newest)
  assert.equal(witnesses, 'witness-quorum-missing')
})

test('T45 a pass after days of review is believed with its times: the heads that witnesses saw first are kept and exported', async (t) => {
  const { d, policy } = await witnessed(t, true)
  const pull = await approvedChange(d)
  await d.server.publisher.publish()
  await d.pass(periodMs)
  await d.pass(2_000)
  await d.server.publisher.publish()
  await d.settled()
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'success')
  // Seen once more long after: the newest head alone would say that everything is from today.
  await d.pass(periodMs)
  d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'again' })
  await d.settled()
  await d.server.publisher.publish()
  const [passed] = (await d.store.log.find({ type: 'verdict', limit: 1_000 })).filter(
    ({ bytes }) => decodeUtf8(bytes)?.includes('"outcome":"pass"') === true,
  )
  assert.ok(passed !== undefined)
  const publishedHead = decodeUtf8((await d.logFiles.read('checkpoint')) ?? new Uint8Array()) ?? null
  const bytes = await gatherEvidence({ ...d.store, acceleration: {}, publishedHead }, passed.index)
  const trust = await trustOf(d, policy)
  const { checks } = verifyEvidence(bytes, { trust, cloneCheck: null, quorumTime })
  assert.deepEqual(
    checks.filter(({ outcome }) => outcome !== 'pass').map(({ check, code }) => [check, code]),
    [['clone', 'no-clone']],
  )
})
