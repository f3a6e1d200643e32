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

/** The digest of the value that an entry says was erased. */
const erasedBy = ({ type, data }: LogEntry): Sha256 | null =>
  type === 'blob-erased' && typeof data.digest === 'string' ? asSha256(data.digest) : null

/** What an entry says of values, as the registry of types has them. */
export interface NamedBlobs {
  readonly digests: readonly Sha256[]
  /** Which of them are facts. */
  readonly facts: Sha256 | null
  /** The value that it says was erased. */
  readonly erased: Sha256 | null
}

/** The digests of the values that an entry names, and which of them are facts; the one that it says was erased. */
export function namedBlobs(bytes: Uint8Array): NamedBlobs {
  const decoded = decodeEntry(bytes)
  const checked = decoded.ok ? checkEntry(decoded.entry) : null
  if (!decoded.ok || checked?.ok !== true) return { digests: [], facts: null, erased: null }
  return { digests: checked.blobs.map(asSha256), facts: factsOf(decoded.entry), erased: erasedBy(decoded.entry) }
}

/** The list of files that facts name. */
export function namedByFacts(facts: Uint8Array): readonly Sha256[] {
  const parsed = parseJsonStrict(facts, { maxBytes: 64 * 1024 * 1024, maxDepth: 64 })
  const digest = parsed.ok && isJsonObject(parsed.value) ? parsed.value.changeDigest : undefined
  return typeof digest === 'string' && digestPattern.test(digest) ? [asSha256(digest)] : []
}
