import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Write } from '../../flows/ports.ts'
import { type TravellingAppend, unpackAppend } from './append-travel.ts'
import { openWriter, toReply, type WriteReply, type WriteRequest } from './sqlite-writer.ts'

/** What the thread is started with. The key is the thread's own copy and is overwritten once the database is open. */
export type WriterThreadData = { readonly file: string; readonly key: Uint8Array }
/** A row on its way: all as they are, but what is appended to a log. */
export type TravellingRow = Exclude<Write, { kind: 'entries' }> | TravellingAppend
export type TravellingRequest =
  | Exclude<WriteRequest, { kind: 'commit' }>
  | { readonly kind: 'commit'; readonly writes: readonly TravellingRow[] }
/** To the thread: some writes, or the wish to end. */
export type ToWriter = readonly TravellingRequest[] | 'close'
/** From the thread: how opening went, then one list of replies per message, in order. */
export type FromWriter = { readonly opened: WriteReply } | readonly WriteReply[]

/** More than this many writes are not made to wait for each other. */
const maxGroup = 512

/** Gives the memory of big bytes back at once: the collector sees few small objects and would let hundreds of MB wait. */
function release(requests: readonly WriteRequest[]): void {
  for (const request of requests)
    for (const row of request.kind === 'commit' ? request.writes : []) {
      const bytes =
        row.kind === 'delivery'
          ? row.delivery.body
          : row.kind === 'blob'
            ? row.bytes
            : row.kind === 'entries'
              ? row.head.root
              : null
      if (bytes?.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
    }
}

const arrived = (request: TravellingRequest): WriteRequest =>
  request.kind === 'commit'
    ? {
        kind: 'commit',
        writes: request.writes.map((row) => (row.kind === 'travelling-append' ? unpackAppend(row) : row)),
      }
    : request

const { file, key } = workerData as WriterThreadData
const port = parentPort
if (port === null) throw new Error('this module runs as a worker thread')

function open(): ReturnType<typeof openWriter> | null {
  try {
    const writer = openWriter(file, key)
    port?.postMessage({ opened: { kind: 'done', count: 0 } } satisfies FromWriter)
    return writer
  } catch (fault) {
    port?.postMessage({ opened: toReply(fault) } satisfies FromWriter)
    return null
  } finally {
    key.fill(0)
  }
}

const writer = open()
if (writer === null) port.close()
else
  port.on('message', (first: ToWriter) => {
    // Whatever arrived while the last group was being synced shares the next transaction and its one sync.
    const messages: (readonly TravellingRequest[])[] = []
    let size = 0
    let next: ToWriter | undefined = first
    while (next !== undefined && next !== 'close') {
      messages.push(next)
      size += next.length
      next = size < maxGroup ? (receiveMessageOnPort(port)?.message as ToWriter | undefined) : undefined
    }
    const requests = messages.flat().map(arrived)
    if (size > 0) port.postMessage(writer.run(requests) satisfies FromWriter)
    release(requests)
    if (next !== 'close') return
    writer.close()
    port.close()
  })
