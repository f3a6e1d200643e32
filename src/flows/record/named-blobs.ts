import {
  asSha256,
  checkEntry,
  decodeEntry,
  isJsonObject,
  type LogEntry,
  parseJsonStrict,
  type Sha256,
} from '../../core/index.ts'

const digestPattern = /^[0-9a-f]{64}$/

/** The digest of the facts that an entry names: facts name their list of files in turn. */
export function factsOf({ type, data }: LogEntry): Sha256 | null {
  const { facts } = data
  return type === 'verdict' && typeof facts === 'string' && digestPattern.test(facts) ? asSha256(facts) : null
}

/** The digests of the values that an entry names, as the registry of types has them, and which of them are facts. */
export function namedBlobs(bytes: Uint8Array): { readonly digests: readonly Sha256[]; readonly facts: Sha256 | null } {
  const decoded = decodeEntry(bytes)
  const checked = decoded.ok ? checkEntry(decoded.entry) : null
  if (!decoded.ok || checked?.ok !== true) return { digests: [], facts: null }
  return { digests: checked.blobs.map(asSha256), facts: factsOf(decoded.entry) }
}

/** The list of files that facts name. */
export function namedByFacts(facts: Uint8Array): readonly Sha256[] {
  const parsed = parseJsonStrict(facts, { maxBytes: 64 * 1024 * 1024, maxDepth: 64 })
  const digest = parsed.ok && isJsonObject(parsed.value) ? parsed.value.changeDigest : undefined
  return typeof digest === 'string' && digestPattern.test(digest) ? [asSha256(digest)] : []
}
