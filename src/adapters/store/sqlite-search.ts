import type { EventFilter } from '../../flows/ports.ts'
import { maxEntriesRead } from './log-append.ts'
import type { Connection } from './sqlite-connection.ts'

type Filtered = 'eventType' | 'resource' | 'userId' | 'result'

/** Positions that one filter asks for, in the order of its index. */
const arms: Readonly<Record<Filtered, string>> = {
  eventType: 'select idx from security_entries where type = :eventType and idx >= :low and idx < :high',
  resource: 'select idx from security_entries where subject = :resource and idx >= :low and idx < :high',
  userId: 'select idx from security_entries where user_id = :userId and idx >= :low and idx < :high',
  result: 'select idx from security_entries where result = :result and idx >= :low and idx < :high',
}
const everything = 'select idx from security_entries where idx >= :low and idx < :high'

const selectFirstAt = 'select idx from security_entries where at >= ? order by at, idx limit 1'
const selectSize = 'select size from security_head where singleton = 1'

/**
 * Finds the positions of events, newest first. Time never goes back in a log, so a span of it is a span of positions; what
 * several filters ask for is intersected as SQLite merges sorted indexes, and it stops at the limit.
 */
export function eventSearch(db: Connection): (filter: EventFilter) => readonly number[] {
  const firstAt = db.prepare(selectFirstAt).pluck()
  const size = db.prepare(selectSize).pluck()
  const prepared = new Map<string, ReturnType<typeof statementOf>>()

  /** Put together from the constants above alone; every value is bound. */
  function statementOf(filters: readonly Filtered[]) {
    const merged = filters.length === 0 ? everything : filters.map((name) => arms[name]).join(' intersect ')
    return db.prepare(`${merged} order by idx desc limit :limit`).pluck()
  }

  /** Position of the first event at or after a moment: the log's size when there is none. */
  const positionOf = (at: number): number => Number(firstAt.get(at) ?? size.get())

  return ({ from, to, before, limit, ...wanted }) => {
    const high = Math.min(
      before ?? Number.MAX_SAFE_INTEGER,
      to === undefined ? Number.MAX_SAFE_INTEGER : positionOf(to),
    )
    const low = from === undefined ? 0 : positionOf(from)
    const filters = (['eventType', 'resource', 'userId', 'result'] as const).filter(
      (name) => wanted[name] !== undefined,
    )
    const key = filters.join(' ')
    const statement = prepared.get(key) ?? statementOf(filters)
    prepared.set(key, statement)
    return statement.all({ ...wanted, low, high, limit: Math.min(limit, maxEntriesRead) }) as number[]
  }
}
