/** An operator who holds the log's key signs a log that is consistent and untrue: what a stranger with clones finds. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  canonicalBytes,
  type Json,
  type JsonObject,
  policyDigest,
  type PolicyV1,
  sha256Hex,
} from '../../src/core/index.ts'
import { landed, oneLanding, press, sdk, strangersView, verify } from './strangers-view.ts'
import { startDeployment } from './deployment.ts'
import { attest } from './signing.ts'
import { approveAll, days, open } from './threat-scene.ts'
import { type LogContent, writeLogFiles } from './write-log-files.ts'

const governance = 'acme/governance'

const valueOf = ({ blobs }: LogContent, digest: unknown): JsonObject =>
  JSON.parse(new TextDecoder().decode(blobs.get(String(digest)))) as JsonObject

/** Puts a value among the log's, under the digest that it has. */
function keep({ blobs }: LogContent, value: Json): string {
  const bytes = canonicalBytes(value)
  const digest = sha256Hex(bytes)
  blobs.set(digest, bytes)
  return digest
}

/** Changes the data of the entries that are chosen. */
function change(
  content: LogContent,
  isWanted: (entry: LogContent['entries'][number], index: number) => boolean,
  data: (data: JsonObject) => JsonObject,
): void {
  for (const [index, entry] of content.entries.entries())
    if (isWanted(entry, index)) content.entries[index] = { ...entry, data: { ...entry.data, ...data(entry.data) } }
}

test('T49 an operator who records a pass that does not follow from its approvals is named, whatever of it was made to fit', async (t) => {
  const { d, pull } = await oneLanding(t)
  const unapproved = await open(d, sdk, { files: { 'docs/unapproved.md': 'x\n' } })
  await press(d, unapproved, 'squash', true)
  await d.settled()
  const view = await strangersView(t, d)
  const honest = await verify(view)
  assert.deepEqual(landed(honest.report), [
    [pull.number, 'merge-tree', 1],
    [null, 'unmatched-landing', 1],
  ])
  assert.equal(honest.report.landings[0]?.fault, null)
  assert.deepEqual(honest.report.policiesInGit, { outcome: 'skipped', code: 'no-governance-clone' })

  const isOf = (type: string, number: number) => (entry: LogContent['entries'][number]) =>
    entry.type === type && entry.subject.number === number
  const claimPass = (content: LogContent): void => {
    change(content, isOf('verdict', unapproved.number), () => ({ outcome: 'pass', code: 'satisfied' }))
    // Silence about what the server found: the landing came after the pass.
    for (const [index, entry] of content.entries.entries())
      if (entry.type === 'finding') content.entries[index] = { ...entry, type: 'check-lowered' }
  }
  const lies: readonly (readonly [string, number, string, string, (content: LogContent) => void])[] = [
    ['short', 1, 'verdict-entry', 'verdict-entry-outcome', claimPass],
    [
      'whole',
      1,
      'verdict',
      'verdict-mismatch',
      (content) => {
        claimPass(content)
        change(content, isOf('verdict', unapproved.number), ({ verdict }) => ({
          verdict: keep(content, { ...valueOf(content, verdict), outcome: 'pass' }),
        }))
      },
    ],
    [
      'left-out',
      0,
      'approvals',
      'approvals-mismatch',
      (content) => {
        const index = content.entries.findLastIndex(isOf('statement-admitted', pull.number))
        const entry = content.entries[index]
        assert.ok(entry)
        content.entries[index] = { ...entry, type: 'check-lowered' }
      },
    ],
    [
      'forged',
      0,
      'statements',
      'bad-signature',
      (content) =>
        change(content, isOf('statement-admitted', pull.number), ({ signature }) => ({
          signature: String(signature).replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
        })),
    ],
  ]
  for (const [name, landing, check, code, lie] of lies) {
    const log = join(view.dir, name)
    const trust = await writeLogFiles(d, log, lie)
    const { exit, report } = await verify({ ...view, log, trust })
    const found = report.landings[landing]
    assert.deepEqual([exit, found?.outcome, found?.code], [1, 'bad', 'verdict-refuted'], name)
    assert.deepEqual([found?.fault?.check, found?.fault?.code], [check, code], name)
  }
})

