/** Probot with an empty handler for every event, as its documentation sets it up; it logs errors only. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { createNodeMiddleware, createProbot } from 'probot'

const secret = process.argv[2]
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const env = { APP_ID: '4242', PRIVATE_KEY: privateKey, WEBHOOK_SECRET: secret, LOG_LEVEL: 'error' }
const probot = createProbot({ env })
const middleware = await createNodeMiddleware((app) => app.onAny(() => {}), { probot })
const server = createServer((request, response) => {
  void middleware(request, response)
})
server.listen(0, '127.0.0.1', () => process.send({ kind: 'listening', port: server.address().port }))
process.on('disconnect', () => process.exit(0))
