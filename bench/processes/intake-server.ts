/**
 * The server of the product as a process of its own: encrypted SQLite with full sync, the real listener and intake.
 * With `whole` the runner takes the jobs too; without it they stay queued, so that intake is measured alone.
 */
import { hash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhooks } from '../../src/adapters/github/webhook.ts'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { asSha256 } from '../../src/core/index.ts'
import { createPublicServer } from '../../src/delivery/http/public-server.ts'
import { createIntake } from '../../src/flows/gate/intake.ts'
import { systemClock, systemTimers } from '../../src/system.ts'
import { say } from './protocol.ts'

const secret = Buffer.from(process.argv[2] ?? '')
const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const ports = await openSqliteStore({ file: join(folder, 'governance.db'), key: randomBytes(32), create: true })
const telemetry = createTelemetry({ level: 'info', destination: { write: (line) => void process.stderr.write(line) } })
/** Nothing is refused here. */
const events = { noteRationed: () => {} }
const intake = createIntake({
  webhooks: createWebhooks({ secrets: [secret] }),
  store: ports.store,
  deliveries: ports.deliveries,
  clock: systemClock,
  telemetry,
  events,
  digest: (bytes) => asSha256(hash('sha256', bytes, 'hex')),
  wake: () => {},
})
const server = createPublicServer({
  http: {
    listen: { host: '127.0.0.1', port: 0 },
    trustedProxies: [],
    maxBodyBytes: 26_214_400,
    challenge: { perClientAndMinute: 5, perMinute: 100 },
  },
  intake,
  readiness: async () => ({ ready: true, checks: { store: true, policy: true, log: true } }),
  challenge: async () => ({ ok: false }),
  releaseChallenge: async () => ({ ok: false }),
  details: async () => null,
  logFiles: { read: async () => null },
  logAdmission: { readers: () => 'nobody', isBearer: null },
  clock: systemClock,
  timers: systemTimers,
  telemetry,
  events,
  clientUser: () => `client:${'0'.repeat(32)}`,
})
const { port } = await server.listen()
say({ kind: 'listening', port })
process.on('disconnect', () => process.exit(0))
