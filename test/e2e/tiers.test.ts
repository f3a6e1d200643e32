import assert from 'node:assert/strict'
import { test } from 'node:test'
import { act, attest, verdictOf } from './signing.ts'
import { approveAll, days, open, sharedDeployment, shown } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['protocol'] })
const name = 'acme/protocol'

/** The days and signatures of domain.md's table for layer 3. */
const cells = [
  { tier: '1', files: { 'docs/guide.md': 'one\n' }, required: 4, days: 90 },
  { tier: '2', files: { 'rpc/methods.ts': 'two\n' }, required: 4, days: 90 },
  { tier: '3', files: { 'consensus/rules.ts': 'three\n' }, required: 5, days: 90 },
  { tier: '4', files: { 'docs/guide.md': 'four\n' }, required: 4, days: 90 },
  { tier: '5', files: { 'governance/notes.md': 'five\n' }, required: 5, days: 180 },
] as const

for (const cell of cells)
  test(`a change of tier ${cell.tier} in layer 3 goes from red to green by signed statements and time alone`, async () => {
    const d = await deployment()
    const persons = d.of('layer-3')
    const pull = await open(d, name, { files: cell.files })
    const [first] = persons
    assert.ok(first)
    if (cell.tier === '4')
      assert.equal(await act(d, name, pull.number, first, { decision: 'add-tier', tier: '4', reason: 'Urgent.' }), 'ok')
    const { requirement, classification } = await verdictOf(d, name, pull.number)
    assert.ok(classification?.tiers.some(({ tier }) => tier === cell.tier))
    assert.deepEqual([requirement?.quorums[0]?.required, requirement?.reviewDays], [cell.required, cell.days])
    await approveAll(d, name, pull.number, persons.slice(0, cell.required - 1))
    for (const condition of requirement?.conditions ?? [])
      assert.equal(await attest(d, name, pull.number, first, condition), 'ok', condition)
    await d.pass(days(cell.days) - 1)
    assert.equal(shown(d, name, pull.number), 'action_required')
    await d.pass(1)
    assert.equal(shown(d, name, pull.number), 'action_required', 'a signature is missing')
    await approveAll(d, name, pull.number, persons.slice(cell.required - 1, cell.required))
    assert.equal(shown(d, name, pull.number), 'success')
    d.fake.closePullRequest({ repo: name, number: pull.number }, 'alice')
    await d.settled()
  })
