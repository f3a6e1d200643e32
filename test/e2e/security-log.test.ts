import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { dayMs, encodeUtf8, noteVerifierKey, verifyCheckpoint } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import { securityKeyName, securityOrigin } from '../../src/flows/gate/recorder.ts'
import type { Custody } from '../../src/flows/ports.ts'
import { auditLog } from '../contract/tree.ts'
import { decodeEntries, type ReadEntry } from '../fault/log-reader.ts'
import { openChange, startBreakable, turnGreen, until } from '../fault/green.ts'
import type { Deployment } from './deployment.ts'
import { signStatement } from './signing.ts'
import { strangersCommand } from './security-events/gate-producers.ts'

const repo = 'acme/sdk'

const eventsOf = async (d: Deployment, type: string): Promise<readonly ReadEntry[]> => {
  await d.server.events.flush()
  return (await decodeEntries(d.store.security)).filter((entry) => entry.type === type)
}

const detailsOf = (entry: ReadEntry): Readonly<Record<string, unknown>> =>
  entry.data.details as Readonly<Record<string, unknown>>

/** Custody refuses the one key that signs the security log; returns what gives it back. */
function lockSecurityKey(d: Deployment): () => void {
  const custody = d.custody as { sign: Custody['sign'] }
  const { sign } = custody
  custody.sign = (name, message) =>
    name === securityKeyName
      ? Promise.reject(new AppError('custody-refused', 'the token is locked'))
      : sign(name, message)
  return () => {
    custody.sign = sign
  }
}

test('T08a forged webhooks of three kinds grow the security log by one entry for each kind and minute', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  await d.server.events.flush()
  const before = (await d.store.security.head()).size
  const minutes = 5
  const perKind = 20
  const kinds: readonly Record<string, string>[] = [
    {},
    { 'x-hub-signature-256': 'sha256=zz' },
    { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
  ]
  for (let minute = 0; minute < minutes; minute++) {
    for (const kind of kinds)
      await Promise.all(
        Array.from({ length: perKind }, async () => {
          const headers = {
            'content-type': 'application/json',
            'x-github-event': `e_${randomUUID().slice(0, 8)}`,
            'x-github-delivery': randomUUID(),
            ...kind,
          }
          const answer = await fetch(`${d.url}/webhooks/github`, { method: 'POST', body: '{}', headers })
          assert.equal(answer.status, 401)
        }),
      )
    await d.server.events.flush()
    d.clock.advance(60_000)
  }
  const refused = await eventsOf(d, 'webhook-refused')
  const codes = new Set(refused.map((entry) => detailsOf(entry).code))
  assert.equal(codes.size, 3)
  assert.equal(refused.length, codes.size * minutes)
  assert.equal((await d.store.security.head()).size - before, refused.length)
  // Nothing is lost but the text: what was left out is counted by the next one.
  const unsaid = refused.reduce((sum, entry) => sum + Number(detailsOf(entry).unsaidBefore), 0)
  assert.equal(unsaid + refused.length, kinds.length * (perKind * (minutes - 1) + 1))
})

test('T08a an account without a key makes the security log grow by one entry a minute, however it comments', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  const { number } = await openChange(d)
  for (let n = 0; n < 8; n++) await strangersCommand(d, number)
  const told = [...(await eventsOf(d, 'statement-refused')), ...(await eventsOf(d, 'authorization-refused'))]
  assert.equal(told.length, 1)
  assert.match(String(told[0]?.data.userId), /^account:\d+$/)
})

test('T43 while the security log takes nothing, no statement counts and no check turns green', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  const change = await openChange(d)
  const [one, two, three] = d.of('layer-5')
  assert.ok(one && two && three)
  await d.approve(repo, change.number, one)
  const giveBack = lockSecurityKey(d)
  const { size } = await d.store.log.head()
  for (const person of [two, three]) await d.approve(repo, change.number, person)
  await d.pass(14 * dayMs + 1_000)
  assert.equal((await d.store.log.head()).size, size, 'the decision log took something without its event')
  assert.equal((await d.store.statements.forChange(d.repositoryId(repo), change.number)).length, 1)
  assert.notEqual(d.check(repo, change.headSha)?.conclusion, 'success')
  giveBack()
  await until('green once the log returned', async () => {
    await d.pass(60_000)
    return d.check(repo, change.headSha)?.conclusion === 'success'
  })
  assert.equal((await eventsOf(d, 'statement-admitted')).length, 3)
  const [failed] = await eventsOf(d, 'store-failed')
  assert.equal(failed && detailsOf(failed).code, 'custody-refused')
  assert.equal((await eventsOf(d, 'store-recovered')).length, 1)
})

