import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/core/index.ts'
import { type Deployment, type Person, startDeployment } from '../e2e/deployment.ts'
import { decodeEntries } from './log-reader.ts'
import { openChange, turnGreen } from './green.ts'

const repo = 'acme/sdk'

/** The server is away: nothing is delivered, and the forge forgets what it could not deliver. */
async function away(d: Deployment): Promise<void> {
  await d.server.runner.stop(2_000)
  d.fake.deliveryFaults.dropNext(1_000_000)
}

async function commentsWith(d: Deployment, number: number, marker: string): Promise<number> {
  return d.fake.comments({ repo, number }).filter(({ isApp, body }) => isApp && body.includes(marker)).length
}

test('T44 T03 seven days of outage lose nothing: commands, pushes, merges and a moved base are caught up once', async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'], frozen: true })
  const signers = d.of('layer-5')
  const signed = await openChange(d, 'signed', 'docs/signed.md')
  const pushed = await openChange(d, 'pushed', 'docs/pushed.md')
  const merged = await openChange(d, 'merged', 'docs/merged.md')
  const green = await openChange(d, 'green', 'docs/green.md')
  const closed = await openChange(d, 'closed', 'docs/closed.md')
  await turnGreen(d, merged, green, closed)

  // Signed while nobody listens: the challenges were fetched before.
  const commands: { readonly number: number; readonly id: number }[] = []
  const challenges: { readonly person: Person; readonly comment: string }[] = []
  for (const person of signers.slice(0, 4))
    challenges.push({ person, comment: (await d.signature(repo, signed.number, person)).comment })
  await away(d)

  const say = (index: number): number => {
    const challenge = challenges[index]
    assert.ok(challenge)
    return d.fake.comment({ repo, number: signed.number }, challenge.person.login, challenge.comment)
  }
  commands.push({ number: signed.number, id: say(0) })
  d.clock.advance(dayMs)
  commands.push({ number: signed.number, id: say(1) })
  const edited = say(2)
  d.clock.advance(60_000)
  d.fake.editComment(repo, edited, `${challenges[2]?.comment ?? ''} `, challenges[2]?.person.login ?? '')
  d.clock.advance(dayMs)
  const deleted = say(3)
  d.fake.deleteComment(repo, deleted, challenges[3]?.person.login ?? '')
  const newHead = d.fake.pushToPullRequest(
    { repo, number: pushed.number },
    { author: 'alice', message: 'more', files: { 'docs/pushed.md': 'more\n' } },
  )
  d.clock.advance(2 * dayMs)
  d.fake.mergePullRequest({ repo, number: merged.number }, 'admin', 'squash')
  d.fake.closePullRequest({ repo, number: closed.number }, 'alice')
  const opened = d.fake.commit(repo, 'late', { author: 'alice', message: 'late', files: { 'docs/late.md': 'late\n' } })
  const late = d.fake.openPullRequest({ repo, head: 'late', author: 'alice', title: 'Late' })
  assert.equal(late.headSha, opened)
  d.clock.advance(3 * dayMs)
  const help = d.fake.comment({ repo, number: late.number }, 'alice', '/governance-help')
  commands.push({ number: late.number, id: help })

  // It comes back. What is older than three days the forge does not list any more, and it still delivers nothing.
  await d.restart()
  await d.settled()
  await d.pass(301_000)
  await d.pass(61_000)

  for (const { number, id } of commands)
    assert.equal(await commentsWith(d, number, `<!-- governance-reply:${id} -->`), 1, `replies to ${id}`)
  for (const id of [edited, deleted])
    assert.equal(await commentsWith(d, signed.number, `<!-- governance-reply:${id} -->`), 0, `${id} ran`)
  const statements = await d.store.statements.forChange(d.repositoryId(repo), signed.number)
  assert.deepEqual(
    statements.map(({ person }) => person),
    signers.slice(0, 2).map(({ id }) => id),
  )
  assert.equal((await d.store.changes.find(d.repositoryId(repo), pushed.number))?.head, newHead)
  assert.equal(d.check(repo, newHead)?.conclusion, 'action_required')
  assert.equal(d.check(repo, pushed.headSha)?.conclusion, 'failure', 'the superseded head was not lowered')
  assert.equal(d.check(repo, closed.headSha)?.conclusion, 'failure', 'the closed one was not lowered')
  assert.equal(d.check(repo, late.headSha)?.conclusion, 'action_required')
  assert.equal(d.check(repo, green.headSha)?.conclusion, 'success', 'an honest green was lost')
  const entries = await decodeEntries(d.store.log)
  const landed = entries.filter(({ type }) => type === 'landing-matched')
  assert.deepEqual(
    landed.map(({ data }) => data.number),
    [merged.number],
  )
  assert.deepEqual(await d.store.memory.findings(10), [])
  const base = d.fake.branch(repo, 'main')
  assert.equal((await d.store.registry.repository(d.repositoryId(repo)))?.branches[0]?.seen, base)
  // Decided again on the base that moved.
  assert.equal((await d.store.changes.find(d.repositoryId(repo), green.number))?.baseSha, base)

  // Another round over the same world changes nothing.
  // But for the head of the security log, which tells of the restart itself.
  const told = async (): Promise<number> =>
    (await decodeEntries(d.store.log)).filter(({ type }) => type !== 'security-checkpoint').length
  const before = await told()
  await d.restart()
  await d.pass(301_000)
  assert.equal(await told(), before, 'looking again wrote entries')
  for (const { number, id } of commands)
    assert.equal(await commentsWith(d, number, `<!-- governance-reply:${id} -->`), 1, `replies to ${id}`)
})
