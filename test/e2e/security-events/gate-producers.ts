import assert from 'node:assert/strict'
import { AppError } from '../../../src/flows/app-error.ts'
import type { Custody, LogFiles } from '../../../src/flows/ports.ts'
import { memoryLogFiles } from '../../fakes/log-files.ts'
import { openChange, turnGreen, until } from '../../fault/green.ts'
import type { Deployment } from '../deployment.ts'
import { artifact, landed, sayOnRelease, signAt } from '../release-scene.ts'
import { act, outcomeOf, signStatement } from '../signing.ts'
import { type LeavingWitness, startLeavingWitness } from '../witness-scene.ts'
import { gate, type Producer } from './producer.ts'

const repo = 'acme/sdk'

const forge = (d: Deployment): Promise<Response> =>
  fetch(`${d.url}/webhooks/github`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })

/** A commit on the governed branch that no verdict is about. */
const pushPast = (d: Deployment): void =>
  void d.fake.commit(repo, 'main', {
    author: 'admin',
    message: 'x',
    files: { 'x.md': 'x\n' },
    by: 'admin',
    bypass: true,
  })

/** A green change is closed while the disk refuses, and the disk returns. */
async function outage(d: Deployment, disk: { broken: boolean }): Promise<void> {
  const change = await openChange(d)
  await turnGreen(d, change)
  disk.broken = true
  d.fake.closePullRequest({ repo, number: change.number }, 'alice')
  await until('lowered', () => d.check(repo, change.headSha)?.conclusion === 'failure')
  disk.broken = false
  await until('the journal is empty', async () => (await d.journal.read()).length === 0)
}

async function keepersSuspend(d: Deployment): Promise<{ readonly number: number; readonly target: never }> {
  const change = await openChange(d)
  const target = d.of('layer-5')[4]?.id as never
  for (const keeper of d.of('emergency').slice(0, 2))
    assert.equal(
      await act(d, repo, change.number, keeper, { decision: 'suspend', target, reason: 'The key was stolen.' }),
      'ok',
    )
  return { number: change.number, target }
}

/** A place refuses while something is recorded; it takes files again when `isOver`. */
async function refusingPlace(d: Deployment, place: LogFiles, isOver: boolean): Promise<void> {
  const { write } = place
  place.write = async () => {
    throw new AppError('log-files-unavailable', 'broken by the test')
  }
  await openChange(d)
  await assert.rejects(d.published(), { code: 'log-files-unavailable' })
  place.write = write
  if (isOver) await d.published()
}

/** On a deployment with an off-host place. */
function offHostProducer(isOver: boolean): Producer {
  const place = memoryLogFiles()
  return gate(
    (d) => refusingPlace(d, place, isOver),
    async () => ({ offHost: place }),
  )
}

/** On a deployment with a witness whose server ends; it comes back when `isOver`. */
function quorumProducer(isOver: boolean): Producer {
  let witness: LeavingWitness | null = null
  return gate(
    async (d) => {
      await d.published()
      await witness?.leave()
      await openChange(d)
      await d.published()
      if (!isOver) return
      await witness?.comeBack()
      await d.published()
    },
    async (t) => {
      witness = await startLeavingWitness(t)
      return witness.options
    },
  )
}

