import { verifyEd25519 } from '../crypto/ed25519.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import { type CheckpointFaultCode, isLogOrigin, type VerifiedCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { parseSignedNote } from './signed-note.ts'
import { isTreeSize } from './subtree.ts'
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from './verifier-key.ts'

/** Which key signs the heads of a log. Generation 1 is the key of the log's beginning. */
export interface LogKeyClaim {
  readonly origin: string
  readonly generation: number
  readonly key: VerifierKey
  /** This key signs no head that is smaller; 0 for the first. Where exactly it takes over, the log's own entry says. */
  readonly fromSize: number
}

/** Why a certificate of a log key, or a chain of them, is refused. */
export type LogKeyFaultCode =
  | 'log-key-malformed'
  | 'log-key-wrong-origin'
  | 'log-key-not-signed-by-root'
  | 'log-key-not-signed-by-predecessor'
  | 'log-key-chain-broken'
  | 'log-key-root-missing'

type Refused = {
  readonly ok: false
  readonly code: LogKeyFaultCode
  /** The entry of the certificate that is refused; null where it is none of an entry, or the chain as a whole. */
  readonly entry: number | null
}
const refused = (code: LogKeyFaultCode, entry: number | null = null): Refused => ({ ok: false, code, entry })

// Not the name of a log, so no signature over a claim can ever be taken for one over a checkpoint.
const firstLine = 'governance-app log key v1'

/** The name of the offline root that certifies the keys of a log. */
export const rootKeyName = (origin: string): string => `${origin}/root`

/**
 * The text that root and predecessor sign.
 *
 * @throws RangeError when origin, generation, size or the key's name cannot stand in it
 * Spec: spec/log/log-keys.md.
 */
export function formatLogKeyClaim({ origin, generation, key, fromSize }: LogKeyClaim): string {
  if (!isLogOrigin(origin) || key.name !== origin) throw new RangeError('not the key of a log')
  if (!Number.isSafeInteger(generation) || generation < 1 || !isTreeSize(fromSize)) throw new RangeError('not a claim')
  if ((generation === 1) !== (fromSize === 0)) throw new RangeError('the first key signs from the beginning')
  return `${firstLine}\n${origin}\n${generation}\n${formatVerifierKey(key)}\n${fromSize}\n`
}

const decimal = /^(?:0|[1-9][0-9]{0,15})$/

/** Reads a claim; exactly one text per claim. */
export function parseLogKeyClaim(text: string): LogKeyClaim | undefined {
  const lines = text.split('\n')
  const [first, origin = '', generation = '', line = '', fromSize = '', end, ...more] = lines
  if (first !== firstLine || end !== '' || more.length > 0) return undefined
  const key = parseVerifierKey(line)
  if (key === undefined || !decimal.test(generation) || !decimal.test(fromSize)) return undefined
  const claim = { origin, generation: Number(generation), key, fromSize: Number(fromSize) }
  try {
    return formatLogKeyClaim(claim) === text ? claim : undefined
  } catch {
    return undefined
  }
}

/** A key, and the tree sizes that it may sign: from `fromSize` to below `toSize` (null: still). */
export interface LogKeySpan {
  readonly key: VerifierKey
  readonly generation: number
  readonly fromSize: number
  readonly toSize: number | null
}

/** A certificate, and the index of the `log-key` entry that holds it where the caller has read the log; null elsewhere. */
export interface LogKeyCertificate {
  readonly note: string
  readonly entry: number | null
}

/** The keys of a log over its whole life, or why the certificates do not say. */
export type LogKeyChain = { readonly ok: true; readonly spans: readonly LogKeySpan[] } | Refused

const sameKey = (a: VerifierKey, b: VerifierKey): boolean => formatVerifierKey(a) === formatVerifierKey(b)

/** Whether a note carries this key's signature over its text, among others that nobody looks at. */
export function isSignedBy(note: string, key: VerifierKey): boolean {
  const parsed = parseSignedNote(note)
  if (!parsed.ok) return false
  const message = encodeUtf8(parsed.text)
  return parsed.signatures.some(
    ({ name, keyId, signature }) =>
      name === key.name && keyId === key.keyId && verifyEd25519(key.publicKey, message, signature).ok,
  )
}

