import {
  type Checkpoint,
  meetsEveryQuorum,
  parseCheckpointBody,
  parseSignedNote,
  type PolicyWitness,
} from '../../core/index.ts'
import { invariant } from '../app-error.ts'
import type { Telemetry, WitnessAnswer, WitnessClient } from '../ports.ts'
import { countingWitnesses, goodLines, ownWitnesses, type WitnessRoster } from './cosign.ts'

/** The newest head of a log that somebody outside of the deployment vouches for. */
export type NewestKnown =
  /** Nobody outside is configured: nothing can be said, and the deployment is `unwitnessed`. */
  | { readonly kind: 'unwitnessed' }
  /** Enough were asked; no head that counts is larger than `size`. 0: nobody knows any. */
  | { readonly kind: 'known'; readonly size: number }
  /** Somebody vouches for a larger head (`size` is the largest), or for another one of this size: signing would fork the log. */
  | { readonly kind: 'ahead'; readonly size: number; readonly by: string }
  /** Too few answered; a larger head may be known to the rest. */
  | { readonly kind: 'unreachable'; readonly missing: readonly string[] }

export interface NewestWitnessedParts {
  readonly roster: WitnessRoster
  readonly client: WitnessClient
  readonly telemetry: Telemetry
}

type Told = { readonly size: number } | 'split' | null

/**
 * Asks witnesses for the newest head that they cosigned, by submitting the deployment's own newest one to all of them again:
 * a 200 says that it is the newest, a 409 says which size is. Enough have answered when every quorum holds one of them; for k
 * of n witnesses these are n − k + 1, so that no head under a quorum stays unseen.
 *
 * Trust: a 409 is not signed; it is as true as the connection to the witness.
 * Errs: towards `unreachable`; a witness that does not know the log, or whose cosignature does not verify, has not answered.
 */
export async function newestWitnessed(parts: NewestWitnessedParts, note: string): Promise<NewestKnown> {
  const { roster, client, telemetry } = parts
  const { policy, urls } = roster
  const witnesses = countingWitnesses(roster)
  if (policy.quorum === null || witnesses.length === 0) return { kind: 'unwitnessed' }
  const { text, checkpoint } = read(note)
  const told = await Promise.all(
    witnesses.map(async (witness) => {
      const url = urls.get(witness.name)
      if (url === undefined) return { witness, told: null }
      const answer = await client.addCheckpoint(url, { oldSize: checkpoint.size, proof: [], note })
      return { witness, told: toldBy(witness, answer, text, checkpoint) }
    }),
  )
  let ahead: Extract<NewestKnown, { readonly kind: 'ahead' }> | null = null
  for (const { witness, told: answer } of told) {
    const isAhead = answer === 'split' || (answer !== null && answer.size > checkpoint.size)
    if (!isAhead) continue
    const size = answer === 'split' ? checkpoint.size : answer.size
    telemetry.event('witness-ahead', 'error', { witness: witness.name, size: checkpoint.size, witnessed: size })
    if (ahead === null || size > ahead.size) ahead = { kind: 'ahead', size, by: witness.name }
  }
  if (ahead !== null) return ahead
  const answered = told.filter((one) => one.told !== null).map(({ witness }) => witness.name)
  const own = ownWitnesses(roster)
  const missing = witnesses.map(({ name }) => name).filter((name) => !answered.includes(name))
  if (!meetsEveryQuorum(policy, answered, own)) return { kind: 'unreachable', missing }
  return { kind: 'known', size: Math.max(0, ...told.map((one) => (one.told as { size: number } | null)?.size ?? 0)) }
}

function read(note: string): { readonly text: string; readonly checkpoint: Checkpoint } {
  const parsed = parseSignedNote(note)
  const body = parsed.ok ? parseCheckpointBody(parsed.text) : undefined
  invariant(parsed.ok && body?.ok === true, 'the newest head of a log is a checkpoint')
  return { text: parsed.text, checkpoint: body.checkpoint }
}

function toldBy(witness: PolicyWitness, answer: WitnessAnswer, text: string, { size }: Checkpoint): Told {
  // The size that the question started from is no answer to it, but for a witness that holds another head of that size.
  if (answer.kind === 'size') return answer.size === size ? 'split' : { size: answer.size }
  if (answer.kind === 'cosigned') return goodLines(text, answer.lines, [witness]).has(witness) ? { size } : null
  // 409 without a size, or a proof of nothing that fails: it holds another head of this size.
  const isSplit = answer.kind === 'refused' && (answer.status === 409 || answer.status === 422)
  return isSplit ? 'split' : null
}
