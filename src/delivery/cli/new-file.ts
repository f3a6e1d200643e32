import { closeSync, existsSync, fsyncSync, openSync, writeFileSync } from 'node:fs'
import { Refusal } from './refusal.ts'

const refuse = (path: string): never => {
  throw new Refusal('file-exists', `${path} exists and is left as it is`, { remedy: 'Name another file.' })
}

/** @throws Refusal file-exists, before work is done whose result could not be written */
export function requireAbsent(path: string): void {
  if (existsSync(path)) refuse(path)
}

/** Writes a new file for everybody to read, durable on return. @throws Refusal file-exists rather than overwrite anything */
export function writeNewFile(path: string, bytes: Uint8Array): void {
  let fd: number
  try {
    fd = openSync(path, 'wx', 0o644)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return refuse(path)
    throw error
  }
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
