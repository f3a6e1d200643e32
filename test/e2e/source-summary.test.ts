import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asCommitId, checkSourceSummary, noteVerifierKey, openIssued, sourceSummary } from '../../src/core/index.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { issue } from '../../src/flows/record/issue.ts'
import { readLandedRevision } from '../../src/flows/record/landed-revision.ts'
import { origin } from './deployment.ts'
import { approveAll, days, open, sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk'] })
const sdk = 'acme/sdk'

test('a revision that landed as approved gets a summary that the log key signs; a direct push gets none', async () => {
  const d = await deployment()
  const repositoryUri = 'https://github.example.org/acme/sdk'
  const read = async (sha: string) => {
    const repository = await d.store.registry.repository(d.repositoryId(sdk))
    assert.ok(repository)
    return readLandedRevision(d.store, { origin, repository, repositoryUri, commit: asCommitId(sha) })
  }
  const pull = await open(d, sdk)
  const persons = d.of('layer-5').slice(0, 3)
  await approveAll(d, sdk, pull.number, persons)
  await d.pass(days(14))
  d.fake.mergePullRequest({ repo: sdk, number: pull.number }, 'admin', 'squash')
  await d.settled()
  const landed = d.fake.branch(sdk, 'main')
  const revision = await read(landed)
  assert.ok(revision)
  assert.deepEqual([revision.layer, revision.tiers, revision.approvers], ['5', ['1'], 3])
  assert.equal(revision.approvals.length, 3)
  const envelope = await issue({ origin, log: d.store.log, custody: d.custody }, sourceSummary(revision))
  const key = noteVerifierKey(origin, await d.custody.publicKey(logKeyName))
  const opened = openIssued(envelope, [key])
  assert.ok(opened.ok)
  const expected = { origin, repositoryUri, commit: asCommitId(landed), levels: ['ORG_SOURCE_APPROVERS_3'] }
  assert.deepEqual(checkSourceSummary(opened.statement, expected), { ok: true })

  d.fake.commit(sdk, 'main', { author: 'admin', by: 'admin', files: { 'src/evil.ts': '1\n' }, bypass: true })
  await d.settled()
  assert.equal(await read(d.fake.branch(sdk, 'main')), null)
  assert.equal(await read(pull.headSha), null, 'the head of a squashed change is not on the branch')
})
