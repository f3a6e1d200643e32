import { readLogBreak } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import type { DecisionLog, LogEntryRow } from '../ports.ts'
import { entryData, numberIn, textIn } from './entry-data.ts'
import { keyNameOf } from './log-key-name.ts'

/** Under which origin and key a log is signed from here on. Each break begins another era. */
export interface LogEra {
  /** How often the log was broken. */
  readonly number: number
  /** Index of the entry that broke it last; null: it never was. */
  readonly since: number | null
  /** Null where no entry says: an empty log, or one that is no decision log. */
  readonly origin: string | null
}

/** The era with the generation of its key: how many were certified in it, at least the one of its beginning. */
export interface LogSigner extends LogEra {
  readonly generation: number
}

type Reads = Pick<DecisionLog, 'find'>

/** More breaks than any log lives through. */
const manyBreaks = 1_000

/** The origin under which a log goes on after an entry that breaks it. @throws AppError store-corrupt */
function nextOrigin(row: LogEntryRow): string {
  const broken = readLogBreak(textIn(entryData(row), 'break'))
  if (broken === undefined) throw new AppError('store-corrupt', `entry ${row.index} of the log breaks it with no break`)
  return broken.next.name
}

/** The entries that broke a log, oldest first. */
export const readBreaks = async (log: Reads): Promise<readonly LogEntryRow[]> =>
  (await log.find({ type: 'log-broken', limit: manyBreaks })).toReversed()

/** The era that a log is in. @throws AppError store-corrupt when an entry that says so cannot be read */
export async function currentEra(log: Reads): Promise<LogEra> {
  const breaks = await readBreaks(log)
  const last = breaks.at(-1)
  if (last !== undefined) return { number: breaks.length, since: last.index, origin: nextOrigin(last) }
  const [genesis] = await log.find({ type: 'genesis', limit: 1 })
  return { number: 0, since: null, origin: genesis === undefined ? null : textIn(entryData(genesis), 'origin') }
}

/** Who signs the next head of a log. @throws as `currentEra` */
export async function currentSigner(log: Reads): Promise<LogSigner> {
  const era = await currentEra(log)
  const [certified] = await log.find({ type: 'log-key', limit: 1 })
  const isOfEra = certified !== undefined && certified.index > (era.since ?? -1)
  return { ...era, generation: isOfEra ? numberIn(entryData(certified), 'generation') : 1 }
}

/** Name in custody of the key that signs the heads of a log now. @throws as `currentEra` */
export async function currentKeyName(log: Reads): Promise<string> {
  const { generation, number } = await currentSigner(log)
  return keyNameOf(generation, number)
}
