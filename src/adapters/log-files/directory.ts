import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, type FileHandle, link, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { checkpointPath, equalBytes, isRemovable, isWrittenOnce, parseLogPath, partialPaths } from '../../core/index.ts'
import { AppError, invariant } from '../../flows/app-error.ts'
import type { LogFiles } from '../../flows/ports.ts'

/** Where whole files wait for their name; on the same file system, so that getting it is one step. */
const waitingName = '.new'
const publicModes = { file: 0o644, directory: 0o755 }
const privateModes = { file: 0o600, directory: 0o700 }
/** A full bundle of the largest entries has under 17 MB; what is larger is no file of a log. */
const maxFileBytes = 64 * 1024 * 1024
const maxKnownDirectories = 10_000

/** Where the files lie. `create` makes the place; without it a place that is not there (not mounted) is refused. */
export interface LogDirectoryOptions {
  readonly directory: string
  readonly create: boolean
  /** The files are for their owner alone; a place that lets others in is refused. */
  readonly isPrivate?: boolean
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

function unavailable(path: string, reason: string, cause?: unknown): never {
  throw new AppError('log-files-unavailable', `${path}: ${reason}`, { cause, data: { path, reason } })
}

/** Runs a step on the file system; whatever the system says becomes the one refusal. */
async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof AppError) throw error
    return unavailable(path, codeOf(error) ?? 'failed', error)
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The bytes of a regular file that is no symbolic link; null where there is none. */
async function readWhole(path: string): Promise<Uint8Array | null> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) unavailable(path, 'not-regular')
    if (stat.size > maxFileBytes) unavailable(path, 'too-large')
    return new Uint8Array(await handle.readFile())
  } finally {
    await handle.close()
  }
}

