import assert from 'node:assert/strict'
import { test } from 'node:test'
import { act, attest, codesOf, verdictOf } from './signing.ts'
import { approveAll, days, entriesOf, findingsOf, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'

const started = sharedDeployment({ repositories: ['sdk', 'node', 'wallet'] })
const sdk = 'acme/sdk'
const node = 'acme/node'
const wallet = 'acme/wallet'
const actions = 15_368
let prepared: Promise<Awaited<ReturnType<typeof started>>> | null = null

/** The deployment with GitHub Actions, another App, and a second governed branch. */
function deployment() {
  prepared ??= started().then(async (d) => {
    d.fake.createApp({ appId: actions, name: 'github-actions' })
    d.fake.createApp({ appId: actions + 1, name: 'look-alike' })
    d.fake.createBranch(sdk, 'stable', d.fake.branch(sdk, 'main'), 'admin')
    await d.enrol(sdk, ['stable'])
    return d
  })
  return prepared
}

const tiersOf = async (d: Awaited<ReturnType<typeof deployment>>, name: string, number: number) =>
  (await verdictOf(d, name, number)).classification?.tiers.map(({ tier }) => tier)

test('T21 a title that says docs does not hide a consensus path, and a rename carries the tier of both names', async () => {
  const d = await deployment()
  const typo = await open(d, node, { title: 'docs: typo', files: { 'consensus/rules.ts': 'export const rules = 2\n' } })
  assert.deepEqual(await tiersOf(d, node, typo.number), ['3'])
  const { requirement } = await verdictOf(d, node, typo.number)
  assert.deepEqual([requirement?.quorums[0]?.required, requirement?.reviewDays], [5, 90])
  const renamed = await open(d, node, {
    title: 'docs: move',
    files: { 'consensus/rules.ts': null, 'docs/rules.ts': 'export const rules = 1\n' },
  })
  assert.deepEqual(await tiersOf(d, node, renamed.number), ['1', '3'])
})

test('T22 [EMERGENCY] in a title, a body or a label shortens nothing', async () => {
  const d = await deployment()
  const plain = await open(d, node)
  const loud = await open(d, node, { title: '[EMERGENCY] emergency security', body: '[EMERGENCY]', opener: 'mallory' })
  d.fake.setLabel({ repo: node, number: loud.number }, 'emergency', true, 'admin')
  await d.settled()
  assert.deepEqual(await tiersOf(d, node, loud.number), ['1'])
  assert.deepEqual(
    (await verdictOf(d, node, loud.number)).requirement,
    (await verdictOf(d, node, plain.number)).requirement,
  )
})

test('T34 fix and security keywords on a consensus path keep the maximum of every part', async () => {
  const d = await deployment()
  const pull = await open(d, node, {
    title: 'fix: security',
    files: { 'consensus/rules.ts': 'export const rules = 3\n', 'security/notes.md': 'x\n', 'docs/guide.md': 'y\n' },
  })
  const verdict = await verdictOf(d, node, pull.number)
  assert.deepEqual(await tiersOf(d, node, pull.number), ['1', '2', '3'])
  assert.equal(verdict.requirement?.reviewDays, 90)
  assert.equal(verdict.requirement?.quorums[0]?.required, 5)
  assert.deepEqual(verdict.requirement?.conditions, [
    'audit',
    'equivalence-proof',
    'manual-review',
    'no-consensus-modifications',
    'specification',
  ])
})

test('T23 one maintainer adds a tier but cannot remove one; the whole quorum can', async () => {
  const d = await deployment()
  const persons = d.of('layer-4')
  const [first] = persons
  assert.ok(first)
  const pull = await open(d, node, { files: { 'consensus/rules.ts': 'export const rules = 4\n' } })
  const lower = { decision: 'remove-tier', tier: '3', reason: 'Only a comment in that file changes.' } as const
  assert.equal(await act(d, node, pull.number, first, lower), 'ok')
  assert.deepEqual(await tiersOf(d, node, pull.number), ['3'])
  assert.ok((await codesOf(d, node, pull.number)).includes('tier-removal-incomplete'))
  for (const person of persons.slice(1, 4)) assert.equal(await act(d, node, pull.number, person, lower), 'ok')
  assert.deepEqual(await tiersOf(d, node, pull.number), ['3'])
  // The same person again is not the fifth.
  assert.equal(await act(d, node, pull.number, first, lower), 'ok')
  assert.deepEqual(await tiersOf(d, node, pull.number), ['3'])
  assert.ok(persons[4])
  assert.equal(await act(d, node, pull.number, persons[4], lower), 'ok')
  assert.deepEqual(await tiersOf(d, node, pull.number), [])
  // For this content only.
  const at = { repo: node, number: pull.number }
  d.fake.pushToPullRequest(at, { author: 'alice', files: { 'consensus/rules.ts': 'export const rules = 5\n' } })
  await d.settled()
  assert.deepEqual(await tiersOf(d, node, pull.number), ['3'])

  const added = await open(d, node)
  const raise = { decision: 'add-tier', tier: '3', reason: 'The guide describes consensus.' } as const
  assert.equal(await act(d, node, added.number, first, raise), 'ok')
  assert.deepEqual(await tiersOf(d, node, added.number), ['1', '3'])
  const [outsider] = d.of('layer-5')
  assert.ok(outsider)
  assert.equal(await act(d, node, added.number, outsider, { ...raise, tier: '5' }), 'not-in-set')
})

test('T25 a change that is green for one base is not for another, nor for a head that was pushed since', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const at = { repo: sdk, number: pull.number }
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  assert.equal(isMergeable(d, sdk, pull.number), true)

  d.fake.deliveryFaults.hold()
  d.fake.retargetPullRequest(at, 'stable', 'alice')
  assert.equal(isMergeable(d, sdk, pull.number), false, 'before the server even heard of it')
  await d.fake.deliveryFaults.release()
  await d.settled()
  assert.equal(shown(d, sdk, pull.number), 'action_required')
  assert.equal(isMergeable(d, sdk, pull.number), false)
  assert.equal(d.check(sdk, pull.headSha, 'main')?.conclusion, 'failure', 'nothing is open for (head, main)')
  d.fake.retargetPullRequest(at, 'main', 'alice')
  await d.settled()
  assert.equal(isMergeable(d, sdk, pull.number), false, 'the clock starts anew')

  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(3, 4))
  await d.pass(days(14))
  assert.equal(isMergeable(d, sdk, pull.number), true)
  d.fake.deliveryFaults.hold()
  d.fake.pushToPullRequest(at, { author: 'mallory', files: { 'docs/guide.md': 'evil\n' } })
  assert.equal(isMergeable(d, sdk, pull.number), false)
  assert.throws(() => d.fake.mergePullRequest(at, 'admin', 'squash'))
  await d.fake.deliveryFaults.release()
  await d.settled()
  assert.equal(isMergeable(d, sdk, pull.number), false)
  d.fake.closePullRequest(at, 'alice')
  await d.settled()
})

