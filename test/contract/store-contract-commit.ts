import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoreFaults } from '../../src/adapters/store/faults.ts'
import { asAccountId, asInstant, asLogIndex } from '../../src/core/index.ts'
import type { Keyring } from '../../src/core/index.ts'
import { AppError, InvariantError } from '../../src/flows/app-error.ts'
import type { Write } from '../../src/flows/ports.ts'
import { committed, isAppError, refused, type StoreFixture, storeTest } from './store-contract-fixture.ts'
import {
  blob,
  change,
  delivery,
  digest,
  finding,
  job,
  policy,
  releaseStatement,
  repository,
  statement,
} from './store-rows.ts'

export function commitContract(fixture: StoreFixture): void {
  storeTest(fixture, 'T03 a delivery GUID is taken once', async (ports) => {
    await committed(ports, delivery('g1'))
    await refused(ports, 'duplicate-delivery', delivery('g1', { event: 'push', bodyDigest: digest('other') }))
    assert.equal((await ports.deliveries.find('g1'))?.event, 'pull_request')
  })

  storeTest(fixture, 'T03 of many concurrent copies of a delivery exactly one has an effect', async (ports) => {
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ports.store.commit([delivery('same'), job(`job-${i}`, 'lane', 1)])),
    )
    assert.equal(outcomes.filter(({ ok }) => ok).length, 1)
    assert.deepEqual(await ports.jobs.counts(), { queued: 1, dead: 0 })
    assert.deepEqual(await ports.deliveries.counts(), { queued: 1, done: 0, ignored: 0, dead: 0 })
  })

  const conflicts: readonly [string, readonly Write[], Write][] = [
    ['duplicate-delivery', [delivery('g')], delivery('g')],
    ['duplicate-statement', [statement('s', 1)], statement('s', 2, { nonce: 'another' })],
    ['duplicate-nonce', [statement('s', 1, { nonce: 'n' })], statement('t', 2, { nonce: 'n', person: 12 })],
    ['duplicate-statement', [releaseStatement('s', 1)], releaseStatement('s', 2, { nonce: 'another' })],
    [
      'duplicate-nonce',
      [releaseStatement('s', 1, { nonce: 'n' })],
      releaseStatement('t', 2, { nonce: 'n', tag: 'v2', person: 12 }),
    ],
    ['duplicate-command', [command(5)], command(5)],
    ['change-moved', [change(7, 1)], change(7, 1)],
    ['change-moved', [change(7, 1)], change(7, 3)],
    ['change-moved', [], change(7, 2)],
    ['policy-moved', [policy(1)], policy(1)],
    ['policy-moved', [policy(1)], policy(3)],
    ['policy-moved', [], policy(5)],
  ]
  for (const [position, [conflict, before, clash]] of conflicts.entries())
    storeTest(fixture, `${conflict} undoes the whole commit, case ${position}`, async (ports) => {
      if (before.length > 0) await committed(ports, ...before)
      const rows = [blob('b'), job('j', 'lane', 1), { kind: 'cursor', name: 'c', value: 'v' }] as const
      const deliveries = await ports.deliveries.counts()
      assert.deepEqual(await ports.store.commit([...rows, delivery('other'), clash, delivery('last')]), {
        ok: false,
        conflict,
      })
      assert.equal(await ports.memory.blob(digest('b')), null)
      assert.equal(await ports.memory.cursor('c'), null)
      assert.equal(await ports.jobs.find('j'), null)
      assert.deepEqual(await ports.jobs.counts(), { queued: 0, dead: 0 })
      assert.equal(await ports.deliveries.find('other'), null)
      assert.deepEqual(await ports.deliveries.counts(), deliveries)
    })

  storeTest(fixture, 'a conflict of one commit hurts none that arrived with it', async (ports) => {
    await committed(ports, delivery('known'))
    const outcomes = await Promise.all(
      ['a', 'known', 'b', 'known', 'c'].map((guid) => ports.store.commit([delivery(guid), blob(guid)])),
    )
    assert.deepEqual(
      outcomes.map(({ ok }) => ok),
      [true, false, true, false, true],
    )
    assert.equal((await ports.deliveries.counts()).queued, 4)
    assert.equal(await ports.memory.blob(digest('known')), null)
  })

  storeTest(fixture, 'rows of one commit see each other', async (ports) => {
    await committed(ports, change(7, 1), change(7, 2), policy(1), policy(2))
    await refused(ports, 'duplicate-delivery', delivery('x'), delivery('x'))
    assert.equal((await ports.changes.find(repository, 7))?.version, 2)
    assert.equal(await ports.deliveries.find('x'), null)
  })

  storeTest(fixture, 'a row that cannot be is an invariant and undoes its commit', async (ports) => {
    const forged: Write = { kind: 'blob', digest: digest('one'), bytes: Buffer.from('two') }
    await assert.rejects(ports.store.commit([delivery('g'), forged]), InvariantError)
    assert.equal(await ports.deliveries.find('g'), null)
    await committed(ports, delivery('g'))
  })

  storeTest(fixture, 'an empty commit and a probe succeed', async (ports) => {
    await committed(ports)
    await ports.store.probe()
  })

  storeTest(fixture, 'deliveries keep every member and their raw bytes', async (ports) => {
    const body = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i) % 251)
    const row = delivery('g', { body, via: 'gap-closing', action: null, repository: null, number: null })
    await committed(ports, row, delivery('empty', { body: new Uint8Array() }), delivery('none', { body: null }))
    assert.ok(row.kind === 'delivery')
    const found = await ports.deliveries.find('g')
    assert.ok(found !== null)
    assert.deepEqual({ ...found, body: null }, { ...row.delivery, body: null })
    assert.deepEqual(Uint8Array.from(found.body ?? []), body)
    assert.equal((await ports.deliveries.find('empty'))?.body?.length, 0)
    assert.equal((await ports.deliveries.find('none'))?.body, null)
    assert.equal(await ports.deliveries.find('unknown'), null)
  })

  storeTest(fixture, 'deliveries are listed newest first, without bodies, by state', async (ports) => {
    await committed(ports, delivery('a'), delivery('b'), delivery('c'))
    await committed(ports, state('b', 'done', 50))
    const list = await ports.deliveries.list({ limit: 2 })
    assert.deepEqual(
      list.map(({ guid, body }) => [guid, body]),
      [
        ['c', null],
        ['b', null],
      ],
    )
    const queued = await ports.deliveries.list({ state: 'queued', limit: 9 })
    assert.deepEqual(
      queued.map(({ guid }) => guid),
      ['c', 'a'],
    )
    assert.deepEqual(await ports.deliveries.counts(), { queued: 2, done: 1, ignored: 0, dead: 0 })
  })

  storeTest(fixture, 'a finished delivery that is replayed is queued again and has no end', async (ports) => {
    await committed(ports, delivery('a'), state('a', 'dead', 50, 'forge-unavailable'))
    assert.equal((await ports.deliveries.find('a'))?.reason, 'forge-unavailable')
    await committed(ports, state('a', 'queued', 60))
    const found = await ports.deliveries.find('a')
    assert.deepEqual([found?.state, found?.reason, found?.finishedAt], ['queued', null, null])
    assert.deepEqual(await ports.deliveries.counts(), { queued: 1, done: 0, ignored: 0, dead: 0 })
    await committed(ports, state('no such delivery', 'done', 60))
  })

  storeTest(
    fixture,
    'only bodies of deliveries finished before the time are forgotten, at most the limit',
    async (ports) => {
      for (const guid of ['a', 'b', 'c', 'd', 'running']) await committed(ports, delivery(guid))
      for (const [guid, at] of [
        ['a', 10],
        ['b', 20],
        ['c', 30],
        ['d', 40],
      ] as const)
        await committed(ports, state(guid, 'done', at))
      assert.equal(await ports.deliveries.pruneBodies(asInstant(40), 2), 2)
      assert.equal(await ports.deliveries.pruneBodies(asInstant(40), 9), 1)
      assert.equal(await ports.deliveries.pruneBodies(asInstant(40), 9), 0)
      const bodies = await Promise.all(['a', 'b', 'c', 'd', 'running'].map((guid) => ports.deliveries.find(guid)))
      assert.deepEqual(
        bodies.map((found) => found?.body === null),
        [true, true, true, false, false],
      )
      assert.equal(bodies[0]?.bodyDigest, digest('a'))
    },
  )

  storeTest(
    fixture,
    'blobs are content-addressed, cursors move, findings are kept once, newest first',
    async (ports) => {
      const long = 'facts '.repeat(20_000)
      await committed(ports, blob(long), blob(''), { kind: 'cursor', name: 'c', value: '1' })
      await committed(ports, blob(long), { kind: 'cursor', name: 'c', value: '2' })
      const bytes = await ports.memory.blob(digest(long))
      assert.equal(Buffer.from(bytes ?? []).toString(), long)
      assert.equal((await ports.memory.blob(digest('')))?.length, 0)
      assert.equal(await ports.memory.blob(digest('unknown')), null)
      assert.equal(await ports.memory.cursor('c'), '2')
      assert.equal(await ports.memory.cursor('unknown'), null)
      for (const id of ['f1', 'f2', 'f3']) await committed(ports, { kind: 'finding', record: finding(id, 5) })
      await committed(ports, { kind: 'finding', record: finding('f1', 99) })
      const findings = await ports.memory.findings(2)
      assert.deepEqual(findings, [finding('f3', 5), finding('f2', 5)])
      assert.deepEqual((await ports.memory.findings(3)).at(-1), finding('f1', 5))
    },
  )

  storeTest(fixture, 'what a caller does to its rows afterwards changes nothing', async (ports) => {
    const bytes = Buffer.from('facts as they were')
    const data = { head: 'a' }
    const pending = ports.store.commit([
      { kind: 'blob', digest: digest('facts as they were'), bytes },
      { kind: 'job', job: { id: 'j', lane: 'l', kind: 'k', data, dueAt: asInstant(1) } },
    ])
    await pending
    bytes.fill(0)
    data.head = 'b'
    assert.equal(
      Buffer.from((await ports.memory.blob(digest('facts as they were'))) ?? []).toString(),
      'facts as they were',
    )
    assert.deepEqual((await ports.jobs.find('j'))?.data, { head: 'a' })
  })

  storeTest(fixture, 'the newest keyring and policy are in force', async (ports) => {
    assert.equal(await ports.registry.keyring(), null)
    assert.equal(await ports.registry.policyInForce(), null)
    const keyring = (login: string): Keyring => ({
      v: 1,
      persons: [{ account: asAccountId(1), login, sets: [], keys: [], suspension: null }],
    })
    for (const login of ['alice', 'bob'])
      await committed(ports, { kind: 'keyring', keyring: keyring(login), digest: digest(login), entry: asLogIndex(1) })
    await committed(ports, policy(1), policy(2))
    assert.deepEqual(await ports.registry.keyring(), { keyring: keyring('bob'), digest: digest('bob') })
    assert.equal((await ports.registry.policyInForce())?.epoch, 2)
    assert.deepEqual(
      (await ports.registry.policies()).map(({ epoch }) => epoch),
      [1, 2],
    )
    assert.ok(policy(2).kind === 'policy')
    assert.deepEqual(await ports.registry.policyInForce(), (policy(2) as Extract<Write, { kind: 'policy' }>).record)
  })

  test(`failed-and-not-stored and failed-but-stored are both store-unavailable (${fixture.name})`, async (t) => {
    const seen: string[] = []
    let breakBefore = false
    let breakAfter = false
    const faults: StoreFaults = {
      before(n, what) {
        seen.push(`${n} ${what}`)
        if (breakBefore) throw new Error('planted')
      },
      after() {
        if (breakAfter) throw new AppError('store-unavailable', 'planted')
      },
    }
    const place = await fixture.place(t)
    const ports = await place.open({ faults })
    breakBefore = true
    await assert.rejects(ports.store.commit([delivery('lost')]), isAppError('store-unavailable'))
    await assert.rejects(ports.store.probe(), isAppError('store-unavailable'))
    breakBefore = false
    breakAfter = true
    await assert.rejects(ports.store.commit([delivery('kept'), job('j', 'l', 1)]), isAppError('store-unavailable'))
    breakAfter = false
    assert.equal(await ports.deliveries.find('lost'), null)
    assert.equal((await ports.deliveries.find('kept'))?.guid, 'kept')
    assert.deepEqual(seen, ['1 delivery', '2 probe', '3 delivery+job'])
    await ports.store.close()
    await assert.rejects(ports.store.commit([delivery('late')]), isAppError('store-unavailable'))
    await assert.rejects(ports.store.probe(), isAppError('store-unavailable'))
    await ports.store.close()
  })

  if (fixture.isDurable)
    test(`T03 what was committed is there after a restart, GUIDs included (${fixture.name})`, async (t) => {
      const place = await fixture.place(t)
      const first = await place.open()
      await committed(first, delivery('g'), job('j', 'l', 1), change(7, 1), statement('s', 0), policy(1), blob('b'))
      await first.store.close()
      const second = await place.open()
      await refused(second, 'duplicate-delivery', delivery('g'))
      await refused(second, 'duplicate-statement', statement('s', 0))
      await refused(second, 'change-moved', change(7, 1))
      await refused(second, 'policy-moved', policy(1))
      assert.equal((await second.jobs.find('j'))?.lane, 'l')
      assert.equal((await second.deliveries.counts()).queued, 1)
      assert.notEqual(await second.memory.blob(digest('b')), null)
      await second.store.close()
    })
}

function command(commentId: number): Write {
  return { kind: 'command', repository, commentId, at: asInstant(1) }
}

function state(guid: string, to: 'queued' | 'done' | 'dead', at: number, reason: string | null = null): Write {
  return { kind: 'delivery-state', guid, state: to, reason, at: asInstant(at) }
}
