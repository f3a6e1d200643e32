import { coverOfLeaves, decodeEntry, encodeHex, encodeUtf8, type Instant, concatBytes } from '../../core/index.ts'
import { invariant } from '../app-error.ts'
import type { EntryData } from '../gate/entries.ts'
import type { DecisionLog, LogEntryRow, SecurityLog } from '../ports.ts'
import type { ExportProof } from './export-manifest.ts'
import { exportedEvent, type ExportSource } from './formats/exported-event.ts'
import { type FormatName, formats } from './formats/formats.ts'

/** Entries in order, rendered, each line with its end. */
export interface ExportBatch {
  readonly first: number
  readonly events: number
  readonly bytes: Uint8Array
}

const mostAtOnce = 1_000
const lineEnd = encodeUtf8('\n')

/** Index of the first entry at or after a moment; the log's size when there is none. Time never goes back in a log. */
export async function indexAt(log: Pick<SecurityLog, 'entries'>, size: number, at: Instant): Promise<number> {
  let low = 0
  let high = size
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [row] = await log.entries(middle, middle + 1)
    invariant(row !== undefined, 'a log has every entry below its size')
    if (row.at < at) low = middle + 1
    else high = middle
  }
  return low
}

function render(rows: readonly LogEntryRow[], format: FormatName, source: ExportSource): Uint8Array {
  const { line } = formats[format]
  // The bytes of an entry are canonical JSON, which holds no line end.
  if (line === null) return concatBytes(...rows.flatMap(({ bytes }) => [bytes, lineEnd]))
  return encodeUtf8(rows.map((row) => `${line(exportedEvent(row), source)}\n`).join(''))
}

/** The entries [from, to) of the log in a format, in batches that memory holds easily. @throws AppError of the store */
export async function* exportBatches(
  log: Pick<SecurityLog, 'entries'>,
  range: { readonly from: number; readonly to: number },
  format: FormatName,
  source: ExportSource,
): AsyncGenerator<ExportBatch> {
  for (let first = range.from; first < range.to; ) {
    const rows = await log.entries(first, Math.min(first + mostAtOnce, range.to))
    invariant(rows.length > 0 && rows[0]?.index === first, 'a log has every entry below its size')
    yield { first, events: rows.length, bytes: render(rows, format, source) }
    first += rows.length
  }
}

/** What proves, with the exported entries themselves, that [first, next) is a piece of the log that `checkpoint` signs. */
export async function proofOfRange(
  log: Pick<SecurityLog, 'node'>,
  range: { readonly first: number; readonly next: number },
  checkpoint: { readonly size: number; readonly note: string },
): Promise<ExportProof> {
  const hashes = async (from: number, to: number): Promise<readonly string[]> => {
    const found: string[] = []
    for (const { level, index } of coverOfLeaves(from, to)) {
      const hash = await log.node(level, index)
      invariant(hash !== null, 'a log has every subtree that is complete')
      found.push(encodeHex(hash))
    }
    return found
  }
  return {
    size: checkpoint.size,
    checkpoint: checkpoint.note,
    before: await hashes(0, range.first),
    after: await hashes(range.next, checkpoint.size),
  }
}

/**
 * The head that an export is proved under: the newest one that the decision log holds where it covers the export, so that a
 * trust file is all that a stranger needs; the newest of all otherwise.
 */
export async function headToProve(
  log: Pick<DecisionLog, 'find'>,
  next: number,
  newest: { readonly size: number; readonly note: string },
): Promise<{ readonly size: number; readonly note: string }> {
  const [row] = await log.find({ type: 'security-checkpoint', limit: 1 })
  const decoded = row === undefined ? null : decodeEntry(row.bytes)
  if (decoded?.ok !== true) return newest
  const { size, note, origin } = decoded.entry.data as unknown as EntryData['security-checkpoint']
  // What the decision log holds of the security log of another name proves nothing of this one.
  const isOurs = newest.note.startsWith(`${origin}\n`)
  return isOurs && size >= next && size <= newest.size ? { size, note } : newest
}
