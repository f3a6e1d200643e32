import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dayMs } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { Custody, JobData } from '../../src/flows/ports.ts'
import { signStatement } from '../e2e/signing.ts'
import { decodeEntries } from './log-reader.ts'
import { openChange, startBreakable, turnGreen, until } from './green.ts'

const lost = 'Not decided: the decision log cannot be written'

test('T43 while the log cannot be written no check turns green, and it does once the log returns', async (t) => {
  const { d, disk } = await startBreakable(t)
  const change = await openChange(d)
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', change.number, person)
  await d.pass(13 * dayMs)
  disk.broken = true
  await d.pass(2 * dayMs)
  assert.equal(d.check('acme/sdk', change.headSha)?.conclusion, 'action_required')
  const outcomes = (await decodeEntries(d.store.log)).map(({ data }) => data.outcome)
  assert.equal(outcomes.includes('pass'), false)
  assert.ok(outcomes.includes('pending'))
  disk.broken = false
  await until('green after the log returned', async () => {
    d.server.runner.wake()
    return d.check('acme/sdk', change.headSha)?.conclusion === 'success'
  })
})

for (const [what, act] of [
  [
    'a push to the base',
    (d, _change) =>
      void d.fake.commit('acme/sdk', 'main', {
        author: 'admin',
        message: 'x',
        files: { 'x.md': 'x\n' },
        by: 'admin',
        bypass: true,
      }),
  ],
  [
    'a veto',
    async (d, change) => {
      const person = d.of('layer-5')[0]
      assert.ok(person)
      const { comment } = await signStatement(d, 'acme/sdk', change.number, person, {
        decision: 'veto',
        reason: 'It is not what it says.',
      })
      d.fake.comment({ repo: 'acme/sdk', number: change.number }, person.login, comment)
    },
  ],
  ['a closed change', (d, change) => d.fake.closePullRequest({ repo: 'acme/sdk', number: change.number }, 'alice')],
] as readonly [
  string,
  (
    d: Awaited<ReturnType<typeof startBreakable>>['d'],
    change: { number: number; headSha: string },
  ) => void | Promise<void>,
][]) {
  test(`T43 ${what} while the log cannot be written lowers a shown green at once, and the record follows`, async (t) => {
    const { d, disk } = await startBreakable(t)
    const change = await openChange(d)
    await turnGreen(d, change)
    const greenEntry = (await d.store.log.head()).size
    disk.broken = true
    await act(d, change)
    await until('lowered', () => d.check('acme/sdk', change.headSha)?.title === lost, 5_000)
    assert.equal(d.check('acme/sdk', change.headSha)?.conclusion, 'failure')
    const journaled = await d.journal.read()
    assert.equal(journaled.length, 1)
    assert.equal(journaled[0]?.head, change.headSha)
    assert.equal((await d.store.log.head()).size, greenEntry, 'the log took something while it was down')
    // Nothing that happens meanwhile shows it again: events, timers, retries.
    for (let round = 0; round < 3; round++) {
      await d.pass(3_600_000)
      assert.notEqual(d.check('acme/sdk', change.headSha)?.conclusion, 'success')
    }

    disk.broken = false
    await until('the journal is empty', async () => (await d.journal.read()).length === 0)
    await until('decided anew', async () => {
      await d.settled()
      return d.check('acme/sdk', change.headSha)?.title !== lost
    })
    await d.settled()
    const entries = await decodeEntries(d.store.log)
    const lowered = entries.filter(({ type }) => type === 'check-lowered')
    assert.equal(lowered.length, 1)
    assert.equal(lowered[0]?.data.head, change.headSha)
    const verdicts = entries.filter(({ type, subject }) => type === 'verdict' && subject.number === change.number)
    const conclusion = d.check('acme/sdk', change.headSha)?.conclusion
    if (what === 'a closed change') assert.equal(conclusion, 'failure')
    else {
      const newest = verdicts.at(-1)
      assert.ok((newest?.index ?? 0) > (lowered[0]?.index ?? Infinity), 'no verdict is newer than the lowering')
      assert.equal(conclusion === 'success', newest?.data.outcome === 'pass')
    }
    if (what === 'a veto') assert.notEqual(conclusion, 'success')
    if (what === 'a push to the base') assert.equal(conclusion, 'success')
  })
}

