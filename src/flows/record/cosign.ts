import {
  type Acceleration,
  encodeHex,
  meetsQuorum,
  parseCheckpointBody,
  parseSignedNote,
  type PolicyWitness,
  verifyCosignatures,
  type WitnessPolicy,
} from '../../core/index.ts'
import { invariant } from '../app-error.ts'
import type { Telemetry, Timers, WitnessAnswer, WitnessClient } from '../ports.ts'
import { type LogNodes, proveConsistency } from './consistency-proof.ts'

/** Whose cosignatures a deployment asks for, and where. */
export interface WitnessRoster {
  readonly policy: WitnessPolicy
  /** Address per name of the policy; a witness without one is not asked. */
  readonly urls: ReadonlyMap<string, string>
  /** Public keys of witnesses that this deployment runs itself: they never count to its own quorum. */
  readonly ownKeys: readonly Uint8Array[]
}

/** How a head stands to the quorum. */
export interface QuorumReport {
  readonly met: boolean
  readonly size: number
  /** Names of the policy whose cosignatures the head carries. */
  readonly by: readonly string[]
  /** Names that count and have not cosigned it. */
  readonly missing: readonly string[]
}

/** Gathers cosignatures for the heads of one log. */
export interface Cosigner {
  /**
   * The note with every cosignature that could be gathered. Returns at the quorum or at the deadline, whichever is first; what
   * comes later is in the note of the next call for the same head. Never throws for a witness, never changes the note's text.
   */
  cosign(note: string): Promise<string>
  /** What a note carries. A note that does not verify carries nothing. */
  quorum(note: string): QuorumReport
  /** How the head stands that was cosigned last; null before the first. */
  newest(): QuorumReport | null
  /** Entries of the log that stand under a head with a quorum: the largest size seen since the start. */
  witnessedSize(): number
  /** The witnesses that count: of the policy, and not the deployment's own. */
  readonly witnesses: readonly PolicyWitness[]
}

export interface CosignerParts {
  readonly roster: WitnessRoster
  readonly client: WitnessClient
  readonly log: LogNodes
  readonly timers: Timers
  readonly telemetry: Telemetry
  readonly acceleration: Acceleration
  /** After so long publishing goes on without the quorum. */
  readonly deadlineMs: number
  /** Told how each head stands once it was cosigned, with a quorum or without. */
  readonly onReport?: (report: QuorumReport) => void
}

/** The witnesses of a roster that count to its quorum. */
export function countingWitnesses({ policy, ownKeys }: WitnessRoster): readonly PolicyWitness[] {
  const own = new Set(ownKeys.map((key) => encodeHex(key)))
  return policy.witnesses.filter(({ key }) => !own.has(encodeHex(key.publicKey)))
}

/** The names that a policy gives to witnesses of the deployment itself. */
export function ownWitnesses(roster: WitnessRoster): readonly string[] {
  const counting = countingWitnesses(roster)
  return roster.policy.witnesses.filter((witness) => !counting.includes(witness)).map(({ name }) => name)
}

/** The lines of these witnesses that verify over this text. Each is judged alone: one bad line does not cost the good ones. */
export function goodLines(
  text: string,
  lines: string,
  witnesses: readonly PolicyWitness[],
): ReadonlyMap<PolicyWitness, string> {
  const good = new Map<PolicyWitness, string>()
  const keys = witnesses.map(({ key }) => key)
  for (const line of lines.split(/(?<=\n)/)) {
    const verified = verifyCosignatures(`${text}\n${line}`, keys)
    const [cosignature] = verified.ok ? verified.cosignatures : []
    const witness = witnesses.find(({ key }) => key === cosignature?.key)
    if (witness !== undefined && !good.has(witness)) good.set(witness, line)
  }
  return good
}

interface Head {
  readonly text: string
  readonly size: number
  readonly lines: Map<PolicyWitness, string>
}

function headOf(note: string): { readonly text: string; readonly size: number; readonly signatures: string } {
  const parsed = parseSignedNote(note)
  const body = parsed.ok ? parseCheckpointBody(parsed.text) : undefined
  invariant(parsed.ok && body?.ok === true, 'only checkpoints are cosigned')
  return { text: parsed.text, size: body.checkpoint.size, signatures: note.slice(parsed.text.length + 1) }
}

/**
 * Asks the witnesses of a policy, all at once, to cosign the heads of a log.
 *
 * Trust: what witnesses answer; only cosignatures that verify under the policy's keys reach the note.
 * Spec: C2SP tlog-witness, tlog-policy.
 */
