import { readFileSync } from 'node:fs'
import { openLogDirectory } from '../../src/adapters/log-files/directory.ts'
import { openJournal, sharedJournal } from '../../src/adapters/store/journal.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { composeServer } from '../../src/compose.ts'
import { dataFiles, openCustody, openStore, requireGenesis } from '../../src/compose-deployment.ts'
import type { Config } from '../../src/config/config.ts'
import { systemClock, systemRandom, systemTimers } from '../../src/system.ts'

/**
 * The real server as a process of its own, as `governance serve` starts it: encrypted database, encrypted keystore, journal.
 * `gate-server CONFIG` reads the configuration as JSON and says `listening URL` once webhooks are taken. Its log goes to
 * standard error. Its parent kills it.
 */
const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: gate-server CONFIG')
const { config, unlockKeyHex } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly config: Config
  readonly unlockKeyHex: string
}
const custody = await openCustody(config, { kind: 'key', bytes: Buffer.from(unlockKeyHex, 'hex') })
const store = await openStore(config, custody, 'alone')
await requireGenesis(config, store)
const server = await composeServer({
  config,
  custody,
  store,
  logFiles: await openLogDirectory({ directory: dataFiles(config.data.directory).decisions, create: true }),
  offHost: null,
  journal: await openJournal(dataFiles(config.data.directory).journal),
  refusals: sharedJournal(dataFiles(config.data.directory).refusals, systemTimers),
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  telemetry: createTelemetry({ level: config.telemetry.level, destination: process.stderr }),
})
const { host, port } = await server.start()
process.stdout.write(`listening http://${host}:${port}\n`)
process.on('message', (message) => {
  if (message === 'memory') process.send?.({ rss: process.memoryUsage().rss })
})
process.once('SIGTERM', () => void server.stop(2_000).then(() => process.exit(0)))
