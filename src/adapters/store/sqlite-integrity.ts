import type { Connection } from './sqlite-connection.ts'

const selectDrift = `
  select name, value, actual from (
    select name, value, case name
      when 'deliveries.queued' then (select count(*) from deliveries where state = 'queued')
      when 'deliveries.done' then (select count(*) from deliveries where state = 'done')
      when 'deliveries.ignored' then (select count(*) from deliveries where state = 'ignored')
      when 'deliveries.dead' then (select count(*) from deliveries where state = 'dead')
      when 'jobs.queued' then (select count(*) from jobs where state = 'queued')
      when 'jobs.dead' then (select count(*) from jobs where state = 'dead')
      else value end as actual
    from counters)
  where value <> actual order by name`

const selectLogSizes = `
  select 'log' as name, size, (select count(*) from log_entries) as entries, (select max(idx) from log_entries) as newest
  from log_head where singleton = 1
  union all
  select 'security log', size, (select count(*) from security_entries), (select max(idx) from security_entries)
  from security_head where singleton = 1`

type LogSize = {
  readonly name: string
  readonly size: number
  readonly entries: number
  readonly newest: number | null
}

/**
 * Reads every page (which checks its authentication tag), every index, reference and counter.
 *
 * Does not check: hashes of the log; that is the log's own business.
 */
export function checkIntegrity(db: Connection): readonly string[] {
  const pages = (db.pragma('integrity_check(100)') as { readonly integrity_check: string }[])
    .map((row) => row.integrity_check)
    .filter((line) => line !== 'ok')
  const references = (db.pragma('foreign_key_check') as { readonly table: string }[]).map(
    ({ table }) => `a row of ${table} refers to nothing`,
  )
  const drift = (db.prepare(selectDrift).all() as { name: string; value: number; actual: number }[]).map(
    ({ name, value, actual }) => `counter ${name} says ${value}, there are ${actual}`,
  )
  const logs = (db.prepare(selectLogSizes).all() as LogSize[])
    .filter(({ size, entries, newest }) => size !== entries || size !== (newest ?? -1) + 1)
    .map(({ name, size, entries }) => `the ${name} head says ${size}, there are ${entries}`)
  return [...pages, ...references, ...drift, ...logs]
}
