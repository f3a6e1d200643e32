import { createHash } from 'node:crypto'
import { AppError } from '../../flows/app-error.ts'
import type { ForgeFile, ForgeReader, ForgeRepository } from '../../flows/ports.ts'
import { objectOf, reading } from './answers.ts'
import { path } from './api-address.ts'
import type { Client } from './call.ts'
import { textAt } from './payload-fields.ts'
import { createTrees, type ListedEntry } from './trees.ts'

const maxFiles = 500
const maxFileBytes = 1024 * 1024
const maxBytes = 16 * 1024 * 1024
const cacheBytes = 8 * 1024 * 1024

const refuse = (reason: string) =>
  new AppError('forge-incomplete', 'the wanted files are more than what is read', { data: { reason } })

/** The id that git gives to these bytes, in the object format of `like`. */
function blobId(bytes: Uint8Array, like: string): string {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1')
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}

/**
 * Makes the reader of whole files of a commit.
 *
 * Checks: every file's bytes hash to the blob id that the tree names, so that neither forge nor proxy can swap them.
 * Errs: bytes are kept in memory by (repository, blob id), which fixes them; submodules are never files.
 * @throws AppError forge-incomplete above 500 files, 1 MiB a file or 16 MiB in all
 */
export function createFilesReader(client: Client): ForgeReader['files'] {
  const kept = new Map<string, Uint8Array>()
  let held = 0

  async function bytesOf(repository: ForgeRepository, entry: ListedEntry): Promise<Uint8Array> {
    const key = `${repository.id} ${entry.id}`
    const found = kept.get(key)
    if (found !== undefined) return found
    const { json } = await client.call({
      as: { kind: 'installation', id: repository.installation },
      kind: 'read',
      path: path`/repositories/${repository.id}/git/blobs/${entry.id}`,
      isImmutable: true,
      maxBytes: 2 * maxFileBytes,
    })
    const bytes = reading(() =>
      Buffer.from(textAt(objectOf(json, 'blob'), 'content', 'content', 2 * maxFileBytes), 'base64'),
    )
    if (blobId(bytes, entry.id) !== entry.id) throw refuse('blob-mismatch')
    kept.set(key, bytes)
    held += bytes.length
    for (const [oldest, content] of kept) {
      if (held <= cacheBytes) break
      kept.delete(oldest)
      held -= content.length
    }
    return bytes
  }

  return async (repository, commit, isWanted) => {
    const listed = await createTrees(client, repository).all(commit)
    const wanted = listed.filter((entry) => entry.mode !== '160000' && isWanted(entry.path))
    if (wanted.length > maxFiles) throw refuse('files')
    if (wanted.some((entry) => (entry.size ?? 0) > maxFileBytes)) throw refuse('file-size')
    if (wanted.reduce((sum, entry) => sum + (entry.size ?? 0), 0) > maxBytes) throw refuse('files-size')
    if (wanted.some((entry) => entry.path.includes('\ufffd'))) throw refuse('path-not-utf8')
    const read = await Promise.all(
      wanted.map(async (entry): Promise<[string, ForgeFile]> => {
        const bytes = await bytesOf(repository, entry)
        return [entry.path, { mode: entry.mode, blob: entry.id, bytes: Uint8Array.from(bytes) }]
      }),
    )
    return new Map(read)
  }
}
