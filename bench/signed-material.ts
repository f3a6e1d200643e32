/** The signatures of one file of evidence, and their checks by the verifier's own functions. */
import { encodeEcdsaDer } from '../src/core/crypto/ecdsa-encoding.ts'
import {
  openSignedNote,
  parseVerifierKey,
  parseWitnessKey,
  type VerifierKey,
  verifyCosignatures,
  verifyEcdsa,
  type WitnessKey,
} from '../src/core/index.ts'

export interface SignedMaterial {
  /** Approvals: key, message and r‖s in hex. */
  readonly ecdsa: readonly { readonly key: string; readonly message: string; readonly compact: string }[]
  /** Heads with the signatures of the log and of its witnesses. */
  readonly notes: readonly string[]
  readonly logKeys: readonly string[]
  readonly witnessKeys: readonly string[]
}

/** Checks every signature once; returns how many there are. @throws Error when one of them is bad */
export function checkSignatures({ ecdsa, notes, logKeys, witnessKeys }: SignedMaterial): number {
  const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
  const ofLog = logKeys.map((line) => parseVerifierKey(line) as VerifierKey)
  const ofWitnesses = witnessKeys.map((line) => parseWitnessKey(line) as WitnessKey)
  let count = 0
  for (const { key, message, compact } of ecdsa) {
    if (!verifyEcdsa(bytes(key), bytes(message), encodeEcdsaDer(bytes(compact))).ok) throw new Error('a bad approval')
    count++
  }
  for (const note of notes) {
    if (!openSignedNote(note, ofLog).ok) throw new Error('a bad head')
    const cosigned = verifyCosignatures(note, ofWitnesses)
    if (!cosigned.ok) throw new Error('a bad cosignature')
    count += 1 + cosigned.cosignatures.length
  }
  return count
}
