import {
  decodeEntry,
  decodeHex,
  encodeTrustFile,
  formatVerifierKey,
  type JsonObject,
  noteVerifierKey,
  type Sha256,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogEntryRow } from '../ports.ts'

const dataOf = (row: LogEntryRow | undefined): JsonObject | null => {
  const decoded = row === undefined ? null : decodeEntry(row.bytes)
  return decoded?.ok === true ? decoded.entry.data : null
}

/**
 * Writes whom a stranger has to trust to verify this log: its key, and the policy that everything descends from.
 *
 * Trust: the log's own beginning; `pinned` is the operator's configuration, which must name the same policy.
 * @throws AppError policy-unusable when there is no genesis, or the configuration pins another
 */
export async function exportTrust(
  log: DecisionLog,
  known: { readonly origin: string; readonly pinned: string; readonly witnessPolicy: string | null },
): Promise<Uint8Array> {
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
  return encodeTrustFile({
    v: 1,
    kind: 'governance-trust',
    origin: known.origin,
    logKeys: [formatVerifierKey(noteVerifierKey(known.origin, key))],
    root: typeof root === 'string' ? root : null,
    witnessPolicy: known.witnessPolicy,
    genesisPolicy: policy,
  })
}
