import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { policyDigest } from '../../src/core/index.ts'
import type { StorePorts } from '../../src/flows/ports.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { until } from '../fault/green.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { evidenceOf, ratify, replacePolicy, trustOf, verdictsOf, verify } from './evidence-scene.ts'
import { signStatement } from './signing.ts'
import { approveAll, days, open, shown } from './threat-scene.ts'

const sdk = 'acme/sdk'

type Read = 'keyring' | 'forChange' | 'find' | 'open'

/** A deployment in which something else happens right after the server read something. */
async function interruptible(t: TestContext) {
  const store = openMemoryStore()
  let armed: { readonly read: Read; left: number; readonly act: () => Promise<void> } | null = null
  const after = async <T>(read: Read, value: Promise<T>): Promise<T> => {
    const got = await value
    if (armed?.read === read && --armed.left === 0) {
      const { act: interrupt } = armed
      armed = null
      await interrupt()
    }
    return got
  }
  let holdLandings = async (): Promise<void> => {}
  const { registry, statements, changes } = store
  const watched: StorePorts = {
    ...store,
    registry: { ...registry, keyring: () => after('keyring', registry.keyring()) },
    statements: { ...statements, forChange: (...of) => after('forChange', statements.forChange(...of)) },
    changes: {
      ...changes,
      find: (...of) => after('find', changes.find(...of)),
      open: (...of) => after('open', changes.open(...of)),
      awaitingLanding: (...of) => holdLandings().then(() => changes.awaitingLanding(...of)),
    },
  }
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'], store: watched })
  /** After the `nth` read of this kind from now on, once. Resolves when it happened. */
  const onRead = (read: Read, nth: number, interrupt: () => Promise<void>): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    armed = { read, left: nth, act: () => interrupt().then(resolve, reject) }
    return promise
  }
  /** Keeps what has landed from being looked at. */
  const holdLandingsUntil = (holds: () => Promise<boolean>): void => {
    holdLandings = () => until('a landing may be looked at', holds)
  }
  return { d, onRead, holdLandingsUntil }
}

/** Every verdict of the log stands on what the log says before it, and its evidence holds for whoever trusts the log. */
async function insistOnVerdicts(d: Deployment, pinned?: string): Promise<void> {
  let epoch = 0
  for (const { type, data, index } of await decodeEntries(d.store.log)) {
    if (type === 'policy-in-force') epoch = Number(data.epoch)
    if (type === 'verdict') assert.equal(data.epoch, epoch, `entry ${index} is decided under another policy`)
  }
  const trust = await trustOf(d, pinned as never)
  for (const verdict of await verdictsOf(d)) {
    const { checks } = verify(await evidenceOf(d, verdict), trust)
    const faults = checks.filter(({ outcome }) => outcome === 'fail')
    // Who trusts the newest policy does not see to what was decided before it took effect.
    const known = faults.filter(({ code }) => code !== 'policy-not-pinned')
    assert.deepEqual(known, [], `entry ${verdict}`)
  }
}

for (const [when, read, nth] of [
  ['after the facts were collected and before the writer\u2019s turn', 'keyring', 1],
  ['in the writer\u2019s turn, before the commit', 'forChange', 2],
] as const)
  test(`T26 a policy that takes effect ${when} is the one that decides`, async (t) => {
    const { d, onRead } = await interruptible(t)
    const { number } = await open(d, sdk)
    const before = (await verdictsOf(d)).length
    let digest = ''
    const landed = onRead(read, nth, async () => {
      digest = policyDigest(await replacePolicy(d))
    })
    d.fake.setLabel({ repo: sdk, number }, 'look', true, 'admin')
    await d.settled()
    await landed
    await d.pass(1_000)
    assert.equal((await d.store.registry.policyInForce())?.epoch, 2)
    assert.ok((await verdictsOf(d)).length > before)
    await insistOnVerdicts(d, digest)
  })

test('T26 facts that cannot be read are an error of the policy in force, not of the one before', async (t) => {
  const { d, onRead } = await interruptible(t)
  const { number } = await open(d, sdk)
  let digest = ''
  const landed = onRead('find', 1, async () => {
    digest = policyDigest(await replacePolicy(d))
  })
  d.skew(120_000)
  d.fake.setLabel({ repo: sdk, number }, 'look', true, 'admin')
  await d.settled()
  await landed
  assert.equal(shown(d, sdk, number), 'failure')
  await insistOnVerdicts(d, digest)
  d.skew(0)
  await d.pass(600_000)
  await insistOnVerdicts(d, digest)
})

