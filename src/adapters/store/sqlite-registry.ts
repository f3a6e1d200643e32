import type { Keyring, Sha256 } from '../../core/index.ts'
import type { PolicyRecord, Registry, RepositoryRecord } from '../../flows/ports.ts'
import { ConflictSignal } from './conflict.ts'
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
const selectNewestPolicy = 'select record from policies order by epoch desc limit 1'
const selectPolicies = 'select record from policies order by epoch'
const selectKeyring = 'select digest, keyring from keyrings order by seq desc limit 1'

export function registryWriters(db: Connection): Pick<RowWriters, 'repository' | 'policy' | 'keyring'> {
  const repository = db.prepare(upsertRepository)
  const policy = db.prepare(insertPolicy)
  const keyring = db.prepare(insertKeyring)
  return {
    repository({ record }) {
      repository.run(record.id, JSON.stringify(record))
    },
    policy({ record }) {
      const { changes } = policy.run({ epoch: record.epoch, record: JSON.stringify(record) })
      if (changes === 0) throw new ConflictSignal('policy-moved')
    },
    keyring(row) {
      keyring.run(row.digest, row.entry, JSON.stringify(row.keyring))
    },
  }
}

export function sqliteRegistry(db: Connection): Registry {
  const one = db.prepare(selectRepository)
  const all = db.prepare(selectRepositories)
  const newestPolicy = db.prepare(selectNewestPolicy)
  const policies = db.prepare(selectPolicies)
  const newestKeyring = db.prepare(selectKeyring)
  return {
    async repository(id) {
      return recordOrNull<RepositoryRecord>(one.get(id))
    },
    async repositories() {
      return all.all().map(recordOf<RepositoryRecord>)
    },
    async policyInForce() {
      return recordOrNull<PolicyRecord>(newestPolicy.get())
    },
    async policies() {
      return policies.all().map(recordOf<PolicyRecord>)
    },
    async keyring() {
      const row = newestKeyring.get() as { readonly digest: Sha256; readonly keyring: string } | undefined
      return row === undefined ? null : { digest: row.digest, keyring: JSON.parse(row.keyring) as Keyring }
    },
  }
}
