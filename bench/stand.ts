/** The whole product before the project's stand-in, with the encrypted store on the disk. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../src/adapters/store/sqlite.ts'
import type { LogFiles, StorePorts } from '../src/flows/ports.ts'
import { type Deployment, startDeployment } from '../test/e2e/deployment.ts'

export interface Stand {
  readonly deployment: Deployment
  /** Where the database lies and what opens it, for a process that takes the server's place. */
  readonly database: { readonly file: string; readonly key: Uint8Array }
  /** Ends the server and lets go of the database; the stand-in lives on. */
  stopServer(): Promise<void>
  close(): Promise<void>
}

/** Starts it. `watch` may wrap the store's ports; the log is published into memory, or where `logFilesIn` says. */
export async function startStand(
  watch: (ports: StorePorts) => StorePorts = (ports) => ports,
  logFilesIn: ((folder: string) => Promise<LogFiles>) | null = null,
): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  const endings: (() => unknown)[] = []
  const database = { file: join(folder, 'governance.db'), key: randomBytes(32) }
  const ports = await openSqliteStore({ ...database, create: true })
  const deployment = await startDeployment(
    { after: (end) => void endings.push(end as () => unknown) },
    {
      repositories: ['sdk'],
      store: watch(ports),
      settings: { rateLimit: 1_000_000 },
      ...(logFilesIn === null ? {} : { logFiles: await logFilesIn(folder) }),
    },
  )
  await deployment.settled()
  return {
    deployment,
    database,
    async stopServer() {
      await deployment.server.stop(1_000)
      await ports.store.close()
    },
    async close() {
      for (const end of endings) await end()
      await ports.store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