test('T26 a required check that turns red, neutral or skipped after the success takes the success away', async () => {
  const d = await deployment()
  const pull = await open(d, wallet)
  const run = (conclusion: string, app = actions) => {
    d.fake.createCheckRun(wallet, app, { name: 'build', head_sha: pull.headSha, status: 'completed', conclusion })
    return d.settled()
  }
  await approveAll(d, wallet, pull.number, d.of('layer-4').slice(0, 3))
  await d.pass(days(60))
  assert.equal(shown(d, wallet, pull.number), 'action_required')
  assert.ok((await codesOf(d, wallet, pull.number)).includes('check-missing'))
  await run('success', 15_369)
  assert.equal(shown(d, wallet, pull.number), 'action_required', 'the same name by another App')
  await run('success')
  assert.equal(shown(d, wallet, pull.number), 'success')
  for (const conclusion of ['failure', 'neutral', 'skipped', 'cancelled']) {
    await run(conclusion)
    assert.equal(shown(d, wallet, pull.number), 'failure', conclusion)
    assert.equal(isMergeable(d, wallet, pull.number), false)
    await run('success')
    assert.equal(shown(d, wallet, pull.number), 'success')
  }
  d.fake.createCheckRun(wallet, actions, { name: 'build', head_sha: pull.headSha, status: 'in_progress' })
  await d.settled()
  assert.equal(shown(d, wallet, pull.number), 'action_required')
  d.fake.closePullRequest({ repo: wallet, number: pull.number }, 'alice')
  await d.settled()
})

test('T38 a check whose workflow the author can write is the author’s own word until somebody else attests it', async () => {
  const d = await deployment()
  const pull = await open(d, wallet, {
    opener: 'mallory',
    author: 'mallory',
    files: { '.github/workflows/mine.yml': 'jobs:\n  build:\n    steps: []\n', 'docs/guide.md': 'x\n' },
  })
  d.fake.createCheckRun(wallet, actions, {
    name: 'build',
    head_sha: pull.headSha,
    status: 'completed',
    conclusion: 'success',
  })
  await d.settled()
  assert.ok((await codesOf(d, wallet, pull.number)).includes('check-author-controlled'))
  const [one, two, three] = d.of('layer-4')
  assert.ok(one && two && three)
  await approveAll(d, wallet, pull.number, d.of('layer-4'))
  for (const condition of (await verdictOf(d, wallet, pull.number)).requirement?.conditions ?? [])
    assert.equal(await attest(d, wallet, pull.number, two, condition), 'ok')
  await d.pass(days(60))
  assert.equal(shown(d, wallet, pull.number), 'action_required')
  assert.equal(await attest(d, wallet, pull.number, one, `check:${actions}:build`), 'ok')
  assert.equal(shown(d, wallet, pull.number), 'success')
  d.fake.closePullRequest({ repo: wallet, number: pull.number }, 'mallory')
  await d.settled()
})

