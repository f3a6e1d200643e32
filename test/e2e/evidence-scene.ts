/** A deployment whose log holds verdicts of every kind, and what a stranger needs to judge them anew. */
import assert from 'node:assert/strict'
import { acceleration } from '../../src/compose-acceleration.ts'
import {
  type LogIndex,
  policyDigest,
  type PolicyV1,
  readTrustFile,
  type TrustFile,
  verifyEvidence,
} from '../../src/core/index.ts'
import { createRecorder } from '../../src/flows/gate/recorder.ts'
import { recordRegenesis } from '../../src/flows/gate/regenesis.ts'
import { gatherEvidence } from '../../src/flows/record/evidence.ts'
import { exportTrust } from '../../src/flows/record/trust.ts'
import { systemRandom } from '../../src/system.ts'
import type { Deployment } from './deployment.ts'
import { act, attest } from './signing.ts'
import { approveAll, days, open, shown } from './threat-scene.ts'

export const sdk = 'acme/sdk'
const node = 'acme/node'
const governance = 'acme/governance'
const fives = 'config/maintainers/layer-5.yml'

/** Takes a layer-0 change from red to green. */
export async function ratify(d: Deployment, number: number): Promise<void> {
  await approveAll(d, governance, number, [...d.of('layer-1-2').slice(0, 5), ...d.of('emergency').slice(0, 2)])
  const [one] = d.of('layer-1-2')
  assert.ok(one)
  assert.equal(await attest(d, governance, number, one, 'rationale'), 'ok')
  await d.pass(days(90))
}

/**
 * Verdicts of every outcome: pass, pending, fail, error, layer 0, with a policy change, a suspension, a veto, a withdrawal and
 * a tier addition on the way. Returns the number of a change that passed under the second policy.
 */
export async function playVerdicts(d: Deployment): Promise<number> {
  const [one, two, three, four, five] = d.of('layer-5')
  const [keeper, other] = d.of('emergency')
  assert.ok(one && two && three && four && five && keeper && other)
  const first = await open(d, sdk)
  await approveAll(d, sdk, first.number, [one, two, three])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, first.number), 'success')
  assert.equal(await act(d, sdk, first.number, four, { decision: 'veto', reason: 'It breaks the build.' }), 'ok')
  assert.equal(shown(d, sdk, first.number), 'failure')
  assert.equal(await act(d, sdk, first.number, four, { decision: 'withdraw' }), 'ok')

  const late = await open(d, sdk)
  d.skew(61_000)
  d.fake.setLabel({ repo: sdk, number: late.number }, 'look', true, 'admin')
  await d.settled()
  assert.equal(shown(d, sdk, late.number), 'failure')
  d.skew(0)
  await d.pass(120_000)

  const text = d.fake.file(governance, 'main', fives)?.text ?? ''
  const change = await open(d, governance, {
    files: { [fives]: text.replace(/  - github: sdk-5\n(?:    .*\n)+\n?/, '') },
  })
  await ratify(d, change.number)
  assert.equal(shown(d, governance, change.number), 'success')
  d.fake.mergePullRequest({ repo: governance, number: change.number }, 'admin', 'squash')
  await d.settled()
  assert.equal((await d.store.registry.policyInForce())?.epoch, 2)

  const elsewhere = await open(d, node)
  const wish = { decision: 'suspend', target: one.id as never, reason: 'A laptop was stolen.' } as const
  assert.equal(await act(d, node, elsewhere.number, keeper, wish), 'ok')
  assert.equal(await act(d, node, elsewhere.number, other, wish), 'ok')
  const pull = await open(d, sdk)
  assert.equal(await act(d, sdk, pull.number, two, { decision: 'add-tier', tier: '1', reason: 'Routine.' }), 'ok')
  await approveAll(d, sdk, pull.number, [two, three, four])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')
  return pull.number
}

/** Puts a slightly different policy into force by regenesis, as another process than the server. */
export async function replacePolicy(d: Deployment): Promise<PolicyV1> {
  const inForce = await d.store.registry.policyInForce()
  assert.ok(inForce)
  const { options } = inForce.policy
  const policy: PolicyV1 = { ...inForce.policy, options: { ...options, approvalMaxDays: 400 } }
  const recorder = createRecorder({
    origin: d.config.log.origin,
    store: d.store.store,
    log: d.store.log,
    security: d.store.security,
    custody: d.custody,
    clock: d.clock,
    random: systemRandom,
    acceleration,
  })
  await recordRegenesis(
    { recorder, registry: d.store.registry, changes: d.store.changes, acceleration },
    {
      governanceRepository: governance,
      branch: 'main',
      commit: inForce.commit,
      policy,
      digest: policyDigest(policy),
      files: new Map(),
      accounts: [],
    },
    'The quorum is gone.',
  )
  return policy
}

/** The same, and what follows from it. */
export async function playRegenesis(d: Deployment): Promise<PolicyV1> {
  const policy = await replacePolicy(d)
  await d.pass(1_000)
  return policy
}

/** Index of every verdict in the log. */
export async function verdictsOf(d: Deployment): Promise<readonly LogIndex[]> {
  const rows = await d.store.log.find({ type: 'verdict', limit: 10_000 })
  return rows.map(({ index }) => index).reverse()
}

export const evidenceOf = (d: Deployment, verdict: LogIndex): Promise<Uint8Array> =>
  gatherEvidence({ ...d.store, acceleration }, verdict)

/** The trust file of the deployment as its operator hands it out. */
export async function trustOf(d: Deployment, pinned = d.config.policy.genesis): Promise<TrustFile> {
  const { bytes } = await exportTrust(d.store.log, { origin: d.config.log.origin, pinned, witnesses: null })
  const read = readTrustFile(bytes)
  assert.ok(read.ok)
  return read.trust
}

/** Verifies with the platform's hashing, as the command line does. */
export const verify = (
  bytes: Uint8Array,
  trust: TrustFile | null,
  rest: Partial<Parameters<typeof verifyEvidence>[1]> = {},
  steps?: Parameters<typeof verifyEvidence>[2],
) => verifyEvidence(bytes, { trust, cloneCheck: null, quorumTime: null, acceleration, ...rest }, steps)
