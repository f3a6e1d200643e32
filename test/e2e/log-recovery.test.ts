import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import {
  type AccountId,
  applyRegistry,
  asLogIndex,
  decodeEntry,
  emptyKeyring,
  keyringDigest,
  nothingDigest,
} from '../../src/core/index.ts'
import type { ChangeRecord, LogEntryRow, RepositoryRecord, StorePorts } from '../../src/flows/ports.ts'
import { recoverRows } from '../../src/flows/record/recovered-rows.ts'
import type { Deployment } from './deployment.ts'
import { playRegenesis, playVerdicts } from './evidence-scene.ts'
import { sharedDeployment } from './threat-scene.ts'

const deployment = sharedDeployment({ repositories: ['sdk', 'node'] })

/** What a backup would hold that was made right after genesis. */
async function backupOf(d: Deployment, rows: readonly LogEntryRow[]): Promise<StorePorts> {
  const store = openMemoryStore()
  const [genesis, first] = rows
  const [policy] = await d.store.registry.policies()
  assert.ok(genesis && first && policy)
  const decoded = decodeEntry(genesis.bytes)
  assert.ok(decoded.ok)
  const { accounts } = decoded.entry.data as unknown as { accounts: { login: string; account: AccountId }[] }
  const named = Object.fromEntries(accounts.map(({ login, account }) => [login, account]))
  const keyring = applyRegistry(emptyKeyring, policy.policy.registry, asLogIndex(1), first.at, named)
  const head = { size: 2, root: new Uint8Array(32), at: first.at }
  const digest = keyringDigest(keyring)
  await store.store.commit([
    { kind: 'policy', record: policy },
    { kind: 'keyring', keyring, digest, entry: asLogIndex(1) },
    { kind: 'entries', expectedSize: 0, entries: rows.slice(0, 2), nodes: [], head },
  ])
  return store
}

/** What has to be the same of a change. What was seen of it once it was over stands in no entry; the rest is looked at anew. */
function kept(record: ChangeRecord) {
  const { number, state, draft, head, baseRef, clock, lastPass, landed, facts, changeDigest, verdict } = record
  const seen = state === 'open' ? { facts, changeDigest } : null
  const decided = verdict && { ...verdict, basis: nothingDigest }
  return { number, state, draft, head, baseRef, clock, lastPass, landed, seen, decided }
}

const seenOf = (record: RepositoryRecord | null) => record?.branches.map(({ ref, seen }) => [ref, seen])

test('T47 what the log says is applied as the server had applied it: policies, keys, statements, clocks, verdicts', async () => {
  const d = await deployment()
  await playVerdicts(d)
  await playRegenesis(d)
  const { size } = await d.store.log.head()
  const rows = await d.store.log.entries(0, size)
  assert.equal(rows.length, size)
  const store = await backupOf(d, rows)
  const repositories = await d.store.registry.repositories()
  const recovered = await recoverRows(
    {
      ...store,
      origin: d.config.log.origin,
      blobOf: (digest) => d.store.memory.blob(digest),
      resolve: async (name) => repositories.find((one) => one.name === name && name !== 'acme/node') ?? null,
      now: d.clock.now(),
      acceleration,
    },
    rows.slice(2),
  )
  assert.ok(recovered.ok, JSON.stringify(recovered))
  assert.deepEqual(recovered.notes, { erased: [], unknownStatements: [], toEnrol: ['acme/node'] })
  assert.deepEqual(await store.store.commit(recovered.blobs), { ok: true })
  assert.deepEqual(await store.store.commit(recovered.writes), { ok: true })

  assert.deepEqual(await store.registry.policies(), await d.store.registry.policies())
  assert.deepEqual(await store.registry.keyring(), await d.store.registry.keyring())
  const cursor = 'policy/approvals-void-before'
  assert.equal(await store.memory.cursor(cursor), await d.store.memory.cursor(cursor))
  let changes = 0
  let statements = 0
  for (const { id, name } of repositories) {
    for (let number = 1; number < 20; number++) {
      const [ours, theirs] = [await store.changes.find(id, number), await d.store.changes.find(id, number)]
      assert.equal(ours === null, theirs === null, `${name}#${number}`)
      if (ours === null || theirs === null) continue
      assert.deepEqual(kept(ours), kept(theirs), `${name}#${number}`)
      changes++
      const signed = await store.statements.forChange(id, number)
      assert.deepEqual(signed, await d.store.statements.forChange(id, number))
      statements += signed.length
    }
    const known = await store.registry.repository(id)
    if (name === 'acme/node') assert.equal(known, null, 'the forge does not know it')
    else assert.deepEqual(seenOf(known), seenOf(repositories.find((one) => one.id === id) ?? null))
  }
  assert.ok(changes > 3 && statements > 10)
})
