import { AppError } from '../../flows/app-error.ts'
import type { FindingRecord, Memory, SignedHead } from '../../flows/ports.ts'
import { checkBlob, digestOf } from './blob-digest.ts'
import { pack, type StoredBytes, unpack } from './compression.ts'
import { ConflictSignal } from './conflict.ts'
import type { Connection } from './sqlite-connection.ts'
import { recordOf, type RowWriters } from './sqlite-rows.ts'

const selectKnown = 'select 1 from blobs where digest = ?'
const insertBlob = 'insert into blobs (digest, encoding, bytes) values (?, ?, ?) on conflict (digest) do nothing'
const upsertCursor = `
  insert into cursors (name, value) values (?, ?) on conflict (name) do update set value = excluded.value`
const insertFinding = 'insert into findings (id, record) values (?, ?) on conflict (id) do nothing'

const insertCosigned = 'insert into cosigned_heads (size, note) values (?, ?) on conflict (size) do nothing'
const selectCosigned = 'select size, note from cosigned_heads where size > ? order by size limit 1'
const selectErased = 'select 1 from erased_blobs where digest = ?'
const selectBlob = 'select encoding, bytes from blobs where digest = ?'
const selectCursor = 'select value from cursors where name = ?'
const selectFindings = 'select record from findings order by seq desc limit ?'

export function memoryWriters(db: Connection): Pick<RowWriters, 'blob' | 'cosigned-head' | 'cursor' | 'finding'> {
  const known = db.prepare(selectKnown)
  const blob = db.prepare(insertBlob)
  const cursor = db.prepare(upsertCursor)
  const finding = db.prepare(insertFinding)
  const cosigned = db.prepare(insertCosigned)
  const erased = db.prepare(selectErased)
  return {
    blob({ digest, bytes }) {
      checkBlob(digest, bytes)
      if (known.get(digest) !== undefined) return
      if (erased.get(digest) !== undefined) throw new ConflictSignal('blob-erased')
      const packed = pack(bytes)
      blob.run(digest, packed.encoding, packed.bytes)
    },
    'cosigned-head'({ size, note }) {
      cosigned.run(size, note)
    },
    cursor({ name, value }) {
      cursor.run(name, value)
    },
    finding({ record }) {
      finding.run(record.id, JSON.stringify(record))
    },
  }
}

export function sqliteMemory(db: Connection): Memory {
  const blob = db.prepare(selectBlob)
  const cursor = db.prepare(selectCursor).pluck()
  const cosigned = db.prepare(selectCosigned)
  const findings = db.prepare(selectFindings)
  const erased = db.prepare(selectErased)
  return {
    async blob(digest) {
      const row = blob.get(digest) as StoredBytes | undefined
      if (row === undefined) return null
      const bytes = unpack(row)
      if (digestOf(bytes) !== digest)
        throw new AppError('store-corrupt', 'a blob is not what its digest says', { data: { digest } })
      return bytes
    },
    async isErased(digest) {
      return erased.get(digest) !== undefined
    },
    async cosignedOver(index) {
      return (cosigned.get(index) as SignedHead | undefined) ?? null
    },
    async cursor(name) {
      return (cursor.get(name) as string | undefined) ?? null
    },
    async findings(limit) {
      return findings.all(limit).map(recordOf<FindingRecord>)
    },
  }
}
