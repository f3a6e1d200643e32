import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceleration } from '../../src/compose-acceleration.ts'
import { asSha256, blobPath, quorumTime, type Report, type Sha256, verifyRelease } from '../../src/core/index.ts'
import { createRecorder, type Recorder } from '../../src/flows/gate/recorder.ts'
import { eraseBlob, planErasure } from '../../src/flows/record/erase.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { Store } from '../../src/flows/ports.ts'
import { systemRandom } from '../../src/system.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { type Doc, readDoc, writeDoc } from './evidence-forgery.ts'
import { evidenceOf, playVerdicts, sdk, trustOf, verdictsOf, verify } from './evidence-scene.ts'
import { artifact, landed, sayOnRelease, signAt } from './release-scene.ts'
import { act, verdictOf } from './signing.ts'
import { approveAll, days, entriesOf, open, shown } from './threat-scene.ts'

/** A second writer beside the server, as the command has one. */
const recorderOf = (d: Deployment, store: Pick<Store, 'commit'> = d.store.store): Recorder =>
  createRecorder({
    origin: d.config.log.origin,
    store,
    log: d.store.log,
    security: d.store.security,
    custody: d.custody,
    clock: d.clock,
    random: systemRandom,
    acceleration,
  })

async function erase(d: Deployment, digest: string): Promise<number> {
  const parts = { ...d.store, recorder: recorderOf(d), operator: 'operator:test' }
  const erased = await eraseBlob(parts, asSha256(digest), 'the person asked for it')
  assert.ok(erased.ok, JSON.stringify(erased))
  return erased.entry
}

const refusal = async (d: Deployment, digest: string): Promise<string> => {
  const planned = await planErasure(d.store, asSha256(digest))
  return planned.ok ? 'ok' : planned.code
}

const faults = ({ checks }: Report) => checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code)
const unknown = ({ checks }: Report) => checks.filter(({ code }) => code === 'blob-erased').map(({ check }) => check)

/** Digests that the newest verdict on a change names. */
async function named(d: Deployment, name: string, number: number) {
  const record = await d.store.changes.find(d.repositoryId(name), number)
  assert.ok(record?.verdict && record.facts && record.changeDigest)
  const { entry, digest } = record.verdict
  return { entry, verdict: digest, facts: record.facts, files: record.changeDigest }
}

async function payloadOf(d: Deployment, number: number, decision: string, name = sdk): Promise<Sha256> {
  const records = await d.store.statements.forChange(d.repositoryId(name), number)
  const found = records.find(({ statement }) => statement.predicate.decision === decision)
  assert.ok(found, decision)
  return found.payloadDigest
}

/** Every verdict of the log is still believed as far as it can be: nothing contradicts itself. */
async function requireSound(d: Deployment): Promise<void> {
  const trust = await trustOf(d)
  for (const index of await verdictsOf(d)) {
    const report = verify(await evidenceOf(d, index), trust)
    assert.deepEqual(faults(report), [], `entry ${index}`)
    assert.equal(report.verdict, 'consistent', `entry ${index}`)
  }
}

test('what an erased value leaves unknown is skipped, whatever kind it is of, and the verdict is never verified', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  const number = await playVerdicts(d)
  const names = await named(d, sdk, number)
  const trust = await trustOf(d)
  const judged = async () => verify(await evidenceOf(d, names.entry), trust, { cloneCheck: [] })
  assert.equal((await judged()).verdict, 'verified')

  // Made of values that are there, the verdict is recomputed; only its own bytes nobody can look at.
  await erase(d, names.verdict)
  assert.deepEqual([(await judged()).verdict, unknown(await judged())], ['consistent', ['blobs']])

  await erase(d, await payloadOf(d, number, 'add-tier'))
  const withoutVote = await judged()
  assert.equal(withoutVote.verdict, 'consistent')
  assert.deepEqual(unknown(withoutVote), ['blobs', 'statements', 'verdict', 'verdict-entry'])

  await erase(d, names.files)
  const withoutFiles = await judged()
  assert.equal(withoutFiles.verdict, 'consistent')
  const ofFacts = ['blobs', 'facts', 'clock', 'approvals', 'verdict', 'verdict-entry', 'clone']
  assert.deepEqual(unknown(withoutFiles), ofFacts)

  await erase(d, names.facts)
  const withoutFacts = await judged()
  assert.equal(withoutFacts.verdict, 'consistent')
  assert.deepEqual(unknown(withoutFacts), ofFacts)
  await requireSound(d)
  assert.equal(verify(await evidenceOf(d, names.entry), null).verdict, 'untrusted')
})

