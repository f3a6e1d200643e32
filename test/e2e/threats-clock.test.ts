import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codesOf, verdictOf } from './signing.ts'
import { approveAll, days, isMergeable, open, sharedDeployment, shown } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk'] })
const sdk = 'acme/sdk'
type Deployment = Awaited<ReturnType<typeof deployment>>

/** Any event that makes the server look again. */
async function look(d: Deployment, number: number): Promise<void> {
  d.fake.setLabel({ repo: sdk, number }, `look-${d.clock.now()}-${Math.random()}`, true, 'admin')
  await d.settled()
}

const green = async (d: Deployment) => {
  const pull = await open(d, sdk)
  await approveAll(d, sdk, pull.number, d.of('layer-5').slice(0, 3))
  return pull
}

test('T24 a period is met to the millisecond and not one earlier', async () => {
  const d = await deployment()
  const { number } = await green(d)
  await d.pass(days(14) - 1)
  await look(d, number)
  assert.equal(shown(d, sdk, number), 'action_required')
  assert.equal((await verdictOf(d, sdk, number)).at, d.clock.now())
  await d.pass(1)
  assert.equal(shown(d, sdk, number), 'success')
})

test('T24 a clock more than 60 s from the forge’s decides nothing: error at once where nothing was green', async () => {
  const d = await deployment()
  const { number } = await green(d)
  for (const skew of [61_000, -61_000]) {
    d.skew(skew)
    await look(d, number)
    assert.equal(shown(d, sdk, number), 'failure', String(skew))
    assert.ok((await codesOf(d, sdk, number)).includes('clock-untrusted'))
    d.skew(0)
    await d.pass(120_000)
    await look(d, number)
    assert.equal(shown(d, sdk, number), 'action_required')
  }
  // A server whose clock is set forward gains no days.
  d.skew(days(14))
  await look(d, number)
  assert.equal(isMergeable(d, sdk, number), false)
  d.skew(0)
  await d.pass(60_000)
})

test('T24 a success is lowered for an untrusted clock only after three failures over ten minutes, and returns', async () => {
  const d = await deployment()
  const { number } = await green(d)
  await d.pass(days(14))
  assert.equal(shown(d, sdk, number), 'success')
  d.skew(90_000)
  await look(d, number)
  await look(d, number)
  await look(d, number)
  await look(d, number)
  assert.equal(shown(d, sdk, number), 'success', 'not for three failures within a moment')
  await d.pass(599_000)
  assert.equal(shown(d, sdk, number), 'success')
  await d.pass(2_000)
  await look(d, number)
  assert.equal(shown(d, sdk, number), 'failure')
  assert.ok((await codesOf(d, sdk, number)).includes('clock-untrusted'))
  d.skew(0)
  await d.pass(days(1))
  assert.equal(shown(d, sdk, number), 'success')
})

test('T24 when the clocks of server and forge are set back together, time does not run backwards', async () => {
  const d = await deployment()
  const { number } = await green(d)
  const before = (await verdictOf(d, sdk, number)).at
  d.clock.advance(-30_000)
  await look(d, number)
  assert.ok((await d.store.log.head()).at >= before)
  assert.equal(shown(d, sdk, number), 'action_required')
  d.clock.advance(-60_000)
  await look(d, number)
  assert.ok((await codesOf(d, sdk, number)).includes('clock-untrusted'))
  assert.equal(shown(d, sdk, number), 'failure')
  const rows = await d.store.log.entries(0, 1000)
  assert.deepEqual(
    rows.map(({ at }) => at),
    rows.map(({ at }) => at).sort((a, b) => a - b),
  )
})
