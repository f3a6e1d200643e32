import assert from 'node:assert/strict'
import { asAccountId, asInstant, asRepositoryId } from '../../src/core/index.ts'
import type { StatementRecord, Write } from '../../src/flows/ports.ts'
import { committed, refused, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import { blob, delivery, digest, finding, job, releaseStatement, repository, statement } from './store-rows.ts'

const erase = (text: string, number: number | null = null): Write => ({
  kind: 'erase-blob',
  digest: digest(text),
  changes: number === null ? [] : [{ repository, number }],
})

const words = 'Alice Example of 1 Main Street told me so'

/** A job that carries a comment. */
const said = (id: string, where: number): Write => ({
  kind: 'job',
  job: { id, lane: `${where}/7`, kind: 'comment', data: { body: words }, dueAt: asInstant(1) },
})

/** A statement with everything in it that a person writes. */
function wordy(name: string): Write {
  const made = statement(name, 3, { decision: 'attest' })
  assert.equal(made.kind, 'statement')
  const { record } = made as { readonly record: StatementRecord }
  const condition = { id: 'rationale' as const, evidence: { uri: `https://${name}`, digest: digest('e') }, text: words }
  const predicate = { ...record.statement.predicate, reason: words, condition }
  return { kind: 'statement', record: { ...record, statement: { ...record.statement, predicate } } }
}

/** What `erase-blob` must do, and what must be left of a value that was erased. */
export function erasureContract(fixture: StoreFixture): void {
  storeTest(fixture, 'an erased blob is gone, and its digest stays known as erased', async (ports) => {
    await committed(ports, blob(words), blob('another'))
    assert.equal(await ports.memory.isErased(digest(words)), false)
    await committed(ports, erase(words))
    assert.equal(await ports.memory.blob(digest(words)), null)
    assert.equal(await ports.memory.isErased(digest(words)), true)
    assert.notEqual(await ports.memory.blob(digest('another')), null)
    assert.equal(await ports.memory.isErased(digest('another')), false)
  })

  storeTest(fixture, 'writing an erased value again is a conflict, and nothing beside it is written', async (ports) => {
    await committed(ports, blob(words))
    await committed(ports, erase(words))
    await refused(ports, 'blob-erased', { kind: 'finding', record: finding('f', 1) }, blob(words))
    assert.equal(await ports.memory.blob(digest(words)), null)
    assert.deepEqual(await ports.memory.findings(9), [])
    await refused(ports, 'blob-erased', { kind: 'finding', record: finding('g', 1) }, erase(words))
    assert.deepEqual(await ports.memory.findings(9), [])
  })

  storeTest(fixture, 'an erasure takes effect with the rows beside it, or not at all', async (ports) => {
    await committed(ports, blob(words), delivery('known'), wordy('payload'))
    await refused(ports, 'duplicate-delivery', erase(words), erase('payload', 7), delivery('known'))
    assert.notEqual(await ports.memory.blob(digest(words)), null)
    assert.equal(await ports.memory.isErased(digest(words)), false)
    assert.equal((await ports.statements.forChange(repository, 7))[0]?.isErased, undefined)
  })

  storeTest(fixture, 'a digest that no value had yet is erased too: none ever gets it', async (ports) => {
    await committed(ports, erase(words))
    await refused(ports, 'blob-erased', blob(words))
  })

  storeTest(fixture, 'of a statement about a release whose payload is erased no word is left', async (ports) => {
    const { record } = releaseStatement('payload', 3)
    const predicate = { ...record.statement.predicate, reason: words }
    await committed(
      ports,
      { kind: 'release-statement', record: { ...record, statement: { predicate } } },
      blob('payload'),
    )
    await committed(ports, releaseStatement('other', 4, { person: 12 }), erase('payload'))
    const [after, untouched] = await ports.statements.forRelease(repository, 'v1')
    assert.deepEqual([after?.isErased, after?.payload, after?.statement.predicate.reason], [true, '', undefined])
    assert.equal(after?.statement.predicate.nonce, record.statement.predicate.nonce)
    assert.ok(!JSON.stringify(after).includes(words))
    assert.deepEqual([untouched?.isErased, untouched?.payload === ''], [undefined, false])
  })

  storeTest(fixture, 'of a statement whose payload is erased no word is left, and the vote is', async (ports) => {
    await committed(ports, wordy('payload'), blob('payload'), statement('other', 4, { person: 12 }))
    const [before, other] = await ports.statements.forChange(repository, 7)
    await committed(ports, erase('payload'))
    const [after, untouched] = await ports.statements.forChange(repository, 7)
    assert.ok(before && after)
    const { predicate } = after.statement
    assert.equal(after.isErased, true)
    assert.equal(after.payload, '')
    assert.equal(predicate.reason, undefined)
    assert.deepEqual(predicate.condition, { id: 'rationale', evidence: { uri: '', digest: digest('e') } })
    assert.equal(JSON.stringify(after).includes('Alice'), false)
    assert.deepEqual(
      [after.entry, after.payloadDigest, after.signature, predicate.decision, predicate.nonce],
      [before.entry, before.payloadDigest, before.signature, 'attest', before.statement.predicate.nonce],
    )
    assert.deepEqual(untouched, other)
    assert.equal(await ports.statements.count(repository, 7, asAccountId(11)), 1)
    await refused(ports, 'duplicate-statement', statement('payload', 5))
  })

  storeTest(
    fixture,
    'bodies of deliveries that are over and dead jobs go with the changes that are named',
    async (ports) => {
      const over = { state: 'done', finishedAt: asInstant(5) } as const
      await committed(
        ports,
        blob(words),
        delivery('done', over),
        delivery('waiting'),
        delivery('elsewhere', { ...over, number: 8 }),
        job('dead', `${repository}/7`, 1),
        job('queued', `${repository}/7`, 1),
        job('dead-elsewhere', `${repository}/8`, 1),
      )
      for (const id of ['dead', 'dead-elsewhere']) {
        const found = await ports.jobs.find(id)
        await committed(ports, { kind: 'job-dead', id, version: found?.version ?? 0, error: 'no' })
      }
      await committed(ports, erase(words, 7))
      const body = async (guid: string) => (await ports.deliveries.find(guid))?.body ?? null
      assert.equal(await body('done'), null)
      assert.notEqual(await body('waiting'), null)
      assert.notEqual(await body('elsewhere'), null)
      assert.equal((await ports.deliveries.find('done'))?.bodyDigest, digest('done'))
      assert.deepEqual(
        (await ports.jobs.dead(9)).map(({ id }) => id),
        ['dead-elsewhere'],
      )
      assert.notEqual(await ports.jobs.find('queued'), null)
      assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 1 })
    },
  )

  storeTest(
    fixture,
    'bodies of all comments that are over go with a repository in which something was said of a release',
    async (ports) => {
      const over = { event: 'issue_comment', state: 'done', finishedAt: asInstant(5) } as const
      await committed(
        ports,
        blob(words),
        delivery('said', over),
        delivery('said-below-another', { ...over, number: 8 }),
        delivery('waiting', { event: 'issue_comment' }),
        delivery('pushed', { ...over, event: 'pull_request' }),
        delivery('elsewhere', { ...over, repository: asRepositoryId(repository + 1) }),
        said('dead', repository),
        said('dead-elsewhere', repository + 1),
        job('dead-without-words', `${repository}/7`, 1),
      )
      for (const id of ['dead', 'dead-elsewhere', 'dead-without-words']) {
        const found = await ports.jobs.find(id)
        await committed(ports, { kind: 'job-dead', id, version: found?.version ?? 0, error: 'no' })
      }
      await committed(ports, { kind: 'erase-blob', digest: digest(words), changes: [], comments: [repository] })
      const kept: string[] = []
      for (const guid of ['said', 'said-below-another', 'waiting', 'pushed', 'elsewhere'])
        if ((await ports.deliveries.find(guid))?.body != null) kept.push(guid)
      assert.deepEqual(kept, ['waiting', 'pushed', 'elsewhere'])
      assert.deepEqual((await ports.jobs.dead(9)).map(({ id }) => id).sort(), ['dead-elsewhere', 'dead-without-words'])
    },
  )
}
