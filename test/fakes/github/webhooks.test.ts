import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { startScene, type Scene } from './scene.ts'
import type { Json } from './world.ts'

let scene: Scene
before(async () => {
  scene = await startScene()
})
beforeEach(() => {
  scene.hooks.length = 0
})
after(() => scene.close())

const names = () => scene.hooks.map((hook) => (hook.action === null ? hook.event : `${hook.event}.${hook.action}`))

/** Keys of the official examples: by event and action, and by event. */
const official = (() => {
  const path = createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json')
  const all = JSON.parse(readFileSync(path, 'utf8')) as { name: string; examples: Json[] }[]
  return new Map(all.map(({ name, examples }) => [name, examples]))
})()

test('everything that happens is told, signed, and in the official shape', async () => {
  const { github, hooks, installationId } = scene
  const seen: typeof hooks = []
  const repo = 'acme/node'
  github.commit(repo, 'topic', { author: 'bob', files: { 'src/main.txt': 'ONE\ntwo\nthree\nfour\nfive\n' } })
  const { number, headSha } = github.openPullRequest({ repo, head: 'topic', author: 'bob', title: 'One', body: 'b' })
  const pull = { repo, number }
  github.pushToPullRequest(pull, { author: 'bob', files: { 'src/two.txt': '2' } })
  github.editPullRequest(pull, { title: 'Two' }, 'bob')
  github.createBranch(repo, 'release', 'main', 'alice')
  github.retargetPullRequest(pull, 'release', 'bob')
  github.setDraft(pull, true, 'bob')
  github.setDraft(pull, false, 'bob')
  github.setLabel(pull, 'bug', true, 'bob')
  github.review(pull, 'alice', 'APPROVED')
  const comment = github.comment(pull, 'carol', 'hello')
  github.editComment(repo, comment, 'hello!', 'carol')
  github.deleteComment(repo, comment, 'carol')
  const auth = await scene.token()
  const run = await scene.call('POST', `/repos/${repo}/check-runs`, {
    auth,
    body: { name: 'governance/main', head_sha: headSha, status: 'in_progress' },
  })
  await scene.call('PATCH', `/repos/${repo}/check-runs/${(run.json as { id: number }).id}`, {
    auth,
    body: { conclusion: 'failure', output: { title: 't', summary: 's' } },
  })
  await scene.call('POST', `/repos/${repo}/issues/${number}/comments`, { auth, body: { body: 'status' } })
  github.createStatus(repo, headSha, 'bob', { context: 'ci', state: 'success' })
  github.enqueueMergeGroup(pull, 'alice')
  github.closePullRequest(pull, 'bob')
  github.reopenPullRequest(pull, 'bob')
  github.mergePullRequest(pull, 'alice')
  github.createRepository('acme', 'more', { files: { a: '1' } })
  github.changeInstallation(installationId, { add: ['acme/more'] })
  github.changeInstallation(installationId, { remove: ['acme/more'] })
  github.renameRepository(repo, 'node2')
  github.renameRepository('acme/node2', 'node')
  github.setPrivate(repo, true)
  github.setPrivate(repo, false)
  github.suspendInstallation(installationId)
  github.unsuspendInstallation(installationId)
  await github.settled()
  seen.push(...hooks)
  const expected = [
    'push',
    'check_suite.requested',
    'pull_request.opened',
    'pull_request.synchronize',
    'pull_request.edited',
    'pull_request.converted_to_draft',
    'pull_request.ready_for_review',
    'pull_request.labeled',
    'pull_request_review.submitted',
    'issue_comment.created',
    'issue_comment.edited',
    'issue_comment.deleted',
    'check_run.created',
    'check_run.completed',
    'check_suite.completed',
    'status',
    'merge_group.checks_requested',
    'pull_request.closed',
    'pull_request.reopened',
    'installation_repositories.added',
    'installation_repositories.removed',
    'repository.renamed',
    'repository.privatized',
    'repository.publicized',
    'installation.suspend',
    'installation.unsuspend',
  ]
  assert.deepEqual(
    expected.filter((name) => !names().includes(name)),
    [],
  )
  for (const hook of seen) {
    const examples = official.get(hook.event) ?? []
    // The examples lack `edited` of a pull request; GitHub documents it as the others plus `changes`.
    const isEdited = hook.event === 'pull_request' && hook.action === 'edited'
    const action = isEdited ? 'opened' : hook.action
    const sameAction = examples.filter((example) => example.action === undefined || example.action === action)
    assert.ok(sameAction.length > 0, `no example of ${hook.event}.${hook.action}`)
    // `installation` and `organization` come to every App, and the examples carry them for some actions only.
    const known = new Set([
      'installation',
      'organization',
      ...(isEdited ? ['changes'] : []),
      ...sameAction.flatMap((example) => Object.keys(example)),
    ])
    assert.deepEqual(
      Object.keys(hook.payload).filter((key) => !known.has(key)),
      [],
      `${hook.event}.${hook.action}`,
    )
    assert.ok(hook.isSigned)
    assert.match(hook.headers['user-agent'] ?? '', /^GitHub-Hookshot\//)
    assert.ok(hook.headers['x-github-hook-id'])
    assert.equal((hook.payload.installation as { id: number }).id, installationId)
  }
  assert.equal(new Set(seen.map((hook) => hook.guid)).size, seen.length)
})

test('inner objects carry every field of the official examples that clients read', async () => {
  const { github, hooks } = scene
  const repo = 'acme/node'
  github.commit(repo, 'shape', { author: 'bob', files: { z: '1' } })
  const { number, headSha } = github.openPullRequest({ repo, head: 'shape', author: 'bob', title: 'Shape' })
  github.comment({ repo, number }, 'bob', 'x')
  github.createCheckRun(repo, scene.appId, { name: 'n', head_sha: headSha, conclusion: 'success' })
  await github.settled()
  const inner = (payload: Json, key: string) => payload[key] as Json
  for (const [event, action, key] of [
    ['pull_request', 'opened', 'pull_request'],
    ['issue_comment', 'created', 'comment'],
    ['issue_comment', 'created', 'issue'],
    ['check_run', 'created', 'check_run'],
    ['check_suite', 'completed', 'check_suite'],
    ['push', null, 'head_commit'],
  ] as const) {
    const mine = hooks.find((hook) => hook.event === event && hook.action === action)
    const example = (official.get(event) ?? []).find((one) => one.action === (action ?? undefined) && one[key] != null)
    assert.ok(mine !== undefined && example !== undefined, `${event}.${action}`)
    const optional = ['deployment', 'rerequestable', 'runs_rerequestable']
    const missing = Object.keys(inner(example, key)).filter(
      (field) => !optional.includes(field) && !(field in inner(mine.payload, key)),
    )
    assert.deepEqual(missing, [], `${event}.${action} ${key}`)
  }
})

test('a delivery is listed newest first for three days, shown whole, and sent again only when asked', async () => {
  const { github, hooks, call, jwt, clock, appId } = scene
  const repo = 'acme/node'
  const before = github.deliveries(appId).length
  github.deliveryFaults.dropNext(1, { event: 'issue_comment' })
  const issue = github.createIssue(repo, { author: 'carol', title: 'Not a pull request' })
  github.comment({ repo, number: issue }, 'carol', 'lost')
  scene.answerWith(500)
  github.comment({ repo, number: issue }, 'carol', 'refused')
  await github.settled()
  scene.answerWith(202)
  assert.deepEqual(names(), ['issue_comment.created'])
  const listed = (await call('GET', '/app/hook/deliveries?per_page=1', { auth: jwt() })) as {
    json: Json[]
    headers: Headers
  }
  assert.equal(listed.json[0]?.status_code, 500)
  const next = /<([^>]+)>; rel="next"/.exec(listed.headers.get('link') ?? '')?.[1] ?? ''
  github.createStatus(repo, github.branch(repo, 'main'), 'bob', { context: 'x', state: 'success' })
  await github.settled()
  const [lost] = (await call('GET', next, { auth: jwt() })).json as { id: number; guid: string; status_code: number }[]
  assert.equal(lost?.status_code, 0)
  const whole = (await call('GET', `/app/hook/deliveries/${lost?.id}`, { auth: jwt() })).json as {
    request: { payload: { comment: { body: string } }; headers: Json }
  }
  assert.equal(whole.request.payload.comment.body, 'lost')
  hooks.length = 0
  assert.equal((await call('POST', `/app/hook/deliveries/${lost?.id}/attempts`, { auth: jwt() })).status, 202)
  await github.settled()
  assert.deepEqual(
    hooks.map((hook) => [hook.guid, hook.isSigned]),
    [[lost?.guid, true]],
  )
  assert.equal(github.deliveries(appId).length, before + 4)
  clock.advance(3 * 86_400_000)
  assert.deepEqual((await call('GET', '/app/hook/deliveries', { auth: jwt() })).json, [])
})

test('deliveries come twice, in another order, or not at all when told so', async () => {
  const { github, hooks } = scene
  const repo = 'acme/node'
  github.deliveryFaults.duplicateNext(1, { event: 'push' })
  github.deliveryFaults.hold()
  github.commit(repo, 'order', { author: 'bob', files: { o: '1' } })
  github.openPullRequest({ repo, head: 'order', author: 'bob', title: 'Order' })
  await github.settled()
  assert.equal(hooks.length, 0)
  await github.deliveryFaults.release('reversed')
  assert.deepEqual(names(), ['pull_request.opened', 'check_suite.requested', 'push', 'push'])
  assert.equal(hooks[2]?.guid, hooks[3]?.guid)
})

test('a receiver that does not answer in time is given up, and another App hears the event as well', async () => {
  const { github, hooks } = scene
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  github.settings.deliveryTimeoutMs = 50
  const { appId } = github.createApp({ name: 'Slow', webhookUrl: `http://127.0.0.1:${port}/`, events: ['push'] })
  github.installExisting(appId, 'acme')
  github.commit('acme/node', 'slow', { author: 'bob', files: { s: '1' } })
  await github.settled()
  github.settings.deliveryTimeoutMs = 10_000
  github.setWebhook(appId, { url: null })
  assert.deepEqual(
    github.deliveries(appId).map((one) => [one.event, one.status]),
    [
      ['push', 'timed out'],
      ['installation', 'timed out'],
    ],
  )
  assert.ok(hooks.some((hook) => hook.event === 'push'))
  silent.closeAllConnections()
  await new Promise((resolve) => silent.close(resolve))
})

test('a transferred repository leaves the installation, which is told', async () => {
  const { github, hooks } = scene
  github.transferRepository('acme/node', 'elsewhere')
  github.comment({ repo: 'elsewhere/node', number: 1 }, 'carol', 'unheard')
  await github.settled()
  assert.deepEqual(names(), ['installation_repositories.removed'])
  const removed = hooks[0]?.payload.repositories_removed as Json[] | undefined
  assert.equal(removed?.[0]?.full_name, 'elsewhere/node')
})
