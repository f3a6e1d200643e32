/**
 * The whole server as a process of its own, compiled as it is installed, over a database that is prepared; tells its memory
 * when asked. Its only argument is JSON: `config`, `database` (file, key in base64), `secrets` (base64 by name).
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { openSqliteStore } from '../../dist/adapters/store/sqlite.js'
import { createTelemetry } from '../../dist/adapters/telemetry/telemetry.js'
import { composeServer } from '../../dist/compose.js'
import { systemClock, systemRandom, systemTimers } from '../../dist/system.js'

const { config, database, secrets } = JSON.parse(process.argv[2])
const bytesOf = (text) => Buffer.from(text, 'base64')

const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const logKey = createPrivateKey(pem)
const publicKey = new Uint8Array(createPublicKey(pem).export({ format: 'der', type: 'spki' }).subarray(-32))
const custody = {
  reveal: async (name) => bytesOf(secrets[name] ?? ''),
  sign: async (_name, message) => new Uint8Array(sign(null, message, logKey)),
  publicKey: async () => publicKey,
  names: async () => [...Object.keys(secrets), 'decision-log', 'security-log'],
}
const store = await openSqliteStore({ file: database.file, key: bytesOf(database.key), create: false })
// What was published before is not the bench's business: the place shows the head that the database has.
const head = await store.log.checkpoint()
const logFiles = {
  read: async (path) => (path === 'checkpoint' && head !== null ? Buffer.from(head.note) : null),
  write: async () => {},
  replaceCheckpoint: async () => {},
  remove: async () => {},
  partials: async () => [],
}
const journal = { append: async () => {}, read: async () => [], drop: async () => {} }

const server = await composeServer({
  config,
  custody,
  store,
  logFiles,
  offHost: null,
  journal,
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  telemetry: createTelemetry({ level: 'error', destination: { write: (line) => void process.stderr.write(line) } }),
})
const { port } = await server.start()
process.send({ kind: 'listening', port })

process.on('message', () => {
  void store.jobs.counts().then(({ queued, dead }) => {
    process.send({ kind: 'state', rssBytes: process.memoryUsage.rss(), queued, dead })
  })
})
process.on('disconnect', () => {
  void server.stop(1_000).finally(() => process.exit(0))
})
