import {
  decodeEntry,
  decodeHex,
  encodeTrustFile,
  formatVerifierKey,
  type JsonObject,
  noteVerifierKey,
  type Sha256,
  withoutWitnesses,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogEntryRow } from '../ports.ts'
import { ownWitnesses, type WitnessRoster } from './cosign.ts'

const dataOf = (row: LogEntryRow | undefined): JsonObject | null => {
  const decoded = row === undefined ? null : decodeEntry(row.bytes)
  return decoded?.ok === true ? decoded.entry.data : null
}

/** What to say of a quorum that cannot be met without a witness of the deployment itself, which never counts. */
export const ownWitnessNeeded = (own: readonly string[]): AppError =>
  new AppError(
    'config-invalid',
    `the quorum of log.witness cannot be met without ${own.join(', ')}, which this deployment runs itself and which does not count`,
    { data: { reason: 'witness-own' } },
  )

/** The witness policy as others may rely on it: without the witnesses that the deployment runs itself. */
function policyForOthers(
  text: string,
  roster: WitnessRoster,
): { readonly text: string; readonly leftOut: readonly string[] } {
  const leftOut = ownWitnesses(roster)
  const without = withoutWitnesses(text, leftOut)
  if (without === null) throw ownWitnessNeeded(leftOut)
  return { text: without, leftOut }
}

/** A trust file, and the witnesses of the configured policy that it does not name. */
export interface ExportedTrust {
  readonly bytes: Uint8Array
  readonly leftOut: readonly string[]
}

/**
 * Writes whom a stranger has to trust to verify this log: its key, and the policy that everything descends from.
 *
 * Trust: the log's own beginning; `pinned` is the operator's configuration, which must name the same policy.
 * Checks: that no witness of the deployment itself would count to whoever believes the file.
 * @throws AppError policy-unusable when there is no genesis, or the configuration pins another; config-invalid when the quorum
 * cannot be met without the deployment's own witness
 */
export async function exportTrust(
  log: DecisionLog,
  known: {
    readonly origin: string
    readonly pinned: string
    /** The configured policy as it is written, and as it is read; null where there is none. */
    readonly witnesses: { readonly text: string; readonly roster: WitnessRoster } | null
  },
): Promise<ExportedTrust> {
  const genesis = dataOf((await log.entries(0, 1))[0])
  const logKey = genesis?.logKey
  const key = typeof logKey === 'string' ? decodeHex(logKey) : undefined
  if (genesis === null || key === undefined || genesis.origin !== known.origin)
    throw new AppError('policy-unusable', 'the log has no genesis of this origin; run governance init')
  const [regenesis] = await log.find({ type: 'policy-regenesis', limit: 1 })
  const policy = (dataOf(regenesis) ?? genesis).policy as Sha256
  if (policy !== known.pinned)
    throw new AppError('policy-unusable', 'the configuration pins another policy than the log begins with')
  const [certified] = await log.find({ type: 'log-key', limit: 1 })
  const root = dataOf(certified)?.root
  const witnesses = known.witnesses === null ? null : policyForOthers(known.witnesses.text, known.witnesses.roster)
  const bytes = encodeTrustFile({
    v: 1,
    kind: 'governance-trust',
    origin: known.origin,
    logKeys: [formatVerifierKey(noteVerifierKey(known.origin, key))],
    root: typeof root === 'string' ? root : null,
    witnessPolicy: witnesses?.text ?? null,
    genesisPolicy: policy,
  })
  return { bytes, leftOut: witnesses?.leftOut ?? [] }
}
