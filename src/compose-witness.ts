import { openFileWitnessState } from './adapters/witness-state/file-witness-state.ts'
import { createWitnessClient } from './adapters/witness/client.ts'
import type { Config, WitnessServeConfig } from './config/config.ts'
import { type Acceleration, meetsQuorum, parseVerifierKey, parseWitnessPolicy, type VerifierKey } from './core/index.ts'
import type { WitnessServer } from './delivery/http/witness-server.ts'
import { invariant } from './flows/app-error.ts'
import type { Clock, Custody, DecisionLog, Telemetry, Timers } from './flows/ports.ts'
import {
  type Cosigner,
  countingWitnesses,
  createCosigner,
  ownWitnesses,
  type QuorumReport,
  type WitnessRoster,
} from './flows/record/cosign.ts'
import { type NewestKnown, newestWitnessed } from './flows/record/newest-known.ts'
import type { OutsideSource } from './flows/record/start-gate.ts'
import { ownWitnessNeeded, policyForOthers } from './flows/record/trust.ts'
import { witnessSource } from './flows/record/witness-source.ts'
import { createWitness, type Witness, type WitnessedLog } from './flows/record/witness.ts'

/** Name of the witness's key in custody. */
export const witnessKeyName = 'witness'

/** A witness gives up on one request after so long; the deadline of the quorum is shorter or longer as configured. */
const requestTimeoutMs = 10_000
/** How long a start waits for witnesses that are not up yet, and how often it asks. */
const startPatienceMs = 60_000
const retryMs = 1_000

export interface WitnessNeeds {
  readonly custody: Custody
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly acceleration: Acceleration
}

/** What a deployment has to do with witnesses: others' for its own log, and its own for others. */
export interface Witnessing {
  /** Null: no quorum is configured. */
  readonly cosigner: Cosigner | null
  /** Green waits for the quorum. */
  readonly isRequiredForGreen: boolean
  /** The quorum's policy as others judge by it; null where none is configured. */
  readonly policyForOthers: string | null
  /** The witness that runs inside this server. */
  readonly server: WitnessServer | null
  /** Asked before the log is signed; null where no quorum is configured. */
  readonly source: OutsideSource | null
}

/** The logs of verifier key lines; a log with several keys stands there once. */
function watchedLogs(lines: readonly string[]): readonly WitnessedLog[] {
  const logs = new Map<string, VerifierKey[]>()
  for (const line of lines) {
    const key = parseVerifierKey(line)
    invariant(key !== undefined, 'the configuration lets verifier keys through only')
    logs.set(key.name, [...(logs.get(key.name) ?? []), key])
  }
  return [...logs].map(([origin, keys]) => ({ origin, keys }))
}

/** A witness over the memory in a directory. @throws AppError store-unavailable, custody-not-found */
export async function composeWitness(
  serve: WitnessServeConfig,
  directory: string,
  needs: WitnessNeeds,
): Promise<{ readonly witness: Witness; readonly server: WitnessServer }> {
  const { custody, clock, telemetry, acceleration } = needs
  const state = await openFileWitnessState(directory)
  const logs = watchedLogs(serve.logs)
  const parts = { name: serve.name, keyName: witnessKeyName, logs, state, custody, clock, telemetry, acceleration }
  const witness = createWitness(parts)
  // A witness without its key would take requests and answer none.
  await witness.key()
  const { createWitnessServer } = await import('./delivery/http/witness-server.ts')
  return { witness, server: createWitnessServer({ listen: serve.listen, witness, clock, telemetry }) }
}

/** Whose cosignatures count to a deployment's quorum. @throws AppError config-invalid when it cannot be met without its own witness */
export async function rosterOf(
  quorum: NonNullable<NonNullable<Config['log']['witness']>['quorum']>,
  custody: Pick<Custody, 'names' | 'publicKey'>,
): Promise<WitnessRoster> {
  const parsed = parseWitnessPolicy(quorum.policy)
  invariant(parsed.ok, 'the configuration lets witness policies through only')
  const hasOwn = (await custody.names()).includes(witnessKeyName)
  const ownKeys = hasOwn ? [await custody.publicKey(witnessKeyName)] : []
  const roster = { policy: parsed.policy, urls: new Map(Object.entries(quorum.urls)), ownKeys }
  const counting = countingWitnesses(roster).map(({ name }) => name)
  if (!meetsQuorum(parsed.policy, counting)) throw ownWitnessNeeded(ownWitnesses(roster))
  return roster
}

/** What is asked of witnesses before the log is signed; null where no quorum is configured. */
export function outsideWitnesses(
  quorum: NonNullable<Config['log']['witness']>['quorum'],
  {
    custody,
    log,
    timers,
    telemetry,
  }: Pick<WitnessNeeds, 'custody' | 'telemetry'> & {
    readonly log: Pick<DecisionLog, 'checkpoint'>
    readonly timers: Timers
  },
  patienceMs: number,
): OutsideSource | null {
  const parsed = quorum === null ? null : parseWitnessPolicy(quorum.policy)
  if (quorum === null || parsed?.ok !== true || parsed.policy.quorum === null) return null
  const newest = (note: string): Promise<NewestKnown> => askWitnesses(quorum, { custody, telemetry }, note)
  return witnessSource({ log, newest, timers, retryMs, patienceMs })
}

/** Asks the witnesses of a quorum once for the newest head of the log that this note is one of. @throws AppError config-invalid */
export async function askWitnesses(
  quorum: NonNullable<NonNullable<Config['log']['witness']>['quorum']>,
  { custody, telemetry }: Pick<WitnessNeeds, 'custody' | 'telemetry'>,
  note: string,
): Promise<NewestKnown> {
  const client = createWitnessClient({ timeoutMs: requestTimeoutMs })
  return newestWitnessed({ roster: await rosterOf(quorum, custody), client, telemetry }, note)
}

/** Puts the witnesses of a deployment together; without configuration there are none. @throws AppError config-invalid, custody-not-found */
export async function composeWitnessing(
  config: Config,
  needs: WitnessNeeds & {
    readonly log: Pick<DecisionLog, 'node' | 'checkpoint'>
    readonly timers: Timers
    readonly directory: string
    /** Told how each head of this deployment's log stands to its quorum. */
    readonly onReport: (report: QuorumReport) => void
  },
): Promise<Witnessing> {
  const { quorum = null, serve = null } = config.log.witness ?? {}
  const { custody, telemetry, timers, log, acceleration, onReport } = needs
  const server = serve === null ? null : (await composeWitness(serve, needs.directory, needs)).server
  if (quorum === null) return { cosigner: null, isRequiredForGreen: false, policyForOthers: null, server, source: null }
  const roster = await rosterOf(quorum, custody)
  const client = createWitnessClient({ timeoutMs: requestTimeoutMs })
  const { deadlineMs } = quorum
  return {
    cosigner: createCosigner({ roster, client, log, timers, telemetry, acceleration, deadlineMs, onReport }),
    isRequiredForGreen: quorum.requiredForGreen,
    policyForOthers: policyForOthers(quorum.policy, roster).text,
    server,
    source: outsideWitnesses(quorum, needs, startPatienceMs),
  }
}
