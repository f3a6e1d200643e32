import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../flows/app-error.ts'
import type { JobData, Journal, Timers } from '../../flows/ports.ts'
import { holdWriterLock } from './sqlite-connection.ts'
import { checkPrivateFile, createPrivateFile, syncDirectory } from './private-file.ts'

/** A frame is a big-endian length, SHA-256 over length and payload, and the payload: one record as JSON. */
const lengthBytes = 4
const headBytes = lengthBytes + 32
const maxPayloadBytes = 1_048_576

function checksumOf(length: Uint8Array, payload: Uint8Array): Buffer {
  return createHash('sha256').update(length).update(payload).digest()
}

function frameOf(record: JobData): Buffer {
  const payload = Buffer.from(JSON.stringify(record))
  if (payload.length > maxPayloadBytes) throw new AppError('store-unavailable', 'a journal record is at most 1 MiB')
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(payload.length)
  return Buffer.concat([length, checksumOf(length, payload), payload])
}

/** The payload of the whole frame at `offset`, or null when there is none. */
function payloadAt(bytes: Buffer, offset: number): Buffer | null {
  if (offset + headBytes > bytes.length) return null
  const length = bytes.readUInt32BE(offset)
  const start = offset + headBytes
  if (length > maxPayloadBytes || start + length > bytes.length) return null
  const payload = bytes.subarray(start, start + length)
  const checksum = checksumOf(bytes.subarray(offset, offset + lengthBytes), payload)
  return checksum.equals(bytes.subarray(offset + lengthBytes, start)) ? payload : null
}

/**
 * Reads frames up to the first that is not whole. That is a torn last append, which nobody was told is durable, unless a
 * whole frame follows: then bytes in the middle were changed, and going on would forget what was acknowledged.
 */
function parse(bytes: Buffer, file: string): { readonly records: JobData[]; readonly goodBytes: number } {
  const records: JobData[] = []
  let offset = 0
  for (let payload = payloadAt(bytes, offset); payload !== null; payload = payloadAt(bytes, offset)) {
    records.push(JSON.parse(payload.toString()) as JobData)
    offset += headBytes + payload.length
  }
  for (let next = offset + 1; next + headBytes <= bytes.length; next++)
    if (payloadAt(bytes, next) !== null)
      throw new AppError('store-corrupt', `${file} is damaged before its end`, { data: { file, offset } })
  return { records, goodBytes: offset }
}

async function withFile(file: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(file, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    await use(handle)
  } finally {
    await handle.close()
  }
}

const lockPatienceMs = 5_000
const lockRetryMs = 10

/** Runs alone among all processes that use the journal. The kernel drops the lock with its process, however that ends. */
async function alone<T>(file: string, timers: Pick<Timers, 'after'>, run: () => Promise<T>): Promise<T> {
  const lockFile = `${file}.lock`
  createPrivateFile(lockFile)
  checkPrivateFile(lockFile)
  for (let waitedMs = 0; ; waitedMs += lockRetryMs) {
    let lock: ReturnType<typeof holdWriterLock>
    try {
      lock = holdWriterLock(lockFile)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'store-locked' || waitedMs >= lockPatienceMs) throw error
      await new Promise<void>((resolve) => timers.after(lockRetryMs, resolve))
      continue
    }
    try {
      return await run()
    } finally {
      lock.release()
    }
  }
}

/**
 * A journal that is opened for each step, under a lock, so that several processes may use it; a file that is not there is an
 * empty one.
 *
 * Each step throws AppError store-locked when another process holds it for five seconds, and as `openJournal`.
 */
export function sharedJournal(file: string, timers: Pick<Timers, 'after'>): Journal {
  return {
    append: (record) => alone(file, timers, async () => (await openJournal(file)).append(record)),
    read: async () => (checkPrivateFile(file) ? alone(file, timers, async () => (await openJournal(file)).read()) : []),
    drop: (count) => alone(file, timers, async () => (await openJournal(file)).drop(count)),
  }
}

/**
 * Opens the append-only file for acts that lower trust while the store is down; creates it with mode 0600.
 *
 * A torn last record is cut off. Records are written one after the other, whoever appends at the same time.
 * @throws AppError store-unavailable when the file is open to others or cannot be written, store-corrupt when it is
 *   damaged before its end
 */
export async function openJournal(file: string): Promise<Journal> {
  const temporary = `${file}.new`
  await rm(temporary, { force: true })
  createPrivateFile(file)
  checkPrivateFile(file)

  const { records, goodBytes } = parse(await readFile(file), file)
  let end = goodBytes
  if ((await stat(file)).size > end)
    await withFile(file, async (handle) => {
      await handle.truncate(end)
      await handle.sync()
    })
  let last: Promise<unknown> = Promise.resolve()

  /** One at a time; a failure of one is its caller's and hinders no later one. */
  const inTurn = async <T>(run: () => Promise<T>): Promise<T> => {
    const turn = last.then(run).catch((cause: unknown) => {
      throw cause instanceof AppError ? cause : new AppError('store-unavailable', 'the journal failed', { cause })
    })
    last = turn.catch(() => {})
    return turn
  }

  const rewrite = async (frames: Buffer): Promise<void> => {
    createPrivateFile(temporary)
    await withFile(temporary, async (handle) => {
      await handle.truncate(0)
      await handle.write(frames, 0, frames.length, 0)
      await handle.sync()
    })
    // A crash before the rename leaves the old file, after it the new one.
    await rename(temporary, file)
    end = frames.length
    syncDirectory(dirname(file))
  }

  return {
    append: (record) =>
      inTurn(async () => {
        const frame = frameOf(record)
        // Always at the end of what is known to be whole, so that a failed append is overwritten by the next.
        await withFile(file, async (handle) => {
          const { bytesWritten } = await handle.write(frame, 0, frame.length, end)
          if (bytesWritten < frame.length) throw new AppError('store-unavailable', 'the journal took part of a record')
          await handle.sync()
        })
        end += frame.length
        records.push(structuredClone(record))
      }),
    read: () => inTurn(async () => [...records]),
    drop: (count) =>
      inTurn(async () => {
        const rest = records.slice(count)
        await rewrite(Buffer.concat(rest.map(frameOf)))
        records.splice(0, count)
      }),
  }
}
