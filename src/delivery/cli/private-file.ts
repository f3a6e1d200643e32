import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs'
import { Refusal } from './refusal.ts'

/** Writes a new file of mode 0600. @throws Refusal file-exists rather than overwrite anything */
export function createPrivateFile(path: string, text: string): void {
  let fd: number
  try {
    fd = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Refusal('file-exists', `${path} exists and is left as it is`, { remedy: 'Name another file.' })
  }
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
