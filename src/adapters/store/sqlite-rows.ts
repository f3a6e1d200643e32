import type { Write } from '../../flows/ports.ts'

type Row<K extends Write['kind']> = Extract<Write, { kind: K }>

/** For each kind of row, how it is written inside the transaction of its commit. */
export type RowWriters = { readonly [K in Write['kind']]: (row: Row<K>) => void }

/** A row that carries its whole record as JSON. */
export type RecordRow = { readonly record: string }

/** Reads the record that a writer of the same aggregate put there. */
export const recordOf = <T>(row: unknown): T => JSON.parse((row as RecordRow).record) as T

/** The same for a row that may be missing. */
export const recordOrNull = <T>(row: unknown): T | null => (row === undefined ? null : recordOf<T>(row))
