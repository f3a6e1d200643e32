import {
  asSha256,
  type BrokenLog,
  decodeHex,
  encodeTrustFile,
  formatVerifierKey,
  type JsonObject,
  noteVerifierKey,
  readLogBreak,
} from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import { readBreaks } from '../gate/log-era.ts'
import type { DecisionLog, LogEntryRow } from '../ports.ts'

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

/**
 * Writes whom a stranger has to trust to verify this log: its key, the logs before it that were broken, and the policy that
 * everything descends from.
 *
 * Trust: the log's own beginning; `pinned` is the operator's configuration, which must name the same policy.
 * @throws AppError policy-unusable when there is no genesis, or the configuration names another origin or policy; store-corrupt
 */
export async function exportTrust(
  log: Pick<DecisionLog, 'entries' | 'find'>,
  known: { readonly origin: string; readonly pinned: string; readonly witnessPolicy: string | null },
): Promise<Uint8Array> {
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
  return encodeTrustFile({
    v: 1,
    kind: 'governance-trust',
    origin,
    logKeys: [logKey],
    root: isCertified ? textIn(entryData(certified), 'root') : null,
    witnessPolicy: known.witnessPolicy,
    genesisPolicy: asSha256(policy),
    ...(before.length === 0 ? {} : { before }),
  })
}
