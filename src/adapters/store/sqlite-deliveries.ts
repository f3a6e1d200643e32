import type { Instant } from '../../core/index.ts'
import type { Deliveries, DeliveryRecord } from '../../flows/ports.ts'
import { pack, type StoredBytes, unpack } from './compression.ts'
import { ConflictSignal } from './conflict.ts'
import type { Connection } from './sqlite-connection.ts'
import type { RowWriters } from './sqlite-rows.ts'

const insertDelivery = `
  insert into deliveries (guid, event, action, repository, number, received_at, body_digest, has_body, via, state, reason,
    finished_at)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (guid) do nothing`

const insertBody = 'insert into delivery_bodies (seq, encoding, bytes) values (?, ?, ?)'

const updateState = `
  update deliveries set state = :state, reason = :reason, finished_at = iif(:state = 'queued', null, :at)
  where guid = :guid`

const selectPrunable = `
  select seq from deliveries
  where has_body = 1 and finished_at is not null and finished_at < ?
  order by finished_at, seq limit ?`

const columns = `seq, guid, event, action, repository, number, received_at as receivedAt, body_digest as bodyDigest, via,
  state, reason, finished_at as finishedAt`

const selectOne = `select ${columns} from deliveries where guid = ?`
const selectBody = 'select encoding, bytes from delivery_bodies where seq = ?'
const selectNewest = `select ${columns} from deliveries order by seq desc limit ?`
const selectNewestOf = `select ${columns} from deliveries where state = ? order by seq desc limit ?`
const selectCounts = `
  select substr(name, 12) as state, value from counters
  where name in ('deliveries.queued', 'deliveries.done', 'deliveries.ignored', 'deliveries.dead') order by name`

type DeliveryRow = Omit<DeliveryRecord, 'body'> & { readonly seq: number }

export function deliveryWriters(db: Connection): Pick<RowWriters, 'delivery' | 'delivery-state'> {
  const insert = db.prepare(insertDelivery)
  const body = db.prepare(insertBody)
  const update = db.prepare(updateState)
  return {
    delivery({ delivery: d }) {
      const hasBody = d.body === null ? 0 : 1
      const written = insert.run(
        d.guid,
        d.event,
        d.action,
        d.repository,
        d.number,
        d.receivedAt,
        d.bodyDigest,
        hasBody,
        d.via,
        d.state,
        d.reason,
        d.finishedAt,
      )
      if (written.changes === 0) throw new ConflictSignal('duplicate-delivery')
      if (d.body === null) return
      const { encoding, bytes } = pack(d.body)
      body.run(written.lastInsertRowid, encoding, bytes)
    },
    'delivery-state'({ guid, state, reason, at }) {
      update.run({ guid, state, reason, at })
    },
  }
}

/** Makes the function that forgets bodies inside the caller's transaction and says how many. */
export function bodyPruner(db: Connection): (before: Instant, limit: number) => number {
  const prunable = db.prepare(selectPrunable).pluck()
  const forget = db.prepare('delete from delivery_bodies where seq = ?')
  const mark = db.prepare('update deliveries set has_body = 0 where seq = ?')
  return (before, limit) => {
    const old = prunable.all(before, limit)
    for (const seq of old) {
      forget.run(seq)
      mark.run(seq)
    }
    return old.length
  }
}

/** Reads deliveries; `prune` reaches the writer. */
export function sqliteDeliveries(db: Connection, prune: Deliveries['pruneBodies']): Deliveries {
  const one = db.prepare(selectOne)
  const body = db.prepare(selectBody)
  const newest = db.prepare(selectNewest)
  const newestOf = db.prepare(selectNewestOf)
  const counts = db.prepare(selectCounts)
  const toRecord = ({ seq: _seq, ...row }: DeliveryRow, bytes: Uint8Array | null): DeliveryRecord => ({
    ...row,
    body: bytes,
  })
  return {
    async find(guid) {
      const row = one.get(guid) as DeliveryRow | undefined
      if (row === undefined) return null
      const stored = body.get(row.seq) as StoredBytes | undefined
      return toRecord(row, stored === undefined ? null : unpack(stored))
    },
    async list({ state, limit }) {
      const rows = state === undefined ? newest.all(limit) : newestOf.all(state, limit)
      return (rows as DeliveryRow[]).map((row) => toRecord(row, null))
    },
    async counts() {
      const rows = counts.all() as { readonly state: DeliveryRecord['state']; readonly value: number }[]
      const result: Record<DeliveryRecord['state'], number> = { queued: 0, done: 0, ignored: 0, dead: 0 }
      for (const { state, value } of rows) result[state] = value
      return result
    },
    pruneBodies: prune,
  }
}
