import assert from 'node:assert/strict'
import { test } from 'node:test'
import { act } from './signing.ts'
import { approveAll, days, entriesOf, findingsOf, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })
const sdk = 'acme/sdk'
type Deployment = Awaited<ReturnType<typeof deployment>>

/** Findings about the repository that `run` and everything after it causes. */
async function newFindings(d: Deployment, name: string, run: () => unknown): Promise<readonly string[]> {
  const before = (await findingsOf(d, name)).length
  await run()
  await d.settled()
  const now = await findingsOf(d, name)
  return [...now.slice(0, now.length - before)].sort()
}

test('T29 a direct push, a force push and a merge around the rules are findings', async () => {
  const d = await deployment()
  const evil = (text: string) => ({ author: 'admin', by: 'admin', files: { 'src/evil.ts': text } })
  assert.throws(() => d.fake.commit(sdk, 'main', evil('refused\n')), 'the ruleset that enrolment made holds')
  assert.deepEqual(await newFindings(d, sdk, () => d.fake.commit(sdk, 'main', { ...evil('1\n'), bypass: true })), [
    'unmatched-landing',
  ])
  assert.deepEqual(
    await newFindings(d, sdk, () => {
      const start = d.fake.branch(sdk, 'main')
      const { length } = start
      assert.equal(length, 40)
      const other = d.fake.makeCommit(sdk, d.fake.branch(sdk, 'main'), {
        author: 'admin',
        files: { 'a.ts': '1' },
        parents: [],
      })
      d.fake.push(sdk, 'main', other, { by: 'admin', force: true, bypass: true })
    }),
    ['forced-push'],
  )
  const red = await open(d, sdk)
  assert.equal(isMergeable(d, sdk, red.number), false)
  assert.deepEqual(
    await newFindings(d, sdk, () =>
      d.fake.mergePullRequest({ repo: sdk, number: red.number }, 'admin', 'merge', { bypass: true }),
    ),
    ['merged-without-pass', 'unmatched-landing'],
  )
})

test('T29 a merge around the check after a veto or a withdrawal is a finding, though the change was green once', async () => {
  const d = await deployment()
  for (const decision of ['veto', 'withdraw'] as const) {
    const pull = await open(d, sdk)
    const persons = d.of('layer-5')
    await approveAll(d, sdk, pull.number, persons.slice(0, 3))
    await d.pass(days(14))
    assert.equal(shown(d, sdk, pull.number), 'success')
    const signer = persons[decision === 'veto' ? 4 : 0]
    assert.ok(signer)
    const wish = decision === 'veto' ? { decision, reason: 'It breaks the guide.' } : { decision }
    assert.equal(await act(d, sdk, pull.number, signer, wish), 'ok')
    assert.equal(isMergeable(d, sdk, pull.number), false)
    assert.deepEqual(
      await newFindings(d, sdk, () =>
        d.fake.mergePullRequest({ repo: sdk, number: pull.number }, 'admin', 'squash', { bypass: true }),
      ),
      ['merged-without-pass', 'unmatched-landing'],
      decision,
    )
  }
})

test('T29 a deleted ruleset lets a push through, and the push is found', async () => {
  const d = await deployment()
  const id = d.repositoryId('acme/node')
  const rulesetId = (await d.store.registry.repository(id))?.branches[0]?.rulesetId
  assert.ok(rulesetId)
  d.fake.deleteRuleset('acme/node', rulesetId)
  assert.deepEqual(
    await newFindings(d, 'acme/node', () =>
      d.fake.commit('acme/node', 'main', { author: 'admin', by: 'admin', files: { 'src/evil.ts': '1\n' } }),
    ),
    ['unmatched-landing'],
  )
  // Also when no webhook tells of it.
  d.fake.deliveryFaults.dropNext(1, { event: 'push', logged: false })
  assert.deepEqual(
    await newFindings(d, 'acme/node', async () => {
      d.fake.commit('acme/node', 'main', { author: 'admin', by: 'admin', files: { 'src/evil.ts': '2\n' } })
      await d.pass(301_000)
    }),
    ['unmatched-landing'],
  )
})

test('T48 a merge commit that holds more than was approved is a finding, whatever its parents', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  assert.equal(isMergeable(d, sdk, pull.number), true)
  const main = d.fake.branch(sdk, 'main')
  const guide = d.fake.file(sdk, pull.headSha, 'docs/guide.md')?.text ?? ''
  const sneaky = d.fake.makeCommit(sdk, main, {
    author: 'admin',
    message: `Merge pull request #${pull.number}`,
    files: { 'docs/guide.md': guide, 'src/backdoor.ts': 'open()\n' },
    parents: [main, pull.headSha],
  })
  assert.deepEqual(await newFindings(d, sdk, () => d.fake.push(sdk, 'main', sneaky, { by: 'admin', bypass: true })), [
    'unmatched-landing',
  ])
})

