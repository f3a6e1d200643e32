import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { AppError } from '../../src/flows/app-error.ts'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import type { StorePorts } from '../../src/flows/ports.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { appId, startDeployment } from './deployment.ts'
import { codesOf, countedOf, outcomeOf, replyTo, say, signStatement, verdictOf } from './signing.ts'
import { approveAll, days, open, sharedDeployment, shown } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })
const sdk = 'acme/sdk'

test('T03 the same delivery after a restart, and the same body under another GUID or event name, has no second effect', async () => {
  const d = await deployment()
  const { number, headSha } = await open(d, sdk)
  const [one] = d.of('layer-5')
  assert.ok(one)
  const { comment } = await signStatement(d, sdk, number, one, { decision: 'approve' })
  const said = await say(d, sdk, number, one.login, comment)
  const sent = d.fake
    .deliveries(appId)
    .find(({ event, payload }) => event === 'issue_comment' && payload.includes(comment))
  assert.ok(sent)
  const post = async (event: string, guid: string): Promise<string> => {
    const headers = { ...sent.requestHeaders, 'X-GitHub-Event': event, 'X-GitHub-Delivery': guid }
    const answer = await fetch(`${d.url}/webhooks/github`, { method: 'POST', headers, body: sent.payload })
    await d.settled()
    return `${answer.status} ${((await answer.json()) as { code: string }).code}`
  }
  const effects = async () => ({
    counted: await countedOf(d, sdk, number),
    reply: replyTo(d, sdk, number, said),
    // But for the head of the security log, which tells of the restart itself.
    log: (await decodeEntries(d.store.log)).filter(({ type }) => type !== 'security-checkpoint'),
    checks: d.fake.checkRuns(sdk, headSha).length,
  })
  const before = await effects()
  assert.deepEqual(before.counted, [one.id])

  await d.restart()
  assert.equal(await post('issue_comment', sent.guid), '200 duplicate-delivery')
  assert.equal(await post('issues', sent.guid.toUpperCase()), '200 duplicate-delivery')
  assert.equal(await post('issue_comment', randomUUID()), '202 queued')
  assert.equal(await post('commit_comment', randomUUID()), '202 ignored')
  assert.equal(await post('pull_request', randomUUID()), '400 payload-invalid:pull_request')
  assert.deepEqual(await effects(), before)
  d.fake.closePullRequest({ repo: sdk, number }, 'alice')
  await d.settled()
})

test('T06 deliveries for a repository or installation that is not governed are recorded and nothing else', async () => {
  const d = await deployment()
  d.fake.createUser('evil')
  d.fake.installExisting(appId, 'evil')
  const names = ['acme/rogue', 'acme/protocol', 'evil/sdk']
  for (const name of names) {
    const [owner = '', repo = ''] = name.split('/')
    d.fake.createRepository(owner, repo, { files: { 'README.md': 'hello\n' } })
    d.fake.commit(name, 'change', { author: 'alice', by: owner, files: { 'README.md': 'more\n' } })
    const head = d.fake.branch(name, 'change')
    const { number } = d.fake.openPullRequest({ repo: name, head: 'change', author: 'alice', title: 'A change' })
    const before = (await d.store.deliveries.counts()).done
    d.fake.comment({ repo: name, number }, 'alice', '/governance-help')
    const queued = d.fake.enqueueMergeGroup({ repo: name, number }, owner)
    await d.settled()
    assert.ok((await d.store.deliveries.counts()).done >= before + 2, 'both are recorded')
    assert.deepEqual(d.fake.checkRuns(name, head), [])
    assert.deepEqual(d.fake.checkRuns(name, queued), [])
    assert.deepEqual(
      d.fake.comments({ repo: name, number }).filter(({ isApp }) => isApp),
      [],
    )
  }
  assert.equal((await d.store.registry.repositories()).length, 3)
})

