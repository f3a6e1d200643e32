import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../flows/app-error.ts'
import type { LogSource } from '../../flows/ports.ts'
import { maxBytesOf } from './log-path.ts'

const absent = new Set(['ENOENT', 'ENOTDIR'])

/** The files of a log in a directory: the server's own, a mount, what a bucket was copied to. */
export function directorySource(directory: string): LogSource {
  return {
    async read(path) {
      const limit = maxBytesOf(path)
      try {
        const file = await open(join(directory, path), 'r')
        try {
          const { size } = await file.stat()
          if (size > limit)
            throw new AppError('log-files-unavailable', 'a file of the log is larger than any can be', {
              data: { path },
            })
          const bytes = new Uint8Array(size)
          let at = 0
          while (at < size) {
            const { bytesRead } = await file.read(bytes, at, size - at, at)
            if (bytesRead === 0) break
            at += bytesRead
          }
          return bytes.subarray(0, at)
        } finally {
          await file.close()
        }
      } catch (error) {
        if (error instanceof AppError) throw error
        const { code } = error as NodeJS.ErrnoException
        if (code !== undefined && absent.has(code)) return null
        throw new AppError('log-files-unavailable', 'a file of the log cannot be read', {
          cause: error,
          data: { path, reason: code ?? 'unknown' },
        })
      }
    },
  }
}
