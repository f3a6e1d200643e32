import { randomBytes } from 'node:crypto'
import { isRemovable, type LogPath, parseLogPath, partialPaths } from '../../core/index.ts'
import { AppError, invariant } from '../../flows/app-error.ts'
import type { LogFiles, Timers } from '../../flows/ports.ts'
import {
  connectSftp,
  nameOfPlace,
  noSuchFile,
  permissionDenied,
  type SftpPlace,
  type SftpSession,
  SftpStatus,
  unavailable,
} from './sftp-connection.ts'
import {
  act,
  closeHandle,
  discard,
  openHandle,
  readAll,
  readNames,
  replaceFile,
  statOf,
  syncFolder,
  syncHandle,
  writeAll,
} from './sftp-steps.ts'

/** A place of log files on another machine, and the end of the connection to it. */
export interface SftpFiles extends LogFiles {
  /** Makes the directory in a folder that is there; nothing else ever makes it. @throws AppError log-files-unavailable */
  makeDirectory(): Promise<void>
  close(): void
}

const isMissing = (error: unknown): error is SftpStatus => error instanceof SftpStatus && error.status === noSuchFile

/**
 * The files of a log on another machine, over SFTP.
 *
 * Trust: the other side is believed only after it proved the pinned host key; what it holds is compared, never assumed.
 * Checks: a file that is there is compared, and completed where a crash tore it, never replaced by other bytes; a finished file takes its name by SFTP's plain rename, which OpenSSH
 * refuses when the name is taken, so that two writers cannot replace each other's file.
 * Does not check: the modes of a private place after it was made; that a server which offers no `fsync@openssh.com` keeps through a loss of power what it acknowledged.
 * Spec: draft-ietf-secsh-filexfer-02; `fsync@openssh.com` and `posix-rename@openssh.com` of OpenSSH's PROTOCOL.
 */
