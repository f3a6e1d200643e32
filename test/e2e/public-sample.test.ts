import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { publicGovernanceFiles, withPeople } from '../fixtures/governance-repository.ts'
import type { Person } from './deployment.ts'
import { act, attest, type Signer, verdictOf } from './signing.ts'
import { approveAll, days, open, sharedDeployment, shown } from './threat-scene.ts'
import { layerThreeCells, playTier } from './tier-story.ts'

const files = publicGovernanceFiles()
const skip = files === null ? 'vectors absent: ../shared/vectors' : false
const name = 'acme/blvm-protocol'

/** In the public sample one login stands in three registries with a key of its own in each: one person, three keys. */
function personsOf(people: readonly Person[], set: string): readonly Signer[] {
  const own = people.filter((person) => person.set === set)
  const first = people.filter((person) => person.set === 'layer-1-2')
  return own.map((person, at) => ({
    ...person,
    ...(set === 'emergency' ? {} : { id: first[at]?.id ?? 0, login: first[at]?.login ?? '' }),
  }))
}

const sets = ['layer-1-2', 'layer-3', 'layer-4', 'emergency'] as const
const deployment = sharedDeployment({
  repositories: ['blvm-protocol'],
  governance: (people) =>
    withPeople(files ?? new Map(), {
      keys: Object.fromEntries(sets.map((set) => [set, personsOf(people, set).map(({ publicHex }) => publicHex)])),
      accounts: Object.fromEntries(sets.map((set) => [set, personsOf(people, set).map(({ id }) => id)])),
    }),
})

for (const cell of layerThreeCells)
  test(`public sample: a change of tier ${cell.tier} goes from red to green by statements and time alone`, {
    skip,
  }, async () => {
    const d = await deployment()
    await playTier(d, name, personsOf(d.people, 'layer-3'), cell)
  })

test('public sample: a layer-0 change goes green by 5 maintainers, 2 keyholders, a rationale and 90 days', {
  skip,
}, async () => {
  const d = await deployment()
  const governance = 'acme/governance'
  const path = 'config/action-tiers.yml'
  const text = d.fake.file(governance, 'main', path)?.text ?? ''
  const changed = text.replace('review_period_days: 7', 'review_period_days: 8')
  assert.notEqual(changed, text)
  const pull = await open(d, governance, { files: { [path]: changed } })
  assert.equal(shown(d, governance, pull.number), 'action_required')
  const maintainers = personsOf(d.people, 'layer-1-2').slice(0, 5)
  await approveAll(d, governance, pull.number, [...maintainers, ...personsOf(d.people, 'emergency').slice(0, 2)])
  const { requirement } = await verdictOf(d, governance, pull.number)
  const [first] = maintainers
  assert.ok(first)
  for (const condition of requirement?.conditions ?? [])
    assert.equal(await attest(d, governance, pull.number, first, condition), 'ok', condition)
  await d.pass(days(90) - 1)
  assert.equal(shown(d, governance, pull.number), 'action_required')
  await d.pass(1)
  assert.equal(shown(d, governance, pull.number), 'success')
})

test('public sample: the challenge of a person with a key in each layer names the key that counts here', {
  skip,
}, async () => {
  const d = await deployment()
  const pull = await open(d, name)
  const answer = await fetch(`${d.url}/challenge/${name}/${pull.number}?maintainer=maintainer1`)
  const { payload, pae } = (await answer.json()) as { payload: string; pae: string }
  const [person] = personsOf(d.people, 'layer-3')
  assert.ok(person && pae)
  const { predicate } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    predicate: { signer: { maintainer: number; keyid: string } }
  }
  const keyid = createHash('sha256').update(Buffer.from(person.publicHex, 'hex')).digest('hex')
  assert.deepEqual(predicate.signer, { maintainer: person.id, keyid })
  assert.equal(await act(d, name, pull.number, person), 'ok')
  const counted = (await verdictOf(d, name, pull.number)).counted[0]?.persons
  assert.deepEqual(counted, [person.id])
})
