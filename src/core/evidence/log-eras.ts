import { decodeHex } from '../bytes/hex.ts'
import { equalBytes } from '../bytes/byte-array.ts'
import type { Checkpoint } from '../log/checkpoint.ts'
import { type LogBreakFaultCode, openLogBreak, readLogBreak } from '../log/log-break.ts'
import { followLogKeys, type LogKeyFaultCode, type LogKeySpan } from '../log/log-key.ts'
import { formatVerifierKey, noteVerifierKey, parseVerifierKey, type VerifierKey } from '../log/verifier-key.ts'
import { bodyOf } from './note-body.ts'
import type { EntryOf, EvidenceEntryType, TypedEntry } from './read-entry.ts'
import { type TrustFile, trustedLogKeys } from './trust.ts'

/** The time of a log under one origin: from its beginning, or from a break, to the next break. */
export interface LogEra {
  readonly origin: string
  /** The keys that may have signed heads, by the size of the log. */
  readonly spans: readonly LogKeySpan[]
  /** Index of the entry that broke the log before; null for the first era. Heads of this era hold it. */
  readonly since: number | null
  /** Index of the entry that ended this era; null for the one that lasts. Heads of this era do not hold it. */
  readonly until: number | null
  readonly end: EntryOf<'log-broken'> | null
}

export type LogEraFaultCode =
  | LogKeyFaultCode
  | LogBreakFaultCode
  /** The log was broken since the trust file was made. */
  | 'log-broken'
  /** The trust file names a log before this one, and no entry ends that. */
  | 'log-break-missing'
  | 'log-break-for-another-key'
  | 'log-break-wrong-checkpoint'
  | 'log-break-prefix-unproven'

export type LogEras =
  | { readonly ok: true; readonly eras: readonly LogEra[] }
  | { readonly ok: false; readonly code: LogEraFaultCode; readonly index: number | null }

/** Whom a verifier believes of one era. */
interface Believed {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  readonly root: VerifierKey | null
}

const keyOf = (line: string | null | undefined): VerifierKey | null =>
  line == null ? null : (parseVerifierKey(line) ?? null)

const of = <T extends EvidenceEntryType>(entries: readonly TypedEntry[], type: T): readonly EntryOf<T>[] =>
  entries.filter((entry) => entry.type === type) as unknown as readonly EntryOf<T>[]

function fromTrust(trust: TrustFile): readonly Believed[] {
  const before = (trust.before ?? []).map(({ origin, logKeys, root }) => ({
    origin,
    keys: logKeys.flatMap((line) => parseVerifierKey(line) ?? []),
    root: keyOf(root),
  }))
  return [...before, { origin: trust.origin, keys: trustedLogKeys(trust), root: keyOf(trust.root) }]
}

function genesisKey(genesis: EntryOf<'genesis'> | undefined): readonly VerifierKey[] {
  const bytes = decodeHex(genesis?.data.logKey ?? '')
  if (genesis === undefined || bytes === undefined) return []
  try {
    return [noteVerifierKey(genesis.data.origin, bytes)]
  } catch {
    return []
  }
}

/** Without trust the log's own word says who signs it, so that contradictions are found all the same. */
function fromLog(typed: readonly TypedEntry[], breaks: readonly EntryOf<'log-broken'>[]): readonly Believed[] {
  const [genesis] = of(typed, 'genesis')
  return [null, ...breaks].map((broken, i) => {
    const next = broken === null ? undefined : readLogBreak(broken.data.break)?.next
    const certified = certificatesOf(typed, broken, breaks[i] ?? null)[0]
    return {
      origin: broken === null ? (genesis?.data.origin ?? '') : (next?.name ?? ''),
      keys: broken === null ? genesisKey(genesis) : next === undefined ? [] : [next],
      root: keyOf(certified?.data.root ?? breaks[i]?.data.root),
    }
  })
}

const certificatesOf = (
  typed: readonly TypedEntry[],
  from: EntryOf<'log-broken'> | null,
  to: EntryOf<'log-broken'> | null,
): readonly EntryOf<'log-key'>[] =>
  of(typed, 'log-key').filter(({ index }) => index > (from?.index ?? -1) && index < (to?.index ?? Infinity))

const isHead = (a: Checkpoint, b: Checkpoint | null): boolean =>
  b !== null && a.origin === b.origin && a.size === b.size && equalBytes(a.root, b.root)

/** Why an entry does not end the log of `era` and begin the one of `next`; null when it does. */
function breakFault(
  { index, data }: EntryOf<'log-broken'>,
  era: Believed,
  next: Believed & { readonly spans: readonly LogKeySpan[] },
): LogEraFaultCode | null {
  const opened = openLogBreak(data.break, era.origin, era.root)
  if (!opened.ok) return opened.code
  const { broken } = opened
  const first = next.spans.find(({ generation }) => generation === 1)
  if (first === undefined || formatVerifierKey(first.key) !== formatVerifierKey(broken.next))
    return 'log-break-for-another-key'
  if (!isHead(broken.old, bodyOf(data.checkpoint))) return 'log-break-wrong-checkpoint'
  const recovered = bodyOf(data.recovered)
  const isBeginning =
    recovered !== null && recovered.origin === era.origin && recovered.size === index && index <= broken.old.size
  // Nothing was lost: the beginning is exactly what the root signed.
  if (!isBeginning || (index === broken.old.size && !isHead(broken.old, recovered))) return 'log-break-prefix-unproven'
  return null
}

/**
 * Follows a log through its breaks: which origin and which keys it had at which size.
 *
 * Trust: the entries are an attacker's. Without a trust file, their own word.
 * Checks: the keys of every era (`followLogKeys`); that each break is signed by the offline root of the log that it ends, names
 * the key that begins the next, and that there are as many as the trust file knows.
 * Does not check: that the entries before a break are the old log's; `checkCheckpoint` and `checkInclusion` do.
 * Spec: spec/log/log-keys.md, spec/evidence/evidence.md.
 */
export function followLogEras(trust: TrustFile | null, typed: readonly TypedEntry[]): LogEras {
  const breaks = of(typed, 'log-broken')
  const believed = trust === null ? fromLog(typed, breaks) : fromTrust(trust)
  if (breaks.length >= believed.length) return { ok: false, code: 'log-broken', index: breaks.at(-1)?.index ?? null }
  if (breaks.length < believed.length - 1) return { ok: false, code: 'log-break-missing', index: null }
  const eras: (LogEra & Believed)[] = []
  for (const [i, one] of believed.entries()) {
    const [from, to] = [breaks[i - 1] ?? null, breaks[i] ?? null]
    const certificates = certificatesOf(typed, from, to).map(({ data, index }) => ({
      note: data.certificate,
      entry: index,
    }))
    const chain = followLogKeys(one.origin, one.keys, one.root, certificates)
    if (!chain.ok) return { ok: false, code: chain.code, index: null }
    eras.push({ ...one, spans: chain.spans, since: from?.index ?? null, until: to?.index ?? null, end: to })
  }
  for (const [i, broken] of breaks.entries()) {
    const code = breakFault(broken, eras[i] as LogEra & Believed, eras[i + 1] as LogEra & Believed)
    if (code !== null) return { ok: false, code, index: broken.index }
  }
  return { ok: true, eras }
}

/** The era that a head of this size is of. */
export const eraOfSize = (eras: readonly LogEra[], size: number): LogEra =>
  eras.find(({ until }) => until === null || size <= until) as LogEra
