import type { Acceleration } from '../crypto/acceleration.ts'
import type { Facts } from '../facts/facts.ts'
import { asSha256 } from '../ids.ts'
import { readEvidence } from './evidence.ts'
import { factsOf } from './recompute.ts'

/**
 * The facts that the verdict of evidence was made of, for whoever recomputes them from a clone; null where there are none.
 *
 * Trust: the bytes are a stranger's; what is wrong with the facts `verifyEvidence` says.
 */
export function factsOfEvidence(bytes: Uint8Array, acceleration: Acceleration = {}): Facts | null {
  const read = readEvidence(bytes)
  if (!read.ok) return null
  const { entries, verdict, blobs } = read.evidence
  const digest = entries.find(({ index }) => index === verdict)?.entry.data.facts
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) return null
  return factsOf(asSha256(digest), (name) => blobs.get(name), acceleration).facts
}