test('T07 a name that contains a governed one is not governed and cannot be enrolled', async () => {
  const d = await deployment()
  for (const [owner, repo] of [
    ['acme', 'sdk-fork'],
    ['acme', 'my-sdk'],
    ['acme', 'sdk.git2'],
    ['mallory', 'sdk'],
  ] as const) {
    const name = `${owner}/${repo}`
    if (owner === 'mallory') d.fake.installExisting(appId, owner)
    d.fake.createRepository(owner, repo, { files: { 'README.md': 'hello\n' } })
    d.fake.commit(name, 'change', { author: 'mallory', by: owner, files: { 'README.md': 'more\n' } })
    d.fake.openPullRequest({ repo: name, head: 'change', author: 'mallory', title: 'A change' })
    await d.settled()
    assert.deepEqual(d.fake.checkRuns(name, d.fake.branch(name, 'change')), [])
    await assert.rejects(d.enrol(name), (error: unknown) => error instanceof AppError && error.code === 'not-found')
  }
})

test('T08 a command in an edited or deleted comment, a quote, a plain issue or by a bot is ignored', async () => {
  const d = await deployment()
  const pull = await open(d, sdk)
  const at = { repo: sdk, number: pull.number }
  const [one, two] = d.of('layer-5')
  assert.ok(one && two)
  const { comment } = await signStatement(d, sdk, pull.number, one, { decision: 'approve' })

  const edited = await say(d, sdk, pull.number, one.login, 'Looks good.')
  await d.pass(2_000)
  d.fake.editComment(sdk, edited, comment, one.login)
  await d.settled()
  assert.equal(replyTo(d, sdk, pull.number, edited), null)

  d.fake.deliveryFaults.dropNext(1, { event: 'issue_comment', action: 'created', logged: false })
  const deleted = await say(d, sdk, pull.number, one.login, comment)
  d.fake.deleteComment(sdk, deleted, one.login)
  await d.settled()
  assert.equal(replyTo(d, sdk, pull.number, deleted), null)

  for (const text of [
    `> ${comment}`,
    `\`\`\`\n${comment}\n\`\`\``,
    `    ${comment}`,
    `Please run:\n${comment}`,
    ` ${comment}`,
  ])
    assert.equal(await outcomeOf(d, sdk, pull.number, one.login, text), null, text.slice(0, 20))
  assert.equal(await outcomeOf(d, sdk, pull.number, one.login, `${comment}\n/governance-status`), 'second-command')

  const issue = d.fake.createIssue(sdk, { author: 'alice', title: 'An issue' })
  d.fake.comment({ repo: sdk, number: issue }, one.login, comment)
  await d.settled()
  assert.deepEqual(
    d.fake.comments({ repo: sdk, number: issue }).filter(({ isApp }) => isApp),
    [],
  )

  const bot = d.fake.createApp({ appId: 777, name: 'helper' })
  assert.equal(await outcomeOf(d, sdk, pull.number, `${bot.slug}[bot]`, comment), null)
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])

  // None of it comes back when comments are listed instead of delivered.
  await d.pass(400_000)
  assert.equal(replyTo(d, sdk, pull.number, edited), null)
  assert.deepEqual(await countedOf(d, sdk, pull.number), [])

  // What was never delivered and stands unedited is admitted from the list, once.
  d.fake.deliveryFaults.dropNext(1, { event: 'issue_comment', action: 'created', logged: false })
  const missed = await say(d, sdk, pull.number, one.login, comment)
  d.fake.deliveryFaults.dropNext(1, { event: 'issue_comment', action: 'created', logged: false })
  const changed = await say(d, sdk, pull.number, two.login, 'I will look.')
  await d.pass(2_000)
  d.fake.deliveryFaults.dropNext(1, { event: 'issue_comment', action: 'edited', logged: false })
  const later = await signStatement(d, sdk, pull.number, two, { decision: 'approve' })
  d.fake.editComment(sdk, changed, later.comment, two.login)
  for (let round = 0; round < 3; round++) await d.pass(400_000)
  assert.match(replyTo(d, sdk, pull.number, missed) ?? '', /recorded/)
  assert.equal(replyTo(d, sdk, pull.number, changed), null)
  assert.deepEqual(await countedOf(d, sdk, pull.number), [one.id])
  d.fake.closePullRequest(at, 'alice')
  await d.settled()
})

