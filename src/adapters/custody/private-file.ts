import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, resolve, sep } from 'node:path'
import { AppError } from '../../flows/app-error.ts'

const maxBytes = 1_048_576

/** Why a file of secrets is not used; `reason` is what tests and `doctor` look at. */
export function refuseCustody(reason: string, message: string, cause?: unknown): never {
  throw new AppError('custody-refused', message, { cause, data: { reason } })
}

function checkStat(path: string, stat: Stats, isCredential: boolean): void {
  if (!stat.isFile()) refuseCustody('file-not-regular', `${path} is not a regular file`)
  // systemd hands a credential to its unit as the unit's own file, or as root's with an access list (shown as group bits).
  const isSystemdOwned = isCredential && stat.uid === 0
  if (stat.uid !== process.geteuid?.() && !isSystemdOwned)
    refuseCustody('file-owner', `${path} belongs to another user; chown it`)
  if ((stat.mode & (isSystemdOwned ? 0o037 : 0o077)) !== 0)
    refuseCustody('file-mode', `${path} is open to others; chmod 600 it`)
  const directory = statSync(dirname(path))
  if ((directory.mode & 0o022) !== 0 && (directory.mode & 0o1000) === 0)
    refuseCustody('directory-mode', `${dirname(path)} can be written by others; chmod go-w it`)
}

/** Where systemd put this unit's credentials; files below it may be root's with an access list for the unit. */
export type CredentialsDirectory = { readonly credentialsDirectory?: string }

/**
 * Reads a small file that only this process's user can read or write.
 *
 * Checks, on the open descriptor: regular file, no symbolic link, owner, no permission for group and others, directory
 * not writable by others, at most 1 MiB. The caller overwrites the buffer when it held a secret.
 * @throws AppError custody-not-found, custody-refused
 */
export function readPrivateFile(path: string, options: CredentialsDirectory = {}): Buffer {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new AppError('custody-not-found', `${path} does not exist`, { data: { path } })
    if (code === 'ELOOP') refuseCustody('file-symlink', `${path} is a symbolic link; name the file itself`)
    refuseCustody('file-unreadable', `${path} cannot be read`, cause)
  }
  try {
    const { credentialsDirectory } = options
    const isCredential =
      credentialsDirectory !== undefined && resolve(path).startsWith(resolve(credentialsDirectory) + sep)
    const stat = fstatSync(fd)
    checkStat(path, stat, isCredential)
    if (stat.size > maxBytes) refuseCustody('file-too-big', `${path} is bigger than any file of secrets`)
    const bytes = Buffer.alloc(stat.size)
    const count = readSync(fd, bytes, 0, bytes.length, 0)
    return bytes.subarray(0, count)
  } finally {
    closeSync(fd)
  }
}

function syncDirectoryOf(path: string): void {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Writes a whole, synced neighbour of `path` with mode 0600 and returns its name. */
function writeNeighbour(path: string, bytes: Uint8Array): string {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`
  const fd = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
  try {
    fchmodSync(fd, 0o600)
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  } finally {
    closeSync(fd)
  }
  return temporary
}

/**
 * Creates the file whole and durable, or not at all.
 *
 * @throws AppError custody-refused (`file-exists`) when there is one; it is left as it is
 */
export function createPrivateFile(path: string, bytes: Uint8Array): void {
  const temporary = writeNeighbour(path, bytes)
  try {
    // A link, unlike a rename, never replaces what is there.
    linkSync(temporary, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') refuseCustody('file-exists', `${path} exists already`)
    throw cause
  } finally {
    rmSync(temporary, { force: true })
  }
  syncDirectoryOf(path)
}

/** Replaces the file: a crash leaves the old one or the new one, never a mixture and never neither. */
export function replacePrivateFile(path: string, bytes: Uint8Array): void {
  const temporary = writeNeighbour(path, bytes)
  try {
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  }
  syncDirectoryOf(path)
}
