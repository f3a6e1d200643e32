import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/core/index.ts'
import { type Deployment, startDeployment } from './deployment.ts'

async function open(d: Deployment, title = 'Typo', branch = 'fix') {
  d.fake.commit('acme/sdk', branch, { author: 'alice', message: 'typo', files: { 'docs/guide.md': `${branch}\n` } })
  const pull = d.fake.openPullRequest({ repo: 'acme/sdk', head: branch, author: 'alice', title })
  await d.settled()
  return { repo: 'acme/sdk', number: pull.number, headSha: pull.headSha }
}

const ours = (d: Deployment, at: { repo: string; number: number }) => d.fake.comments(at).filter(({ isApp }) => isApp)

test('a superseded head is lowered, a close lowers, a reopening starts red', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await open(d)
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', pull.number, person)
  await d.pass(14 * dayMs)
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'success')
  d.fake.closePullRequest(pull, 'alice')
  await d.settled()
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'failure')
  d.fake.reopenPullRequest(pull, 'alice')
  await d.settled()
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'action_required')
  const next = d.fake.pushToPullRequest(pull, { author: 'alice', message: 'more', files: { 'docs/guide.md': 'x\n' } })
  await d.settled()
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'failure')
  assert.equal(d.check('acme/sdk', next)?.conclusion, 'action_required')
  const runs = d.fake.checkRuns('acme/sdk', pull.headSha).filter(({ name }) => name === 'governance/main')
  assert.equal(runs.length, 1)
})

test('the status comment is one comment, edited at most once a minute and only when its text changes', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await open(d)
  const [first] = ours(d, pull)
  assert.match(first?.body ?? '', /0 of 3 signatures, 14 days left/)
  const [person] = d.of('layer-5')
  assert.ok(person)
  await d.approve('acme/sdk', pull.number, person)
  assert.equal(ours(d, pull).find(({ id }) => id === first?.id)?.body, first?.body)
  await d.pass(61_000)
  const edited = ours(d, pull).find(({ id }) => id === first?.id)
  assert.match(edited?.body ?? '', /1 of 3 signatures/)
  const mark = d.fake.requests.mark()
  d.fake.comment(pull, 'mallory', '/governance-status')
  await d.settled()
  await d.pass(61_000)
  assert.equal(d.fake.requests.since(mark, { kind: 'write' }).length, 0)
  assert.equal(ours(d, pull).filter(({ body }) => body.includes('<!-- governance-status -->')).length, 1)
})

test('help is answered once per comment, strangers share one budget, and a stranger cannot mention anybody', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await open(d, 'Ping @everyone <img src=x> `code` [x](http://evil.example)')
  for (let n = 0; n < 30; n++) d.fake.comment(pull, 'mallory', '/governance-help')
  await d.settled()
  const replies = ours(d, pull).filter(({ body }) => body.includes('/governance-help'))
  assert.ok(replies.length > 0 && replies.length <= 20, String(replies.length))
  const said = [...ours(d, pull).map(({ body }) => body), d.check('acme/sdk', pull.headSha)?.summary ?? ''].join('\n')
  assert.ok(!/@everyone|evil\.example|<img/.test(said))
})

test('T60 the details page and the challenge tell nothing about private repositories and escape everything', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await open(d)
  const page = await fetch(`${d.url}/changes/acme/sdk/${pull.number}`)
  assert.equal(page.status, 200)
  assert.match(await page.text(), /0 of 3 signatures/)
  for (const path of ['/changes/acme/sdk/999', '/changes/acme/none/1', '/challenge/acme/sdk/1?maintainer=nobody'])
    assert.equal((await fetch(`${d.url}${path}`)).status, 404)
  const ready = await fetch(`${d.url}/readyz`)
  assert.equal(ready.status, 200)
})

test('raw payloads are forgotten 30 days after their job ended, their digests stay', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  await open(d)
  const [{ guid } = { guid: '' }] = await d.store.deliveries.list({ state: 'done', limit: 1 })
  assert.ok((await d.store.deliveries.find(guid))?.body)
  await d.pass(31 * dayMs)
  const later = await d.store.deliveries.find(guid)
  assert.equal(later?.body, null)
  assert.match(later?.bodyDigest ?? '', /^[0-9a-f]{64}$/)
})

test('a check is made anew before the forge would archive it', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await open(d)
  const before = d.check('acme/sdk', pull.headSha)
  await d.pass(301 * dayMs)
  const runs = d.fake.checkRuns('acme/sdk', pull.headSha).filter(({ name }) => name === 'governance/main')
  assert.equal(runs.length, 2)
  assert.notDeepEqual(runs.at(-1), before)
})
