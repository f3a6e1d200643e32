import { type Facts, parseJsonStrict, type Sha256, type Verdict } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { Memory } from '../ports.ts'

/** Reads the values that the server stored by digest. */
export interface VerdictReader {
  read(digest: Sha256): Promise<Verdict>
  facts(digest: Sha256): Promise<Facts>
}

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

/** @throws AppError store-corrupt when a blob that a record names is missing or unreadable */
export function createVerdictReader(memory: Pick<Memory, 'blob'>): VerdictReader {
  async function value(digest: Sha256): Promise<unknown> {
    const bytes = await memory.blob(digest)
    const parsed = bytes === null ? null : parseJsonStrict(bytes, limits)
    if (parsed === null || !parsed.ok)
      throw new AppError('store-corrupt', 'a stored value that a record names cannot be read', { data: { digest } })
    return parsed.value
  }
  return {
    read: async (digest) => (await value(digest)) as Verdict,
    facts: async (digest) => {
      const head = (await value(digest)) as Omit<Facts, 'files'>
      return { ...head, files: (await value(head.changeDigest)) as Facts['files'] }
    },
  }
}
