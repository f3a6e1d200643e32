import { type Facts, type Json, parseJsonStrict, type Sha256, type Verdict } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { Memory } from '../ports.ts'

/** Reads the values that the server stored by digest; null for those that were erased. */
export interface VerdictReader {
  read(digest: Sha256): Promise<Verdict | null>
  facts(digest: Sha256): Promise<Facts | null>
  /** For whoever cannot go on without it. @throws AppError blob-erased */
  existing(digest: Sha256): Promise<Verdict>
}

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

/** @throws AppError store-corrupt when a blob that a record names is missing and was not erased, or unreadable */
export function createVerdictReader(memory: Pick<Memory, 'blob' | 'isErased'>): VerdictReader {
  async function value(digest: Sha256): Promise<Json | null> {
    const bytes = await memory.blob(digest)
    if (bytes === null && (await memory.isErased(digest))) return null
    const parsed = bytes === null ? null : parseJsonStrict(bytes, limits)
    if (parsed === null || !parsed.ok)
      throw new AppError('store-corrupt', 'a stored value that a record names cannot be read', { data: { digest } })
    return parsed.value
  }
  const read = async (digest: Sha256): Promise<Verdict | null> => (await value(digest)) as Verdict | null
  return {
    read,
    async existing(digest) {
      const verdict = await read(digest)
      if (verdict === null) throw new AppError('blob-erased', 'the verdict was erased', { data: { digest } })
      return verdict
    },
    facts: async (digest) => {
      const head = (await value(digest)) as Omit<Facts, 'files'> | null
      const files = head && ((await value(head.changeDigest)) as Facts['files'] | null)
      return head && files && { ...head, files }
    },
  }
}
