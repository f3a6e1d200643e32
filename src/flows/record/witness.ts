import {
  type Acceleration,
  type Checkpoint,
  cosignatureMessage,
  emptyRoot,
  equalBytes,
  formatCosignature,
  openSignedNote,
  parseAddCheckpoint,
  parseCheckpointBody,
  parseSignedNote,
  treeHasher,
  type VerifierKey,
  verifyConsistency,
  type WitnessKey,
  witnessKey,
} from '../../core/index.ts'
import type { Clock, Custody, Telemetry, WitnessedHead, WitnessState } from '../ports.ts'

/** What a witness answers to `add-checkpoint`. Codes are ours, statuses are the protocol's. */
export type WitnessReply =
  | { readonly status: 200; readonly cosignature: string }
  /** The log is known at this size; the proof has to start there. */
  | { readonly status: 409; readonly code: 'old-size-stale'; readonly size: number }
  | { readonly status: 409; readonly code: 'split-view' }
  | { readonly status: 400; readonly code: 'request-malformed' | 'checkpoint-malformed' | 'old-size-too-large' }
  | { readonly status: 403; readonly code: 'log-signature' }
  | { readonly status: 404; readonly code: 'log-unknown' }
  | { readonly status: 422; readonly code: 'proof-invalid' }

/** A log whose growth the witness watches. */
export interface WitnessedLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
}

/** Watches logs, and signs that it saw each of them grow and never change. */
export interface Witness {
  addCheckpoint(body: Uint8Array): Promise<WitnessReply>
  key(): Promise<WitnessKey>
  /** The newest head of each watched log; null where nothing was cosigned yet. */
  heads(): Promise<readonly { readonly origin: string; readonly head: WitnessedHead | null }[]>
}

export interface WitnessParts {
  readonly name: string
  /** Where in custody the witness's key lies. It signs nothing else. */
  readonly keyName: string
  readonly logs: readonly WitnessedLog[]
  readonly state: WitnessState
  readonly custody: Pick<Custody, 'sign' | 'publicKey'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly acceleration: Acceleration
}

type Submitted = {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  readonly text: string
  readonly checkpoint: Checkpoint
}

/**
 * A witness of logs.
 *
 * Trust: requests are strangers'; whoever they come from, only the log's own signature and a consistency proof move its state.
 * Checks: origin, signature, old size, proof, in the protocol's order; the state moves by compare-and-swap and is durable before
 * the cosignature exists, so that two requests at once never get two heads of one size signed (T41).
 * Errs: a request that fails after the state moved was not answered; the log asks again from the new size.
 * Spec: C2SP tlog-witness; spec/log/witness.md.
 */
export function createWitness(parts: WitnessParts): Witness {
  const { logs, state, custody, clock, telemetry, acceleration } = parts
  const hasher = treeHasher(acceleration)
  const logOf = new Map(logs.map((log) => [log.origin, log]))
  /** What is being done to each log: one request after the other, so that no older head is signed after a newer one. */
  const turns = new Map<string, Promise<unknown>>()
  let ownKey: Promise<WitnessKey> | null = null

  const key = (): Promise<WitnessKey> => {
    ownKey ??= custody.publicKey(parts.keyName).then((publicKey) => witnessKey(parts.name, publicKey))
    ownKey.catch(() => {
      ownKey = null
    })
    return ownKey
  }

  function judgeForm(body: Uint8Array): Submitted | WitnessReply {
    const request = parseAddCheckpoint(body)
    if (request === undefined) return { status: 400, code: 'request-malformed' }
    const note = parseSignedNote(request.note)
    const parsed = note.ok ? parseCheckpointBody(note.text) : undefined
    if (!note.ok || parsed?.ok !== true) return { status: 400, code: 'checkpoint-malformed' }
    const { checkpoint } = parsed
    const log = logOf.get(checkpoint.origin)
    if (log === undefined) return { status: 404, code: 'log-unknown' }
    if (!openSignedNote(request.note, log.keys).ok) return { status: 403, code: 'log-signature' }
    if (request.oldSize > checkpoint.size) return { status: 400, code: 'old-size-too-large' }
    return { oldSize: request.oldSize, proof: request.proof, text: note.text, checkpoint }
  }

  function judgeGrowth(latest: WitnessedHead | null, { oldSize, proof, checkpoint }: Submitted): WitnessReply | null {
    const { size, root } = checkpoint
    if (oldSize !== (latest?.size ?? 0)) return { status: 409, code: 'old-size-stale', size: latest?.size ?? 0 }
    // Each log starts with the empty one: there is nothing to prove, and one root only that it can have.
    if (latest === null || latest.size === 0) {
      const isPlausible = proof.length === 0 && (size > 0 || equalBytes(root, emptyRoot()))
      return isPlausible ? null : { status: 422, code: 'proof-invalid' }
    }
    if (size === latest.size && !equalBytes(root, latest.root)) return { status: 409, code: 'split-view' }
    const claim = { firstSize: latest.size, firstRoot: latest.root, secondSize: size, secondRoot: root, proof }
    return verifyConsistency(claim, hasher).ok ? null : { status: 422, code: 'proof-invalid' }
  }

  async function advance(submitted: Submitted): Promise<WitnessReply> {
    const { text, checkpoint } = submitted
    const { origin, size, root } = checkpoint
    const latest = await state.read(origin)
    const refusal = judgeGrowth(latest, submitted)
    if (refusal !== null) {
      const isMisbehaviour = 'code' in refusal && (refusal.code === 'split-view' || refusal.code === 'proof-invalid')
      if (isMisbehaviour) telemetry.event('witness-refused', 'warn', { origin, size, code: refusal.code })
      return refusal
    }
    const signer = await key()
    if (!(await state.advance(origin, latest, { size, root }))) {
      // Another process of this witness was faster; what it left is the state now.
      const now = await state.read(origin)
      return { status: 409, code: 'old-size-stale', size: now?.size ?? 0 }
    }
    // The head is kept from here on; a crash loses the signature, which the log asks for again.
    const time = Math.floor(clock.now() / 1_000)
    const signature = await custody.sign(parts.keyName, cosignatureMessage(text, time))
    return { status: 200, cosignature: formatCosignature(signer, time, signature) }
  }

  return {
    key,
    async addCheckpoint(body) {
      const submitted = judgeForm(body)
      if ('status' in submitted) return submitted
      const { origin } = submitted.checkpoint
      const mine = (turns.get(origin) ?? Promise.resolve()).then(() => advance(submitted))
      turns.set(
        origin,
        mine.catch(() => undefined),
      )
      return mine
    },
    heads: () => Promise.all(logs.map(async ({ origin }) => ({ origin, head: await state.read(origin) }))),
  }
}
