import { canonicalBytes } from '../bytes/canonical-json.ts'
import {
  FieldFault,
  type FieldFaultCode,
  readId,
  readList,
  readNullable,
  readObject,
  readText,
} from '../bytes/field-reader.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import type { Json, JsonObject } from '../bytes/json.ts'
import { parseJsonStrict } from '../bytes/json-strict.ts'
import { sha256 } from '../crypto/sha256.ts'
import { asSha256, type Sha256 } from '../ids.ts'
import { isLogOrigin } from '../log/checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from '../log/verifier-key.ts'
import { parseWitnessPolicy } from '../log/witness-policy.ts'

/** Whom a verifier believes. It is handed over by people, never read out of evidence. */
export interface TrustFile {
  readonly v: 1
  readonly kind: 'governance-trust'
  readonly origin: string
  /** Verifier keys of the log: those of its beginning, or any that certificates of the root lead to. */
  readonly logKeys: readonly string[]
  /** Verifier key of the offline root; null where the log has none. */
  readonly root: string | null
  /** C2SP tlog-policy; null where no witness is asked for. */
  readonly witnessPolicy: string | null
  /** Digest of the policy of genesis, or of the newest regenesis. */
  readonly genesisPolicy: Sha256
  /** The logs that were broken and that this one goes on from, oldest first; left out where there is none. */
  readonly before?: readonly BrokenLog[]
}

/** A log that its offline root ended. */
export interface BrokenLog {
  readonly origin: string
  readonly logKeys: readonly string[]
  readonly root: string
}

export type TrustFaultCode =
  | FieldFaultCode
  | 'trust-too-large'
  | 'trust-not-json'
  | 'trust-not-canonical'
  | 'trust-unknown-version'

export type ReadTrust =
  | { readonly ok: true; readonly trust: TrustFile }
  | { readonly ok: false; readonly code: TrustFaultCode; readonly field: string | null }

const maxTrustBytes = 65_536
const maxPolicyLength = 32_768

/** The keys that a trust file names, of the log or of the root. @throws FieldFault */
function readKey(value: Json | undefined, field: string, named: (name: string) => boolean): string {
  const line = readText(value, field, 500)
  const key = parseVerifierKey(line)
  if (key === undefined || !named(key.name)) throw new FieldFault('malformed-field', field)
  return line
}

const members = ['v', 'kind', 'origin', 'logKeys', 'root', 'witnessPolicy', 'genesisPolicy'] as const

const readRoot = (value: Json | undefined, field: string, origin: string): string =>
  readKey(value, field, (name) => name.startsWith(`${origin}/`))

/** An origin and keys of that name, at least one. @throws FieldFault */
function readNamed(json: JsonObject, prefix: string): { readonly origin: string; readonly logKeys: readonly string[] } {
  const origin = readText(json.origin, `${prefix}origin`, 255)
  if (!isLogOrigin(origin)) throw new FieldFault('malformed-field', `${prefix}origin`)
  const logKeys = readList(json.logKeys, `${prefix}logKeys`, 100, (key, field) =>
    readKey(key, field, (name) => name === origin),
  )
  if (logKeys.length === 0) throw new FieldFault('malformed-field', `${prefix}logKeys`)
  return { origin, logKeys }
}

/** The broken logs before; none has the origin of another. @throws FieldFault */
function readBefore(value: Json | undefined, origin: string): readonly BrokenLog[] {
  const before = readList(value, 'before', 100, (element, field) => {
    const json = readObject(element, field, ['origin', 'logKeys', 'root'])
    const named = readNamed(json, `${field}.`)
    return { ...named, root: readRoot(json.root, `${field}.root`, named.origin) }
  })
  const origins = new Set([origin, ...before.map((one) => one.origin)])
  if (before.length === 0 || origins.size !== before.length + 1) throw new FieldFault('malformed-field', 'before')
  return before
}

/**
 * Reads a trust file; one byte string per trust.
 *
 * Trust: the bytes are what the reader was given by hand; the caller compares the fingerprint with somebody else's.
 * Checks: canonical form, every member and no other, at least one log key, each named like the origin.
 * Spec: spec/evidence/trust.md.
 */
export function readTrustFile(bytes: Uint8Array): ReadTrust {
  const refused = (code: TrustFaultCode, field: string | null = null): ReadTrust => ({ ok: false, code, field })
  const parsed = parseJsonStrict(bytes, { maxBytes: maxTrustBytes, maxDepth: 5 })
  if (!parsed.ok) return refused(parsed.code === 'too-large' ? 'trust-too-large' : 'trust-not-json')
  if (!equalBytes(canonicalBytes(parsed.value), bytes)) return refused('trust-not-canonical')
  try {
    const json = readObject(parsed.value, 'trust', members, ['before'])
    if (json.v !== 1 || json.kind !== 'governance-trust') return refused('trust-unknown-version')
    const { origin, logKeys } = readNamed(json, '')
    return {
      ok: true,
      trust: {
        v: 1,
        kind: 'governance-trust',
        origin,
        logKeys,
        root: readNullable(json.root, (key) => readRoot(key, 'root', origin)),
        witnessPolicy: readNullable(json.witnessPolicy, readWitnessPolicy),
        genesisPolicy: readId(json.genesisPolicy, 'genesisPolicy', asSha256),
        ...(Object.hasOwn(json, 'before') ? { before: readBefore(json.before, origin) } : {}),
      },
    }
  } catch (error) {
    if (error instanceof FieldFault) return refused(error.code, error.field)
    throw error
  }
}

function readWitnessPolicy(value: Json): string {
  const text = readText(value, 'witnessPolicy', maxPolicyLength)
  // A policy that nobody can read would make every quorum missing, or be read otherwise by somebody else.
  if (!parseWitnessPolicy(text).ok) throw new FieldFault('malformed-field', 'witnessPolicy')
  return text
}

/** Writes a trust file. @throws RangeError when `readTrustFile` would refuse it */
export function encodeTrustFile(trust: TrustFile): Uint8Array {
  const bytes = canonicalBytes(trust as unknown as Json)
  const read = readTrustFile(bytes)
  if (!read.ok) throw new RangeError(`no trust file: ${read.code} ${read.field ?? ''}`)
  return bytes
}

/** The log keys of a trust file that was read. */
export const trustedLogKeys = (trust: TrustFile): readonly VerifierKey[] =>
  trust.logKeys.flatMap((line) => parseVerifierKey(line) ?? [])

const fingerprintGroups = 8

/**
 * What two people compare by voice: eight groups of five digits, the first 128 bits of the SHA-256 of the file, 16 bits a group.
 *
 * Errs: a forger has to find a second file for 128 bits; that is out of reach.
 */
export function trustFingerprint(bytes: Uint8Array): string {
  const digest = sha256(bytes)
  const groups: string[] = []
  for (let i = 0; i < fingerprintGroups; i++) {
    const value = ((digest[2 * i] as number) << 8) | (digest[2 * i + 1] as number)
    groups.push(String(value).padStart(5, '0'))
  }
  return groups.join(' ')
}