/** Whether another process may still be writing a waiting file. */
function isOfLiving(name: string): boolean {
  const pid = Number(name.split('-')[0])
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

const isBeginningOf = (part: Uint8Array, whole: Uint8Array): boolean =>
  part.length < whole.length && equalBytes(part, whole.subarray(0, part.length))

/** Makes the directory and those above it that are missing; on return all of them survive loss of power. */
async function makePlace(directory: string, mode: number): Promise<void> {
  const topmost = await mkdir(directory, { recursive: true })
  if (topmost === undefined) return
  for (let made = resolve(directory); ; made = dirname(made)) {
    await chmod(made, mode)
    await syncDirectory(dirname(made))
    if (made === resolve(topmost)) return
  }
}

/**
 * The files of a log in a directory that any web server can serve: files of mode 0644, directories of 0755; or, of a private
 * log, one that its owner alone can read: 0600 and 0700.
 *
 * Checks: paths are from core's closed list; no directory or file below the place is a symbolic link. Every file is written
 * under another name, synced, and named in one step that never replaces other bytes; the directories on its way are
 * synced before `write` returns.
 * @throws AppError log-files-unavailable when the place is not there, or is private and lets others in
 */
export async function openLogDirectory({
  directory,
  create,
  isPrivate = false,
}: LogDirectoryOptions): Promise<LogFiles> {
  const modes = isPrivate ? privateModes : publicModes
  const waiting = join(directory, waitingName)
  /** Directories whose own name is known to survive loss of power. */
  const durable = new Set<string>()

  /** Walks from the place to the directory of `path`. False when a part of the way is missing. */
  async function isWayClear(path: string): Promise<boolean> {
    let way = directory
    for (const part of ['', ...path.split('/').slice(0, -1)]) {
      way = join(way, part)
      const stat = await lstat(way).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT' && part !== '') return null
        throw error
      })
      if (stat === null) return false
      // The place itself may be reached through a link: the operator named it.
      if (part !== '' && !stat.isDirectory()) unavailable(way, stat.isSymbolicLink() ? 'symlink' : 'not-directory')
    }
    return true
  }

  async function makeDirectory(path: string): Promise<void> {
    if (durable.has(path)) return
    try {
      await mkdir(path)
      await chmod(path, modes.directory)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    await syncDirectory(dirname(path))
    if (durable.size >= maxKnownDirectories) durable.clear()
    durable.add(path)
  }

  async function makeWay(path: string): Promise<string> {
    await isWayClear(path)
    let way = directory
    for (const part of path.split('/').slice(0, -1)) {
      way = join(way, part)
      await makeDirectory(way)
    }
    return way
  }

  /** Writes a whole, synced file under a name of its own. A crash leaves it there; the next opening removes it. */
  async function writeWaiting(bytes: Uint8Array): Promise<string> {
    await makeDirectory(waiting)
    const path = join(waiting, `${process.pid}-${randomBytes(12).toString('hex')}`)
    const handle = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, modes.file)
    try {
      await handle.chmod(modes.file)
      await handle.writeFile(bytes)
      await handle.sync()
    } catch (error) {
      await rm(path, { force: true })
      throw error
    } finally {
      await handle.close()
    }
    return path
  }

  /** Gives a waiting file its name. False when something has that name already. */
  async function nameOnce(from: string, to: string): Promise<boolean> {
    try {
      // A link, unlike a rename, never replaces what another process wrote in the meantime.
      await link(from, to)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error
      await rename(from, to)
      return true
    }
  }

  /** Names the bytes; those that another process named first stay. Returns what lies there now. */
  async function nameBytes(target: string, bytes: Uint8Array, isTorn: boolean): Promise<Uint8Array | null> {
    const waitingFile = await writeWaiting(bytes)
    try {
      if (isTorn) await rename(waitingFile, target)
      else if (!(await nameOnce(waitingFile, target))) return await readWhole(target)
      return bytes
    } finally {
      await rm(waitingFile, { force: true })
    }
  }

  async function writeOnce(path: string, bytes: Uint8Array): Promise<void> {
    const way = await makeWay(path)
    const target = join(directory, path)
    let held = await readWhole(target)
    const isTorn = held !== null && isBeginningOf(held, bytes)
    if (held === null || isTorn) held = await nameBytes(target, bytes, isTorn)
    if (held === null || !equalBytes(held, bytes))
      throw new AppError('log-file-differs', `${path} holds other bytes`, { data: { path } })
    // Also when the bytes lay there: a crash may have come between their name and this.
    await syncDirectory(way)
  }

  /** Makes durable that a file is gone; the folder of partial files goes with the last of them. */
  async function leave(way: string, path: string): Promise<void> {
    if (parseLogPath(path)?.kind === 'tile') {
      durable.delete(way)
      await rmdir(way).catch((error: unknown) => {
        if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) throw error
      })
    }
    await syncDirectory(way).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
      return syncDirectory(dirname(way))
    })
  }

  await attempt(directory, async () => {
    if (create) await makePlace(directory, modes.directory)
    const place = await lstat(join(directory, '.'))
    if (!place.isDirectory()) unavailable(directory, 'not-directory')
    if (isPrivate && (place.mode & 0o077) !== 0) unavailable(directory, 'open-to-others')
    for (const left of await readdir(waiting).catch(() => []))
      if (!isOfLiving(left)) await rm(join(waiting, left), { force: true })
  })

  return {
    async read(path) {
      invariant(parseLogPath(path) !== undefined, 'a path of a log file')
      return attempt(path, async () => ((await isWayClear(path)) ? readWhole(join(directory, path)) : null))
    },
    async write(path, bytes) {
      invariant(isWrittenOnce(path), 'a path of a log file that is written once')
      await attempt(path, () => writeOnce(path, bytes))
    },
    async replaceCheckpoint(note) {
      await attempt(checkpointPath, async () => {
        const way = await makeWay(checkpointPath)
        const waitingFile = await writeWaiting(note)
        try {
          await rename(waitingFile, join(directory, checkpointPath))
        } finally {
          await rm(waitingFile, { force: true })
        }
        await syncDirectory(way)
      })
    },
    async remove(path) {
      invariant(isRemovable(path), 'a path of a log file that may go')
      await attempt(path, async () => {
        if (!(await isWayClear(path))) return
        await rm(join(directory, path), { force: true })
        await leave(dirname(join(directory, path)), path)
      })
    },
    async partials(path) {
      return attempt(path, async () => {
        if (!(await isWayClear(`${path}.p/1`))) return partialPaths(path, [])
        return partialPaths(path, await readdir(join(directory, `${path}.p`)))
      })
    },
  }
}
