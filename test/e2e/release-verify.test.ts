import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Artifact,
  canonicalBytes,
  encodeBase64,
  issuedEnvelope,
  issuedPae,
  type Json,
  noteVerifierKey,
  parseIssuedPayload,
  policyDigest,
  issuedPayload,
  quorumTime,
  readReleaseFile,
  releaseChecks,
  type ReleaseReport,
  type TrustFile,
  verifyRelease,
} from '../../src/core/index.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { type Deployment, origin, startDeployment } from './deployment.ts'
import { playRegenesis, trustOf } from './evidence-scene.ts'
import { eraseBlob } from '../../src/flows/record/erase.ts'
import { artifact, landed, sayOnRelease, signAt, signingDesk } from './release-scene.ts'
import { act } from './signing.ts'
import { open, sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk'] })
const files = [artifact('sdk-1.0.0.tgz', 'one'), artifact('sdk-1.0.0.zip', 'two')]

interface Doc {
  readonly v: number
  readonly kind: string
  readonly envelope: Record<string, Json>
  readonly signed: number
  readonly checkpoint: string
  readonly entries: readonly { readonly index: number; readonly entry: { type: string; data: Record<string, Json> } }[]
  readonly blobs: Record<string, Json>
}
const readDoc = (bytes: Uint8Array): Doc => JSON.parse(Buffer.from(bytes).toString()) as Doc
const writeDoc = (doc: object): Uint8Array => canonicalBytes(doc as Json)

/** A release that its quorum approved after a suspension and a veto that was withdrawn. */
async function release(d: Deployment): Promise<{ readonly file: Uint8Array; readonly trust: TrustFile }> {
  const { revision, number } = await landed(d)
  const wanted = { tag: 'v1.0.0', revision, artifacts: files }
  const [first, second, third, fourth] = d.of('layer-5')
  assert.ok(first && second && third && fourth)
  const pull = await open(d, 'acme/sdk')
  const suspend = { decision: 'suspend', target: fourth.id as never, reason: 'A laptop was stolen.' } as const
  assert.equal(await sayOnRelease(d, number, fourth, wanted), 'ok')
  assert.equal(await act(d, 'acme/sdk', pull.number, fourth, suspend), 'ok')
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'veto', reason: 'Wait.' }), 'ok')
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'withdraw' }), 'ok')
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const signed = await signAt(d, wanted)
  assert.ok(signed.ok)
  return { file: signed.file, trust: await trustOf(d, (await d.store.registry.policyInForce())?.digest) }
}
let made: ReturnType<typeof release> | null = null
const theRelease = async () => (made ??= release(await deployment()))

const judge = (bytes: Uint8Array, trust: TrustFile | null, found: readonly Artifact[] | null = files): ReleaseReport =>
  verifyRelease(bytes, { trust, found, quorumTime, acceleration })
const faults = ({ checks }: ReleaseReport): readonly string[] =>
  checks.flatMap(({ check, outcome, code }) => (outcome === 'fail' ? [`${check} ${code}`] : []))

test('a release is judged from its file, the files and the trust file alone', async () => {
  const { file, trust } = await theRelease()
  const report = judge(file, trust)
  assert.deepEqual([report.verdict, faults(report)], ['good', []])
  assert.deepEqual(
    report.checks.map(({ check }) => check),
    releaseChecks,
  )
  assert.deepEqual(
    [report.release?.repository, report.release?.tag, report.release?.approvers],
    ['acme/sdk', 'v1.0.0', 2],
  )
  assert.deepEqual(report.release?.artifacts, files)
  assert.equal(judge(file, trust, null).verdict, 'consistent', 'nobody looked at any file')
  const alone = judge(file, null)
  assert.deepEqual([alone.verdict, faults(alone)], ['untrusted', []])
})

test('a file that is changed, missing or nobody’s is named', async () => {
  const { file, trust } = await theRelease()
  const [tgz, zip] = files
  assert.ok(tgz && zip)
  const one = (found: readonly Artifact[]) => {
    const failed = judge(file, trust, found).checks.find(({ outcome }) => outcome === 'fail')
    return [failed?.check, failed?.code, failed?.detail]
  }
  assert.deepEqual(one([tgz, artifact(zip.name, 'two!')]), ['artifacts', 'artifact-changed', zip.name])
  assert.deepEqual(one([tgz]), ['artifacts', 'artifact-missing', zip.name])
  assert.deepEqual(one([...files, artifact('more.exe', 'x')]), ['artifacts', 'artifact-extra', 'more.exe'])
})

test('T45 a release file with one flipped bit, a part left out or an unknown version is invalid, with its reason', async () => {
  const { file, trust } = await theRelease()
  for (let at = 0; at < file.length; at += 997) {
    const flipped = Uint8Array.from(file)
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
    assert.equal(judge(flipped, trust).verdict, 'invalid', `bit of byte ${at}`)
  }
  const doc = readDoc(file)
  for (const name of Object.keys(doc)) {
    const { [name as keyof Doc]: _left, ...rest } = doc
    const code = name === 'kind' ? 'release-unknown-kind' : name === 'v' ? 'release-unknown-version' : 'missing-field'
    assert.deepEqual(faults(judge(writeDoc(rest), trust)), [`form ${code}`], name)
  }
  for (const at of doc.entries.keys())
    assert.equal(judge(writeDoc({ ...doc, entries: doc.entries.toSpliced(at, 1) }), trust).verdict, 'invalid', `${at}`)
  for (const digest of Object.keys(doc.blobs)) {
    const { [digest]: _left, ...blobs } = doc.blobs
    assert.equal(judge(writeDoc({ ...doc, blobs }), trust).verdict, 'invalid', digest)
  }
  const first = (changed: object) => faults(judge(writeDoc(changed), trust))[0]
  assert.equal(first({ ...doc, more: 1 }), 'form unknown-field')
  assert.equal(first({ ...doc, blobs: { ...doc.blobs, ['0'.repeat(64)]: 1 } }), 'blobs blob-digest-mismatch')
  assert.equal(first({ ...doc, signed: doc.signed - 1 }), 'landing release-entry-missing')
})

