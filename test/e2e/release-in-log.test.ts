import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { directorySource } from '../../src/adapters/log-source/directory-source.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { canonicalBytes, type Json, quorumTime, readTrustFile, verifyRelease } from '../../src/core/index.ts'
import { logTrust } from '../../src/flows/record/log-source.ts'
import { judgeReleaseInLog } from '../../src/flows/release/release-in-log.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { artifact, landed, sayOnRelease, signAt } from './release-scene.ts'
import { writeLogFiles } from './write-log-files.ts'

const files = [artifact('sdk-1.0.0.tgz', 'one')]

/** The log as a stranger reads it now, and what it says of a release. */
async function reader(t: TestContext, d: Deployment) {
  const folder = mkdtempSync(join(tmpdir(), 'governance-release-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const trustFile = readFileSync(await writeLogFiles(d, join(folder, 'log')))
  const read = readTrustFile(trustFile)
  assert.ok(read.ok)
  const trust = logTrust(read.trust.logKeys, read.trust.root)
  assert.ok(trust !== undefined)
  const inLog = async (file: Uint8Array) => {
    const judged = await judgeReleaseInLog(directorySource(join(folder, 'log')), trust, file, acceleration)
    assert.ok(judged.ok, JSON.stringify(judged))
    return judged.value.code
  }
  return { inLog, trust: read.trust }
}

interface Doc {
  readonly signed: number
  readonly entries: readonly {
    readonly index: number
    readonly entry: {
      readonly type: string
      readonly subject: { readonly kind: string }
      readonly data: { readonly payloadDigest: string }
    }
  }[]
  readonly blobs: Readonly<Record<string, Json>>
}

test('T49 a veto that an operator leaves out of a release is missed in the log, and so is one of afterwards', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const { revision, number } = await landed(d)
  const wanted = { tag: 'v1.0.0', revision, artifacts: files }
  const [first, second, third] = d.of('layer-5')
  assert.ok(first && second && third)
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'veto', reason: 'Wait.' }), 'ok')
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'withdraw' }), 'ok')
  for (const person of [first, second]) assert.equal(await sayOnRelease(d, number, person, wanted), 'ok')
  const { inLog: before } = await reader(t, d)
  const signed = await signAt(d, wanted)
  assert.ok(signed.ok)
  assert.equal(await before(signed.file), 'log-older')
  const { inLog, trust } = await reader(t, d)
  assert.equal(await inLog(signed.file), null)

  // What its person took back in the log stands for what an operator would hide: the file alone is good without it.
  const doc = JSON.parse(Buffer.from(signed.file).toString()) as Doc
  const about = doc.entries.filter(
    ({ entry }) => entry.type === 'statement-admitted' && entry.subject.kind === 'release',
  )
  const hidden = new Set(about.slice(0, 2).map(({ index }) => index))
  const gone = new Set(about.slice(0, 2).map(({ entry }) => entry.data.payloadDigest))
  const less = canonicalBytes({
    ...doc,
    entries: doc.entries.filter(({ index }) => !hidden.has(index)),
    blobs: Object.fromEntries(Object.entries(doc.blobs).filter(([digest]) => !gone.has(digest))),
  })
  assert.equal(verifyRelease(less, { trust, found: files, quorumTime, acceleration }).verdict, 'good')
  assert.equal(await inLog(less), 'release-statement-left-out')

  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'veto', reason: 'It is broken.' }), 'ok')
  assert.equal(await (await reader(t, d)).inLog(signed.file), 'release-vetoed-later')
  assert.equal(await sayOnRelease(d, number, third, { ...wanted, decision: 'withdraw' }), 'ok')
  assert.equal(await (await reader(t, d)).inLog(signed.file), null)

  const another = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const elsewhere = await reader(t, another)
  assert.equal(await elsewhere.inLog(signed.file), 'log-older', 'another log, which has not come so far')
  assert.equal(await inLog(canonicalBytes({ ...doc, signed: 0 })), 'release-not-in-log')
})
