import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startScene, type Scene } from './scene.ts'
import type { Json } from './world.ts'

let scene: Scene
let auth: string
before(async () => {
  scene = await startScene()
  auth = await scene.token()
})
after(() => scene.close())

const repo = 'acme/node'
const runs = async (query: string, head: string) =>
  (await scene.call('GET', `/repos/${repo}/commits/${head}/check-runs?${query}`, { auth })).json as {
    total_count: number
    check_runs: { id: number; conclusion: string | null; name: string }[]
  }
const post = (body: Json) => scene.call('POST', `/repos/${repo}/check-runs`, { auth, body })

test('every POSTed run is kept; latest hides the older one; only the owner changes it', async () => {
  const head = scene.github.branch(repo, 'main')
  const body = { name: 'governance/main', head_sha: head, conclusion: 'failure', output: { title: 'No', summary: 's' } }
  const first = ((await post(body)).json as { id: number }).id
  const second = ((await post({ ...body, conclusion: 'success' })).json as { id: number }).id
  assert.deepEqual(
    (await runs('filter=all&check_name=governance/main', head)).check_runs.map((run) => run.id),
    [second, first],
  )
  assert.deepEqual(
    (await runs('app_id=4242', head)).check_runs.map((run) => run.id),
    [second],
  )
  assert.equal((await runs('app_id=1', head)).total_count, 0)
  const { appId } = scene.github.createApp({ name: 'Other' })
  const foreign = scene.github.createCheckRun(repo, appId, { name: 'ci', head_sha: head })
  assert.equal(
    (await scene.call('PATCH', `/repos/${repo}/check-runs/${foreign}`, { auth, body: { conclusion: 'success' } }))
      .status,
    403,
  )
  assert.equal((await post({ ...body, status: 'completed', conclusion: null })).status, 422)
  assert.equal((await post({ ...body, output: { title: 't', summary: 'x'.repeat(65_536) } })).status, 422)
  assert.equal((await post({ ...body, head_sha: 'f'.repeat(40) })).status, 422)
  assert.equal(
    (await scene.call('POST', `/repos/${repo}/check-runs`, { auth: scene.github.createToken('alice'), body })).status,
    403,
  )
})

test('an ambiguous write takes effect although the client sees 502 or a cut connection', async () => {
  const head = scene.github.commit(repo, 'ambiguous', { author: 'bob', files: { a: '1' } })
  const mark = scene.github.requests.mark()
  const fault = scene.github.faults.failButApply({ method: 'POST', path: /check-runs$/ })
  assert.equal((await post({ name: 'n', head_sha: head, conclusion: 'success' })).status, 502)
  scene.github.faults.failButApply({ method: 'POST', path: 'check-runs$', kind: 'reset' })
  await assert.rejects(post({ name: 'n', head_sha: head, conclusion: 'success' }))
  scene.github.faults.failNext({ method: 'POST', path: 'check-runs$', status: 503 })
  assert.equal((await post({ name: 'n', head_sha: head, conclusion: 'success' })).status, 503)
  assert.equal(fault.hits, 1)
  assert.equal(scene.github.checkRuns(repo, head).length, 2)
  assert.deepEqual(
    scene.github.requests.since(mark, { kind: 'write' }).map((entry) => entry.fault),
    ['applied-status', 'applied-reset', 'status'],
  )
})

test('lists lag behind writes by reads or by time, for new and for changed objects', async () => {
  const head = scene.github.commit(repo, 'lag', { author: 'bob', files: { l: '1' } })
  scene.github.faults.lag({ reads: 2 })
  const { id } = (await post({ name: 'n', head_sha: head, conclusion: 'failure' })).json as { id: number }
  const seen = async () => (await runs('', head)).check_runs.map((run) => run.conclusion)
  assert.deepEqual([await seen(), await seen(), await seen()], [[], [], ['failure']])
  scene.github.faults.lag({ ms: 5000 })
  await scene.call('PATCH', `/repos/${repo}/check-runs/${id}`, { auth, body: { conclusion: 'success' } })
  assert.deepEqual(await seen(), ['failure'])
  scene.clock.advance(5000)
  assert.deepEqual(await seen(), ['success'])
  scene.github.faults.clear()
})

test('comments: since, pages that link by repository number, one text limit, own bot as author', async () => {
  const issue = scene.github.createIssue(repo, { author: 'carol', title: 'Talk' })
  for (let n = 0; n < 5; n++) {
    scene.github.comment({ repo, number: issue }, 'carol', `c${n}`)
    scene.clock.advance(1000)
  }
  const since = new Date(scene.clock.now() - 2000).toISOString()
  const late = (await scene.call('GET', `/repos/${repo}/issues/comments?since=${since}&sort=created`, { auth }))
    .json as { body: string }[]
  assert.deepEqual(
    late.map((comment) => comment.body),
    ['c3', 'c4'],
  )
  const page = await scene.call('GET', `/repos/${repo}/issues/${issue}/comments?per_page=2`, { auth })
  const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1] ?? ''
  assert.match(next, new RegExp(`/repositories/${scene.repositoryId}/issues/${issue}/comments\\?per_page=2&page=2$`))
  assert.deepEqual(
    ((await scene.call('GET', next, { auth })).json as { body: string }[]).map((comment) => comment.body),
    ['c2', 'c3'],
  )
  const path = `/repos/${repo}/issues/${issue}/comments`
  const mine = (await scene.call('POST', path, { auth, body: { body: 'by bot' } })).json as {
    id: number
    user: Json
    performed_via_github_app: Json
  }
  assert.deepEqual([mine.user.type, mine.performed_via_github_app.id], ['Bot', scene.appId])
  assert.equal((await scene.call('POST', path, { auth, body: { body: 'x'.repeat(65_537) } })).status, 422)
  assert.equal(
    (await scene.call('PATCH', `/repos/${repo}/issues/comments/${mine.id}`, { auth, body: { body: 'edited' } })).status,
    200,
  )
  const theirs = scene.github.comments({ repo, number: issue })[0]?.id
  assert.equal(
    (await scene.call('PATCH', `/repos/${repo}/issues/comments/${theirs}`, { auth, body: { body: 'edited' } })).status,
    403,
  )
})