test('facts of the verdict that put a policy into force leave that policy unknown, and every later verdict with it', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  const number = await playVerdicts(d)
  const [policy] = await entriesOf(d, 'policy-in-force')
  assert.equal(typeof policy?.verdict, 'number')
  const [row] = await d.store.log.entries(policy?.verdict as number, (policy?.verdict as number) + 1)
  assert.ok(row)
  const { facts } = (JSON.parse(Buffer.from(row.bytes).toString()) as { data: { facts: string } }).data
  const planned = await planErasure(d.store, asSha256(facts))
  assert.ok(planned.ok)
  assert.equal(planned.plan.policies.length, 1)
  await erase(d, facts)
  const { entry } = await named(d, sdk, number)
  const report = verify(await evidenceOf(d, entry), await trustOf(d), { cloneCheck: [] })
  assert.equal(report.verdict, 'consistent')
  assert.ok(unknown(report).includes('policies'))
  await requireSound(d)
})

test('T45 a tombstone excuses only what the log says and what may be erased', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  const number = await playVerdicts(d)
  const names = await named(d, sdk, number)
  const trust = await trustOf(d)
  const whole = readDoc(await evidenceOf(d, names.entry))
  const payload = await payloadOf(d, number, 'add-tier')
  for (const digest of [names.facts, names.files, names.verdict, payload]) {
    const { [digest]: _, ...blobs } = whole.blobs
    const report = verify(writeDoc({ ...whole, blobs }), trust, { cloneCheck: [] })
    assert.ok(faults(report).includes('blob-missing'), 'what is missing without a word is missing')
    assert.equal(report.verdict, 'invalid')
  }
  await erase(d, payload)
  const bytes = await evidenceOf(d, names.entry)
  const doc = readDoc(bytes)
  const isTombstone = ({ entry }: Doc['entries'][number]) => entry.type === 'blob-erased'
  assert.equal(doc.entries.filter(isTombstone).length, 1)
  const judge = (changed: Doc) => verify(writeDoc(changed), trust, { cloneCheck: [] })
  const without = judge({ ...doc, entries: doc.entries.filter((one) => !isTombstone(one)) })
  assert.ok(faults(without).includes('blob-missing'))
  const restored = judge({ ...doc, blobs: { ...doc.blobs, [payload]: whole.blobs[payload] } })
  assert.deepEqual([restored.verdict, faults(restored)], ['verified', []], 'what somebody kept is looked at')

  // A tombstone that is not in the log, and one that names something else than it does there.
  const forged = structuredClone(doc)
  const tombstone = forged.entries.find(isTombstone)
  assert.ok(tombstone)
  tombstone.entry.data.digest = names.facts
  delete forged.blobs[names.facts]
  assert.ok(faults(judge(forged)).includes('inclusion-root-mismatch'))

  // The operator's own log may say what it likes: no verdict can be judged without its policy.
  const policy = String((await entriesOf(d, 'genesis'))[0]?.policy)
  await recorderOf(d).record(() => ({
    entries: [
      {
        type: 'blob-erased',
        actor: { kind: 'operator' },
        subject: { kind: 'deployment' },
        data: { digest: asSha256(policy), reason: 'none of your business' },
      },
    ],
    writes: [{ kind: 'erase-blob', digest: asSha256(policy), changes: [] }],
    result: null,
  }))
  const blind = verify(await evidenceOf(d, names.entry), trust)
  assert.equal(blind.verdict, 'invalid')
  assert.ok(faults(blind).includes('blob-missing'))
})

test('what every verdict is judged by is not erased, nor what nobody named', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  const number = await playVerdicts(d)
  const [verdict] = await entriesOf(d, 'verdict')
  const [policy] = await entriesOf(d, 'policy-in-force')
  assert.ok(verdict && policy)
  for (const digest of [verdict.policy, policy.keyring, verdict.requirement, Object.values(policy.files as object)[0]])
    assert.equal(await refusal(d, String(digest)), 'blob-not-erasable')
  assert.equal(await refusal(d, 'ab'.repeat(32)), 'blob-unknown')
  assert.equal(await refusal(d, String(verdict.approvals)), 'blob-unknown')
  const elsewhere = await d.store.statements.aboutPerson((d.of('layer-5')[0] as { id: number }).id as never)
  assert.equal(await refusal(d, String(elsewhere[0]?.payloadDigest)), 'blob-makes-keyring')
  for (const digest of Object.values(await named(d, sdk, number)).slice(1))
    assert.equal(await refusal(d, String(digest)), 'ok')
})

