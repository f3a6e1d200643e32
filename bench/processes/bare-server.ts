/** The least that a webhook costs: `node:http`, HMAC, `JSON.parse`, an answer. Stores nothing. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { say } from './protocol.ts'

const secret = process.argv[2] ?? ''
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => void chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    const own = createHmac('sha256', secret).update(body).digest()
    const claimed = Buffer.from(String(request.headers['x-hub-signature-256']).slice(7), 'hex')
    const isAuthentic = own.length === claimed.length && timingSafeEqual(own, claimed)
    const payload = JSON.parse(body.toString()) as { readonly action?: string }
    response.writeHead(isAuthentic && payload.action !== undefined ? 202 : 401, { 'content-type': 'application/json' })
    response.end('{"ok":true}')
  })
})
server.listen(0, '127.0.0.1', () => say({ kind: 'listening', port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
