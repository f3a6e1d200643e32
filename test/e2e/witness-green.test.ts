import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import {
  dayMs,
  decodeUtf8,
  ed25519PublicKey,
  noteVerifierKey,
  quorumTime,
  readTrustFile,
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
    at: Math.floor(Date.now() / 1_000),
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
  return { d, policy, set: (value: boolean) => void (isThere = value) }
}

async function approvedChange(d: Deployment) {
  d.fake.commit('acme/sdk', 'fix', { author: 'alice', message: 'fix', files: { 'docs/guide.md': 'fix\n' } })
  const pull = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'fix' })
  await d.settled()
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', pull.number, person)
  return pull
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

test('evidence carries the cosigned head and holds under the witnesses of the trust file, not without their quorum', async (t) => {
  const { d, policy, set } = await witnessed(t, false)
  await approvedChange(d)
  await d.server.publisher.publish()
  const [verdict] = await verdictsOf(d)
  assert.ok(verdict !== undefined)
  const pinned = d.config.policy.genesis
  const quorum = d.config.log.witness?.quorum
  assert.ok(quorum != null)
  const asked = { text: policy, roster: await rosterOf(quorum, d.custody) }
  const exported = await exportTrust(d.store.log, { origin, pinned, witnesses: asked })
  assert.deepEqual(exported.leftOut, [])
  const trust = readTrustFile(exported.bytes)
  assert.ok(trust.ok)
  const judged = async () => {
    const publishedHead = decodeUtf8((await d.logFiles.read('checkpoint')) ?? new Uint8Array()) ?? null
    const bytes = await gatherEvidence({ ...d.store, acceleration: {}, publishedHead }, verdict)
    const { checks } = verifyEvidence(bytes, { trust: trust.trust, cloneCheck: null, quorumTime })
    return ['witnesses', 'time'].map((name) => checks.find(({ check }) => check === name)?.code ?? 'pass')
  }
  assert.deepEqual(await judged(), ['pass', 'pass'])
  set(false)
  await d.pass(periodMs)
  await d.server.publisher.publish()
  const [witnesses] = await judged()
  assert.equal(witnesses, 'witness-quorum-missing')
})
