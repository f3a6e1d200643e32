import { createHash, createHmac, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createWebhooks } from '../../src/adapters/github/webhook.ts'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { asSha256 } from '../../src/core/index.ts'
import {
  createPublicServer,
  type PublicServerParts,
  type PublicServerSettings,
} from '../../src/delivery/http/public-server.ts'
import { createIntake } from '../../src/flows/gate/intake.ts'
import type { Store } from '../../src/flows/ports.ts'
import { systemTimers } from '../../src/system.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { createRecordedEvents } from '../fakes/recorded-events.ts'
import { createManualTime } from '../fakes/manual-time.ts'

export const webhookSecret = randomBytes(32)
export const sign = (body: Uint8Array | string): string =>
  `sha256=${createHmac('sha256', webhookSecret).update(body).digest('hex')}`
export const guid = '72d3162e-cc78-11e3-81ab-4c9367dc0958'

/** The real public server on the loopback, with the real intake and webhooks over a memory store. */
export async function startServer(
  t: TestContext,
  more: Partial<Omit<PublicServerParts, 'http'>> & {
    readonly http?: Partial<PublicServerSettings>
    readonly store?: Pick<Store, 'commit'>
    readonly maxPending?: number
  } = {},
) {
  const { http, store, maxPending, ...parts } = more
  const time = createManualTime()
  const lines: string[] = []
  const telemetry = createTelemetry({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const ports = openMemoryStore()
  const events = createRecordedEvents(time.clock)
  const intake = createIntake({
    webhooks: createWebhooks({ secrets: [webhookSecret] }),
    store: store ?? ports.store,
    deliveries: ports.deliveries,
    clock: time.clock,
    telemetry,
    events,
    digest: (bytes) => asSha256(createHash('sha256').update(bytes).digest('hex')),
    wake: () => {},
    ...(maxPending === undefined ? {} : { limits: { maxPending } }),
  })
  const server = createPublicServer({
    http: {
      listen: { host: '127.0.0.1', port: 0 },
      trustedProxies: [],
      maxBodyBytes: 1024 * 1024,
      challenge: { perClientAndMinute: 5, perMinute: 100 },
      ...http,
    },
    intake,
    readiness: async () => ({ ready: true, checks: { store: true, policy: true, log: true } }),
    challenge: async () => ({ ok: false }),
    releaseChallenge: async () => ({ ok: false }),
    details: async () => null,
    logFiles: memoryLogFiles(),
    logAdmission: { readers: () => 'anybody', isBearer: null },
    clock: time.clock,
    timers: systemTimers,
    telemetry,
    events,
    clientUser: (address) => `client:${createHash('sha256').update(address).digest('hex').slice(0, 32)}`,
    ...parts,
  })
  const { port } = await server.listen()
  t.after(() => server.stop(100))
  const url = `http://127.0.0.1:${port}`
  const post = (body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/webhooks/github`, {
      method: 'POST',
      body: typeof body === 'string' ? body : Buffer.from(body),
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': guid,
        'x-hub-signature-256': sign(body),
        ...headers,
      },
    })
  return { server, url, port, time, telemetry, events, lines, ports, intake, post }
}

/** A connection that sends what it is told and gathers what comes back. */
export function openConnection(port: number): {
  readonly socket: Socket
  readonly closed: Promise<string>
  /** Resolves once the answer so far matches. */
  readonly answered: (shape: RegExp) => Promise<string>
} {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  const watchers = new Set<() => void>()
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    for (const watcher of watchers) watcher()
  })
  socket.on('error', () => {})
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  return {
    socket,
    closed,
    answered: (shape) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!shape.test(text)) return
          watchers.delete(look)
          resolve(text)
        }
        watchers.add(look)
        socket.on('close', () => {
          look()
          reject(new Error(`closed after ${JSON.stringify(text)}`))
        })
        look()
      }),
  }
}
