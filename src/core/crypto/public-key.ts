import { secp256k1 } from '@noble/curves/secp256k1.js'
import { decodeHex } from '../bytes/hex.ts'
import { asKeyId, type KeyId } from '../ids.ts'
import { sha256Hex } from './sha256.ts'
import type { SignatureScheme } from './signature-schemes.ts'

/** Why a text is not taken as a maintainer's public key. */
export type PublicKeyFaultCode =
  | 'placeholder-key'
  | 'published-test-key'
  | 'malformed-key'
  | 'x-only-key'
  | 'not-on-curve'
  | 'infinity'

/** The one form in which a key is stored and its id; or why there is none. */
export type ParsedPublicKey =
  | { readonly ok: true; readonly compressedHex: string; readonly keyid: KeyId }
  | { readonly ok: false; readonly code: PublicKeyFaultCode }

const placeholderText = /placeholder|change[-_ ]?me|replace|todo|tbd|example|your[-_ ]|dummy|[[\]<>{}]|xxxx|\.\.\.|…/i

/** x coordinates of keys whose secrets anyone can read in a public governance repository. */
const publishedX = [
  '35573cdcac8f622dddc6a6799050d3739b016f389b0c74f954e27c9d07797363',
  '46160a24e2be28933de6dc1fedeab2e52aa21c5208b3f88c16e2f607568d40b4',
]
const smallSecrets = 256
let knownX: ReadonlySet<string> | undefined

/**
 * x coordinates of all keys known to be nobody's: the published ones, and k·G for secrets k = 1…256. Comparing x alone
 * covers n−k too, whose point differs in y only.
 */
function worthlessKeys(): ReadonlySet<string> {
  if (knownX !== undefined) return knownX
  const found = new Set(publishedX)
  let point = secp256k1.Point.BASE
  for (let secret = 1; secret <= smallSecrets; secret++, point = point.add(secp256k1.Point.BASE)) {
    found.add(point.toHex(true).slice(2))
  }
  knownX = found
  return found
}

const refused = (code: PublicKeyFaultCode): ParsedPublicKey => ({ ok: false, code })

/** The key id: SHA-256 of the 33 compressed bytes, in hex. Every way of writing a key gives the same id. */
export const keyIdOf = (compressedKey: Uint8Array): KeyId => asKeyId(sha256Hex(compressedKey))

/**
 * Reads a public key as people write it in a registry and returns its one stored form.
 *
 * Accepts hex in either case with an optional `0x`: compressed (66 characters), uncompressed (130), and for `bip340-v1` the
 * bare x coordinate (64). A `bip340-v1` key always becomes the point with even y.
 * Trust: the text is an attacker's.
 * Checks: placeholders, keys whose secret is public (T20), infinity, curve membership. An x coordinate alone names two
 * ECDSA keys, so `ecdsa-secp256k1-v1` refuses it instead of guessing.
 * Spec: SEC 1 §2.3.4 without hybrid forms; BIP-340 lift_x.
 */
export function parsePublicKey(text: string, scheme: SignatureScheme = 'ecdsa-secp256k1-v1'): ParsedPublicKey {
  const trimmed = text.trim()
  if (placeholderText.test(trimmed)) return refused('placeholder-key')
  const hex = trimmed.replace(/^0x/i, '').toLowerCase()
  const bytes = decodeHex(hex)
  if (bytes === undefined || bytes.length === 0) return refused('malformed-key')
  if (bytes.every((byte) => byte === 0)) return refused('infinity')
  // One digit repeated is what people type to fill a field.
  if (/^(?:0[234])?(.)\1+$/.test(hex)) return refused('placeholder-key')
  const isXOnly = bytes.length === 32
  if (isXOnly && scheme !== 'bip340-v1') return refused('x-only-key')
  const isSec1 = (bytes.length === 33 && (bytes[0] === 2 || bytes[0] === 3)) || (bytes.length === 65 && bytes[0] === 4)
  if (!isXOnly && !isSec1) return refused('malformed-key')
  let compressedHex: string
  try {
    compressedHex = secp256k1.Point.fromHex(isXOnly ? `02${hex}` : hex).toHex(true)
  } catch {
    return refused('not-on-curve')
  }
  if (worthlessKeys().has(compressedHex.slice(2))) return refused('published-test-key')
  if (scheme === 'bip340-v1') compressedHex = `02${compressedHex.slice(2)}`
  const compressed = decodeHex(compressedHex) as Uint8Array
  return { ok: true, compressedHex, keyid: keyIdOf(compressed) }
}