test('T43 while the security log takes nothing, what lowers trust acts at once', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  const change = await openChange(d)
  await turnGreen(d, change)
  const [person] = d.of('layer-5')
  assert.ok(person)
  const veto = { decision: 'veto', reason: 'It is not what it says.' } as const
  const { comment } = await signStatement(d, repo, change.number, person, veto)
  const giveBack = lockSecurityKey(d)
  d.fake.comment({ repo, number: change.number }, person.login, comment)
  await until('lowered', () => d.check(repo, change.headSha)?.conclusion === 'failure', 5_000)
  giveBack()
  await until('recorded', async () => (await eventsOf(d, 'check-lowered')).length === 1)
})

test('AUD-01 the security log is a tree of its own under signed heads that the decision log holds', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  await openChange(d)
  await d.restart()
  await d.server.events.flush()
  assert.deepEqual((await auditLog(d.store.security)).faults, [])
  const origin = securityOrigin(d.config.log.origin)
  const key = noteVerifierKey(origin, await d.custody.publicKey(securityKeyName))
  const newest = await d.store.security.checkpoint()
  const head = verifyCheckpoint(encodeUtf8(newest?.note ?? ''), origin, [key])
  assert.ok(head.ok)
  assert.equal(head.checkpoint.size, (await d.store.security.head()).size)
  const anchored = (await decodeEntries(d.store.log)).filter(({ type }) => type === 'security-checkpoint')
  assert.ok(anchored.length > 0, 'a stop anchors the security log')
  for (const { data } of anchored) {
    const noted = verifyCheckpoint(encodeUtf8(String(data.note)), origin, [key])
    assert.ok(noted.ok)
    assert.equal(noted.checkpoint.size, data.size)
    assert.equal(Buffer.from(noted.checkpoint.root).toString('base64'), data.root)
  }
})

test('AUD-01 the head of the security log becomes an entry at most every ten minutes', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  const anchors = async (): Promise<number> =>
    (await decodeEntries(d.store.log)).filter(({ type }) => type === 'security-checkpoint').length
  for (let minute = 0; minute < 31; minute++) {
    await fetch(`${d.url}/webhooks/github`, { method: 'POST', body: '{}' })
    await d.server.events.flush()
    d.clock.advance(60_000)
  }
  assert.equal(await anchors(), 3)
})

test('T24 a clock that is set forward moves the time of the security log alone', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  await openChange(d)
  const { at } = await d.store.log.head()
  d.skew(14 * dayMs)
  await d.restart()
  await d.server.events.flush()
  const head = await d.store.log.head()
  assert.equal(head.at, at)
  const newest = (await decodeEntries(d.store.log)).at(-1)
  assert.equal(newest?.type, 'security-checkpoint')
  assert.ok((await d.store.security.head()).at >= at + 14 * dayMs)
})

test('T59 nothing of a secret, a text or an address stands in the security log', async (t) => {
  const { d } = await startBreakable(t, { frozen: true })
  const pull = await openChange(d)
  const title = 'canary-title-5f3a'
  d.fake.commit(repo, 'canary', { author: 'alice', message: title, files: { 'docs/c.md': 'c\n' } })
  d.fake.openPullRequest({ repo, head: 'canary', author: 'alice', title, body: title })
  await d.settled()
  await d.approve(repo, pull.number, d.of('layer-5')[0] as never)
  await strangersCommand(d, pull.number)
  await fetch(`${d.url}/challenge/${repo}/77?maintainer=${title}`)
  await d.restart()
  await d.server.events.flush()
  const text = JSON.stringify(await decodeEntries(d.store.security))
  for (const secret of [title, '127.0.0.1', 'alice', 'mallory', repo, d.webhookSecret.toString(), 'PRIVATE KEY'])
    assert.equal(text.includes(secret), false, secret)
})
