import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Deployment, startDeployment } from './deployment.ts'

/** Requests of one kind since a mark, without the making of tokens and what reconciliation asks for. */
async function requestsOf(d: Deployment, run: () => void | Promise<void>) {
  const mark = d.fake.requests.mark()
  await run()
  await d.settled()
  const made = d.fake.requests.since(mark, {})
  const isCheck = (path: string): boolean => path.includes('/check-runs')
  const isComment = (path: string): boolean => /\/comments(?:\/|$|\?)/.test(path)
  return {
    reads: made
      .filter(({ kind, path }) => kind === 'read' && !isCheck(path) && !isComment(path))
      .map(({ path }) => path),
    checkReads: made.filter(({ kind, path }) => kind === 'read' && isCheck(path)).length,
    checkWrites: made.filter(({ kind, path }) => kind === 'write' && isCheck(path)).length,
  }
}

test('a new head of an ordinary change costs at most 6 reads and 1 check write, a command on it at most 2 reads', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  d.fake.commit('acme/sdk', 'fix', { author: 'alice', message: 'typo', files: { 'docs/guide.md': 'hello!\n' } })
  await d.settled()
  let number = 0
  const opened = await requestsOf(d, () => {
    number = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'Typo' }).number
  })
  assert.ok(opened.reads.length <= 6, opened.reads.join('\n'))
  assert.equal(opened.checkWrites, 1)

  const pushed = await requestsOf(d, () => {
    d.fake.pushToPullRequest(
      { repo: 'acme/sdk', number },
      { author: 'alice', message: 'again', files: { 'docs/guide.md': 'hello?\n' } },
    )
  })
  assert.ok(pushed.reads.length <= 6, pushed.reads.join('\n'))
  // One for the new head, one that lowers the superseded one.
  assert.equal(pushed.checkWrites, 2)

  const [person] = d.of('layer-5')
  assert.ok(person)
  const { comment } = await d.signature('acme/sdk', number, person)
  const signed = await requestsOf(d, () => void d.fake.comment({ repo: 'acme/sdk', number }, person.login, comment))
  assert.ok(signed.reads.length <= 2, signed.reads.join('\n'))
  assert.equal(signed.checkWrites, 1)
})

test('a change whose policy asks for check runs costs one read more', async (t) => {
  const d = await startDeployment(t, { repositories: ['wallet'] })
  d.fake.commit('acme/wallet', 'fix', { author: 'alice', message: 'typo', files: { 'docs/guide.md': 'hello!\n' } })
  await d.settled()
  const opened = await requestsOf(d, () => {
    d.fake.openPullRequest({ repo: 'acme/wallet', head: 'fix', author: 'alice', title: 'Typo' })
  })
  assert.ok(opened.reads.length <= 6, opened.reads.join('\n'))
  // The check runs that the policy asks for, and our own before the first is created.
  assert.ok(opened.checkReads <= 2)
})

test('runs of checks that the policy does not ask for cost no request', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk', 'wallet'] })
  const other = d.fake.createApp({ appId: 15_368, name: 'actions' })
  const stranger = d.fake.createApp({ name: 'stranger' })
  for (const { appId } of [other, stranger]) d.fake.installExisting(appId, 'acme')
  const heads = ['sdk', 'wallet'].map((name) => {
    d.fake.commit(`acme/${name}`, 'fix', { author: 'alice', message: 'typo', files: { 'docs/guide.md': 'hello!\n' } })
    return d.fake.openPullRequest({ repo: `acme/${name}`, head: 'fix', author: 'alice', title: 'Typo' }).headSha
  })
  await d.settled()
  // Our own checks come back as events; what they set in motion ends first.
  await d.settled()
  const [sdk = '', wallet = ''] = heads
  const run = (repo: string, head: string, app: typeof other, name: string) => () =>
    void d.fake.createCheckRun(repo, app.appId, { name, head_sha: head, status: 'completed', conclusion: 'success' })
  assert.deepEqual((await requestsOf(d, run('acme/sdk', sdk, other, 'build'))).reads, [])
  assert.deepEqual((await requestsOf(d, run('acme/wallet', wallet, stranger, 'build'))).reads, [])
  assert.ok((await requestsOf(d, run('acme/wallet', wallet, other, 'build'))).reads.length > 0)
})
