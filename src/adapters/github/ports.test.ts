import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appKeyPem, startStage } from '../../../test/fakes/github-stage.ts'
import type { CommitId, Instant } from '../../core/index.ts'
import { AppError } from '../../flows/app-error.ts'
import { appManifest, appPermissions, exchangeManifestCode } from './manifest.ts'
import { clipBytes, clipUnits } from './text-limits.ts'
import { createWebhooks } from './webhook.ts'

const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run
    return 'resolved'
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
}
const content = { conclusion: 'failure', title: 't', summary: 's' } as const
type Manifest = Parameters<Awaited<ReturnType<typeof startStage>>['fake']['mintManifestCode']>[0]

test('T27 checks: every page of our runs of one name, oldest first, and nobody else’s', async (t) => {
  const { fake, github, repository, appId, counted } = await startStage(t)
  const head = fake.branch('acme/node', 'main') as CommitId
  const other = fake.createApp({ name: 'other' }).appId
  const { id } = await github.checks.create(repository, head, 'governance/main', content, 'https://x.test/1')
  assert.equal(counted().length, 1)
  for (let at = 0; at < 130; at++) {
    fake.createCheckRun('acme/node', appId, {
      name: 'governance/main',
      head_sha: head,
      conclusion: 'success',
      output: { title: `${at}`, summary: '' },
    })
  }
  fake.createCheckRun('acme/node', other, { name: 'governance/main', head_sha: head, conclusion: 'success' })
  fake.createCheckRun('acme/node', appId, { name: 'else', head_sha: head, conclusion: 'success' })
  const runs = await github.checks.list(repository, head, 'governance/main')
  assert.equal(runs.length, 131)
  assert.equal(runs[0]?.id, id)
  assert.deepEqual(
    runs.map((run) => run.id),
    [...runs.map((run) => run.id)].sort((a, b) => a - b),
  )
  assert.deepEqual(runs[0], {
    id,
    name: 'governance/main',
    status: 'completed',
    conclusion: 'failure',
    title: 't',
    startedAt: runs[0]?.startedAt,
  })
  counted()
  await github.checks.update(repository, id, 'governance/main', { ...content, conclusion: 'success' }, null)
  assert.equal(counted().length, 1)
  assert.equal(fake.checkRuns('acme/node', head)[0]?.conclusion, 'success')
})

test('checks: what is too long for the forge is cut with a mark', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const head = fake.branch('acme/node', 'main') as CommitId
  const long = { conclusion: 'failure', title: `${'x'.repeat(253)}😀y`, summary: '€'.repeat(40_000) } as const
  await github.checks.create(repository, head, 'n', long, null)
  const [run] = fake.checkRuns('acme/node', head)
  assert.equal(run?.title, `${'x'.repeat(253)}…`)
  assert.ok(Buffer.byteLength(run?.summary ?? '') <= 65_535 && (run?.summary ?? '').endsWith('€…'))
  assert.equal(await codeOf(github.checks.create(repository, head, 'n'.repeat(256), content, null)), 'forge-rejected')
  assert.equal(clipUnits('abc', 3), 'abc')
  assert.equal(clipBytes('€€', 6), '€€')
  assert.equal(clipBytes('€€€', 8), '€…')
})

test('check runs for a policy: the newest of each name and App in one request', async (t) => {
  const { fake, github, repository, counted } = await startStage(t)
  const head = fake.branch('acme/node', 'main')
  const [a, b] = [fake.createApp({ name: 'a' }).appId, fake.createApp({ name: 'b' }).appId]
  const run = (app: number, name: string, more: object) =>
    fake.createCheckRun('acme/node', app, { name, head_sha: head, ...more })
  run(a, 'test', { conclusion: 'success' })
  run(a, 'test', { conclusion: 'failure' })
  run(b, 'test', { conclusion: 'success' })
  run(b, 'slow', { status: 'in_progress' })
  const checks = await github.reader.checkRuns(repository, head as CommitId)
  assert.equal(counted().length, 1)
  const row = (name: string, appId: number, conclusion: string | null) => ({ name, appId, conclusion, workflow: null })
  const sorted = [...checks].sort((x, y) => x.name.localeCompare(y.name) || x.appId - y.appId)
  assert.deepEqual(sorted, [row('slow', b, null), row('test', a, 'failure'), row('test', b, 'success')])
})

