import { asInstant, type Instant } from '../ids.ts'
import { verifyCosignatures } from './cosignature.ts'
import { meetsQuorum, parseWitnessPolicy } from './witness-policy.ts'

/** How much later than the witnesses saw it an entry may say that it was made, and how much earlier a clock may have started. */
export const witnessGraceMs = 300_000

/**
 * Since when a head is known to have existed: the moment, in milliseconds, at which its cosignatures first made the quorum of
 * the policy. Null where they do not, where one of them is bad, or where the policy cannot be read or asks for nobody.
 *
 * Trust: the note is an attacker's; the policy is the caller's.
 * Errs: late, never early; who cosigned after the quorum was complete changes nothing.
 */
export function quorumTime(note: string, witnessPolicy: string): Instant | null {
  const parsed = parseWitnessPolicy(witnessPolicy)
  if (!parsed.ok || parsed.policy.quorum === null) return null
  const { policy } = parsed
  const verified = verifyCosignatures(
    note,
    policy.witnesses.map(({ key }) => key),
  )
  if (!verified.ok) return null
  const seen: string[] = []
  for (const { key, time } of verified.cosignatures.toSorted((a, b) => a.time - b.time)) {
    seen.push(...policy.witnesses.filter((witness) => witness.key === key).map(({ name }) => name))
    if (meetsQuorum(policy, seen)) return Number.isSafeInteger(time * 1_000) ? asInstant(time * 1_000) : null
  }
  return null
}
