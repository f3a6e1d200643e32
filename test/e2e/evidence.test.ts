import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyDigest, readEvidence, type Report, type TrustFile } from '../../src/core/index.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { readDoc, writeDoc } from './evidence-forgery.ts'
import { evidenceOf, playRegenesis, playVerdicts, trustOf, verdictsOf, verify } from './evidence-scene.ts'
import { sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })
let playing: Promise<number> | null = null
/** The shared deployment, once its log holds verdicts of every outcome. */
async function played(): Promise<Deployment> {
  const d = await deployment()
  playing ??= playVerdicts(d)
  await playing
  return d
}

/** Whichever tests ran before: what is pinned is the newest policy that needed no verdict. */
async function trustNow(d: Deployment): Promise<TrustFile> {
  const isReplaced = (await d.store.log.find({ type: 'policy-regenesis', limit: 1 })).length > 0
  return trustOf(d, isReplaced ? (await d.store.registry.policyInForce())?.digest : undefined)
}

const faults = ({ checks }: Report) => checks.filter(({ outcome }) => outcome === 'fail')
const skipped = ({ checks }: Report) =>
  checks.filter(({ outcome }) => outcome === 'skipped').map(({ check, code }) => `${check} ${code}`)

test('every verdict of a log is recomputed equal from its evidence alone, before and after a policy change, a suspension and a regenesis', async () => {
  const d = await played()
  const trust = await trustOf(d)
  const outcomes = new Set<string>()
  for (const index of await verdictsOf(d)) {
    const bytes = await evidenceOf(d, index)
    const read = readEvidence(bytes)
    assert.ok(read.ok)
    const entry = read.evidence.entries.find((one) => one.index === index)
    outcomes.add(String(entry?.entry.data.outcome))
    const report = verify(bytes, trust)
    assert.deepEqual(faults(report), [], `entry ${index}`)
    assert.equal(report.verdict, 'consistent')
    assert.deepEqual(skipped(report), ['witnesses unwitnessed', 'time clock-unproven', 'clone no-clone'])
    assert.equal(verify(bytes, null).verdict, 'untrusted')
    const isJudged = entry?.entry.data.approvals !== null
    assert.equal(verify(bytes, trust, { cloneCheck: [] }).verdict, isJudged ? 'verified' : 'consistent')
    const lie = verify(bytes, trust, { cloneCheck: [{ code: 'facts-contradict-git' }] })
    if (isJudged) assert.deepEqual(faults(lie), [{ check: 'clone', outcome: 'fail', code: 'facts-contradict-git' }])
  }
  assert.deepEqual([...outcomes].sort(), ['error', 'fail', 'pass', 'pending'])

  const before = (await verdictsOf(d)).length
  const policy = await playRegenesis(d)
  const after = await trustOf(d, policyDigest(policy))
  const verdicts = await verdictsOf(d)
  assert.ok(verdicts.length > before)
  for (const index of verdicts.slice(before)) {
    const bytes = await evidenceOf(d, index)
    assert.deepEqual(faults(verify(bytes, after)), [], `entry ${index}`)
    assert.deepEqual(
      faults(verify(bytes, trust)).map(({ code }) => code),
      ['policy-not-pinned'],
      'who trusts the first policy sees that it was replaced',
    )
  }
})

test('T45 evidence with a flipped bit, a missing part or of an unknown version fails with its reason', async () => {
  const d = await played()
  const trust = await trustNow(d)
  const [last] = (await verdictsOf(d)).slice(-1)
  assert.ok(last !== undefined)
  const bytes = await evidenceOf(d, last)
  const first = (changed: Uint8Array) => faults(verify(changed, trust, { cloneCheck: [] }))[0]?.code
  assert.equal(first(bytes), undefined)
  for (let at = 0; at < bytes.length; at += 499) {
    const flipped = Uint8Array.from(bytes)
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
    const report = verify(flipped, trust, { cloneCheck: [] })
    assert.equal(report.verdict, 'invalid', `bit of byte ${at}`)
  }
  const doc = readDoc(bytes)
  for (const name of Object.keys(doc)) {
    const { [name as keyof typeof doc]: _left, ...rest } = doc
    const code = name === 'kind' ? 'evidence-unknown-kind' : name === 'v' ? 'evidence-unknown-version' : 'missing-field'
    assert.equal(first(writeDoc(rest)), code, name)
  }
  for (const at of doc.entries.keys())
    assert.equal(verify(writeDoc({ ...doc, entries: doc.entries.toSpliced(at, 1) }), trust).verdict, 'invalid', `${at}`)
  for (const digest of Object.keys(doc.blobs)) {
    const { [digest]: _left, ...blobs } = doc.blobs
    assert.equal(verify(writeDoc({ ...doc, blobs }), trust).verdict, 'invalid', digest)
  }
  assert.equal(first(writeDoc({ ...doc, v: 2 })), 'evidence-unknown-version')
  assert.equal(first(writeDoc({ ...doc, more: 1 })), 'unknown-field')
  assert.equal(first(new TextEncoder().encode(JSON.stringify(doc, null, 1))), 'evidence-not-canonical')
  assert.equal(first(bytes.slice(0, -1)), 'evidence-not-json')
  assert.equal(first(new Uint8Array(0)), 'evidence-not-json')
})

test('T46 evidence forged with its own log, keys and registry is untrusted by itself and invalid for whoever knows the real log', async (t) => {
  const real = await deployment()
  const forged = await startDeployment(t, { frozen: true, repositories: ['sdk', 'node'] })
  const number = await playVerdicts(forged)
  const record = await forged.store.changes.find(forged.repositoryId('acme/sdk'), number)
  assert.equal(record?.verdict?.outcome, 'pass')
  assert.ok(record?.verdict)
  const bytes = await evidenceOf(forged, record.verdict.entry)
  const alone = verify(bytes, null, { cloneCheck: [] })
  assert.deepEqual([alone.verdict, faults(alone)], ['untrusted', []])
  const known = verify(bytes, await trustNow(real), { cloneCheck: [] })
  assert.equal(known.verdict, 'invalid')
  assert.equal(faults(known)[0]?.code, 'note-no-known-key')
})
