/** The whole product before the project's stand-in, with the encrypted store on the disk. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../src/adapters/store/sqlite.ts'
import type { StorePorts } from '../src/flows/ports.ts'
import { type Deployment, startDeployment } from '../test/e2e/deployment.ts'

export interface Stand {
  readonly deployment: Deployment
  close(): Promise<void>
}

/** Starts it. `watch` may wrap the store's ports. */
export async function startStand(watch: (ports: StorePorts) => StorePorts = (ports) => ports): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  const endings: (() => unknown)[] = []
  const ports = await openSqliteStore({ file: join(folder, 'governance.db'), key: randomBytes(32), create: true })
  const deployment = await startDeployment(
    { after: (end) => void endings.push(end as () => unknown) },
    { repositories: ['sdk'], store: watch(ports), settings: { rateLimit: 1_000_000 } },
  )
  await deployment.settled()
  return {
    deployment,
    async close() {
      for (const end of endings) await end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
