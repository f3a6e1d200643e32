import assert from 'node:assert/strict'
import type { Deployment } from './deployment.ts'
import { act, attest, type Signer, verdictOf } from './signing.ts'
import { approveAll, days, open, shown } from './threat-scene.ts'

/** A change of one tier in layer 3, with the signatures and days of domain.md's table. */
export interface TierCell {
  readonly tier: string
  readonly files: Readonly<Record<string, string>>
  readonly required: number
  readonly days: number
}

export const layerThreeCells: readonly TierCell[] = [
  { tier: '1', files: { 'docs/guide.md': 'one\n' }, required: 4, days: 90 },
  { tier: '2', files: { 'rpc/methods.ts': 'two\n' }, required: 4, days: 90 },
  { tier: '3', files: { 'consensus/rules.ts': 'three\n' }, required: 5, days: 90 },
  { tier: '4', files: { 'docs/guide.md': 'four\n' }, required: 4, days: 90 },
  { tier: '5', files: { 'governance/notes.md': 'five\n' }, required: 5, days: 180 },
]

/** Plays a change from red to green: neither the days alone nor all signatures but one are enough. */
export async function playTier(d: Deployment, name: string, persons: readonly Signer[], cell: TierCell): Promise<void> {
  const pull = await open(d, name, { files: cell.files })
  const [first] = persons
  assert.ok(first)
  if (cell.tier === '4')
    assert.equal(await act(d, name, pull.number, first, { decision: 'add-tier', tier: '4', reason: 'Urgent.' }), 'ok')
  const { requirement, classification } = await verdictOf(d, name, pull.number)
  assert.ok(classification?.tiers.some(({ tier }) => tier === cell.tier))
  assert.deepEqual([requirement?.quorums[0]?.required, requirement?.reviewDays], [cell.required, cell.days])
  assert.equal(shown(d, name, pull.number), 'action_required')
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
}
