import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { act, attest, codesOf, countedOf, outcomeOf, signStatement, verdictOf } from './signing.ts'
import { approveAll, days, entriesOf, findingsOf, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node', 'protocol'] })
const governance = 'acme/governance'
const sdk = 'acme/sdk'
type Deployment = Awaited<ReturnType<typeof deployment>>
const fives = 'config/maintainers/layer-5.yml'
const tiers = 'config/action-tiers.yml'

const textOf = (d: Deployment, path: string) => d.fake.file(governance, 'main', path)?.text ?? ''
const epochOf = async (d: Deployment) => (await d.store.registry.policyInForce())?.epoch
const keyOf = (secretHex: string) => Buffer.from(secp256k1.getPublicKey(Buffer.from(secretHex, 'hex'))).toString('hex')

/** Takes a change of the governance repository from red to green by statements and time. */
async function ratify(d: Deployment, number: number): Promise<void> {
  await approveAll(d, governance, number, [...d.of('layer-1-2').slice(0, 5), ...d.of('emergency').slice(0, 2)])
  const [one] = d.of('layer-1-2')
  assert.ok(one)
  assert.equal(await attest(d, governance, number, one, 'rationale'), 'ok')
  await d.pass(days(90))
}

test('T35 whoever may push to the governance repository replaces no key, and T37 an approved typo carries none along', async () => {
  const d = await deployment()
  const [, , , , five] = d.of('layer-5')
  assert.ok(five)
  const mine = { ...five, secretHex: '6'.repeat(64), publicHex: keyOf('6'.repeat(64)) }
  const typo = await open(d, governance, { files: { 'README.md': 'typo\n' } })
  await ratify(d, typo.number)
  assert.equal(shown(d, governance, typo.number), 'success')
  d.fake.commit(governance, 'main', {
    author: 'admin',
    by: 'admin',
    bypass: true,
    files: { [fives]: textOf(d, fives).replace(five.publicHex, mine.publicHex) },
  })
  await d.settled()
  assert.deepEqual(await findingsOf(d, governance), ['unmatched-landing'])
  assert.equal(await epochOf(d), 1)
  const pull = await open(d, sdk)
  assert.equal(await act(d, sdk, pull.number, mine), 'key-unknown')
  assert.equal(await act(d, sdk, pull.number, five), 'ok')

  assert.equal(shown(d, governance, typo.number), 'failure', 'base-not-in-force')
  assert.ok((await codesOf(d, governance, typo.number)).includes('base-not-in-force'))
  d.fake.mergePullRequest({ repo: governance, number: typo.number }, 'admin', 'squash', { bypass: true })
  await d.settled()
  assert.equal(await epochOf(d), 1)
  assert.equal(await act(d, sdk, pull.number, mine), 'key-unknown')

  const restored = await open(d, governance, {
    files: { [fives]: textOf(d, fives).replace(mine.publicHex, five.publicHex) },
  })
  await ratify(d, restored.number)
  assert.equal(shown(d, governance, restored.number), 'success', 'what restores the policy in force may pass')
  d.fake.mergePullRequest({ repo: governance, number: restored.number }, 'admin', 'squash')
  await d.settled()
  const after = await open(d, governance, { files: { 'README.md': 'again\n' } })
  assert.ok(!(await codesOf(d, governance, after.number)).includes('base-not-in-force'))
  assert.equal(await epochOf(d), 1)
})

test('T30 a policy that cannot be read changes nothing, pushed or proposed', async () => {
  const d = await deployment()
  const before = textOf(d, tiers)
  const proposed = await open(d, governance, { files: { [tiers]: 'tiers: [\n' } })
  assert.equal(shown(d, governance, proposed.number), 'failure')
  const unknown = await open(d, governance, {
    files: { 'config/repos/sdk.yml': 'layer: 9\nsignature_threshold: 2-of-3\nreview_period_days: 14\n' },
  })
  assert.equal(shown(d, governance, unknown.number), 'failure')
  for (const { number } of [proposed, unknown]) d.fake.closePullRequest({ repo: governance, number }, 'alice')
  d.fake.commit(governance, 'main', { author: 'admin', by: 'admin', bypass: true, files: { [tiers]: 'tiers: [\n' } })
  await d.settled()
  assert.equal(await epochOf(d), 1)
  const pull = await open(d, sdk)
  assert.equal((await verdictOf(d, sdk, pull.number)).requirement?.reviewDays, 14)
  d.fake.commit(governance, 'main', { author: 'admin', by: 'admin', bypass: true, files: { [tiers]: before } })
  await d.settled()
  const next = await open(d, governance, { files: { 'README.md': 'after\n' } })
  assert.ok(!(await codesOf(d, governance, next.number)).includes('base-not-in-force'))
})

test('T20 a layer-0 change that brings a placeholder or a published test key is refused', async () => {
  const d = await deployment()
  const [one] = d.of('layer-5')
  assert.ok(one)
  for (const key of [
    '0x02[PLACEHOLDER_64_CHAR_HEX]',
    '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
  ]) {
    const pull = await open(d, governance, { files: { [fives]: textOf(d, fives).replace(one.publicHex, key) } })
    assert.equal(shown(d, governance, pull.number), 'failure', key)
    assert.ok((await codesOf(d, governance, pull.number)).includes('proposed-policy-faults'))
    d.fake.closePullRequest({ repo: governance, number: pull.number }, 'alice')
    await d.settled()
  }
})

test('T19 a veto is out-voted only by as many approvals beyond every quorum as the policy says', async () => {
  const d = await deployment()
  const pull = await open(d, governance, { files: { 'README.md': 'outvoted\n' } })
  const keyholders = d.of('emergency')
  const [vetoer] = keyholders
  assert.ok(vetoer)
  assert.equal(await act(d, governance, pull.number, vetoer, { decision: 'veto', reason: 'No.' }), 'ok')
  await approveAll(d, governance, pull.number, [...d.of('layer-1-2'), ...keyholders.slice(1, 4)])
  const [one] = d.of('layer-1-2')
  assert.ok(one)
  await attest(d, governance, pull.number, one, 'rationale')
  await d.pass(days(90))
  assert.equal(shown(d, governance, pull.number), 'failure')
  await approveAll(d, governance, pull.number, keyholders.slice(4, 5))
  assert.equal(shown(d, governance, pull.number), 'success')
  d.fake.closePullRequest({ repo: governance, number: pull.number }, 'alice')
  await d.settled()
})

test('T26 T12 a layer-0 change goes green, lands as epoch 2 and decides every open change again', async () => {
  const d = await deployment()
  const [one, two, three, four, five] = d.of('layer-5')
  assert.ok(one && two && three && four && five)
  const fresh = { ...five, secretHex: '5'.repeat(64), publicHex: keyOf('5'.repeat(64)) }
  const entry = new RegExp(`  - github: ${four.login}\\n(?:    .*\\n)+\\n?`)
  const files = textOf(d, fives).replace(entry, '').replace(five.publicHex, fresh.publicHex)
  const change = await open(d, governance, {
    title: 'Remove a maintainer, rotate a key',
    files: { [fives]: files },
  })
  assert.equal(shown(d, governance, change.number), 'action_required')
  await ratify(d, change.number)
  assert.equal(shown(d, governance, change.number), 'success')

  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, [one, two, four])
  const stale = await signStatement(d, sdk, pull.number, three, { decision: 'approve' })
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')
  d.fake.mergePullRequest({ repo: governance, number: change.number }, 'admin', 'squash')
  await d.settled()
  assert.equal(await epochOf(d), 2)
  const [inForce] = await entriesOf(d, 'policy-in-force')
  assert.equal(inForce?.epoch, 2)
  assert.equal(typeof inForce?.verdict, 'number')
  assert.equal(shown(d, sdk, pull.number), 'action_required', 'a member is gone: the set is another one')
  assert.equal(isMergeable(d, sdk, pull.number), false)
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])
  assert.equal(await outcomeOf(d, sdk, pull.number, 'mallory', stale.comment), 'requirement-changed')
  assert.equal(await act(d, sdk, pull.number, four), 'key-removed')
  assert.equal(await act(d, sdk, pull.number, five), 'key-removed')
  assert.equal(await act(d, sdk, pull.number, fresh), 'ok')
  await approveAll(d, sdk, pull.number, [one, two])
  assert.equal(shown(d, sdk, pull.number), 'success')

  // T30: going back to the older version by push has no effect.
  const parent = d.fake.makeCommit(governance, 'main', {
    author: 'admin',
    files: { [fives]: textOf(d, fives).replace(fresh.publicHex, five.publicHex) },
  })
  d.fake.push(governance, 'main', parent, { by: 'admin', bypass: true })
  await d.settled()
  assert.equal(await epochOf(d), 2)
  assert.equal(await act(d, sdk, pull.number, five), 'key-removed')
})
