/** Probot's own server as it is shipped, in production mode, with an empty handler; its log goes nowhere. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:net'
import { run } from 'probot'

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
// Probot takes port 0 for its default.
const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address()
    probe.close(() => resolve(free))
  })
})
process.env.NODE_ENV = 'production'
const env = {
  ...process.env,
  APP_ID: '4242',
  PRIVATE_KEY: privateKey,
  WEBHOOK_SECRET: process.argv[2],
  HOST: '127.0.0.1',
  PORT: String(port),
}
const server = await run(
  (app) => {
    app.onAny(() => {})
  },
  { env },
)
process.send({ kind: 'listening', port: server.port })
process.on('disconnect', () => process.exit(0))