/** Two keyholders suspend the person; done when the keys say so, or after `forMs`. */
async function suspend(d: Deployment, number: number, person: number, forMs: number): Promise<void> {
  const wish = { decision: 'suspend', target: person as never, reason: 'A laptop was stolen.' } as const
  for (const keeper of d.of('emergency').slice(0, 2)) {
    const { comment } = await signStatement(d, 'acme/node', number, keeper, wish)
    d.fake.comment({ repo: 'acme/node', number }, keeper.login, comment)
  }
  await until('suspended', () => isSuspended(d, person), forMs).catch(() => {})
}

const isSuspended = async (d: Deployment, person: number): Promise<boolean> =>
  (await d.store.registry.keyring())?.keyring.persons.some(
    ({ account, suspension }) => account === person && suspension !== null,
  ) === true

test('T15 a person who is suspended after the keys were read and before the verdict is recorded has no vote in it', async (t) => {
  const { d, onRead } = await interruptible(t)
  const [one, two, three] = d.of('layer-5')
  assert.ok(one && two && three)
  const elsewhere = await open(d, 'acme/node')
  const { number } = await open(d, sdk)
  await approveAll(d, sdk, number, [one, two, three])
  d.clock.advance(days(14))
  const suspended = onRead('keyring', 1, () => suspend(d, elsewhere.number, one.id, 10_000))
  d.fake.setLabel({ repo: sdk, number }, 'look', true, 'admin')
  await d.settled()
  await suspended
  assert.ok(await isSuspended(d, one.id))
  await d.pass(1_000)
  assert.notEqual(shown(d, sdk, number), 'success')
  await insistOnVerdicts(d)
})

test('T33 a veto on the same head that comes before the verdict is recorded counts in it', async (t) => {
  const { d, onRead } = await interruptible(t)
  const persons = d.of('layer-5')
  const four = persons[3]
  assert.ok(four)
  const { number, headSha } = await open(d, sdk)
  d.fake.createBranch(sdk, 'twin', headSha, 'mallory')
  const twin = d.fake.openPullRequest({ repo: sdk, head: 'twin', author: 'mallory', title: 'x' })
  await d.settled()
  await approveAll(d, sdk, number, persons.slice(0, 3))
  d.clock.advance(days(14))
  const statements = () => d.store.statements.forChange(d.repositoryId(sdk), twin.number)
  const vetoed = onRead('forChange', 1, async () => {
    const veto = { decision: 'veto', reason: 'It breaks the build.' } as const
    const { comment } = await signStatement(d, sdk, twin.number, four, veto)
    d.fake.comment({ repo: sdk, number: twin.number }, four.login, comment)
    await until('vetoed', async () => (await statements()).length === 1)
  })
  d.fake.setLabel({ repo: sdk, number }, 'look', true, 'admin')
  await d.settled()
  await vetoed
  await d.pass(1_000)
  assert.equal(shown(d, sdk, number), 'failure')
  const entries = await decodeEntries(d.store.log)
  const veto = entries.findLast(({ type }) => type === 'statement-admitted')?.index ?? Infinity
  const later = entries.filter(
    ({ type, subject, index }) => type === 'verdict' && subject.number === number && index > veto,
  )
  assert.ok(later.length > 0)
  assert.ok(
    later.every(({ data }) => data.outcome !== 'pass'),
    'a verdict after the veto passes',
  )
  await insistOnVerdicts(d)
})

test('T15 a suspension that comes while a new policy lands stays in the keys of that policy', async (t) => {
  const { d, onRead, holdLandingsUntil } = await interruptible(t)
  const [one] = d.of('layer-5')
  assert.ok(one)
  const elsewhere = await open(d, 'acme/node')
  const path = 'config/maintainers/layer-5.yml'
  const text = d.fake.file('acme/governance', 'main', path)?.text ?? ''
  const change = await open(d, 'acme/governance', {
    files: { [path]: text.replace(/  - github: sdk-5\n(?:    .*\n)+\n?/, '') },
  })
  await ratify(d, change.number)
  const governance = d.repositoryId('acme/governance')
  holdLandingsUntil(async () => (await d.store.changes.find(governance, change.number))?.state === 'merged')
  // In the writer's turn nobody else records; where this is read before it, the suspension is there within that time.
  const suspended = onRead('open', 1, () => suspend(d, elsewhere.number, one.id, 1_000))
  d.fake.mergePullRequest({ repo: 'acme/governance', number: change.number }, 'admin', 'squash')
  await d.settled()
  await suspended
  await d.settled()
  assert.equal((await d.store.registry.policyInForce())?.epoch, 2)
  assert.ok(await isSuspended(d, one.id), 'the new policy forgot the suspension')
  await insistOnVerdicts(d)
})
