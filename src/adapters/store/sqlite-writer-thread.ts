import { Worker } from 'node:worker_threads'
import { AppError, InvariantError } from '../../flows/app-error.ts'
import type { Write } from '../../flows/ports.ts'
import { packAppend } from './append-travel.ts'
import type { FromWriter, ToWriter, TravellingRequest, TravellingRow, WriterThreadData } from './sqlite-worker.ts'
import type { WriteReply, WriteRequest } from './sqlite-writer.ts'

/** The writer behind a thread boundary: compression, encryption and the disk's sync stay off the event loop. */
export interface WriterThread {
  /** Resolves when the write is durable. @throws AppError store-unavailable, store-corrupt; InvariantError */
  write(request: WriteRequest): Promise<Extract<WriteReply, { kind: 'done' | 'conflict' }>>
  /** Ends after everything that was asked for is durable. */
  close(): Promise<void>
}

type Waiting = {
  readonly resolve: (reply: Extract<WriteReply, { kind: 'done' | 'conflict' }>) => void
  readonly reject: (fault: Error) => void
}

const threadFile = new URL(`./sqlite-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

function toError(reply: Extract<WriteReply, { kind: 'failed' | 'invariant' }>): Error {
  if (reply.kind === 'invariant') return new InvariantError(reply.claim)
  return new AppError(reply.code, reply.message, { data: { sqlite: reply.sqlite } })
}

const gone = (cause?: unknown): AppError => new AppError('store-unavailable', 'the store is closed', { cause })

/** Big bytes change hands instead of being copied twice; small ones lie in pools that must not travel whole. */
function ownBytes(bytes: Uint8Array, transfer: ArrayBuffer[]): Uint8Array {
  const copy = new Uint8Array(bytes)
  if (copy.length >= 4096) transfer.push(copy.buffer)
  return copy
}

/** The row with bytes of its own, where it carries any. */
function rowToTravel(row: Write, transfer: ArrayBuffer[]): TravellingRow {
  const own = (bytes: Uint8Array): Uint8Array => ownBytes(bytes, transfer)
  if (row.kind === 'blob') return { ...row, bytes: own(row.bytes) }
  if (row.kind === 'delivery' && row.delivery.body !== null)
    return { ...row, delivery: { ...row.delivery, body: own(row.delivery.body) } }
  if (row.kind === 'entries') return packAppend(row, transfer)
  return row
}

function toTravel(request: WriteRequest, transfer: ArrayBuffer[]): TravellingRequest {
  if (request.kind !== 'commit') return request
  return { kind: 'commit', writes: request.writes.map((row) => rowToTravel(row, transfer)) }
}

/**
 * Starts the writer thread.
 *
 * @throws AppError store-key-wrong, store-corrupt, store-unavailable when the thread cannot open the database
 */
export async function startWriterThread(file: string, key: Uint8Array): Promise<WriterThread> {
  const workerData: WriterThreadData = { file, key: new Uint8Array(key) }
  const worker = new Worker(threadFile, {
    name: 'store-writer',
    workerData,
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 96 },
  })
  workerData.key.fill(0)
  const waiting: Waiting[] = []
  let outbox: TravellingRequest[] = []
  let transfer: ArrayBuffer[] = []
  let end: AppError | null = null

  const opened = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  worker.on('message', (message: FromWriter) => {
    if ('opened' in message) {
      const { opened: reply } = message
      if (reply.kind === 'failed' || reply.kind === 'invariant') opened.reject(toError(reply))
      else opened.resolve()
      return
    }
    for (const reply of message) {
      const caller = waiting.shift()
      if (reply.kind === 'done' || reply.kind === 'conflict') caller?.resolve(reply)
      else caller?.reject(toError(reply))
    }
    if (waiting.length === 0) worker.unref()
  })
  const fail = (cause?: unknown): void => {
    end ??= gone(cause)
    opened.reject(end)
    for (const { reject } of waiting.splice(0)) reject(end)
  }
  worker.on('error', fail)
  worker.on('exit', () => {
    fail()
    ended.resolve()
  })
  await opened.promise
  worker.unref()

  const send = (): void => {
    const message: ToWriter = outbox
    try {
      if (end === null && message.length > 0) worker.postMessage(message, transfer)
    } catch (cause) {
      // A row held something that is no data. Nothing of this message reached the thread.
      const refused = new InvariantError('rows are plain data', { cause })
      for (const { reject } of waiting.splice(waiting.length - message.length)) reject(refused)
    }
    outbox = []
    transfer = []
  }

  return {
    write(request) {
      const { promise, resolve, reject } = Promise.withResolvers<Extract<WriteReply, { kind: 'done' | 'conflict' }>>()
      if (end !== null) reject(end)
      else {
        // Writes of one turn of the event loop travel together; one that nothing is before need not wait for the turn to end.
        if (outbox.length === 0) (waiting.length === 0 ? queueMicrotask : setImmediate)(send)
        outbox.push(toTravel(request, transfer))
        if (waiting.length === 0) worker.ref()
        waiting.push({ resolve, reject })
      }
      return promise
    },
    async close() {
      if (end === null) {
        if (outbox.length > 0) send()
        end = gone()
        worker.ref()
        worker.postMessage('close' satisfies ToWriter)
      }
      await ended.promise
    },
  }
}
