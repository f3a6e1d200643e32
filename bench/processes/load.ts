/** Sends webhooks as fast as they are answered: raw sockets, prepared bytes, one new GUID per request. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type Burst, say } from './protocol.ts'

const guidPlace = '00000000-0000-4000-8000-000000000000'
const endOfHead = Buffer.from('\r\n\r\n')

type Prepared = { readonly bytes: Buffer; readonly guidAt: number }

function prepare(burst: Burst): readonly Prepared[] {
  return burst.bodies.map(({ body, signature }) => {
    const payload = Buffer.from(body)
    const head = [
      `POST ${burst.path} HTTP/1.1`,
      `host: 127.0.0.1:${burst.port}`,
      'content-type: application/json',
      'user-agent: GitHub-Hookshot/bench',
      `x-github-event: ${burst.event}`,
      `x-github-delivery: ${guidPlace}`,
      `x-hub-signature-256: ${signature}`,
      `content-length: ${payload.length}`,
      '\r\n',
    ].join('\r\n')
    return { bytes: Buffer.concat([Buffer.from(head), payload]), guidAt: head.indexOf(guidPlace) }
  })
}

/** GUIDs of this run share a random part and count up. */
const run = randomBytes(4).toString('hex')
let sent = 0
function nextGuid(): string {
  const count = (sent++).toString(16).padStart(12, '0')
  return `${run}-0000-4000-8000-${count}`
}

function lengthOfAnswer(answer: Buffer): number | null {
  const end = answer.indexOf(endOfHead)
  if (end < 0) return null
  const head = answer.toString('latin1', 0, end)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return end + 4 + Number(length)
  const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head)
  if (!isChunked) return end + 4
  const last = answer.indexOf('0\r\n\r\n', end)
  return last < 0 ? null : last + 5
}

function load(burst: Burst): Promise<void> {
  const prepared = prepare(burst)
  // Each connection patches the GUID into bytes of its own: what was handed to the kernel may still be on its way.
  let answered = 0
  let refused = 0
  let begun = 0
  let open = 0
  const startedAt = performance.now()
  const deadline = startedAt + burst.ms
  const mayBegin = (): boolean => (burst.requests === null ? performance.now() < deadline : begun < burst.requests)
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      if (open > 0) return
      say({ kind: 'loaded', answered, refused, ms: performance.now() - startedAt })
      resolve()
    }
    const dial = (): void => {
      open++
      let received: Buffer | null = null
      let isWaiting = false
      const own = prepared.map(({ bytes, guidAt }) => ({ bytes: Buffer.from(bytes), guidAt }))
      const socket: Socket = connect(burst.port, '127.0.0.1')
      socket.setNoDelay(true)
      const next = (): void => {
        if (!mayBegin()) {
          socket.destroy()
          return
        }
        const request = own[begun++ % own.length]
        if (request === undefined) return
        request.bytes.write(nextGuid(), request.guidAt, 'latin1')
        isWaiting = true
        socket.write(request.bytes)
      }
      socket.on('connect', next)
      socket.on('data', (chunk: Buffer) => {
        received = received === null ? chunk : Buffer.concat([received, chunk])
        const length = lengthOfAnswer(received)
        if (length === null || received.length < length) return
        const status = received[9]
        if (status === 0x32) answered++
        else refused++
        const isLast = /\r\nconnection: close/i.test(received.toString('latin1', 0, length))
        received = null
        isWaiting = false
        if (!isLast) next()
      })
      socket.on('error', reject)
      socket.on('close', () => {
        open--
        if (isWaiting) reject(new Error('the server closed a connection that waited for its answer'))
        // A server may end a connection after many requests; another one takes its place.
        else if (mayBegin()) dial()
        else finish()
      })
    }
    for (let i = 0; i < burst.connections; i++) dial()
  })
}

process.on('message', (burst: Burst) => {
  load(burst).catch((error: unknown) => say({ kind: 'failed', message: String(error) }))
})
