import { checkFacts, type Facts, isJsonObject, type Json, parseJsonStrict, type Sha256 } from '../../core/index.ts'
import type { Decisions } from './read-decisions.ts'

type Blobs = Pick<Decisions, 'blob'>

const limits = { maxBytes: 64 * 1024 * 1024, maxDepth: 200 }

export const isDigest = (value: unknown): value is Sha256 => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** A value by its digest; null where the place has none, or something else. */
export async function jsonBlob(decisions: Blobs, digest: Sha256): Promise<Json | null> {
  const bytes = await decisions.blob(digest)
  const parsed = bytes === null ? null : parseJsonStrict(bytes, limits)
  return parsed?.ok === true ? parsed.value : null
}

/** Facts with the file list that they name: null when one of both is missing, `malformed` when they are no facts. */
export async function loggedFacts(decisions: Blobs, digest: Sha256): Promise<Facts | 'malformed' | null> {
  const head = await jsonBlob(decisions, digest)
  if (head === null) return null
  if (!isJsonObject(head) || !isDigest(head.changeDigest)) return 'malformed'
  const files = await jsonBlob(decisions, head.changeDigest)
  if (files === null) return null
  const checked = checkFacts({ ...head, files })
  return checked.ok ? checked.facts : 'malformed'
}
