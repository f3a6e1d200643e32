import assert from 'node:assert/strict'
import { test } from 'node:test'
import { humanLines, jsonOf } from './narrate.ts'
import { exitCodeOf, expectEqual, expectMatch, expectThere, type Listener, perform } from './steps.ts'

const silent: Listener = { stepStarts() {}, said() {}, quoted() {}, stepEnds() {} }

test('a play whose steps are all as told ends with 0 and hands on what they made', async () => {
  const report = await perform(silent, async (step) => {
    const made = await step('one', 'First', async ({ say }) => {
      say('done')
      return 41
    })
    await step('two', 'Second', async () => expectEqual('the sum', made + 1, 42))
  })
  assert.equal(exitCodeOf(report), 0)
  assert.deepEqual(
    report.steps.map(({ id, ok, lines }) => [id, ok, lines]),
    [
      ['one', true, ['done']],
      ['two', true, []],
    ],
  )
})

test('a step that comes out otherwise ends the play with 1, and says what was expected and what was seen', async () => {
  let ranOn = false
  const report = await perform(silent, async (step) => {
    await step('forged-webhook', 'A forged webhook', async () => expectEqual('the status', 202, 401))
    ranOn = true
    await step('later', 'Later', async () => undefined)
  })
  assert.equal(exitCodeOf(report), 1)
  assert.equal(ranOn, false)
  assert.deepEqual(report.failure, { step: 'forged-webhook', what: 'the status', expected: '401', seen: '202' })
  const told = humanLines.failed(report, '/tmp/some.log').join('\n')
  for (const part of ['forged-webhook', 'expected', '401', 'seen', '202', '/tmp/some.log'])
    assert.ok(told.includes(part))
  const json = JSON.parse(jsonOf(report, '/tmp/some.log')) as { ok: boolean; failure: { seen: string }; log: string }
  assert.deepEqual([json.ok, json.failure.seen, json.log], [false, '202', '/tmp/some.log'])
})

test('a failed step that the play swallows still ends with 1, and nothing runs after it', async () => {
  const ran: string[] = []
  const report = await perform(silent, async (step) => {
    await step('bad', 'Bad', async () => expectThere('a check', null)).catch(() => undefined)
    await step('after', 'After', async () => void ran.push('after')).catch(() => undefined)
  })
  assert.equal(exitCodeOf(report), 1)
  assert.deepEqual(ran, [])
})

test('an error between steps, a thrown error in one, and a play without any step all end with 1', async () => {
  const thrown = await perform(silent, async (step) => {
    await step('bad', 'Bad', async () => {
      throw new TypeError('no such thing')
    })
  })
  assert.equal(exitCodeOf(thrown), 1)
  assert.match(thrown.failure?.seen ?? '', /no such thing/)
  const between = await perform(silent, async (step) => {
    await step('good', 'Good', async () => undefined)
    expectMatch('a text', 'red', /green/)
  })
  assert.equal(exitCodeOf(between), 1)
  assert.equal(exitCodeOf(await perform(silent, async () => undefined)), 1)
})