test('an open change whose reasons are erased is decided anew; one whose facts are erased waits for other content', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const [one, two, three] = d.of('layer-5')
  assert.ok(one && two && three)
  const { number } = await open(d, sdk)
  await approveAll(d, sdk, number, [one, two, three])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, number), 'success')
  const first = await named(d, sdk, number)
  await erase(d, first.verdict)
  await d.pass(5_000)
  const second = await named(d, sdk, number)
  assert.ok(second.entry > first.entry)
  assert.notEqual(second.verdict, first.verdict)
  assert.equal(shown(d, sdk, number), 'success')

  const page = () => fetch(`${d.url}/changes/${sdk}/${number}`)
  for (const erased of [second.facts, second.files]) {
    if ((await refusal(d, erased)) === 'blob-unknown') continue
    await erase(d, erased)
    await d.pass(5_000)
    const { outcome, reason } = await verdictOf(d, sdk, number)
    assert.equal(outcome, 'error')
    assert.ok(JSON.stringify(reason).includes('facts-unavailable'), JSON.stringify(reason))
    assert.equal(shown(d, sdk, number), 'failure')
    assert.equal((await page()).status, 200)
    await d.pass(600_000)
    assert.equal(shown(d, sdk, number), 'failure', 'it stays so')
  }
  const more = { author: 'alice', message: 'other', files: { 'docs/guide.md': 'another\n' }, by: 'alice' }
  d.fake.pushToPullRequest({ repo: sdk, number }, more)
  await d.settled()
  assert.equal((await verdictOf(d, sdk, number)).outcome, 'pending')
  await approveAll(d, sdk, number, [one, two, three])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, number), 'success')
  await requireSound(d)
  assert.deepEqual(await d.store.jobs.dead(9), [])
})

test('an approval that nobody can look at any more counts no more, a veto still does', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const [one, two, three, four, five] = d.of('layer-5')
  assert.ok(one && two && three && four && five)
  const { number } = await open(d, sdk)
  await approveAll(d, sdk, number, [one, two, three])
  await d.pass(days(14))
  assert.equal(shown(d, sdk, number), 'success')
  const passed = await named(d, sdk, number)
  await erase(d, await payloadOf(d, number, 'approve'))
  await d.pass(5_000)
  assert.equal(shown(d, sdk, number), 'action_required')
  const { missing } = await verdictOf(d, sdk, number)
  assert.deepEqual(
    missing.map(({ kind }) => kind),
    ['signatures'],
  )
  await approveAll(d, sdk, number, [five])
  assert.equal(shown(d, sdk, number), 'success')

  const reason = 'It breaks the build.'
  assert.equal(await act(d, sdk, number, four, { decision: 'veto', reason }), 'ok')
  assert.equal(shown(d, sdk, number), 'failure')
  await erase(d, await payloadOf(d, number, 'veto'))
  await d.pass(5_000)
  assert.equal(shown(d, sdk, number), 'failure')
  const records = await d.store.statements.forChange(d.repositoryId(sdk), number)
  assert.equal(JSON.stringify(records).includes(reason), false)
  // Its signer can still take it back.
  assert.equal(await act(d, sdk, number, four, { decision: 'withdraw' }), 'ok')
  assert.equal(shown(d, sdk, number), 'success')
  await requireSound(d)
  const report = verify(await evidenceOf(d, passed.entry), await trustOf(d), { cloneCheck: [] })
  assert.deepEqual([report.verdict, unknown(report)[1]], ['consistent', 'statements'])
})

test('an erased value is answered with 410 at once, and its file is gone before the head that says so is shown', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { number } = await open(d, sdk)
  await d.published()
  const { facts, verdict } = await named(d, sdk, number)
  const get = (digest: string) => fetch(`${d.url}/log/decisions/${blobPath(asSha256(digest))}`)
  assert.equal((await get(facts)).status, 200)
  // As a process leaves it that is killed right after its commit.
  await erase(d, facts)
  assert.notEqual(await d.logFiles.read(blobPath(facts)), null)
  const gone = await get(facts)
  assert.equal(gone.status, 410)
  assert.equal(gone.headers.get('cache-control'), 'no-store')
  assert.match(gone.headers.get('content-type') ?? '', /^application\/problem\+json/)
  assert.equal(((await gone.json()) as { code: string }).code, 'blob-erased')
  assert.equal((await get('ab'.repeat(32))).status, 404)
  const served = await get(verdict)
  assert.equal(served.headers.get('cache-control'), 'public, max-age=86400')
  await d.restart()
  await d.published()
  assert.equal(await d.logFiles.read(blobPath(facts)), null)
  const head = Buffer.from((await d.logFiles.read('checkpoint')) ?? []).toString()
  const [tombstone] = await d.store.log.find({ type: 'blob-erased', limit: 1 })
  assert.ok(Number(head.split('\n')[1]) > (tombstone?.index ?? Infinity))
})