test('files: wanted ones only, exact bytes and modes, read once', async (t) => {
  const binary = Uint8Array.from({ length: 256 }, (_, at) => at)
  const files = { 'config/a.yml': 'a: 1\n', 'config/sub/b.yml': { content: binary, mode: '100755' }, 'src/x.ts': 'x' }
  const { fake, github, repository, counted } = await startStage(t, { files })
  const tip = fake.branch('acme/node', 'main') as CommitId
  const wanted = (path: string) => path.startsWith('config/')
  const found = await github.reader.files(repository, tip, wanted)
  assert.equal(counted().length, 3)
  assert.deepEqual([...found.keys()].sort(), ['config/a.yml', 'config/sub/b.yml'])
  assert.deepEqual(found.get('config/sub/b.yml'), {
    mode: '100755',
    blob: fake.file('acme/node', 'main', 'config/sub/b.yml')?.id,
    bytes: binary,
  })
  await github.reader.files(repository, tip, wanted)
  assert.equal(counted().length, 1, 'blobs are known by their id')
})

test('T49 files: bytes that do not hash to their blob id are refused', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const tip = fake.branch('acme/node', 'main') as CommitId
  const body = { content: Buffer.from('other').toString('base64'), encoding: 'base64' }
  fake.faults.failNext({ path: '/git/blobs/', status: 200, body })
  assert.equal(await codeOf(github.reader.files(repository, tip, (path) => path === 'README.md')), 'forge-incomplete')
})

