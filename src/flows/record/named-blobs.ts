import { asSha256, decodeEntry, isJsonObject, type Json, parseJsonStrict, type Sha256 } from '../../core/index.ts'

/** Members of the data of an entry that name values by digest, by the entry's type. */
const naming: Readonly<Record<string, readonly string[]>> = {
  genesis: ['policy'],
  'policy-in-force': ['policy', 'keyring'],
  'policy-regenesis': ['policy'],
  'statement-admitted': ['payloadDigest', 'requirement', 'inForce'],
  verdict: ['policy', 'facts', 'keyring', 'requirement', 'verdict'],
}

const digestPattern = /^[0-9a-f]{64}$/
const digestOf = (value: Json | undefined): readonly Sha256[] =>
  typeof value === 'string' && digestPattern.test(value) ? [asSha256(value)] : []

/** The digests of the values that an entry names, and which of them are facts, which name their list of files in turn. */
export function namedBlobs(bytes: Uint8Array): { readonly digests: readonly Sha256[]; readonly facts: Sha256 | null } {
  const decoded = decodeEntry(bytes)
  if (!decoded.ok) return { digests: [], facts: null }
  const { type, data } = decoded.entry
  const named = (naming[type] ?? []).flatMap((member) => digestOf(data[member]))
  const files = type === 'policy-in-force' && data.files !== undefined && isJsonObject(data.files) ? data.files : {}
  const facts = type === 'verdict' ? (digestOf(data.facts)[0] ?? null) : null
  return { digests: [...named, ...Object.values(files).flatMap(digestOf)], facts }
}

/** The list of files that facts name. */
export function namedByFacts(facts: Uint8Array): readonly Sha256[] {
  const parsed = parseJsonStrict(facts, { maxBytes: 64 * 1024 * 1024, maxDepth: 64 })
  return parsed.ok && isJsonObject(parsed.value) ? digestOf(parsed.value.changeDigest) : []
}
