import {
  asSha256,
  type BrokenLog,
  decodeHex,
  encodeTrustFile,
  formatVerifierKey,
  type JsonObject,
  noteVerifierKey,
  readLogBreak,
  withoutWitnesses,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { readBreaks } from '../gate/log-era.ts'
import type { DecisionLog, LogEntryRow } from '../ports.ts'
import { ownWitnesses, type WitnessRoster } from './cosign.ts'

const keyLine = (origin: string, key: JsonObject[string]): string | null => {
  const bytes = typeof key === 'string' ? decodeHex(key) : undefined
  return bytes === undefined ? null : formatVerifierKey(noteVerifierKey(origin, bytes))
}

/** The logs that were broken, oldest first, and the key that began what followed the last of them. */
function readBroken(
  breaks: readonly LogEntryRow[],
  first: { readonly origin: string; readonly logKey: string },
): { readonly before: readonly BrokenLog[]; readonly origin: string; readonly logKey: string } {
  let now = first
  const before = breaks.map((row): BrokenLog => {
    const data = entryData(row)
    const broken = readLogBreak(textIn(data, 'break'))
    if (broken === undefined) throw new AppError('store-corrupt', `entry ${row.index} breaks the log with no break`)
    const one = { origin: now.origin, logKeys: [now.logKey], root: textIn(data, 'root') }
    now = { origin: broken.next.name, logKey: formatVerifierKey(broken.next) }
    return one
  })
  return { before, ...now }
}

/** What to say of a quorum that cannot be met without a witness of the deployment itself, which never counts. */
export const ownWitnessNeeded = (own: readonly string[]): AppError =>
  new AppError(
    'config-invalid',
    `the quorum of log.witness cannot be met without ${own.join(', ')}, which this deployment runs itself and which does not count`,
    { data: { reason: 'witness-own' } },
  )

/** The witness policy as others may rely on it: without the witnesses that the deployment runs itself. */
export function policyForOthers(
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
 * Writes whom a stranger has to trust to verify this log: its key, the logs before it that were broken, and the policy that
 * everything descends from.
 *
 * Trust: the log's own beginning; `pinned` is the operator's configuration, which must name the same policy.
 * Checks: that no witness of the deployment itself would count to whoever believes the file.
 * @throws AppError policy-unusable when there is no genesis, or the configuration names another origin or policy; config-invalid
 * when the quorum cannot be met without the deployment's own witness; store-corrupt
 */
export async function exportTrust(
  log: Pick<DecisionLog, 'entries' | 'find'>,
  known: {
    readonly origin: string
    readonly pinned: string
    /** The configured policy as it is written, and as it is read; null where there is none. */
    readonly witnesses: { readonly text: string; readonly roster: WitnessRoster } | null
  },
): Promise<ExportedTrust> {
  const [row] = await log.entries(0, 1)
  const genesis = row?.type === 'genesis' ? entryData(row) : null
  const first = genesis === null ? null : keyLine(textIn(genesis, 'origin'), genesis.logKey ?? null)
  if (genesis === null || first === null)
    throw new AppError('policy-unusable', 'the log has no genesis; run governance init')
  const breaks = await readBreaks(log)
  const { before, origin, logKey } = readBroken(breaks, { origin: textIn(genesis, 'origin'), logKey: first })
  if (origin !== known.origin)
    throw new AppError('policy-unusable', `the log goes on under the origin ${origin}; log.origin says ${known.origin}`)
  const [regenesis] = await log.find({ type: 'policy-regenesis', limit: 1 })
  const policy = textIn(regenesis === undefined ? genesis : entryData(regenesis), 'policy')
  if (policy !== known.pinned)
    throw new AppError('policy-unusable', 'the configuration pins another policy than the log begins with')
  const [certified] = await log.find({ type: 'log-key', limit: 1 })
  const isCertified = certified !== undefined && certified.index > (breaks.at(-1)?.index ?? -1)
  const witnesses = known.witnesses === null ? null : policyForOthers(known.witnesses.text, known.witnesses.roster)
  const bytes = encodeTrustFile({
    v: 1,
    kind: 'governance-trust',
    origin,
    logKeys: [logKey],
    root: isCertified ? textIn(entryData(certified), 'root') : null,
    witnessPolicy: witnesses?.text ?? null,
    genesisPolicy: asSha256(policy),
    ...(before.length === 0 ? {} : { before }),
  })
  return { bytes, leftOut: witnesses?.leftOut ?? [] }
}