test('comments since: of pull requests only, oldest first, edits included, on every page', async (t) => {
  const { fake, github, repository, clock } = await startStage(t)
  fake.commit('acme/node', 'topic', { files: { x: 'y' }, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T' })
  const issue = fake.createIssue('acme/node', { author: 'bob', title: 'I' })
  const old = fake.comment({ repo: 'acme/node', number }, 'bob', 'old')
  const edited = fake.comment({ repo: 'acme/node', number }, 'bob', 'to be edited')
  clock.at += 60_000
  const since = clock.at as Instant
  fake.comment({ repo: 'acme/node', number: issue }, 'bob', '/governance-sign x')
  const ids = Array.from({ length: 120 }, (_, at) => fake.comment({ repo: 'acme/node', number }, 'bob', `c${at}`))
  clock.at += 1_000
  fake.editComment('acme/node', edited, 'edited', 'bob')
  const comments = await github.reader.comments(repository, since)
  assert.deepEqual(
    comments.map((one) => one.id),
    [edited, ...ids],
  )
  assert.ok(!comments.some((one) => one.id === old))
  const [first, second] = comments
  assert.deepEqual([first?.body, (first?.updatedAt ?? 0) > (first?.createdAt ?? 0)], ['edited', true])
  assert.deepEqual(
    [second?.number, second?.author.login, second?.author.isBot, second?.createdAt],
    [number, 'bob', false, since],
  )
})

test('open changes: all pages of them', async (t) => {
  const { fake, github, repository } = await startStage(t)
  for (let at = 1; at <= 105; at++) {
    fake.commit('acme/node', `t${at}`, { files: { x: `${at}` }, author: 'alice', from: 'main' })
    fake.openPullRequest({ repo: 'acme/node', head: `t${at}`, author: 'alice', title: 'T' })
  }
  fake.closePullRequest({ repo: 'acme/node', number: 3 }, 'alice')
  const open = await github.reader.openChanges(repository)
  assert.deepEqual(
    open.map((one) => one.number),
    Array.from({ length: 105 }, (_, at) => at + 1).filter((at) => at !== 3),
  )
  assert.deepEqual([open[0]?.head, open[0]?.baseRef], [fake.branch('acme/node', 't1'), 'main'])
})

test('T48 landings: every first-parent commit, never the second parents', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const from = (await github.history.branchTip(repository, 'refs/heads/main')).commit
  fake.commit('acme/node', 'topic', { files: { 'x.txt': '1' }, author: 'alice', from: 'main' })
  fake.commit('acme/node', 'topic', { files: { 'x.txt': '2' }, author: 'alice' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T' })
  const direct = fake.commit('acme/node', 'main', { files: { 'd.txt': 'd' }, author: 'bob' })
  const merge = fake.mergePullRequest({ repo: 'acme/node', number }, 'acme')
  const tip = await github.history.branchTip(repository, 'main')
  assert.equal(tip.commit, merge)
  const landings = await github.history.landings(repository, from, tip.commit)
  assert.deepEqual(
    landings?.map((one) => [one.commit, one.parents.length]),
    [
      [direct, 1],
      [merge, 2],
    ],
  )
  assert.equal(landings?.at(-1)?.tree, tip.tree)
  assert.deepEqual(await github.history.landings(repository, tip.commit, tip.commit), [])
  const side = fake.branch('acme/node', 'topic') as CommitId
  assert.equal(
    await github.history.landings(repository, side, tip.commit),
    null,
    'an ancestor, but off the first-parent line',
  )
  const files = await github.history.diff(repository, from, tip.tree)
  assert.deepEqual(
    files.map((file) => file.newPath),
    ['d.txt', 'x.txt'],
  )
})

test('T29 landings: a forced branch has none, also where the old tip is gone', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const from = fake.commit('acme/node', 'main', { files: { a: '1' }, author: 'bob' }) as CommitId
  const start = fake.makeCommit('acme/node', from, { files: { b: '2' }, author: 'bob' })
  const forced = fake.makeCommit('acme/node', start, { files: { b: '3' }, author: 'bob', parents: [] })
  assert.equal(await codeOf(github.history.landings(repository, from, 'f'.repeat(40) as CommitId)), 'forge-rejected')
  const other = fake.commit('acme/node', 'other', { files: { c: '4' }, author: 'bob', from: 'main' })
  fake.commit('acme/node', 'main', { files: { a: '5' }, author: 'bob' })
  const main = fake.branch('acme/node', 'main') as CommitId
  assert.equal(await github.history.landings(repository, main, other as CommitId), null)
  assert.equal(await github.history.landings(repository, main, from), null)
  assert.equal(await github.history.landings(repository, 'e'.repeat(40) as CommitId, main), null)
  assert.equal(await github.history.landings(repository, main, forced as CommitId), null)
})

test('T27 landings: 230 commits between two tips are all read', async (t) => {
  const { fake, github, repository } = await startStage(t)
  const from = fake.branch('acme/node', 'main') as CommitId
  const made = Array.from({ length: 230 }, (_, at) =>
    fake.commit('acme/node', 'main', { files: { a: `${at}` }, author: 'bob' }),
  )
  const landings = await github.history.landings(repository, from, made.at(-1) as CommitId)
  assert.deepEqual(
    landings?.map((one) => one.commit),
    made,
  )
})

test('comments: our own newest one with the marker, whatever others copy', async (t) => {
  const { fake, github, repository, connect } = await startStage(t)
  fake.commit('acme/node', 'topic', { files: { x: 'y' }, author: 'alice', from: 'main' })
  const { number } = fake.openPullRequest({ repo: 'acme/node', head: 'topic', author: 'alice', title: 'T' })
  const marker = '<!-- governance:status -->'
  assert.equal(await github.comments.find(repository, number, marker), null)
  const first = await github.comments.create(repository, number, `one ${marker}`)
  const second = await github.comments.create(repository, number, `two ${marker}`)
  await github.comments.create(repository, number, 'without')
  for (let at = 0; at < 110; at++) fake.comment({ repo: 'acme/node', number }, 'bob', `copied ${marker}`)
  const app = {
    appId: 77,
    privateKeyPem: appKeyPem,
    webhookSecret: 'x',
    webhookUrl: 'http://127.0.0.1:9/none',
    account: 'acme',
  }
  const stranger = { ...repository, installation: fake.installApp(app).installationId }
  await connect({ appId: 77 }).comments.create(stranger, number, `another App ${marker}`)
  assert.equal(await github.comments.find(repository, number, marker), second.id)
  await github.comments.update(repository, second.id, 'edited')
  assert.equal(await github.comments.find(repository, number, marker), first.id)
  const shown = fake.comments({ repo: 'acme/node', number }).find((one) => one.id === second.id)
  assert.equal(shown?.body, 'edited')
  fake.deleteComment('acme/node', second.id, 'acme')
  assert.equal(await codeOf(github.comments.update(repository, second.id, 'x')), 'forge-not-found')
})

test('T03 deliveries: all since, oldest first, with a body that decodes', async (t) => {
  const { fake, github, clock, appId } = await startStage(t)
  fake.setWebhook(appId, { url: 'http://127.0.0.1:9/none', secret: 'x'.repeat(40) })
  fake.commit('acme/node', 'early', { files: { x: '1' }, author: 'alice', from: 'main' })
  clock.at += 60_000
  const since = clock.at as Instant
  for (let at = 0; at < 60; at++)
    fake.commit('acme/node', `b${at}`, { files: { x: '1' }, author: 'alice', from: 'main' })
  await fake.settled()
  const expected = fake.deliveries(appId).filter((one) => one.at >= since)
  assert.ok(expected.length > 100)
  const listed = await github.deliveries.list(since)
  assert.deepEqual(listed.map((one) => one.guid).sort(), expected.map((one) => one.guid).sort())
  assert.ok(listed.every((one, at) => at === 0 || one.deliveredAt >= (listed[at - 1]?.deliveredAt ?? 0)))
  const push = listed.find((one) => one.event === 'push')
  assert.ok(push)
  const fetched = await github.deliveries.fetch(push.id)
  assert.deepEqual([fetched.guid, fetched.event], [push.guid, 'push'])
  const decoded = createWebhooks({ secrets: [Buffer.from('a81cf2b0e99dd7c3465f1a20b8ce94d7')] }).decode(
    fetched,
    fetched.body,
  )
  assert.equal(decoded.ok && decoded.event.detail.kind, 'push')
})

test('admin: the App, a repository by name through a rename, accounts', async (t) => {
  const { fake, github, repository, appId, clock } = await startStage(t, { private: true })
  const app = await github.admin.app()
  assert.deepEqual([app.id, app.forgeDate, app.permissions.checks], [appId, clock.at, 'write'])
  const expected = { ...repository, private: true, defaultBranch: 'main' }
  assert.deepEqual(await github.admin.resolve('acme/node'), expected)
  fake.renameRepository('acme/node', 'core')
  assert.deepEqual(await github.admin.resolve('acme/node'), { ...expected, name: 'acme/core' })
  assert.equal(await codeOf(github.admin.resolve('acme/none')), 'forge-not-found')
  fake.createRepository('bob', 'own', {})
  assert.equal(await codeOf(github.admin.resolve('bob/own')), 'forge-not-found', 'not installed there')
  const bob = await github.admin.account('bob')
  assert.deepEqual([bob?.login, bob?.isBot], ['bob', false])
  assert.equal(await github.admin.account('nobody'), null)
})

test('T29 rulesets: created with the administrator’s token, found again, and not when weakened', async (t) => {
  const { fake, github, repository, appId } = await startStage(t)
  const wanted = { name: 'governance main', ref: 'main', checkName: 'governance/main', appId }
  assert.equal(await github.admin.findRuleset(repository, wanted), null)
  assert.equal(await codeOf(github.admin.createRuleset(repository, wanted, fake.createToken('bob'))), 'forge-forbidden')
  const token = fake.createToken('acme')
  const id = await github.admin.createRuleset(repository, wanted, token)
  assert.equal(await github.admin.findRuleset(repository, wanted), id)
  assert.equal(await github.admin.findRuleset(repository, wanted, token), id)
  for (const other of [{ ref: 'dev' }, { checkName: 'x' }, { appId: 9 }]) {
    assert.equal(await github.admin.findRuleset(repository, { ...wanted, ...other }), null)
  }
  assert.throws(() =>
    fake.push('acme/node', 'main', fake.makeCommit('acme/node', 'main', { files: { x: 'y' }, author: 'acme' }), {
      by: 'acme',
    }),
  )
  const put = async (change: object) => {
    const response = await fetch(`${fake.url}/repositories/${repository.id}/rulesets/${id}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'user-agent': 'test' },
      body: JSON.stringify(change),
    })
    assert.equal(response.status, 200)
  }
  await put({ bypass_actors: [{ actor_id: 1, actor_type: 'OrganizationAdmin', bypass_mode: 'always' }] })
  assert.equal(await github.admin.findRuleset(repository, wanted, token), null)
  await put({ bypass_actors: [], enforcement: 'evaluate' })
  assert.equal(await github.admin.findRuleset(repository, wanted, token), null)
  await put({
    enforcement: 'active',
    rules: [{ type: 'deletion' }, { type: 'non_fast_forward' }, { type: 'pull_request' }],
  })
  assert.equal(await github.admin.findRuleset(repository, wanted, token), null)
})

test('the manifest asks for no more than the gate needs, and its code is exchanged once', async (t) => {
  const { fake } = await startStage(t)
  const manifest = appManifest({
    name: 'gate',
    publicUrl: 'https://gov.example.org/',
    redirectUrl: 'http://127.0.0.1:1/x',
  })
  assert.deepEqual((manifest as { hook_attributes: unknown }).hook_attributes, {
    url: 'https://gov.example.org/webhooks/github',
    active: true,
  })
  assert.deepEqual(appPermissions, {
    checks: 'write',
    pull_requests: 'write',
    contents: 'read',
    metadata: 'read',
    statuses: 'read',
    merge_queues: 'read',
  })
  assert.deepEqual((manifest as { default_permissions: unknown }).default_permissions, {
    ...appPermissions,
    issues: 'read',
  })
  const code = fake.mintManifestCode(manifest as Manifest)
  const ports = {
    clock: { now: () => Date.now() as Instant },
    timers: { after: () => () => {} },
    random: { bytes: (count: number) => new Uint8Array(count) },
  }
  const made = await exchangeManifestCode(fake.url, code, ports)
  assert.ok(made.appId > 0 && made.pem.includes('PRIVATE KEY') && made.webhookSecret.length >= 32)
  assert.notEqual(made.pem, appKeyPem)
  assert.equal(await codeOf(exchangeManifestCode(fake.url, code, ports)), 'forge-not-found')
  assert.equal(await codeOf(exchangeManifestCode(fake.url, '../app', ports)), 'forge-not-found')
})
