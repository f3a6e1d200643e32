/**
 * The whole server as a process of its own, compiled as it is installed, over a database that is prepared; tells its memory
 * when asked. Its only argument is JSON: `config`, `database` (file, key in base64), `secrets` (base64 by name).
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { composeServer as compose, ServerParts } from '../../src/compose.ts'

/** What is built is what is measured; the sources say its types. */
const built = (file: string) => import(new URL(`../../dist/${file}`, import.meta.url).href)
const { openSqliteStore }: typeof import('../../src/adapters/store/sqlite.ts') = await built('adapters/store/sqlite.js')
const { createTelemetry }: typeof import('../../src/adapters/telemetry/telemetry.ts') = await built(
  'adapters/telemetry/telemetry.js',
)
const { composeServer }: { composeServer: typeof compose } = await built('compose.js')
const { systemClock, systemRandom, systemTimers }: typeof import('../../src/system.ts') = await built('system.js')

const { config, database, secrets } = JSON.parse(process.argv[2] as string)
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64')

const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const logKey = createPrivateKey(pem)
const publicKey = new Uint8Array(createPublicKey(pem).export({ format: 'der', type: 'spki' }).subarray(-32))
const custody: ServerParts['custody'] = {
  reveal: async (name) => bytesOf(secrets[name] ?? ''),
  sign: async (_name, message) => new Uint8Array(sign(null, message, logKey)),
  publicKey: async () => publicKey,
  names: async () => [...Object.keys(secrets), 'decision-log', 'security-log'],
}
const store = await openSqliteStore({ file: database.file, key: bytesOf(database.key), create: false })
// What was published before is not the bench's business: the place shows the head that the database has.
const head = await store.log.checkpoint()
const logFiles: ServerParts['logFiles'] = {
  read: async (path) => (path === 'checkpoint' && head !== null ? Buffer.from(head.note) : null),
  write: async () => {},
  replaceCheckpoint: async () => {},
  remove: async () => {},
  partials: async () => [],
}
const noJournal: ServerParts['journal'] = { append: async () => {}, read: async () => [], drop: async () => {} }

const server = await composeServer({
  config,
  custody,
  store,
  logFiles,
  offHost: null,
  journal: noJournal,
  refusals: noJournal,
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  telemetry: createTelemetry({ level: 'error', destination: { write: (line) => void process.stderr.write(line) } }),
})
const { port } = await server.start()
process.send?.({ kind: 'listening', port })

process.on('message', () => {
  void store.jobs.counts().then(({ queued, dead }) => {
    process.send?.({ kind: 'state', rssBytes: process.memoryUsage.rss(), queued, dead })
  })
})
process.on('disconnect', () => {
  void server.stop(1_000).finally(() => process.exit(0))
})
