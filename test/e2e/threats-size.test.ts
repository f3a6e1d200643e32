import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codesOf, verdictOf } from './signing.ts'
import { startDeployment } from './deployment.ts'
import { open, shown } from './threat-scene.ts'

const node = 'acme/node'
const tiersOf = async (d: Awaited<ReturnType<typeof startDeployment>>, number: number) =>
  (await verdictOf(d, node, number)).classification?.tiers.map(({ tier }) => tier)

/** Many harmless files and one that matters, last by name. */
const manyFiles = (count: number) =>
  Object.fromEntries([
    ...Array.from({ length: count }, (_, n) => [`docs/d${n % 9}/page-${n}.md`, `${n}\n`] as const),
    ['validation/zz.ts', 'export {}\n'] as const,
  ])

test('T27 a consensus path behind 3,000 files is seen, also where the forge cuts trees', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['node'], settings: { treeLimit: 500 } })
  const pull = await open(d, node, { files: manyFiles(3_001) })
  assert.deepEqual(await tiersOf(d, pull.number), ['1', '3'])
  const facts = await d.store.changes.find(d.repositoryId(node), pull.number)
  assert.equal(facts?.state, 'open')
})

for (const graphql of [true, false])
  test(`T27 more than 250 commits are an error and never a part of them, ${graphql ? 'with' : 'without'} GraphQL`, async (t) => {
    const d = await startDeployment(t, { frozen: true, repositories: ['node'], settings: { graphql } })
    d.fake.commit(node, 'many', { author: 'node-1', files: { 'docs/n.md': '0\n' }, by: 'alice' })
    for (let n = 1; n <= 251; n++)
      d.fake.commit(node, 'many', { author: 'alice', by: 'alice', files: { 'docs/n.md': `${n}\n` } })
    const pull = d.fake.openPullRequest({ repo: node, head: 'many', author: 'alice', title: 'Many' })
    await d.settled()
    const codes = await codesOf(d, node, pull.number)
    assert.equal(shown(d, node, pull.number), 'failure')
    assert.ok(codes.includes('facts-incomplete'))
    assert.equal((await verdictOf(d, node, pull.number)).outcome, 'error')
  })
