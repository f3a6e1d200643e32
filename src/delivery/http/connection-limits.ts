import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Telemetry } from '../../flows/ports.ts'
import type { ClientAddresses } from './client-address.ts'

/** Bounds on what one connection, and all of them, may cost. */
export interface ConnectionLimits {
  readonly maxConnections: number
  readonly maxConnectionsPerPeer: number
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  /** Headers and body together; the forge itself waits ten seconds. */
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** How often the two timeouts are looked at. */
  readonly checkEveryMs: number
}

export const defaultConnectionLimits: ConnectionLimits = {
  maxConnections: 2_000,
  maxConnectionsPerPeer: 256,
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  keepAliveTimeoutMs: 10_000,
  checkEveryMs: 1_000,
}

/**
 * A server that gives no stranger more than its limits (T04): endless headers, slow bodies and idle connections end in
 * bounded time. Configured proxies are exempt from the bound per peer, since everybody comes through them.
 */
export function createLimitedServer(
  handler: RequestListener,
  limits: ConnectionLimits,
  addresses: Pick<ClientAddresses, 'isProxy'>,
  telemetry: Telemetry,
): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      requireHostHeader: true,
      insecureHTTPParser: false,
    },
    handler,
  )
  server.maxConnections = limits.maxConnections
  server.maxHeadersCount = 100
  server.maxRequestsPerSocket = 10_000

  const perPeer = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress
    if (peer === undefined || addresses.isProxy(peer)) return
    const open = (perPeer.get(peer) ?? 0) + 1
    if (open > limits.maxConnectionsPerPeer) {
      telemetry.count('http_connection_refused', { code: 'peer' })
      socket.destroy()
      return
    }
    perPeer.set(peer, open)
    socket.once('close', () => {
      const left = (perPeer.get(peer) ?? 1) - 1
      if (left === 0) perPeer.delete(peer)
      else perPeer.set(peer, left)
    })
  })
  server.on('drop', () => telemetry.count('http_connection_refused', { code: 'all' }))
  return server
}

const brokenRequests: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Answers what is no HTTP request with one line and ends the connection; nothing of it is repeated. */
export function refuseBrokenRequest(error: { readonly code?: string }, socket: Socket, telemetry: Telemetry): void {
  const status = brokenRequests[error.code ?? ''] ?? '400 Bad Request'
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  telemetry.count('http_broken_request', { code: status.slice(0, 3) })
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n`)
  // A peer that goes on sending is not read any more.
  socket.destroySoon()
}