for (const order of ['reversed', 'shuffled'] as const)
  test(`T09 events that arrive ${order} and twice leave the state of the newest head`, async () => {
    const d = await deployment()
    d.fake.deliveryFaults.hold()
    d.fake.deliveryFaults.duplicateNext(20)
    const branch = `race-${order}`
    d.fake.commit(sdk, branch, { author: 'alice', files: { 'docs/guide.md': `${order} A\n` } })
    const pull = d.fake.openPullRequest({ repo: sdk, head: branch, author: 'alice', title: 'A change' })
    const at = { repo: sdk, number: pull.number }
    const heads = [pull.headSha]
    for (const text of ['B', 'C'])
      heads.push(d.fake.pushToPullRequest(at, { author: 'alice', files: { 'docs/guide.md': `${order} ${text}\n` } }))
    d.fake.editPullRequest(at, { title: 'Another title' }, 'alice')
    await d.fake.deliveryFaults.release(order)
    await d.settled()
    const newest = heads.at(-1)
    assert.equal((await verdictOf(d, sdk, pull.number)).inputs.epoch, 1)
    assert.equal((await d.store.changes.find(d.repositoryId(sdk), pull.number))?.head, newest)
    assert.equal(d.fake.checkRuns(sdk, newest ?? '').length, 1, 'one run, however often it was told')

    await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
    await d.pass(days(14))
    assert.equal(shown(d, sdk, pull.number), 'success')
    d.fake.deliveryFaults.hold()
    d.fake.pushToPullRequest(at, { author: 'alice', files: { 'docs/guide.md': `${order} D\n` } })
    d.fake.closePullRequest(at, 'alice')
    d.fake.reopenPullRequest(at, 'alice')
    await d.fake.deliveryFaults.release(order)
    await d.settled()
    assert.equal(shown(d, sdk, pull.number), 'action_required')
    assert.equal(d.check(sdk, newest ?? '')?.conclusion, 'failure', 'the superseded head is lowered')
    assert.ok((await codesOf(d, sdk, pull.number)).includes('review-period-running'))
    d.fake.closePullRequest(at, 'alice')
    await d.settled()
  })

/** A store whose writes take a while, so that what happens at one moment really overlaps. */
function slowStore(): StorePorts {
  const memory = openMemoryStore()
  const commit: StorePorts['store']['commit'] = async (writes) => {
    await new Promise((done) => setTimeout(done, 3))
    return memory.store.commit(writes)
  }
  return { ...memory, store: { ...memory.store, commit } }
}

test('T32 approvals at the same moment, many comments at once and three pull requests beside each other lose nothing', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], store: slowStore() })
  const pulls = [await open(d, sdk), await open(d, sdk), await open(d, sdk)]
  const persons = d.of('layer-5')
  const lines: { number: number; login: string; comment: string }[] = []
  for (const { number } of pulls)
    for (const person of persons) {
      const { comment } = await signStatement(d, sdk, number, person, { decision: 'approve' })
      lines.push({ number, login: person.login, comment })
    }
  const ids = lines.map(({ number, login, comment }) => d.fake.comment({ repo: sdk, number }, login, comment))
  for (const { number } of pulls)
    for (let n = 0; n < 3; n++) d.fake.comment({ repo: sdk, number }, 'alice', `A remark ${n}.`)
  await d.settled()
  for (const [i, { number }] of lines.entries()) assert.match(replyTo(d, sdk, number, ids[i] ?? 0) ?? '', /recorded/)
  for (const { number } of pulls) {
    assert.deepEqual(
      await countedOf(d, sdk, number),
      persons.map(({ id }) => id),
    )
    const entries = await d.store.log.find({
      type: 'verdict',
      subject: `${d.repositoryId(sdk)}/${number}`,
      limit: 100,
    })
    const counted = entries.map(({ index }) => index)
    assert.deepEqual(
      counted,
      [...counted].sort((a, b) => b - a),
    )
    assert.ok(counted.length >= persons.length, 'every approval had its verdict')
  }
  await d.pass(days(14))
  for (const { number } of pulls) assert.equal(shown(d, sdk, number), 'success')
})