test('T48 plain commits pushed directly are judged one by one, also between honest merges', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  d.fake.deliveryFaults.hold()
  d.fake.commit(sdk, 'main', { author: 'admin', by: 'admin', files: { 'src/one.ts': '1\n' }, bypass: true })
  d.fake.mergePullRequest({ repo: sdk, number: pull.number }, 'admin', 'squash')
  d.fake.commit(sdk, 'main', { author: 'admin', by: 'admin', files: { 'src/two.ts': '2\n' }, bypass: true })
  assert.deepEqual(await newFindings(d, sdk, () => d.fake.deliveryFaults.release()), [
    'unmatched-landing',
    'unmatched-landing',
  ])
  const [landed] = await entriesOf(d, 'landing-matched', `${d.repositoryId(sdk)}@main`)
  assert.equal(landed?.number, pull.number)
})

const long = (top: string, bottom: string) =>
  [top, ...Array.from({ length: 30 }, (_, n) => `line ${n}`), bottom, ''].join('\n')

for (const mode of ['merge', 'squash', 'rebase'] as const)
  test(`T48 a ${mode} over a base that moved under the same path is matched, though the push is told before the merge`, async () => {
    const d = await deployment()
    const path = `docs/${mode}.md`
    const signers = d.of('layer-5').slice(0, 3)
    const start = await open(d, sdk, { files: { [path]: long('top', 'bottom') } })
    await approveAll(d, sdk, start.number, signers)
    await d.pass(days(14))
    d.fake.mergePullRequest({ repo: sdk, number: start.number }, 'admin', 'squash')
    await d.settled()
    const pulls = [
      await open(d, sdk, { files: { [path]: long('TOP', 'bottom') } }),
      await open(d, sdk, { files: { [path]: long('top', 'BOTTOM') } }),
    ]
    for (const { number } of pulls) await approveAll(d, sdk, number, signers)
    await d.pass(days(14))
    d.fake.deliveryFaults.hold()
    for (const { number } of pulls) d.fake.mergePullRequest({ repo: sdk, number }, 'admin', mode)
    assert.deepEqual(await newFindings(d, sdk, () => d.fake.deliveryFaults.release()), [])
    const landed = await entriesOf(d, 'landing-matched', `${d.repositoryId(sdk)}@main`)
    assert.deepEqual(
      landed.slice(0, 2).map(({ number, how }) => [number, how]),
      [
        [pulls[1]?.number, 'merged-with-moved-base'],
        [pulls[0]?.number, 'merge-tree'],
      ],
    )
  })

test('T48 twenty honest merges in every mode, pressed beside each other, give no finding', async () => {
  const d = await deployment()
  const long = (top: string, bottom: string) =>
    [top, ...Array.from({ length: 30 }, (_, n) => `line ${n}`), bottom, ''].join('\n')
  const start = await open(d, sdk, { files: { 'docs/long.md': long('top', 'bottom') } })
  const signers = d.of('layer-5').slice(0, 3)
  await approveAll(d, sdk, start.number, signers)
  await d.pass(days(14))
  d.fake.mergePullRequest({ repo: sdk, number: start.number }, 'admin', 'squash')
  await d.settled()

  const numbers: number[] = []
  for (let n = 0; n < 20; n++) {
    const files =
      n === 6
        ? { 'docs/long.md': long('TOP', 'bottom') }
        : n === 7
          ? { 'docs/long.md': long('top', 'BOTTOM') }
          : { [`docs/page-${n}.md`]: `${n}\n` }
    const pull = await open(d, sdk, { files })
    for (let more = 0; more < n % 3; more++)
      d.fake.pushToPullRequest(
        { repo: sdk, number: pull.number },
        { author: 'alice', message: `more ${more}`, files: { [`docs/page-${n}-${more}.md`]: 'more\n' } },
      )
    await d.settled()
    await approveAll(d, sdk, pull.number, signers)
    numbers.push(pull.number)
  }
  await d.pass(days(14))
  const modes = ['merge', 'squash', 'rebase'] as const
  const findings = await newFindings(d, sdk, async () => {
    for (const [n, number] of numbers.entries()) {
      if (n % 5 === 4) await d.settled()
      // While the server works on the last merges, the button of the next one may be red for a moment.
      for (let tries = 0; !isMergeable(d, sdk, number); tries++) {
        assert.ok(tries < 10, `#${number}: ${d.fake.mergeProblems({ repo: sdk, number }, 'admin').join()}`)
        await d.settled()
      }
      d.fake.mergePullRequest({ repo: sdk, number }, 'admin', modes[n % modes.length] ?? 'merge')
      if (n % 2 === 0) await new Promise((done) => setTimeout(done, n * 3))
    }
  })
  assert.deepEqual(findings, [])
  const landed = (await entriesOf(d, 'landing-matched', `${d.repositoryId(sdk)}@main`)).map(({ number }) => number)
  assert.deepEqual(
    numbers.filter((number) => !landed.includes(number)),
    [],
  )
})
