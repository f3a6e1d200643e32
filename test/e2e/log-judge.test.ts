/** The verdicts of a whole log judged on one replay, against evidence of each of them judged alone. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { directorySource } from '../../src/adapters/log-source/directory-source.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { policyDigest, type TrustFile, trustedLogKeys } from '../../src/core/index.ts'
import { decisiveTypes, openJudge } from '../../src/flows/record/judge-verdicts.ts'
import { readDecisions } from '../../src/flows/record/read-decisions.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { evidenceOf, playRegenesis, playVerdicts, sdk, trustOf, verdictsOf, verify } from './evidence-scene.ts'
import { writeLogFiles } from './write-log-files.ts'

/** A judge of the log as its files say it, for the verdicts on one repository. */
async function judgeOf(t: TestContext, d: Deployment, trust: TrustFile, repository = sdk) {
  const directory = mkdtempSync(join(tmpdir(), 'governance-judge-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  await writeLogFiles(d, directory)
  const believed = { origin: trust.origin, keys: trustedLogKeys(trust), root: null }
  const read = await readDecisions(directorySource(directory), believed, {
    isWanted: (type) => decisiveTypes.has(type),
    acceleration,
  })
  assert.ok(read.ok)
  return openJudge(read.value, { trust, quorumTime: null, acceleration }, d.repositoryId(repository))
}

const faults = (checks: Awaited<ReturnType<typeof judgeOf>>['checks']) =>
  checks.flatMap(({ outcome, check, code }) => (outcome === 'pass' ? [] : [`${outcome} ${check} ${code}`]))

test('every verdict of a log is judged on one replay as evidence of it is judged alone, and its root is the trusted one', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  await playVerdicts(d)
  const trust = await trustOf(d)
  const judge = await judgeOf(t, d, trust)
  assert.deepEqual(faults(judge.checks), ['skipped witnesses unwitnessed'])
  const onSdk: number[] = []
  const outcomes = new Set<string>()
  for (const index of await verdictsOf(d)) {
    const [row] = await d.store.log.entries(index, index + 1)
    const entry = JSON.parse(new TextDecoder().decode(row?.bytes)) as {
      subject: { repository: number }
      data: { outcome: string }
    }
    if (entry.subject.repository !== d.repositoryId(sdk)) continue
    onSdk.push(index)
    outcomes.add(entry.data.outcome)
    assert.notEqual(verify(await evidenceOf(d, index), trust).verdict, 'invalid', String(index))
    assert.deepEqual(faults(await judge.judge(index)), [], String(index))
  }
  assert.deepEqual(outcomes, new Set(['pending', 'pass', 'fail', 'error']))
  assert.deepEqual(faults(await judge.judge(0)), ['fail facts verdict-missing'])

  const before = onSdk.at(-1) ?? 0
  const policy = await playRegenesis(d)
  d.fake.commit(sdk, 'after', { author: 'alice', message: 'x', files: { 'docs/after.md': 'x\n' }, from: 'main' })
  d.fake.openPullRequest({ repo: sdk, head: 'after', author: 'alice', title: 'After' })
  await d.settled()
  const after = (await verdictsOf(d)).at(-1) ?? 0
  assert.ok(after > before)
  // Who was told of the first policy is not told that another one took its place; who knows that one knows nothing of before.
  const old = await judgeOf(t, d, trust)
  assert.ok(faults(old.checks).includes('fail trust policy-not-pinned'))
  assert.deepEqual(faults(await old.judge(before)), [])
  assert.deepEqual(faults(await old.judge(after)), ['fail trust policy-not-pinned'])
  const renewed = await judgeOf(t, d, { ...trust, genesisPolicy: policyDigest(policy) })
  assert.deepEqual(faults(renewed.checks), ['skipped witnesses unwitnessed'])
  assert.deepEqual(faults(await renewed.judge(before)), ['skipped trust policy-not-pinned'])
  assert.deepEqual(faults(await renewed.judge(after)), [])
})
