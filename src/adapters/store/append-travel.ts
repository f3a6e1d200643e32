import type { Instant, LogIndex } from '../../core/index.ts'
import type { LogEntryRow, LogName, LogNodeRow, Write } from '../../flows/ports.ts'

type Appended = Extract<Write, { kind: 'entries' }>

/**
 * An append on its way between threads: all bytes in one piece of memory that changes hands, all numbers in another, so that
 * what is copied member by member are texts alone. Thousands of small objects would each be made and freed twice.
 */
export type TravellingAppend = {
  readonly kind: 'travelling-append'
  readonly log: LogName | null
  readonly expectedSize: number
  readonly head: { readonly size: number; readonly at: Instant }
  readonly counts: { readonly entries: number; readonly nodes: number }
  /** Of each entry index, time and length, of each node level, index and length, and the length of the root. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** Of each entry id, type and subject. */
  readonly texts: readonly (string | null)[]
  /** As the entries stand; null where none is an event. */
  readonly events: readonly (LogEntryRow['event'] | null)[] | null
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The append in a form that travels; its memory is added to `transfer`. */
export function packAppend(
  { log, expectedSize, entries, nodes, head }: Appended,
  transfer: ArrayBuffer[],
): TravellingAppend {
  let length = head.root.length
  for (const { bytes } of entries) length += bytes.length
  for (const { hash } of nodes) length += hash.length
  const bytes = new Uint8Array(length)
  const numbers = new Float64Array(3 * (entries.length + nodes.length) + 1)
  const texts: (string | null)[] = []
  let byteAt = 0
  let numberAt = 0
  const put = (own: Uint8Array, first: number, second: number): void => {
    bytes.set(own, byteAt)
    byteAt += own.length
    numbers[numberAt++] = first
    numbers[numberAt++] = second
    numbers[numberAt++] = own.length
  }
  for (const entry of entries) {
    put(entry.bytes, entry.index, entry.at)
    texts.push(entry.id, entry.type, entry.subject)
  }
  for (const { level, index, hash } of nodes) put(hash, level, index)
  bytes.set(head.root, byteAt)
  numbers[numberAt] = head.root.length
  transfer.push(bytes.buffer, numbers.buffer)
  return {
    kind: 'travelling-append',
    log: log ?? null,
    expectedSize,
    head: { size: head.size, at: head.at },
    counts: { entries: entries.length, nodes: nodes.length },
    numbers,
    texts,
    events: entries.some(({ event }) => event !== undefined) ? entries.map(({ event }) => event ?? null) : null,
    bytes,
  }
}

/** The append that `packAppend` was given, over the memory that travelled. */
export function unpackAppend({
  log,
  expectedSize,
  head,
  counts,
  numbers,
  texts,
  events,
  bytes,
}: TravellingAppend): Appended {
  let byteAt = 0
  let numberAt = 0
  const number = (): number => numbers[numberAt++] as number
  const take = (length: number): Uint8Array => {
    byteAt += length
    return bytes.subarray(byteAt - length, byteAt)
  }
  const entries = Array.from({ length: counts.entries }, (_, i): LogEntryRow => {
    const row = {
      index: number() as LogIndex,
      at: number() as Instant,
      id: texts[3 * i] as string,
      type: texts[3 * i + 1] as string,
      subject: texts[3 * i + 2] as string | null,
      bytes: take(number()),
    }
    const event = events?.[i]
    return event ? { ...row, event } : row
  })
  const nodes = Array.from(
    { length: counts.nodes },
    (): LogNodeRow => ({
      level: number(),
      index: number(),
      hash: take(number()),
    }),
  )
  return {
    kind: 'entries',
    ...(log === null ? {} : { log }),
    expectedSize,
    entries,
    nodes,
    head: { ...head, root: take(number()) },
  }
}