/**
 * Follows the certificates of a log's keys: each is signed by the offline root, and each but the first by the key before it,
 * so that neither a stolen log key nor the root alone gives a log another key.
 *
 * Trust: the certificates are an attacker's (they come from the log or beside it); origin, root and the trusted keys are the caller's.
 * Checks: form, origin, both signatures, generations without gap, sizes that grow; that a trusted key is one of the chain.
 * Does not check: that a checkpoint lies in its key's span; `keysOfSize` does.
 * Errs: without certificates the trusted keys sign every size; without entries a superseded key does as well.
 * Spec: spec/log/log-keys.md.
 */
export function followLogKeys(
  origin: string,
  trusted: readonly VerifierKey[],
  root: VerifierKey | null,
  certificates: readonly LogKeyCertificate[],
): LogKeyChain {
  if (certificates.length === 0) {
    const spans = trusted.map((key) => ({ key, generation: 1, fromSize: 0, toSize: null }))
    return { ok: true, spans }
  }
  if (root === null) return refused('log-key-root-missing', certificates[0]?.entry)
  const spans: LogKeySpan[] = []
  for (const { note, entry } of certificates) {
    const parsed = parseSignedNote(note)
    const claim = parsed.ok ? parseLogKeyClaim(parsed.text) : undefined
    if (claim === undefined) return refused('log-key-malformed', entry)
    if (claim.origin !== origin) return refused('log-key-wrong-origin', entry)
    const before = spans.at(-1)
    // The head that holds the entry is the first one that the new key signs.
    const fromSize = before === undefined || entry === null ? claim.fromSize : entry + 1
    if (claim.generation !== spans.length + 1 || fromSize < claim.fromSize || fromSize < (before?.fromSize ?? 0))
      return refused('log-key-chain-broken', entry)
    if (!isSignedBy(note, root)) return refused('log-key-not-signed-by-root', entry)
    if (before !== undefined) {
      if (!isSignedBy(note, before.key)) return refused('log-key-not-signed-by-predecessor', entry)
      spans[spans.length - 1] = { ...before, toSize: entry === null ? null : fromSize }
    }
    const { key, generation } = claim
    spans.push({ key, generation, fromSize, toSize: null })
  }
  // The chain must pass through a key that the verifier was given: the root alone does not replace it.
  if (!trusted.every((key) => spans.some((span) => sameKey(span.key, key)))) return refused('log-key-chain-broken')
  return { ok: true, spans }
}

/** The keys that may have signed the head of a log at this size. */
export const keysOfSize = (spans: readonly LogKeySpan[], size: number): readonly VerifierKey[] =>
  spans.filter(({ fromSize, toSize }) => size >= fromSize && (toSize === null || size < toSize)).map(({ key }) => key)

/** A head that a key of the log signed for a size of its own, or why it is none. */
export type VerifiedHead =
  | VerifiedCheckpoint
  | { readonly ok: false; readonly code: CheckpointFaultCode | 'log-key-wrong-size' }

/**
 * Opens a head of the log `origin` with the keys that it had over its life.
 *
 * Trust: the note is an attacker's; the spans come from `followLogKeys`.
 * Checks: as `verifyCheckpoint`; that one of the keys that signed it may sign a head of this size: the key before a successor
 * signs nothing that holds the successor's entry, the successor nothing that does not.
 * Spec: spec/log/log-keys.md.
 */
export function verifyHead(note: Uint8Array | string, origin: string, spans: readonly LogKeySpan[]): VerifiedHead {
  const opened = verifyCheckpoint(
    note,
    origin,
    spans.map(({ key }) => key),
  )
  if (!opened.ok) return opened
  const allowed = keysOfSize(spans, opened.checkpoint.size)
  return opened.verified.some((key) => allowed.includes(key)) ? opened : { ok: false, code: 'log-key-wrong-size' }
}