test('T43 a journal that takes nothing either does not keep a green standing', async (t) => {
  const records: unknown[] = []
  let isFull = false
  const { d, disk } = await startBreakable(t, {
    journal: {
      async append(record) {
        if (isFull) throw new Error('no space left')
        records.push(record)
      },
      read: async () => [...records] as never,
      drop: async (count) => void records.splice(0, count),
    },
  })
  const change = await openChange(d)
  await turnGreen(d, change)
  disk.broken = true
  isFull = true
  d.fake.closePullRequest({ repo: 'acme/sdk', number: change.number }, 'alice')
  await until('lowered', () => d.check('acme/sdk', change.headSha)?.title === lost, 5_000)
  assert.equal(records.length, 0)
  disk.broken = false
  await until('recorded', async () => {
    await d.settled()
    return (await d.store.log.find({ type: 'check-lowered', limit: 5 })).length === 1
  })
})

test('T43 a success on its way to the forge when the log fails does not stay', async (t) => {
  const { d, disk } = await startBreakable(t)
  const change = await openChange(d)
  for (const person of d.of('layer-5').slice(0, 3)) await d.approve('acme/sdk', change.number, person)
  d.clock.advance(14 * dayMs + 1_000)
  const { fake } = d
  fake.faults.latency(150)
  d.server.runner.wake()
  await until(
    'the verdict is recorded',
    async () =>
      ((await d.store.changes.find(d.repositoryId('acme/sdk'), change.number))?.verdict?.outcome ?? '') === 'pass',
  )
  disk.broken = true
  fake.closePullRequest({ repo: 'acme/sdk', number: change.number }, 'alice')
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  fake.faults.latency(0)
  await until('no success is left', () => d.check('acme/sdk', change.headSha)?.conclusion !== 'success', 5_000)
  assert.notEqual(d.check('acme/sdk', change.headSha)?.conclusion, 'success')
  disk.broken = false
})

for (const [call, mode] of [
  ['append', 'not-stored'],
  ['append', 'but-stored'],
  ['drop', 'not-stored'],
  ['drop', 'but-stored'],
] as const)
  test(`T43 T44 the journal's ${call} fails (${mode}): the lowering stands in the log once`, async (t) => {
    const records: JobData[] = []
    let failures = 1
    const breaking = async (what: typeof call, write: () => void): Promise<void> => {
      const breaks = what === call && failures-- > 0
      if (breaks && mode === 'not-stored') throw new AppError('store-unavailable', 'the journal refuses')
      write()
      if (breaks) throw new AppError('store-unavailable', 'the journal lost its answer')
    }
    const { d, disk } = await startBreakable(t, {
      journal: {
        append: (record) => breaking('append', () => void records.push(record)),
        read: async () => [...records],
        drop: (count) => breaking('drop', () => void records.splice(0, count)),
      },
    })
    const change = await openChange(d)
    await turnGreen(d, change)
    disk.broken = true
    d.fake.closePullRequest({ repo: 'acme/sdk', number: change.number }, 'alice')
    await until('lowered', () => d.check('acme/sdk', change.headSha)?.title === lost, 5_000)
    disk.broken = false
    await until('recorded and forgotten', async () => {
      await d.settled()
      const entries = await decodeEntries(d.store.log)
      return failures < 1 && records.length === 0 && entries.some(({ type }) => type === 'check-lowered')
    })
    await d.settled()
    const lowered = (await decodeEntries(d.store.log)).filter(({ type }) => type === 'check-lowered')
    assert.equal(lowered.length, 1)
  })

test('T43 a key that no longer signs the log is a log that cannot be written', async (t) => {
  const { d } = await startBreakable(t)
  const change = await openChange(d)
  const next = await openChange(d, 'next', 'docs/next.md')
  await turnGreen(d, change)
  const custody = d.custody as { sign: Custody['sign'] }
  const { sign } = custody
  custody.sign = async () => {
    throw new AppError('custody-refused', 'the token is locked')
  }
  for (const person of d.of('layer-5').slice(0, 3)) {
    const { comment } = await d.signature('acme/sdk', next.number, person)
    d.fake.comment({ repo: 'acme/sdk', number: next.number }, person.login, comment)
  }
  await until('lowered', () => d.check('acme/sdk', change.headSha)?.title === lost, 5_000)
  await d.pass(dayMs)
  for (const { headSha } of [change, next]) assert.notEqual(d.check('acme/sdk', headSha)?.conclusion, 'success')
  custody.sign = sign
  await until('green again by a newer verdict', async () => {
    await d.pass(60_000)
    return [change, next].every(({ headSha }) => d.check('acme/sdk', headSha)?.conclusion === 'success')
  })
  const entries = await decodeEntries(d.store.log)
  assert.equal(entries.filter(({ type }) => type === 'check-lowered').length, 1)
  assert.equal(entries.filter(({ type }) => type === 'statement-admitted').length, 6)
})
