import type { Keyring, RepositoryId, Sha256 } from '../../core/index.ts'
import type { PolicyRecord, Registry, RepositoryRecord } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
import { withBranchSeen } from './repository-edits.ts'
import type { Connection } from './sqlite-connection.ts'
import { recordOf, recordOrNull, type RowWriters } from './sqlite-rows.ts'

const upsertRepository = `
  insert into repositories (id, record) values (?, ?) on conflict (id) do update set record = excluded.record`

// The first epoch is 0 or 1; every later one is the newest + 1.
const insertPolicy = `
  insert into policies (epoch, record)
  select :epoch, :record
  where coalesce((select max(epoch) + 1 from policies), iif(:epoch in (0, 1), :epoch, -1)) = :epoch`

const insertKeyring = 'insert into keyrings (digest, entry, keyring) values (?, ?, ?)'

const selectRepository = 'select record from repositories where id = ?'
const selectRepositories = 'select record from repositories order by id'
const selectNewestEpoch = 'select max(epoch) from policies'
const selectPolicy = 'select record from policies where epoch = ?'
const selectPolicies = 'select record from policies order by epoch'
const selectNewestKeyring = 'select max(seq) from keyrings'
const selectKeyring = 'select digest, keyring from keyrings where seq = ?'

export function registryWriters(
  db: Connection,
): Pick<RowWriters, 'repository' | 'repository-private' | 'branch-seen' | 'policy' | 'keyring'> {
  const repository = db.prepare(upsertRepository)
  const stored = db.prepare(selectRepository)
  const policy = db.prepare(insertPolicy)
  const keyring = db.prepare(insertKeyring)
  const edit = (id: RepositoryId, change: (record: RepositoryRecord) => RepositoryRecord): void => {
    const record = recordOrNull<RepositoryRecord>(stored.get(id))
    if (record !== null) repository.run(id, JSON.stringify(change(record)))
  }
  return {
    repository({ record }) {
      repository.run(record.id, JSON.stringify(record))
    },
    'repository-private': (row) => edit(row.repository, (record) => ({ ...record, private: row.private })),
    'branch-seen': (row) => edit(row.repository, (record) => withBranchSeen(record, row)),
    policy({ record }) {
      const { changes } = policy.run({ epoch: record.epoch, record: JSON.stringify(record) })
      if (changes === 0) throw new ConflictSignal('policy-moved')
    },
    keyring(row) {
      keyring.run(row.digest, row.entry, JSON.stringify(row.keyring))
    },
  }
}

/** Frozen at every depth: one value is handed to many. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) freeze(member)
    Object.freeze(value)
  }
  return value
}

/**
 * Reads the newest row of a table whose rows never change, and hands out the same value until there is a newer one: what
 * is derived from a policy or a keyring (digest, compiled patterns) is then derived once.
 */
function newestOf<T>(newest: () => number | null, read: (id: number) => T): () => T | null {
  let known: { readonly id: number; readonly value: T } | null = null
  return () => {
    const id = newest()
    if (id === null) return null
    if (known?.id !== id) known = { id, value: freeze(read(id)) }
    return known.value
  }
}

type StoredKeyring = { readonly digest: Sha256; readonly keyring: string }

export function sqliteRegistry(db: Connection): Registry {
  const one = db.prepare(selectRepository)
  const all = db.prepare(selectRepositories)
  const newestEpoch = db.prepare(selectNewestEpoch).pluck()
  const policy = db.prepare(selectPolicy)
  const policies = db.prepare(selectPolicies)
  const newestSeq = db.prepare(selectNewestKeyring).pluck()
  const storedKeyring = db.prepare(selectKeyring)
  const policyInForce = newestOf(
    () => newestEpoch.get() as number | null,
    (epoch) => recordOf<PolicyRecord>(policy.get(epoch)),
  )
  const keyringInForce = newestOf(
    () => newestSeq.get() as number | null,
    (seq) => {
      const { digest, keyring } = storedKeyring.get(seq) as StoredKeyring
      return { digest, keyring: JSON.parse(keyring) as Keyring }
    },
  )
  return {
    async repository(id) {
      return recordOrNull<RepositoryRecord>(one.get(id))
    },
    async repositories() {
      return all.all().map(recordOf<RepositoryRecord>)
    },
    async policyInForce() {
      return policyInForce()
    },
    async policies() {
      return policies.all().map(recordOf<PolicyRecord>)
    },
    async keyring() {
      return keyringInForce()
    },
  }
}
