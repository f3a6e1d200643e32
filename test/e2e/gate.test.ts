import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/core/index.ts'
import { startDeployment } from './deployment.ts'

test('a change goes from red to green by signatures and time alone, and the log holds the green', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  d.fake.commit('acme/sdk', 'fix', { author: 'alice', message: 'typo', files: { 'docs/guide.md': 'hello!\n' } })
  const pull = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'Fix a typo' })
  await d.settled()
  const red = d.check('acme/sdk', pull.headSha)
  assert.equal(red?.conclusion, 'action_required')
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', pull.number, person)
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'action_required')
  await d.pass(14 * dayMs - 60_000)
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'action_required')
  await d.pass(61_000)
  assert.equal(d.check('acme/sdk', pull.headSha)?.conclusion, 'success')
  const [verdict] = await d.store.log.find({ type: 'verdict', limit: 1 })
  assert.match(Buffer.from(verdict?.bytes ?? []).toString(), /"outcome":"pass"/)
  d.fake.mergePullRequest({ repo: 'acme/sdk', number: pull.number }, 'admin', 'squash')
  await d.settled()
  assert.equal((await d.store.memory.findings(10)).length, 0)
  const [landed] = await d.store.log.find({ type: 'landing-matched', limit: 1 })
  assert.ok(landed)
})
