import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asInstant, type EvidenceCheck, evidenceSteps, type TrustFile } from '../../src/core/index.ts'
import { type Field, fieldsOf, otherValue, rolesOf, withChange } from './evidence-fields.ts'
import { copyOf, createForger, type Doc, readDoc, writeDoc } from './evidence-forgery.ts'
import { evidenceOf, playVerdicts, sdk, trustOf, verify } from './evidence-scene.ts'
import { sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })
type Context = Parameters<typeof verify>[2]
interface Forgery {
  readonly bytes: Uint8Array
  readonly trust: TrustFile
  readonly context?: Context
}

const sha = 'ab'.repeat(32)

async function forgeries(): Promise<Readonly<Record<keyof typeof evidenceSteps, Forgery>>> {
  const d = await deployment()
  const number = await playVerdicts(d)
  const record = await d.store.changes.find(d.repositoryId(sdk), number)
  assert.ok(record?.verdict)
  const { entry, at } = record.verdict
  const bytes = await evidenceOf(d, entry)
  const trust = await trustOf(d)
  const rows = (await d.store.log.entries(0, 1000)).map((row) => row.bytes)
  const doc = readDoc(bytes)
  const { blob } = rolesOf(doc)
  const isSigned = (digest: string) => blob.get(digest)?.startsWith('payload') === true
  const forger = createForger(d.config.log.origin, trust, rows)
  const fieldOf = (from: Doc, name: string): Field => {
    const field = fieldsOf(from).find((one) => one.name === name)
    assert.ok(field, name)
    return field
  }
  /** An operator changes one field, and everything that follows from it. */
  const lie = (name: string): Forgery => {
    const field = fieldOf(doc, name)
    return {
      bytes: forger.forge(withChange(doc, field.path, otherValue(field)), { isSigned }),
      trust: forger.trust,
    }
  }
  const scratch = (name: string): Forgery => {
    const field = fieldOf(doc, name)
    return { bytes: writeDoc(withChange(doc, field.path, otherValue(field))), trust }
  }
  const witnessed: TrustFile = { ...trust, witnessPolicy: 'quorum' }
  return {
    checkpoint: { bytes: forger.forge(copyOf(doc), { isSigned, keepLogKey: true }), trust },
    trust: { bytes, trust: { ...trust, genesisPolicy: sha as TrustFile['genesisPolicy'] } },
    witnesses: { bytes, trust: witnessed, context: { quorumTime: () => null } },
    inclusion: scratch('entry(genesis)#proof[]'),
    order: lie('entry(genesis).at'),
    entries: lie('entry(repository-enrolled).actor.kind'),
    blobs: scratch('blob(verdict).v'),
    policies: lie('entry(genesis).data.commit'),
    keyring: lie('entry(policy-in-force, later).data.keyring'),
    statements: lie('entry(approve).data.scheme'),
    facts: lie('entry(repository-enrolled).data.name'),
    clock: lie('entry(clock-started).data.baseRef'),
    approvals: lie('entry(verdict).data.approvals'),
    verdict: lie('blob(verdict).earliestMergeAt'),
    'verdict-entry': lie('entry(verdict).data.head'),
    time: { bytes, trust: witnessed, context: { quorumTime: () => asInstant(at - 300_001) } },
    surplus: {
      bytes: forger.forge({ ...copyOf(doc), blobs: { ...doc.blobs, [sha]: 'more' } }, { isSigned }),
      trust: forger.trust,
    },
    clone: { bytes, trust, context: { cloneCheck: [{ code: 'facts-contradict-git' }] } },
  }
}

test('each step of the verifier finds what no other step finds: without it a forgery is believed', async () => {
  const cases = Object.entries(await forgeries()) as [EvidenceCheck & keyof typeof evidenceSteps, Forgery][]
  assert.deepEqual(cases.map(([name]) => name).sort(), Object.keys(evidenceSteps).sort())
  for (const [name, { bytes, trust, context }] of cases) {
    const report = verify(bytes, trust, context)
    assert.equal(report.verdict, 'invalid', name)
    const failing = report.checks.filter(({ outcome }) => outcome === 'fail').map(({ check }) => check)
    assert.deepEqual(failing, [name])
    const { [name]: _left, ...others } = evidenceSteps
    assert.notEqual(verify(bytes, trust, context, others).verdict, 'invalid', `${name} is needed`)
  }
})

test('a review clock gives the days that witnesses saw: none under a young head, all under one as old as its start', async () => {
  const d = await deployment()
  const changes = await d.store.changes.open(d.repositoryId(sdk))
  const passed = changes.find(({ verdict }) => verdict?.outcome === 'pass')
  assert.ok(passed?.verdict && passed.clock)
  const { verdict, clock } = passed
  const doc = readDoc(await evidenceOf(d, verdict.entry))
  const { blob } = rolesOf(doc)
  const isSigned = (digest: string) => blob.get(digest)?.startsWith('payload') === true
  const rows = (await d.store.log.entries(0, 1000)).map((row) => row.bytes)
  const forger = createForger(d.config.log.origin, await trustOf(d), rows)
  const trust: TrustFile = { ...forger.trust, witnessPolicy: 'quorum' }
  const sizeOf = (note: string) => Number(note.split('\n')[1])
  /** Witnesses who cosigned each head at once, or so much later. */
  const judged = (earlier: readonly number[], lateMs: number) => {
    const bytes = forger.forge(copyOf(doc), { isSigned, earlier })
    const quorumTime = (note: string) =>
      asInstant((sizeOf(note) > verdict.entry ? verdict.at : clock.startedAt) + lateMs)
    const report = verify(bytes, trust, { cloneCheck: [], quorumTime })
    return [report.verdict, report.checks.find(({ outcome }) => outcome === 'fail')?.code ?? null]
  }
  const old = clock.entry + 1
  assert.deepEqual(judged([], 0), ['invalid', 'clock-back-dated'])
  assert.deepEqual(judged([old], 0), ['verified', null])
  assert.deepEqual(judged([old], 300_000), ['verified', null])
  assert.deepEqual(judged([old], 300_001), ['invalid', 'clock-back-dated'])
  assert.deepEqual(judged([clock.entry], 0), ['invalid', 'clock-back-dated'], 'that head does not hold the start yet')
})
