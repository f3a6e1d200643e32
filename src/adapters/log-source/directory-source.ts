import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../flows/app-error.ts'
import type { LogSource } from '../../flows/ports.ts'
import { maxBytesOf } from './log-path.ts'

const absent = new Set(['ENOENT', 'ENOTDIR'])

/** Room for a file of that size. @throws AppError log-files-unavailable when no file of a log is that large */
function roomFor(path: string, size: number): Uint8Array {
  if (size <= maxBytesOf(path)) return new Uint8Array(size)
  throw new AppError('log-files-unavailable', 'a file of the log is larger than any can be', { data: { path } })
}

/** Null for a file that is not there. @throws AppError log-files-unavailable for whatever else the system said */
function refused(path: string, error: unknown): null {
  if (error instanceof AppError) throw error
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && absent.has(code)) return null
  throw new AppError('log-files-unavailable', 'a file of the log cannot be read', {
    cause: error,
    data: { path, reason: code ?? 'unknown' },
  })
}

/** The files of a log in a directory: the server's own, a mount, what a bucket was copied to. */
export function directorySource(directory: string): LogSource {
  return {
    async read(path) {
      maxBytesOf(path)
      try {
        const file = await open(join(directory, path), 'r')
        try {
          const bytes = roomFor(path, (await file.stat()).size)
          let at = 0
          while (at < bytes.length) {
            const { bytesRead } = await file.read(bytes, at, bytes.length - at, at)
            if (bytesRead === 0) break
            at += bytesRead
          }
          return bytes.subarray(0, at)
        } finally {
          await file.close()
        }
      } catch (error) {
        return refused(path, error)
      }
    },
  }
}

/**
 * The same for a thread that has nothing else to do meanwhile: it waits for each file, which takes a third of the processor's
 * time that a promise for it takes.
 */
export function blockingDirectorySource(directory: string): LogSource {
  return {
    async read(path) {
      maxBytesOf(path)
      try {
        const file = openSync(join(directory, path), 'r')
        try {
          const bytes = roomFor(path, fstatSync(file).size)
          let at = 0
          while (at < bytes.length) {
            const count = readSync(file, bytes, at, bytes.length - at, at)
            if (count === 0) break
            at += count
          }
          return bytes.subarray(0, at)
        } finally {
          closeSync(file)
        }
      } catch (error) {
        return refused(path, error)
      }
    },
  }
}
