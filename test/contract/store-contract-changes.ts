import assert from 'node:assert/strict'
import { asAccountId, asInstant, asRepositoryId } from '../../src/core/index.ts'
import type { ChangeRecord, RepositoryRecord, Write } from '../../src/flows/ports.ts'
import { committed, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import {
  change,
  check,
  checkDigest,
  commitId,
  lastPass,
  otherRepository,
  releaseStatement,
  repository,
  statement,
  treeId,
} from './store-rows.ts'

const numbers = (changes: readonly ChangeRecord[]): number[] => changes.map(({ number }) => number)

const recordOf = (write: Write): unknown => ('record' in write ? write.record : null)

const writeCheck = (head: string, more: Parameters<typeof check>[1] = {}): Write => ({
  kind: 'check',
  record: check(head, more),
})

export function changesContract(fixture: StoreFixture): void {
  storeTest(fixture, 'a change keeps every member and is found by number, state and head', async (ports) => {
    const row = change(7, 1, { lastPass: lastPass('main'), textMatches: null })
    await committed(ports, row, change(3, 1), change(9, 1, { state: 'closed' }))
    await committed(ports, change(8, 1, { head: commitId('other') }), change(7, 1, { repository: otherRepository }))
    assert.deepEqual(await ports.changes.find(repository, 7), recordOf(row))
    assert.equal(await ports.changes.find(repository, 99), null)
    assert.deepEqual(numbers(await ports.changes.open(repository)), [3, 7, 8])
    assert.deepEqual(numbers(await ports.changes.byHead(repository, commitId('head'))), [3, 7, 9])
    await committed(ports, change(7, 2, { state: 'merged', head: commitId('other') }))
    assert.deepEqual(numbers(await ports.changes.open(repository)), [3, 8])
    assert.deepEqual(numbers(await ports.changes.byHead(repository, commitId('other'))), [7, 8])
  })

  storeTest(
    fixture,
    'a landing may be any change that passed on the base, has not landed and is not closed',
    async (ports) => {
      await committed(
        ports,
        change(1, 1, { lastPass: lastPass('main') }),
        change(2, 1, { lastPass: lastPass('main'), state: 'merged' }),
        change(3, 1, { lastPass: lastPass('main'), state: 'merged', landed: commitId('landing') }),
        change(4, 1, { lastPass: lastPass('main'), state: 'closed' }),
        change(5, 1, { lastPass: lastPass('lax'), baseRef: 'main' }),
        change(6, 1),
      )
      assert.deepEqual(numbers(await ports.changes.awaitingLanding(repository, 'main')), [1, 2])
      assert.deepEqual(numbers(await ports.changes.awaitingLanding(repository, 'lax')), [5])
      await committed(ports, change(2, 2, { lastPass: lastPass('main'), state: 'merged', landed: commitId('x') }))
      assert.deepEqual(numbers(await ports.changes.awaitingLanding(repository, 'main')), [1])
    },
  )

  storeTest(fixture, 'a check belongs to repository, head and base ref and is replaced', async (ports) => {
    await committed(ports, writeCheck('h', { runId: 1 }), writeCheck('h', { baseRef: 'lax', runId: 2 }))
    await committed(ports, writeCheck('h', { runId: 3 }))
    assert.deepEqual(await ports.changes.check(repository, commitId('h'), 'main'), check('h', { runId: 3 }))
    assert.equal((await ports.changes.check(repository, commitId('h'), 'lax'))?.runId, 2)
    assert.equal(await ports.changes.check(repository, commitId('none'), 'main'), null)
    assert.equal((await ports.changes.checks({})).length, 2)
  })

  storeTest(fixture, 'a check is settled only when exactly what is wanted is known to be shown', async (ports) => {
    const { wanted } = check('x')
    const settled = { conclusion: wanted.conclusion, digest: checkDigest(wanted) }
    await committed(
      ports,
      writeCheck('never shown'),
      writeCheck('settled', { shown: settled }),
      writeCheck('other text', { shown: { ...settled, digest: checkDigest({ ...wanted, title: 'another' }) } }),
      writeCheck('other conclusion', { shown: { ...settled, conclusion: 'success' } }),
      writeCheck('closed', { closed: true }),
    )
    const heads = async (filter: Parameters<typeof ports.changes.checks>[0]) =>
      (await ports.changes.checks(filter)).map(({ head }) => head).sort()
    const named = (...names: string[]) => names.map(commitId).sort()
    assert.deepEqual(await heads({ unsettled: true }), named('never shown', 'other text', 'other conclusion'))
    assert.deepEqual(await heads({}), named('never shown', 'other text', 'other conclusion', 'settled'))
    await committed(ports, writeCheck('never shown', { shown: settled }))
    assert.deepEqual(await heads({ unsettled: true }), named('other text', 'other conclusion'))
  })

  storeTest(fixture, 'old checks are those created before the time and not closed', async (ports) => {
    await committed(
      ports,
      writeCheck('old', { createdAt: asInstant(10) }),
      writeCheck('at the time', { createdAt: asInstant(20) }),
      writeCheck('not created'),
      writeCheck('closed', { createdAt: asInstant(5), closed: true }),
    )
    const old = await ports.changes.checks({ createdBefore: asInstant(20) })
    assert.deepEqual(
      old.map(({ head }) => head),
      [commitId('old')],
    )
  })

  storeTest(fixture, 'statements are read in log order, by change and person', async (ports) => {
    await committed(ports, statement('late', 9), statement('early', 2), statement('of another', 3, { person: 12 }))
    await committed(ports, statement('elsewhere', 4, { number: 8 }))
    const rows = await ports.statements.forChange(repository, 7)
    assert.deepEqual(
      rows.map(({ entry }) => entry),
      [2, 3, 9],
    )
    assert.deepEqual(rows[0], recordOf(statement('early', 2)))
    assert.equal(await ports.statements.count(repository, 7, asAccountId(11)), 2)
    assert.equal(await ports.statements.count(repository, 7, asAccountId(99)), 0)
  })

  storeTest(fixture, 'only suspensions and lifts are about persons', async (ports) => {
    await committed(
      ports,
      statement('lift', 5, { decision: 'lift', target: 11 }),
      statement('suspend', 3, { decision: 'suspend', target: 11 }),
      statement('of another', 4, { decision: 'suspend', target: 12 }),
      statement('approve', 6, { decision: 'approve', target: 11 }),
    )
    const rows = await ports.statements.aboutPerson(asAccountId(11))
    assert.deepEqual(
      rows.map(({ entry }) => entry),
      [3, 5],
    )
  })

  storeTest(fixture, 'statements about a release are read by its tag, and are none on any change', async (ports) => {
    const early = releaseStatement('early', 2)
    await committed(ports, releaseStatement('late', 9), early, releaseStatement('other', 4, { tag: 'v2' }))
    await committed(ports, statement('on a change', 5))
    const rows = await ports.statements.forRelease(repository, 'v1')
    assert.deepEqual(
      rows.map(({ entry }) => entry),
      [2, 9],
    )
    assert.deepEqual(rows[0], early.record)
    assert.deepEqual(await ports.statements.forRelease(otherRepository, 'v1'), [])
    assert.equal((await ports.statements.forChange(repository, 7)).length, 1)
    assert.equal(await ports.statements.count(repository, 7, asAccountId(11)), 1)
  })

  storeTest(fixture, 'a comment is admitted once per repository', async (ports) => {
    await committed(ports, { kind: 'command', repository, commentId: 5, at: asInstant(1) })
    await committed(ports, { kind: 'command', repository: otherRepository, commentId: 5, at: asInstant(1) })
    assert.equal(await ports.statements.wasCommandAdmitted(repository, 5), true)
    assert.equal(await ports.statements.wasCommandAdmitted(repository, 6), false)
  })

  storeTest(fixture, 'repositories are kept by id and replaced whole', async (ports) => {
    const record = (id: number, name: string): RepositoryRecord => ({
      id: asRepositoryId(id),
      name,
      installation: 4,
      private: false,
      enrolledAt: asInstant(1),
      active: true,
      branches: [{ ref: 'main', tip: commitId('tip'), tree: treeId('tip'), seen: commitId('tip'), rulesetId: null }],
    })
    await committed(ports, { kind: 'repository', record: record(2, 'acme/b') })
    await committed(ports, { kind: 'repository', record: record(1, 'acme/a') })
    await committed(ports, { kind: 'repository', record: record(2, 'acme/renamed') })
    assert.deepEqual(await ports.registry.repositories(), [record(1, 'acme/a'), record(2, 'acme/renamed')])
    assert.deepEqual(await ports.registry.repository(asRepositoryId(1)), record(1, 'acme/a'))
    assert.equal(await ports.registry.repository(asRepositoryId(3)), null)
  })

  storeTest(fixture, 'privacy and what was seen of a branch are written each by itself', async (ports) => {
    const branch = (ref: string, seen: string) => ({
      ref,
      tip: commitId('tip'),
      tree: treeId('tip'),
      seen: commitId(seen),
      rulesetId: null,
    })
    const record: RepositoryRecord = {
      id: repository,
      name: 'acme/a',
      installation: 4,
      private: false,
      enrolledAt: asInstant(1),
      active: true,
      branches: [branch('main', 'tip'), branch('release', 'tip')],
    }
    await committed(ports, { kind: 'repository', record })
    await Promise.all([
      committed(ports, { kind: 'branch-seen', repository, ref: 'main', seen: commitId('next') }),
      committed(ports, { kind: 'repository-private', repository, private: true }),
      committed(ports, { kind: 'branch-seen', repository, ref: 'release', seen: commitId('other') }),
      committed(ports, { kind: 'branch-seen', repository, ref: 'none', seen: commitId('other') }),
    ])
    const branches = [branch('main', 'next'), branch('release', 'other')]
    assert.deepEqual(await ports.registry.repository(repository), { ...record, private: true, branches })
    await committed(ports, { kind: 'repository-private', repository, private: false })
    assert.equal((await ports.registry.repository(repository))?.private, false)
    for (const kind of ['repository-private', 'branch-seen'] as const)
      await committed(ports, { kind, repository: otherRepository, private: true, ref: 'main', seen: commitId('next') })
    assert.equal(await ports.registry.repository(otherRepository), null)
  })
}