export function openSftpFiles(place: SftpPlace & { readonly isPrivate?: boolean }, timers: Timers): SftpFiles {
  const modes = place.isPrivate
    ? { kept: 0o400, replaced: 0o600, folder: 0o700 }
    : { kept: 0o444, replaced: 0o644, folder: 0o755 }
  const connection = connectSftp(place, timers)
  const root = place.directory.replace(/\/+$/, '')
  const at = (path: string): string => `${root}/${path}`
  const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1)

  async function run<T>(path: string, work: (session: SftpSession) => Promise<T>): Promise<T> {
    try {
      return await connection.run(work)
    } catch (error) {
      throw error instanceof SftpStatus ? explain(place, path, error) : error
    }
  }

  /** Makes a folder, or leaves the one that is there. */
  async function makeFolder(session: SftpSession, path: string, parent: string): Promise<void> {
    try {
      await act(session, (sftp, done) => sftp.mkdir(path, { mode: modes.folder }, done))
      await syncFolder(session, parent)
    } catch (error) {
      if (!(error instanceof SftpStatus) || isMissing(error)) throw error
      // The protocol has no word for "is there already", and a folder that is there may stand where none can be made.
      const isThere = await statOf(session, path).then(
        (found) => found.isDirectory(),
        () => false,
      )
      if (!isThere) throw error
    }
  }

  /** Makes the folders between the directory and the file; the directory itself is never made. */
  async function makeFolders(session: SftpSession, path: string): Promise<void> {
    const names = path.split('/').slice(0, -1)
    for (let depth = 1; depth <= names.length; depth++) {
      const folder = names.slice(0, depth).join('/')
      if (session.knownFolders.has(folder)) continue
      await makeFolder(session, at(folder), at(folderOf(folder)))
      session.knownFolders.add(folder)
    }
  }

  /** Puts the bytes under a name of their own, on disk where the server offers that, then has `finish` name them. */
  async function put(
    session: SftpSession,
    path: string,
    bytes: Uint8Array,
    mode: number,
    finish: (temporary: string) => Promise<void>,
  ): Promise<void> {
    await makeFolders(session, path)
    const temporary = at(`${folderOf(path)}.new-${randomBytes(8).toString('hex')}`)
    try {
      const handle = await openHandle(session, temporary, 'wx', mode)
      try {
        await writeAll(session, handle, bytes)
        await syncHandle(session, handle)
      } finally {
        await closeHandle(session, handle)
      }
      await finish(temporary)
    } catch (error) {
      await discard(session, temporary)
      throw error
    }
  }

  async function readFrom(session: SftpSession, path: string): Promise<Uint8Array | null> {
    let handle: Buffer
    try {
      handle = await openHandle(session, at(path), 'r')
    } catch (error) {
      if (!isMissing(error)) throw error
      // A directory that is gone is no empty place.
      await statOf(session, at(''))
      return null
    }
    try {
      const bytes = await readAll(session, handle)
      if (bytes === null) throw unavailable(place, 'failure', `${path} is larger there than a file of a log`)
      return bytes
    } finally {
      await closeHandle(session, handle)
    }
  }

  /** What has this name: the bytes, nothing, or only their beginning. @throws AppError log-file-differs */
  async function compare(session: SftpSession, path: string, bytes: Uint8Array): Promise<'same' | 'none' | 'torn'> {
    const found = await readFrom(session, path)
    if (found === null) return 'none'
    const isBeginning = Buffer.compare(found, bytes.subarray(0, found.length)) === 0
    if (isBeginning) return found.length === bytes.length ? 'same' : 'torn'
    throw new AppError('log-file-differs', `${nameOfPlace(place)} holds other bytes under ${path}`, {
      data: { place: nameOfPlace(place), path },
    })
  }

  async function nameOnce(session: SftpSession, temporary: string, path: string, bytes: Uint8Array): Promise<void> {
    try {
      await act(session, (sftp, done) => sftp.rename(temporary, at(path), done))
    } catch (error) {
      // Somebody was faster: what counts is which bytes the name has now.
      if (!(error instanceof SftpStatus) || (await compare(session, path, bytes)) !== 'same') throw error
      await discard(session, temporary)
    }
  }

  async function takeName(session: SftpSession, temporary: string, path: string): Promise<void> {
    if (await replaceFile(session, temporary, at(path))) return
    throw unavailable(
      place,
      'not-offered',
      'the server cannot replace a file at once (posix-rename@openssh.com); use the SFTP server of OpenSSH',
    )
  }

  /** Removes the folder of partial files with the last of them. */
  async function removeFolder(session: SftpSession, folder: string): Promise<void> {
    session.knownFolders.delete(folder)
    try {
      await act(session, (sftp, done) => sftp.rmdir(at(folder), done))
    } catch (error) {
      // The protocol has no word for "is not empty".
      if (!(error instanceof SftpStatus)) throw error
      return
    }
    await syncFolder(session, at(folderOf(folder)))
  }

  async function namesIn(session: SftpSession, folder: string): Promise<readonly string[]> {
    try {
      return await readNames(session, at(folder))
    } catch (error) {
      if (!isMissing(error)) throw error
      await statOf(session, at(''))
      return []
    }
  }

  return {
    async read(path) {
      requireLogPath(path, ['checkpoint', 'tile', 'blob', 'break'])
      return run(path, (session) => readFrom(session, path))
    },
    async write(path, bytes) {
      requireLogPath(path, ['tile', 'blob', 'break'])
      await run(path, async (session) => {
        const found = await compare(session, path, bytes)
        if (found === 'none')
          await put(session, path, bytes, modes.kept, (temporary) => nameOnce(session, temporary, path, bytes))
        if (found === 'torn')
          await put(session, path, bytes, modes.kept, (temporary) => takeName(session, temporary, path))
        // Also where the file was there already: its writer may have died before its name was durable.
        await syncFolder(session, at(folderOf(path)))
      })
    },
    replaceCheckpoint: (note) =>
      run('checkpoint', async (session) => {
        await put(session, 'checkpoint', note, modes.replaced, (temporary) =>
          takeName(session, temporary, 'checkpoint'),
        )
        await syncFolder(session, at(''))
      }),
    async remove(path) {
      invariant(isRemovable(path), 'a path of a log file that may go')
      await run(path, async (session) => {
        try {
          await act(session, (sftp, done) => sftp.unlink(at(path), done))
        } catch (error) {
          if (!isMissing(error)) throw error
          // A directory that is gone is no place from which the file is gone.
          await statOf(session, at(''))
        }
        // Also where nothing was there: who removed it may have died before that was durable.
        await syncFolder(session, at(folderOf(path)))
        if (parseLogPath(path)?.kind === 'tile') await removeFolder(session, folderOf(path).slice(0, -1))
      })
    },
    partials: (path) =>
      run(path, (session) => namesIn(session, `${path}.p`).then((names) => partialPaths(path, names))),
    makeDirectory: () =>
      run('the directory', async (session) => {
        await makeFolder(session, root, root.slice(0, root.lastIndexOf('/') + 1))
        if (!place.isPrivate || ((await statOf(session, root)).mode & 0o077) === 0) return
        throw unavailable(place, 'open-to-others', 'the directory lets others in; give it the mode 0700 there')
      }),
    close: () => connection.close(),
  }
}

function requireLogPath(path: string, kinds: readonly LogPath['kind'][]): void {
  const kind = parseLogPath(path)?.kind
  invariant(kind !== undefined && kinds.includes(kind), 'a path of a log file of the kind that is meant')
}

/** What the other side's no means, in words that say what to do. */
function explain(place: SftpPlace, path: string, error: SftpStatus): AppError {
  if (error.status === permissionDenied)
    return unavailable(place, 'denied', `${path} may not be used; check owner, modes and read-only mounts there`, error)
  if (error.status === noSuchFile)
    return unavailable(place, 'no-directory', 'the directory is not there; mount it, or create it once', error)
  return unavailable(
    place,
    'failure',
    `${path} could not be stored or read; check free space, quota and disk there`,
    error,
  )
}
