import { equalBytes } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { LogFiles } from '../../src/flows/ports.ts'

/** A place of log files in memory, with the same refusals as a real one. */
export interface MemoryLogFiles extends LogFiles {
  readonly files: Map<string, Uint8Array>
}

export function memoryLogFiles(files = new Map<string, Uint8Array>()): MemoryLogFiles {
  return {
    files,
    read: async (path) => files.get(path) ?? null,
    async write(path, bytes) {
      const held = files.get(path)
      if (held !== undefined && !equalBytes(held, bytes))
        throw new AppError('log-file-differs', `${path} holds other bytes`, { data: { path } })
      files.set(path, bytes.slice())
    },
    async replaceCheckpoint(note) {
      files.set('checkpoint', note.slice())
    },
    async remove(path) {
      files.delete(path)
    },
    partials: async (path) => [...files.keys()].filter((held) => held.startsWith(`${path}.p/`)),
  }
}
