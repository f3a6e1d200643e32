import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { storeContract } from './store-contract.ts'

storeContract({
  name: 'sqlite',
  isDurable: true,
  place: async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'governance-store-'))
    t.after(() => rmSync(directory, { recursive: true, force: true }))
    const key = randomBytes(32)
    return { open: (options) => openSqliteStore({ file: join(directory, 'store.db'), key, create: true, ...options }) }
  },
})
