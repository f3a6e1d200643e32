/**
 * A calendar of OpenTimestamps over HTTP, as the real ones behave: it takes digests, promises with a pending attestation,
 * knows nothing until a block was mined, then answers the path from the promise to that block's merkle root. It writes its
 * bytes by itself, so that it shares no mistake with the codec under test.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
const sha256d = (bytes: Uint8Array): Buffer => sha256(sha256(bytes))

function varuint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
const variable = (bytes: Uint8Array): Buffer => Buffer.concat([varuint(bytes.length), bytes])
const append = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([0xf0]), variable(bytes)])
const prepend = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([0xf1]), variable(bytes)])
const hash = Buffer.from([0x08])
const attestation = (tag: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0x00]), Buffer.from(tag, 'hex'), variable(payload)])

/** A block that the calendar mined, as a line of a file of headers. */
export interface MinedBlock {
  readonly height: number
  readonly headerHex: string
}

export interface CalendarStandIn {
  readonly url: string
  /** What was handed in, as hex. */
  readonly digests: readonly string[]
  /** Puts everything that was promised into one block. */
  mine(height: number): MinedBlock
  /** From now on every answer has these bytes and status. */
  answerWith(status: number, bytes: Uint8Array): void
  close(): Promise<void>
}

interface Step {
  readonly left: Buffer
  readonly path: readonly Buffer[]
}

/** Pairs leaves up to one root; `path` is what leads from a leaf there. */
function merkle(leaves: readonly Buffer[]): { readonly root: Buffer; readonly paths: readonly (readonly Buffer[])[] } {
  let row: { readonly hash: Buffer; readonly members: readonly number[] }[] = leaves.map((leaf, i) => ({
    hash: leaf,
    members: [i],
  }))
  const paths: Buffer[][] = leaves.map(() => [])
  while (row.length > 1) {
    const next: typeof row = []
    for (let i = 0; i < row.length; i += 2) {
      const [left, right] = [row[i], row[i + 1]]
      if (left === undefined) continue
      if (right === undefined) {
        next.push(left)
        continue
      }
      for (const member of left.members) paths[member]?.push(append(right.hash), hash)
      for (const member of right.members) paths[member]?.push(prepend(left.hash), hash)
      next.push({ hash: sha256(Buffer.concat([left.hash, right.hash])), members: [...left.members, ...right.members] })
    }
    row = next
  }
  return { root: row[0]?.hash ?? Buffer.alloc(32), paths }
}

/** A block with one neighbour of the transaction that carries `root`, and the path from `root` to the merkle root. */
function block(root: Buffer, time: number): Step & { readonly header: Buffer } {
  const before = Buffer.concat([Buffer.from('01000000', 'hex'), randomBytes(60), Buffer.from('6a20', 'hex')])
  const after = Buffer.from('00000000', 'hex')
  const transaction = sha256d(Buffer.concat([before, root, after]))
  const coinbase = randomBytes(32)
  const merkleRoot = sha256d(Buffer.concat([coinbase, transaction]))
  const header = Buffer.concat([Buffer.alloc(4, 2), randomBytes(32), merkleRoot, Buffer.alloc(12)])
  header.writeUInt32LE(time, 68)
  return { left: merkleRoot, path: [prepend(before), append(after), hash, hash, prepend(coinbase), hash, hash], header }
}

/** Starts a calendar on the loopback. */
export async function startCalendar(options: { readonly time: number }): Promise<CalendarStandIn> {
  const secret = randomBytes(16)
  const promised: Buffer[] = []
  const digests: string[] = []
  const known = new Map<string, Buffer>()
  let forced: { readonly status: number; readonly bytes: Uint8Array } | null = null
  let url = ''
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const send = (status: number, bytes: Uint8Array): void => {
        response.writeHead(forced?.status ?? status, { 'content-type': 'application/octet-stream' })
        response.end(forced?.bytes ?? bytes)
      }
      if (request.headers.accept !== 'application/vnd.opentimestamps.v1') return send(406, Buffer.alloc(0))
      if (request.method === 'POST' && request.url === '/digest') {
        const digest = Buffer.concat(chunks)
        digests.push(digest.toString('hex'))
        const time = Buffer.alloc(4)
        time.writeUInt32BE(options.time)
        const salted = sha256(Buffer.concat([digest, secret]))
        const mac = createHmac('sha256', secret).update(salted).digest().subarray(0, 8)
        promised.push(Buffer.concat([time, salted, mac]))
        const uri = variable(Buffer.from(url))
        return send(
          200,
          Buffer.concat([append(secret), hash, prepend(time), append(mac), attestation('83dfe30d2ef90c8e', uri)]),
        )
      }
      const stamp = known.get(/^\/timestamp\/([0-9a-f]+)$/.exec(request.url ?? '')?.[1] ?? '')
      return stamp === undefined
        ? send(404, Buffer.from('Pending confirmation in Bitcoin blockchain'))
        : send(200, stamp)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    digests,
    mine(height) {
      const { root, paths } = merkle(promised.map((commitment) => sha256(commitment)))
      const { path, header } = block(root, options.time + 600)
      for (const [i, commitment] of promised.entries())
        known.set(
          commitment.toString('hex'),
          Buffer.concat([hash, ...(paths[i] ?? []), ...path, attestation('0588960d73d71901', varuint(height))]),
        )
      return { height, headerHex: header.toString('hex') }
    },
    answerWith(status, bytes) {
      forced = { status, bytes }
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
