import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AppError } from '../../src/flows/app-error.ts'
import type { WitnessState } from '../../src/flows/ports.ts'
import { decodeEntries } from '../fault/log-reader.ts'
import { openChange } from '../fault/green.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { startLeavingWitness } from './witness-scene.ts'

const types = ['witness-quorum-lost', 'witness-quorum-regained']

/** What the security log says of the quorum, oldest first. */
async function told(d: Deployment): Promise<readonly { readonly is: string; readonly cosigned: unknown }[]> {
  await d.server.events.flush()
  return (await decodeEntries(d.store.security))
    .filter(({ type }) => types.includes(type))
    .map(({ type, data }) => ({
      is: type.replace('witness-quorum-', ''),
      cosigned: (data.details as { readonly cosigned: unknown }).cosigned,
    }))
}
const words = async (d: Deployment): Promise<string> => (await told(d)).map(({ is }) => is).join(' ')

/** A deployment with a witness that answers at each start and cosigns nothing while its disk is full. */
async function withFullWitness(t: TestContext, isFullAtFirst: boolean) {
  let isFull = isFullAtFirst
  const wrap = (state: WitnessState): WitnessState => ({
    ...state,
    advance: async (...moves) => {
      if (isFull) throw new AppError('store-unavailable', 'the disk of the witness is full')
      return state.advance(...moves)
    },
  })
  const { options } = await startLeavingWitness(t, wrap)
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], ...options })
  return { d, set: (value: boolean) => void (isFull = value) }
}

/** Something new is recorded, published and submitted to the witness. */
async function grow(d: Deployment, branch: string): Promise<void> {
  await openChange(d, branch, `docs/${branch}.md`)
  await d.published()
}

test('a witness that ends is told once, however much is published without it, and once when it is back', async (t) => {
  const witness = await startLeavingWitness(t)
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'], ...witness.options })
  await d.published()
  assert.equal(await words(d), '')
  await witness.leave()
  for (const branch of ['one', 'two', 'three']) await grow(d, branch)
  assert.equal(await words(d), 'lost')
  await witness.comeBack()
  await d.published()
  for (const branch of ['four', 'five']) await grow(d, branch)
  assert.equal(await words(d), 'lost regained')
  assert.deepEqual(
    (await told(d)).map(({ cosigned }) => cosigned),
    [0, 1],
  )
})

test('the first head of a process without a quorum is told, by each process once; a quorum that is back after a restart as well', async (t) => {
  const { d, set } = await withFullWitness(t, true)
  await d.published()
  await grow(d, 'one')
  assert.equal(await words(d), 'lost')
  await d.restart()
  await d.published()
  await grow(d, 'two')
  assert.equal(await words(d), 'lost lost')
  set(false)
  await d.restart()
  await d.published()
  await grow(d, 'three')
  assert.equal(await words(d), 'lost lost regained')
  await d.restart()
  await grow(d, 'four')
  assert.equal(await words(d), 'lost lost regained')
})

test('T08a a witness that comes and goes makes the security log grow by one entry for each way and minute', async (t) => {
  const { d, set } = await withFullWitness(t, false)
  await d.published()
  for (const minute of [0, 1]) {
    for (let flap = 0; flap < 6; flap++) {
      set(true)
      await grow(d, `gone-${minute}-${flap}`)
      set(false)
      await d.published()
    }
    assert.equal((await told(d)).length, 2 * (minute + 1))
    d.clock.advance(60_000)
  }
  assert.equal(await words(d), 'lost regained lost regained')
})
