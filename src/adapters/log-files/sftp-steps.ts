import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2'
import { endOfFile, type SftpSession, SftpStatus } from './sftp-connection.ts'

const chunkBytes = 32_768
const chunksAtOnce = 16
/** No file of a log is larger; more would be somebody's way to fill our memory. */
const largestFileBytes = 64 * 1024 * 1024

/** Runs a step that answers with a status only. */
export const act = (session: SftpSession, start: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void) =>
  session.call<undefined>((sftp, done) => start(sftp, (error) => done(error, undefined)))

/** Whether a call of the library failed because the server does not announce the extension; it sends nothing then. */
const isNotOffered = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Server does not support this extended request'

function ifOffered(start: () => void, otherwise: () => void): void {
  try {
    start()
  } catch (error) {
    if (!isNotOffered(error)) throw error
    otherwise()
  }
}

export const openHandle = (session: SftpSession, path: string, flags: 'r' | 'wx', mode = 0o644): Promise<Buffer> =>
  session.call<Buffer>((sftp, done) => sftp.open(path, flags, { mode }, done))

export const closeHandle = (session: SftpSession, handle: Buffer): Promise<undefined> =>
  act(session, (sftp, done) => sftp.close(handle, done))

export const statOf = (session: SftpSession, path: string): Promise<Stats> =>
  session.call<Stats>((sftp, done) => sftp.stat(path, done))

/** The names in a folder. */
export const readNames = async (session: SftpSession, path: string): Promise<readonly string[]> =>
  (await session.call<FileEntryWithStats[]>((sftp, done) => sftp.readdir(path, done))).map(({ filename }) => filename)

/** Writes all of it, some chunks at a time. */
export async function writeAll(session: SftpSession, handle: Buffer, bytes: Uint8Array): Promise<void> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let start = 0; start < whole.length; start += chunkBytes * chunksAtOnce) {
    const chunks: Promise<undefined>[] = []
    const end = Math.min(whole.length, start + chunkBytes * chunksAtOnce)
    for (let from = start; from < end; from += chunkBytes) {
      const length = Math.min(chunkBytes, end - from)
      chunks.push(act(session, (sftp, done) => sftp.write(handle, whole, from, length, from, done)))
    }
    await Promise.all(chunks)
  }
}

/** Reads to the end; null where the other side offers more than a file of a log can have. */
export async function readAll(session: SftpSession, handle: Buffer): Promise<Uint8Array | null> {
  const parts: Buffer[] = []
  let size = 0
  for (;;) {
    const part = await readPart(session, handle, size)
    if (part === null) return new Uint8Array(Buffer.concat(parts))
    parts.push(part)
    size += part.length
    if (size > largestFileBytes) return null
  }
}

/** The next bytes, as many as the other side hands out at once; null at the end. */
async function readPart(session: SftpSession, handle: Buffer, position: number): Promise<Buffer | null> {
  const room = Buffer.alloc(chunkBytes)
  try {
    const read = await session.call<number>((sftp, done) => sftp.read(handle, room, 0, chunkBytes, position, done))
    return read === 0 ? null : room.subarray(0, read)
  } catch (error) {
    if (error instanceof SftpStatus && error.status === endOfFile) return null
    throw error
  }
}

/** Has the other side put the file on its disk, where it offers that. */
export const syncHandle = (session: SftpSession, handle: Buffer): Promise<undefined> =>
  act(session, (sftp, done) => ifOffered(() => sftp.ext_openssh_fsync(handle, done), done))

/**
 * The same for the names in a folder. OpenSSH opens a folder like a file when it is only read; a server that does not, or
 * whose file system refuses, gives no more than it gives.
 */
export async function syncFolder(session: SftpSession, path: string): Promise<void> {
  try {
    const handle = await openHandle(session, path, 'r')
    try {
      await syncHandle(session, handle)
    } finally {
      await closeHandle(session, handle)
    }
  } catch (error) {
    if (!(error instanceof SftpStatus)) throw error
  }
}

/** Removes a file that was begun; a connection that is gone leaves it to whoever tidies up there. */
export async function discard(session: SftpSession, path: string): Promise<void> {
  await act(session, (sftp, done) => sftp.unlink(path, done)).catch(() => {})
}

/** Takes the place of what is there, at once; false where the server cannot do that. */
export async function replaceFile(session: SftpSession, from: string, to: string): Promise<boolean> {
  let isOffered = true
  await act(session, (sftp, done) =>
    ifOffered(
      () => sftp.ext_openssh_rename(from, to, done),
      () => {
        isOffered = false
        done()
      },
    ),
  )
  return isOffered
}