test('T44 an erasure whose write fails, stored or not, is told as neither, and doing it again ends it once', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { number } = await open(d, sdk)
  const { verdict, facts } = await named(d, sdk, number)
  const { commit } = d.store.store
  const failing = (isStored: boolean): Pick<Store, 'commit'> => ({
    async commit(writes) {
      if (isStored) assert.ok((await commit(writes)).ok)
      throw new AppError('store-unavailable', 'the disk went away')
    },
  })
  for (const [digest, isStored] of [
    [verdict, false],
    [facts, true],
  ] as const) {
    const parts = { ...d.store, recorder: recorderOf(d, failing(isStored)), operator: 'operator:test' }
    await assert.rejects(eraseBlob(parts, digest, 'the person asked for it'), { code: 'store-unavailable' })
    const planned = await planErasure(d.store, digest)
    assert.ok(planned.ok)
    assert.deepEqual([planned.plan.erasedBy !== null, planned.plan.size === null], [isStored, isStored])
    const parted = { ...parts, recorder: recorderOf(d) }
    const again = await eraseBlob(parted, digest, 'the person asked for it')
    assert.deepEqual(again.ok ? 'ok' : again.code, isStored ? 'already-erased' : 'ok')
    const tombstones = (await entriesOf(d, 'blob-erased')).filter((data) => data.digest === digest)
    assert.equal(tombstones.length, 1)
    const events = await d.store.security.search({ eventType: 'blob-erased', limit: 9 })
    assert.equal(events.filter(({ bytes }) => Buffer.from(bytes).includes(digest)).length, 1)
  }
})

test('a release keeps the statement that was signed for it; of erased facts of its landing the rest is judged', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { revision, number } = await landed(d)
  const artifacts = [artifact('sdk-1.0.0.tgz', 'one')]
  const wanted = { tag: 'v1.0.0', revision, artifacts }
  const [first, second] = d.of('layer-5')
  assert.ok(first && second)
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const judged = async () => {
    const signed = await signAt(d, wanted)
    assert.ok(signed.ok)
    return verifyRelease(signed.file, { trust: await trustOf(d), found: artifacts, quorumTime, acceleration })
  }
  assert.equal((await judged()).verdict, 'good')
  const [release] = await entriesOf(d, 'release-signed')
  assert.equal(await refusal(d, String(release?.statement)), 'blob-makes-release')
  const passed = (await d.store.changes.find(d.repositoryId(sdk), number))?.lastPass
  assert.ok(passed)
  await erase(d, passed.facts)
  const { verdict, checks } = await judged()
  assert.equal(verdict, 'consistent', JSON.stringify(checks))
  const unseen = checks.filter(({ code }) => code === 'blob-erased').map(({ check }) => check)
  for (const check of ['blobs', 'facts', 'landing', 'quorum', 'statement'] as const) assert.ok(unseen.includes(check))
})

test('of what was said about a release no body of a webhook is left once it is erased', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { revision, number } = await landed(d)
  const [first] = d.of('layer-5')
  assert.ok(first)
  const wanted = { tag: 'v1.0.0', revision, artifacts: [artifact('sdk-1.0.0.tgz', 'one')] }
  const reason = 'Alice Example told me so.'
  assert.equal(await sayOnRelease(d, number, first, { ...wanted, decision: 'veto', reason }), 'ok')
  await d.settled()
  const bodies = async (): Promise<number> => {
    const guids = (await d.store.deliveries.list({ limit: 1_000 })).map(({ guid }) => guid)
    const all = await Promise.all(guids.map((guid) => d.store.deliveries.find(guid)))
    return all.filter((one) => one?.event === 'issue_comment' && one.body !== null).length
  }
  assert.ok((await bodies()) > 0)
  const [said] = await d.store.statements.forRelease(d.repositoryId(sdk), wanted.tag)
  assert.ok(said)
  await erase(d, said.payloadDigest)
  assert.equal(await bodies(), 0)
  const [left] = await d.store.statements.forRelease(d.repositoryId(sdk), wanted.tag)
  assert.ok(left?.isErased === true && !JSON.stringify(left).includes(reason))
})