test('T46 a release that the real key signed without its quorum, or for other files, contradicts its entries', async () => {
  const { file, trust } = await theRelease()
  const d = await deployment()
  const doc = readDoc(file)
  const read = readReleaseFile(file)
  assert.ok(read.ok)
  const payload = Buffer.from(String(doc.envelope.payload), 'base64')
  const statement = parseIssuedPayload(payload)
  assert.ok(typeof statement !== 'string')
  const key = noteVerifierKey(origin, await d.custody.publicKey(logKeyName))
  const resigned = async (change: typeof statement) => {
    const bytes = issuedPayload(change)
    const envelope = issuedEnvelope(bytes, await d.custody.sign(logKeyName, issuedPae(bytes)), key)
    return writeDoc({ ...doc, envelope: readDoc(envelope) as unknown as Json })
  }
  const evil = [artifact('sdk-1.0.0.tgz', 'evil'), artifact('sdk-1.0.0.zip', 'two')]
  const others = evil.map(({ name, sha256 }) => ({ name, digest: { sha256 } }))
  const swapped = judge(await resigned({ ...statement, subject: others }), trust, evil)
  assert.deepEqual(faults(swapped), ['signature statement-not-recorded', 'statement artifacts-not-recorded'])
  const renamed = { ...statement, predicate: { ...statement.predicate, purl: 'pkg:generic/acme/other@v1.0.0' } }
  assert.deepEqual(faults(judge(await resigned(renamed), trust)), [
    'signature statement-not-recorded',
    'statement statement-mismatch',
  ])
  const sig = encodeBase64(new Uint8Array(64))
  const unsigned = { ...doc, envelope: { ...doc.envelope, signatures: [{ keyid: key.keyId, sig }] } }
  assert.equal(faults(judge(writeDoc(unsigned), trust))[0], 'signature issued-not-signed-by-log')

  const approvals = doc.entries.filter(({ entry }) => entry.type === 'statement-admitted')
  const last = approvals.at(-1)?.index
  const fewer = { ...doc, entries: doc.entries.filter(({ index }) => index !== last) }
  assert.ok(faults(judge(writeDoc(fewer), trust)).includes('quorum quorum-not-met'))
})

test('T46 a release of a log that somebody made up is untrusted by itself and invalid for whoever knows the real one', async (t) => {
  const { trust } = await theRelease()
  const forged = await release(await startDeployment(t, { frozen: true, repositories: ['sdk'] }))
  assert.equal(judge(forged.file, null).verdict, 'untrusted')
  const known = judge(forged.file, trust)
  assert.equal(known.verdict, 'invalid')
  assert.equal(faults(known)[0], 'checkpoint note-no-known-key')
})

test('a regenesis voids what was approved before it; what is approved after it is released, and verified with the new trust file', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { revision, number } = await landed(d)
  const wanted = { tag: 'v1.0.0', revision, artifacts: files }
  const [first, second] = d.of('layer-5')
  assert.ok(first && second)
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const old = await trustOf(d)
  const policy = await playRegenesis(d)
  const voided = await signAt(d, wanted)
  assert.ok(!voided.ok && voided.code === 'quorum-not-met')
  assert.deepEqual(voided.decided.quorums[0]?.persons, [])
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const signed = await signAt(d, wanted)
  assert.ok(signed.ok)
  const report = judge(signed.file, await trustOf(d, policyDigest(policy)))
  assert.deepEqual([report.verdict, faults(report)], ['good', []])
  assert.deepEqual(faults(judge(signed.file, old)), ['trust policy-not-pinned'])
})

test('an erased approval does not count, and a release with an erased veto behind it is unknown where it was, never wrong', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { revision, number } = await landed(d)
  const wanted = { tag: 'v1.0.0', revision, artifacts: files }
  const [first, second, third, fourth] = d.of('layer-5')
  assert.ok(first && second && third && fourth)
  const payloadOf = async (person: number, decision: string) => {
    const records = await d.store.statements.forRelease(d.repositoryId('acme/sdk'), wanted.tag)
    const found = records.find((one) => one.person === person && one.statement.predicate.decision === decision)
    assert.ok(found)
    return found.payloadDigest
  }
  const erase = async (person: number, decision: string) => {
    const needs = { ...d.store, recorder: signingDesk(d).recorder, operator: 'operator:test' }
    assert.ok((await eraseBlob(needs, await payloadOf(person, decision), 'the person asked for it')).ok)
  }
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'veto', reason: 'Alice told me.' }), 'ok')
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'withdraw' }), 'ok')
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  await erase(second.id, 'approve')
  const short = await signAt(d, wanted)
  assert.ok(!short.ok && short.code === 'quorum-not-met')
  assert.equal(await sayOnRelease(d, number, fourth, wanted), 'ok')
  assert.ok((await signAt(d, wanted)).ok)
  await erase(third.id, 'veto')
  const again = await signAt(d, wanted)
  assert.ok(again.ok)
  assert.ok(!Buffer.from(again.file).includes('Alice told me.'))
  const report = judge(again.file, await trustOf(d))
  assert.deepEqual([report.verdict, faults(report)], ['consistent', []])
  const unknown = report.checks.filter(({ code }) => code === 'blob-erased').map(({ check }) => check)
  assert.deepEqual(unknown, ['blobs', 'release-statements', 'quorum', 'statement'])
})