test('T28 a merge group is refused with a failing check and an entry, and never waved through', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  assert.equal(shown(d, sdk, pull.number), 'success')
  const group = d.fake.enqueueMergeGroup({ repo: sdk, number: pull.number }, 'admin')
  await d.settled()
  assert.equal(d.check(sdk, group)?.conclusion, 'failure')
  const [entry] = await entriesOf(d, 'verdict', `${d.repositoryId(sdk)}@main`)
  assert.deepEqual([entry?.outcome, entry?.code, entry?.head], ['error', 'not-supported', group])
  d.fake.closePullRequest({ repo: sdk, number: pull.number }, 'alice')
  await d.settled()
})

test('T33 a decoy with the same head against a lax base leaves the strict base’s check as it is', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const number = pull.number
  d.fake.createBranch(sdk, 'lax', d.fake.branch(sdk, 'main'), 'admin')
  d.fake.createBranch(sdk, `decoy-${number}`, pull.headSha, 'mallory')
  const decoy = d.fake.openPullRequest({
    repo: sdk,
    head: `decoy-${number}`,
    base: 'lax',
    author: 'mallory',
    title: 'x',
  })
  await d.settled()
  await approveAll(d, sdk, decoy.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  assert.equal(d.check(sdk, pull.headSha, 'lax')?.conclusion, 'success')
  await approveAll(d, sdk, number, d.of('layer-5').slice(4))
  assert.equal(d.check(sdk, pull.headSha, 'main')?.conclusion, 'action_required')
  assert.equal(isMergeable(d, sdk, number), false)
  for (const one of [number, decoy.number]) d.fake.closePullRequest({ repo: sdk, number: one }, 'admin')
  await d.settled()
})

test('T33 a decoy from a fork with a tier-raising title holds nothing up; a merge through it is a finding', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const fork = d.fake.forkRepository(sdk, 'mallory')
  d.fake.createBranch(fork.fullName, 'decoy', pull.headSha, 'mallory')
  const decoy = d.fake.openPullRequest({
    repo: sdk,
    head: 'decoy',
    fromFork: 'mallory',
    author: 'mallory',
    title: 'consensus feature review period',
  })
  await d.settled()
  assert.deepEqual(await tiersOf(d, sdk, decoy.number), ['1', '2', '3', '5'])
  assert.deepEqual(await tiersOf(d, sdk, pull.number), ['1'])
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  const check = d.check(sdk, pull.headSha)
  assert.equal(check?.conclusion, 'success')
  assert.match(check?.title ?? '', new RegExp(`#${pull.number}\\b`))
  // A signed veto on the decoy, or a signed tier, does count for the head.
  const [, , , four] = d.of('layer-5')
  assert.ok(four)
  assert.equal(await act(d, sdk, decoy.number, four, { decision: 'veto', reason: 'Not under any number.' }), 'ok')
  await d.pass(1_000)
  assert.equal(shown(d, sdk, pull.number), 'failure')
  assert.equal(await act(d, sdk, decoy.number, four, { decision: 'withdraw' }), 'ok')
  await d.pass(1_000)
  assert.equal(shown(d, sdk, pull.number), 'success')
  const before = await findingsOf(d, sdk)
  d.fake.mergePullRequest({ repo: sdk, number: decoy.number }, 'admin', 'squash')
  await d.settled()
  assert.deepEqual((await findingsOf(d, sdk)).slice(0, -before.length || undefined), ['merged-without-pass'])
})

test('T36 other content, a close, a draft or a retarget in between starts the clock of X anew', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const at = { repo: sdk, number: pull.number }
  const startedAt = async () => (await d.store.changes.find(d.repositoryId(sdk), pull.number))?.clock?.startedAt ?? null
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  const content = d.fake.file(sdk, pull.headSha, 'docs/guide.md')?.text ?? ''
  const interruptions: readonly [string, () => void, () => void][] = [
    [
      'content',
      () => d.fake.pushToPullRequest(at, { author: 'alice', files: { 'docs/guide.md': 'harmless\n' } }),
      () => d.fake.pushToPullRequest(at, { author: 'alice', files: { 'docs/guide.md': content } }),
    ],
    ['closed', () => d.fake.closePullRequest(at, 'alice'), () => d.fake.reopenPullRequest(at, 'alice')],
    ['draft', () => d.fake.setDraft(at, true, 'alice'), () => d.fake.setDraft(at, false, 'alice')],
    [
      'retarget',
      () => d.fake.retargetPullRequest(at, 'stable', 'alice'),
      () => d.fake.retargetPullRequest(at, 'main', 'alice'),
    ],
  ]
  for (const [why, away, back] of interruptions) {
    await d.pass(days(10))
    away()
    await d.pass(days(10))
    back()
    await d.settled()
    assert.equal(await startedAt(), d.clock.now(), why)
    assert.equal(isMergeable(d, sdk, pull.number), false)
    assert.ok(
      (await entriesOf(d, 'clock-ended', `${d.repositoryId(sdk)}/${pull.number}`)).some((end) => end.why === why),
    )
  }
  d.fake.closePullRequest(at, 'alice')
  await d.settled()
})