test('T49 an operator who puts another policy into force than was approved is named by a clone of the governance repository', async (t) => {
  const d = await startDeployment(t, { frozen: true, repositories: ['sdk'] })
  const fives = 'config/maintainers/layer-5.yml'
  const before = d.fake.file(governance, 'main', fives)?.text ?? ''
  const { number, headSha } = await open(d, governance, {
    files: { [fives]: before.replace(/  - github: sdk-5\n(?:    .*\n)+\n?/, '') },
  })
  await approveAll(d, governance, number, [...d.of('layer-1-2').slice(0, 5), ...d.of('emergency').slice(0, 2)])
  assert.equal(await attest(d, governance, number, d.of('layer-1-2')[0] as never, 'rationale'), 'ok')
  await d.pass(days(90))
  d.fake.mergePullRequest({ repo: governance, number }, 'admin', 'squash')
  await d.settled()
  assert.equal((await d.store.registry.policyInForce())?.epoch, 2)
  const view = await strangersView(t, d)
  const own = await strangersView(t, d, governance)
  const withClone = ['--governance-clone', own.clone]
  const honest = await verify(view, sdk, ...withClone)
  assert.deepEqual([honest.exit, honest.report.policiesInGit], [0, { outcome: 'pass', code: null }], honest.err)
  assert.equal(honest.report.policies.length, 2)
  assert.equal((await verify(own, governance)).report.policiesInGit.outcome, 'pass', 'its own clone is enough')

  const isSecond = ({ type, data }: LogContent['entries'][number]): boolean =>
    type === 'policy-in-force' && data.epoch === 2
  /** Another policy with the same keys, and all that was recorded of its verdict made to fit. */
  const otherPolicy = (content: LogContent): void => {
    const inForce = content.entries.find(isSecond)
    assert.ok(inForce)
    const policy = valueOf(content, inForce.data.policy) as unknown as PolicyV1
    const lied: PolicyV1 = { ...policy, options: { ...policy.options, approvalMaxDays: 400 } }
    const digest = keep(content, lied as unknown as Json)
    assert.equal(digest, policyDigest(lied))
    change(content, isSecond, () => ({ policy: digest }))
    change(
      content,
      (_, index) => index === inForce.data.verdict,
      (data) => {
        const told = valueOf(content, data.facts)
        const facts = keep(content, {
          ...told,
          governance: { ...(told.governance as JsonObject), proposedPolicy: digest },
        })
        const verdict = JSON.stringify(valueOf(content, data.verdict))
          .replaceAll(String(data.facts), facts)
          .replaceAll(String(inForce.data.policy), digest)
        return { facts, verdict: keep(content, JSON.parse(verdict) as Json) }
      },
    )
  }
  const lies: readonly (readonly [string, string, (content: LogContent) => void])[] = [
    ['policy', 'policy-contradicts-files', otherPolicy],
    [
      'files',
      'policy-files-contradict-git',
      (content) =>
        change(content, isSecond, ({ files }) => ({ files: { ...(files as JsonObject), [fives]: '0'.repeat(64) } })),
    ],
    [
      'one-file-less',
      'policy-files-contradict-git',
      (content) =>
        change(content, isSecond, ({ files }) => {
          const { [fives]: _, ...rest } = files as JsonObject
          return { files: rest }
        }),
    ],
    ['argument', 'record-contradicts-itself', (content) => change(content, isSecond, () => ({ commit: '--help' }))],
    ['branch', 'policy-commit-not-on-branch', (content) => change(content, isSecond, () => ({ commit: headSha }))],
    [
      'nowhere',
      'policy-commit-not-in-clone',
      (content) => change(content, isSecond, () => ({ commit: 'f'.repeat(40) })),
    ],
  ]
  for (const [name, code, lie] of lies) {
    const log = join(view.dir, `lie-${name}`)
    const trust = await writeLogFiles(d, log, lie)
    const lied = { ...view, log, trust }
    const { exit, report } = await verify(lied, sdk, ...withClone)
    assert.deepEqual(
      [exit, report.policiesInGit, report.policies.map((policy) => policy.code)],
      [1, { outcome: 'fail', code }, [null, code]],
      name,
    )
    const found = await verify({ ...own, log, trust }, governance)
    assert.deepEqual([found.exit, found.report.policiesInGit.code], [1, code], `${name}, in its own clone`)
  }
  // Nobody sees that lie in the log alone: everything fits, and the check that would tell is named as skipped.
  const log = join(view.dir, 'lie-policy')
  const blind = await verify({ ...view, log, trust: join(log, 'trust.json') })
  assert.deepEqual(
    [blind.exit, blind.report.outcome, blind.report.policiesInGit, blind.report.problems],
    [1, 'consistent', { outcome: 'skipped', code: 'no-governance-clone' }, []],
  )
  const trusting = await verify({ ...view, log, trust: join(log, 'trust.json') }, sdk, '--accept-consistent')
  assert.equal(trusting.exit, 0)
})
