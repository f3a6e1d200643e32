import { changesContract } from './store-contract-changes.ts'
import { commitContract } from './store-contract-commit.ts'
import type { StoreFixture } from './store-contract-fixture.ts'
import { erasureContract } from './store-contract-erasure.ts'
import { jobsContract } from './store-contract-jobs.ts'
import { logContract } from './store-contract-log.ts'
import { securityContract } from './store-contract-security.ts'

/** What every store adapter must do. An adapter joins with a fixture: memory, SQLite, a server with many connections. */
export function storeContract(fixture: StoreFixture): void {
  commitContract(fixture)
  jobsContract(fixture)
  changesContract(fixture)
  logContract(fixture)
  securityContract(fixture)
  erasureContract(fixture)
}