export function createCosigner(parts: CosignerParts): Cosigner {
  const { roster, client, log, timers, telemetry, acceleration, deadlineMs } = parts
  const { policy, urls } = roster
  const witnesses = countingWitnesses(roster)
  /** The size that each witness cosigned last, as far as we know; a first guess that its answer corrects. */
  const sizes = new Map<PolicyWitness, number>()
  let newest: Head | null = null
  let report: QuorumReport | null = null
  let witnessedSize = 0

  const names = (from: Iterable<PolicyWitness>): string[] => [...from].map(({ name }) => name)

  async function submit(witness: PolicyWitness, url: string, note: string, size: number): Promise<WitnessAnswer> {
    const ask = async (oldSize: number): Promise<WitnessAnswer> =>
      client.addCheckpoint(url, { oldSize, proof: await proveConsistency(log, oldSize, size, acceleration), note })
    const guess = Math.min(sizes.get(witness) ?? 0, size)
    const first = await ask(guess)
    if (first.kind !== 'size' || first.size === guess) return first
    sizes.set(witness, first.size)
    // A witness that saw more than we have ever signed: the log was rolled back, or is signed elsewhere as well (T40).
    if (first.size > size) return first
    return ask(first.size)
  }

  async function askOne(witness: PolicyWitness, url: string, note: string, head: Head): Promise<void> {
    const { name } = witness
    const answer = await submit(witness, url, note, head.size).catch(
      (): WitnessAnswer => ({ kind: 'unreachable', reason: 'proof' }),
    )
    const line = answer.kind === 'cosigned' ? goodLines(head.text, answer.lines, [witness]).get(witness) : undefined
    const outcome = answer.kind === 'cosigned' && line === undefined ? 'unverifiable' : answer.kind
    telemetry.count('witness_asked', { witness: name, outcome })
    if (line !== undefined) {
      head.lines.set(witness, line)
      sizes.set(witness, Math.max(head.size, sizes.get(witness) ?? 0))
      return
    }
    const isAhead = answer.kind === 'size' && answer.size >= head.size
    const isConflict = answer.kind === 'refused' && (answer.status === 409 || answer.status === 422)
    telemetry.event(isAhead ? 'witness-ahead' : 'witness-silent', isAhead || isConflict ? 'error' : 'warn', {
      witness: name,
      outcome,
      size: head.size,
      ...(answer.kind === 'size' ? { witnessed: answer.size } : {}),
      ...(answer.kind === 'refused' ? { status: answer.status } : {}),
      ...(answer.kind === 'unreachable' ? { reason: answer.reason } : {}),
    })
  }

  const reportOf = (size: number, carried: ReadonlyMap<PolicyWitness, string>): QuorumReport => {
    const by = names(witnesses.filter((witness) => carried.has(witness)))
    const missing = names(witnesses.filter((witness) => !carried.has(witness)))
    return { met: meetsQuorum(policy, by), size, by, missing }
  }

  return {
    witnesses,
    newest: () => report,
    witnessedSize: () => witnessedSize,
    quorum(note) {
      const { text, size, signatures } = headOf(note)
      return reportOf(size, goodLines(text, signatures, witnesses))
    },
    async cosign(note) {
      const { text, size, signatures } = headOf(note)
      if (newest?.text !== text) newest = { text, size, lines: new Map() }
      const head = newest
      for (const [witness, line] of goodLines(text, signatures, witnesses)) head.lines.set(witness, line)
      const isMet = (): boolean => meetsQuorum(policy, names(head.lines.keys()))
      const asked = witnesses.filter((witness) => !head.lines.has(witness) && urls.has(witness.name))
      if (!isMet() && asked.length > 0) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const cancel = timers.after(deadlineMs, resolve)
        const all = asked.map(async (witness) => {
          await askOne(witness, urls.get(witness.name) ?? '', note, head)
          if (isMet()) resolve()
        })
        void Promise.allSettled(all).then(() => resolve())
        await promise
        cancel()
      }
      report = reportOf(size, head.lines)
      if (report.met) witnessedSize = Math.max(witnessedSize, size)
      telemetry.observe('witness_quorum', report.met ? 1 : 0)
      parts.onReport?.(report)
      const carried = new Set(signatures.split(/(?<=\n)/))
      const gathered = witnesses.flatMap((witness) => head.lines.get(witness) ?? [])
      return note + gathered.filter((line) => !carried.has(line)).join('')
    },
  }
}