/** What is caused over HTTP, on the forge, by the disk, the clock and custody. */
export const gateProducers = {
  'log-publishing-failed': gate((d) => refusingPlace(d, d.logFiles, false)),
  'log-publishing-recovered': gate((d) => refusingPlace(d, d.logFiles, true)),
  'off-host-failed': offHostProducer(false),
  'off-host-recovered': offHostProducer(true),
  'witness-quorum-lost': quorumProducer(false),
  'witness-quorum-regained': quorumProducer(true),
  'server-started': gate((d) => d.restart()),
  'server-stopped': gate((d) => d.restart()),
  'config-loaded': gate((d) => d.restart()),
  'config-changed': gate(async (d) => {
    const settings = d.config.data as { payloadDays: number }
    settings.payloadDays += 1
    await d.restart()
  }),
  'clock-jumped': gate(async (d) => {
    d.skew(-30_000)
    await forge(d)
  }),
  'clock-untrusted': gate(async (d) => {
    d.skew(120_000)
    await openChange(d)
  }),
  'webhook-refused': gate(async (d) => assert.equal((await forge(d)).status, 401)),
  'challenge-refused': gate(async (d) =>
    assert.equal((await fetch(`${d.url}/challenge/${repo}/99?maintainer=nobody`)).status, 404),
  ),
  'statement-admitted': gate(async (d) => {
    const { number } = await openChange(d)
    const [person] = d.of('layer-5')
    assert.ok(person)
    await d.approve(repo, number, person)
  }),
  'release-signed': gate(async (d) => {
    const { revision, number } = await landed(d)
    const wanted = { tag: 'v1', revision, artifacts: [artifact('sdk.tgz', 'one')] }
    for (const person of d.of('layer-5').slice(0, 2)) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
    assert.ok((await signAt(d, wanted)).ok)
  }),
  'statement-refused': gate(async (d) => {
    const { number } = await openChange(d)
    const [person] = d.of('layer-5')
    assert.ok(person)
    const mangle = (made: Uint8Array): Uint8Array => made.map((byte, at) => (at === 40 ? byte ^ 1 : byte))
    assert.equal(await act(d, repo, number, person, { decision: 'approve' }, { mangle }), 'bad-signature')
  }),
  'authorization-refused': gate(async (d) => {
    const { number } = await openChange(d)
    const [stranger] = d.of('layer-3')
    assert.ok(stranger)
    const veto = { decision: 'veto', reason: 'It is not what it says.' } as const
    assert.equal(await act(d, repo, number, stranger, veto), 'not-in-set')
  }),
  'maintainer-suspended': gate(async (d) => void (await keepersSuspend(d))),
  'suspension-lifted': gate(async (d) => {
    const { number, target } = await keepersSuspend(d)
    for (const keeper of d.of('emergency').slice(0, 3))
      assert.equal(await act(d, repo, number, keeper, { decision: 'lift', target, reason: 'It was found.' }), 'ok')
  }),
  'key-used': gate((d) => d.restart()),
  'key-refused': gate(async (d) => {
    const custody = d.custody as { sign: Custody['sign'] }
    const { sign } = custody
    custody.sign = async () => {
      throw new AppError('custody-refused', 'the token is locked')
    }
    await openChange(d)
    custody.sign = sign
  }),
  'repository-changed': gate(async (d) => {
    d.fake.renameRepository(repo, 'sdk-two')
    await d.settled()
  }),
  'decision-recorded': gate(async (d) => void (await openChange(d))),
  'check-published': gate(async (d) => void (await openChange(d))),
  'check-lowered': gate(outage),
  'journal-replayed': gate(outage),
  'store-failed': gate(outage),
  'store-recovered': gate(outage),
  'finding-recorded': gate(async (d) => {
    pushPast(d)
    await d.settled()
  }),
  'landing-unmatched': gate(async (d) => {
    pushPast(d)
    await d.settled()
  }),
  'landing-matched': gate(async (d) => {
    const change = await openChange(d)
    await turnGreen(d, change)
    d.fake.mergePullRequest({ repo, number: change.number }, 'admin', 'squash')
    await d.settled()
  }),
} as const

/** A signed command of a key that nobody registered, by somebody with an account. */
export async function strangersCommand(d: Deployment, number: number): Promise<string | null> {
  const [person] = d.of('layer-5')
  assert.ok(person)
  const unknown = { ...person, id: person.id, secretHex: '11'.repeat(32) }
  const { comment } = await signStatement(d, repo, number, unknown, { decision: 'approve' })
  return outcomeOf(d, repo, number, 'mallory', comment)
}
