import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

const maxBytes = 64 * 1024

/**
 * Reads a file that holds a secret, and refuses one that others could have read or swapped (T56).
 *
 * Checks: no symbolic link, regular file, owned by this user or root, no permission for group and others.
 * @throws Refusal secret-file, with the reason and never with content
 */
export function readSecretFile(file: string): Uint8Array {
  const refuse = (what: string, remedy: string): Refusal =>
    new Refusal('secret-file', `${file} ${what}`, { exit: exitCode.unknown, remedy })
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ELOOP') throw refuse('is a symbolic link', 'Name the file itself.')
    throw refuse(`cannot be read: ${code ?? 'unknown'}`, 'Check path and permissions.')
  }
  try {
    const stat = fstatSync(fd)
    const user = process.geteuid?.()
    if (!stat.isFile()) throw refuse('is no regular file', 'Name a file.')
    if (stat.uid !== user && stat.uid !== 0) throw refuse('belongs to another user', `chown it to yours.`)
    if ((stat.mode & 0o077) !== 0) throw refuse('can be read by others', `chmod 600 ${file}`)
    if (stat.size > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`, 'Name the file that holds the secret.')
    const bytes = Buffer.alloc(stat.size)
    let at = 0
    while (at < bytes.length) {
      const read = readSync(fd, bytes, at, bytes.length - at, at)
      if (read === 0) break
      at += read
    }
    return new Uint8Array(bytes.subarray(0, at))
  } finally {
    closeSync(fd)
  }
}

/** Whether group or others may read the file. */
export const isOpenToOthers = (file: string): boolean =>
  ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0

/** Reads a file whose secret moves into the keystore: how it lay before is told, not refused. @throws Refusal secret-file */
export function readImportedSecret(file: string): Uint8Array {
  try {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= maxBytes) return new Uint8Array(readFileSync(file))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new Refusal('secret-file', `${file} cannot be read: ${code}`, {
      exit: exitCode.unknown,
      remedy: 'Check the path.',
    })
  }
  throw new Refusal('secret-file', `${file} is larger than ${maxBytes} bytes`, { exit: exitCode.unknown })
}
