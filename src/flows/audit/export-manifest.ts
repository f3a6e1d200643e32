import { decodeHex, isJsonObject, type Json, type JsonObject, parseJsonStrict, type Sha256 } from '../../core/index.ts'
import { type FormatName, isFormatName } from './formats/formats.ts'

/** One file of an export, as far as the manifest vouches for it. */
export interface ExportFile {
  readonly name: string
  /** Index of its first entry. */
  readonly first: number
  readonly events: number
  readonly bytes: number
  readonly sha256: Sha256
}

/** What an export says of itself; `manifest.json` in its folder. */
export interface ExportManifest {
  readonly v: 1
  readonly kind: 'governance-audit-export'
  readonly format: FormatName
  /** Origin of the security log. */
  readonly origin: string
  /** Of the product that rendered it. */
  readonly version: string
  readonly enterprise: number
  /** Times that were asked for, as they were written; null for all. */
  readonly since: string | null
  readonly until: string | null
  /** The entries [first, next) of the log are in `files`, in order. */
  readonly first: number
  readonly next: number
  readonly files: readonly ExportFile[]
  /** What proves that they are the log's; null while the export is not finished. */
  readonly proof: ExportProof | null
}

/** A signed head of the log, and the subtrees around the exported entries (`coverOfLeaves`), in hex. */
export interface ExportProof {
  readonly size: number
  readonly checkpoint: string
  readonly before: readonly string[]
  readonly after: readonly string[]
}

const maxManifestBytes = 16 * 1024 * 1024

const isCount = (value: Json | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isMaybeText = (value: Json | undefined): boolean => value === null || typeof value === 'string'
const hasExactly = (value: JsonObject, names: readonly string[]): boolean =>
  Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name))
const areHashes = (value: Json | undefined): boolean =>
  Array.isArray(value) &&
  value.length <= 64 &&
  value.every((hash: Json) => typeof hash === 'string' && decodeHex(hash)?.length === 32)

/** A name that stays in its folder. */
const namePattern = /^[a-z0-9]+-\d{16}\.(?:jsonl|log|cef)$/

function isFile(value: Json): boolean {
  return (
    isJsonObject(value) &&
    hasExactly(value, ['name', 'first', 'events', 'bytes', 'sha256']) &&
    typeof value['name'] === 'string' &&
    namePattern.test(value['name']) &&
    [value['first'], value['events'], value['bytes']].every(isCount) &&
    typeof value['sha256'] === 'string' &&
    /^[0-9a-f]{64}$/.test(value['sha256'])
  )
}

const isProof = (value: Json | undefined): boolean =>
  value === null ||
  (isJsonObject(value) &&
    hasExactly(value, ['size', 'checkpoint', 'before', 'after']) &&
    isCount(value['size']) &&
    typeof value['checkpoint'] === 'string' &&
    areHashes(value['before']) &&
    areHashes(value['after']))

const members = [
  'v',
  'kind',
  'format',
  'origin',
  'version',
  'enterprise',
  'since',
  'until',
  'first',
  'next',
  'files',
  'proof',
] as const

/** Reads a manifest; undefined for anything that is none. Trust: the bytes are a stranger's. */
export function readExportManifest(bytes: Uint8Array): ExportManifest | undefined {
  if (bytes.length > maxManifestBytes) return undefined
  const parsed = parseJsonStrict(bytes, { maxBytes: maxManifestBytes, maxDepth: 8 })
  if (!parsed.ok || !isJsonObject(parsed.value) || !hasExactly(parsed.value, members)) return undefined
  const { v, kind, format, origin, version, enterprise, since, until, first, next, files, proof } = parsed.value
  const isGood =
    v === 1 &&
    kind === 'governance-audit-export' &&
    typeof format === 'string' &&
    isFormatName(format) &&
    typeof origin === 'string' &&
    typeof version === 'string' &&
    [enterprise, first, next].every(isCount) &&
    isMaybeText(since) &&
    isMaybeText(until) &&
    Array.isArray(files) &&
    files.every((file: Json) => isFile(file)) &&
    isProof(proof)
  return isGood ? (parsed.value as unknown as ExportManifest) : undefined
}
