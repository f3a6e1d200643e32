import { chmodSync, closeSync, constants, fsyncSync, lstatSync, openSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../flows/app-error.ts'

function refuse(path: string, reason: string, remedy: string): never {
  throw new AppError('store-unavailable', `${path}: ${remedy}`, { data: { path, reason } })
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null
}

/**
 * Refuses a file that anyone but this process's user could read, write or swap.
 *
 * Checks: no symbolic link, regular file, owned by the effective user, no permission for group and others, directory not
 * writable by others (a sticky one may be). Looks by path and opens nothing: closing a descriptor of a database file
 * would drop the locks that SQLite holds on it.
 * @returns false when there is no such file
 * @throws AppError store-unavailable with `data.reason`
 */
export function checkPrivateFile(path: string): boolean {
  const stat = statOf(path)
  if (stat === null) return false
  if (stat.isSymbolicLink()) refuse(path, 'file-symlink', 'is a symbolic link; name the file itself')
  if (!stat.isFile()) refuse(path, 'file-not-regular', 'is not a regular file')
  if (stat.uid !== process.geteuid?.()) refuse(path, 'file-owner', 'belongs to another user; chown it')
  if ((stat.mode & 0o077) !== 0) refuse(path, 'file-mode', 'is open to others; chmod 600 it')
  const directory = statOf(dirname(path))
  const isOpen = directory !== null && (directory.mode & 0o022) !== 0 && (directory.mode & 0o1000) === 0
  if (isOpen) refuse(path, 'directory-mode', 'lies in a directory that others can write; chmod go-w it')
  return true
}

/**
 * Creates an empty file of mode 0600, whatever the umask, durably in its directory.
 *
 * @returns false when there is one already, which is left as it is
 */
export function createPrivateFile(path: string): boolean {
  let fd: number
  try {
    fd = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new AppError('store-unavailable', `${path}: cannot be created`, { cause, data: { path } })
  }
  closeSync(fd)
  chmodSync(path, 0o600)
  syncDirectory(dirname(path))
  return true
}

/** Makes creations, renames and removals in the directory survive loss of power. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
