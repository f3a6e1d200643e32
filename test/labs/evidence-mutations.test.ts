import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { evidenceSteps, type Report } from '../../src/core/index.ts'
import { fieldsOf, otherValue, rolesOf, withChange } from '../e2e/evidence-fields.ts'
import { copyOf, createForger, readDoc, writeDoc } from '../e2e/evidence-forgery.ts'
import { evidenceOf, playVerdicts, sdk, trustOf, verify } from '../e2e/evidence-scene.ts'
import { sharedDeployment } from '../e2e/threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })

/**
 * Which code a forger meets first, by field. `operator` names what only the log's key vouches for: who holds that key may say
 * it as he likes, and then no clone, no verdict `verified`.
 */
const table = JSON.parse(readFileSync(new URL('evidence-codes.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, readonly string[]>
>

const firstCode = ({ checks }: Report) => checks.find(({ outcome }) => outcome === 'fail')?.code ?? 'operator'

test('T46 each field of evidence that is changed, with everything recomputed that needs no other key, meets its own code', async () => {
  const d = await deployment()
  const number = await playVerdicts(d)
  const record = await d.store.changes.find(d.repositoryId(sdk), number)
  assert.ok(record?.verdict)
  const bytes = await evidenceOf(d, record.verdict.entry)
  const trust = await trustOf(d)
  const rows = (await d.store.log.entries(0, 1000)).map((row) => row.bytes)
  const doc = readDoc(bytes)
  assert.deepEqual(writeDoc(doc), bytes)
  const { blob } = rolesOf(doc)
  const isSigned = (digest: string) => blob.get(digest)?.startsWith('payload') === true
  const { forge, trust: believing } = createForger(d.config.log.origin, trust, rows)
  const honest = verify(forge(copyOf(doc), { isSigned }), believing)
  assert.equal(honest.verdict, 'consistent', JSON.stringify(honest.checks))

  const found = new Map<string, string>()
  for (const { name, path, value } of fieldsOf(doc)) {
    if (found.has(name)) continue
    // What the forger computes anew would hide the change: it is made afterwards.
    const isLate = name.includes('#proof') || name === 'checkpoint'
    const keepLogKey = name.endsWith('.logKey')
    const changed = isLate ? copyOf(doc) : withChange(doc, path, otherValue({ name, value }))
    let forged = forge(changed, { isSigned, keepLogKey })
    if (isLate) {
      const late = readDoc(forged)
      const field = fieldsOf(late).find((one) => one.path.join() === path.join())
      assert.ok(field)
      forged = writeDoc(withChange(late, path, otherValue(field)))
    }
    const report = verify(forged, believing)
    assert.notEqual(report.verdict, 'verified')
    found.set(name, firstCode(report))
    // Whoever has another key than the log's gets nowhere with any field.
    const outside = verify(forged, trust, {}, { checkpoint: evidenceSteps.checkpoint })
    assert.equal(outside.verdict, 'invalid', name)
  }
  const told: Record<string, string[]> = {}
  for (const [name, code] of [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    told[code] ??= []
    told[code].push(name)
  }
  assert.deepEqual(told, table)
})
