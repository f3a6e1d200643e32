import {
  type Checkpoint,
  decodeUtf8,
  encodeHex,
  equalBytes,
  tileWidth,
  treeHasher,
  verifyCheckpoint,
} from '../../core/index.ts'
import { auditEntries } from './audit-entries.ts'
import type { AuditNeeds } from './audit-needs.ts'
import { type AuditProgress, type AuditReport, type FaultList, faultList, type NamedBlob } from './audit-report.ts'
import { upperRows, type UpperRows } from './audit-rows.ts'
import { continues } from './known-head.ts'
import { faulty, type LogFault } from './log-fault.ts'
import { logEnded } from './log-ended.ts'
import { readLogHead } from './log-source.ts'
import { openLogTree } from './log-tree.ts'

export interface AuditRequest {
  /** First entry whose bytes are looked at; rounded down to a bundle. What stands before is taken by its tiles. */
  readonly from: number
  /** The checkpoint of an earlier audit, which this log must continue. */
  readonly known: string | null
  /** An audit that was interrupted, with the ids of the entries that it saw. */
  readonly resume: { readonly progress: AuditProgress; readonly ids: Uint32Array } | null
}

/** What the report is about, as far as it is known. */
interface Audited {
  readonly origin: string
  readonly from: number
  readonly note: string | null
  readonly checkpoint: Checkpoint | null
}

/**
 * Audits a whole log: every byte that its checkpoint stands for.
 *
 * Trust: the files are an attacker's; keys, earlier checkpoint and progress are the auditor's.
 * Checks: the checkpoint's signature; that the log continues the checkpoint known before; every bundle, tile and entry
 * (`auditBundle`); every tile of every row and the root, recomputed from the entries; ids unique; `at` never falls; one
 * genesis, at 0; every blob that entries name, unless a tombstone says that it was erased.
 * Does not check: that others see the same log; that is what `watchLog` and witnesses are for.
 * Errs: never calls a log good that has a fault; one fault of a file may be told by its consequences as well.
 * @throws AppError log-files-unavailable
 */
export async function auditLog(needs: AuditNeeds, request: AuditRequest): Promise<AuditReport> {
  const { source, trust } = needs
  const hasher = treeHasher(needs.acceleration)
  const before = request.resume?.progress ?? null
  const faults = faultList(before ?? undefined)
  const head = await readLogHead(source, trust)
  const ended = await logEnded(source, trust.origin)
  if (ended !== null) faults.add(ended)
  if (!head.ok) {
    if (ended === null) faults.add(head.fault)
    return reportOf({ origin: trust.origin, from: request.from, note: null, checkpoint: null }, faults)
  }
  const { checkpoint } = head.value
  const note = decodeUtf8(head.value.note) ?? ''
  const wanted = Math.min(request.from, checkpoint.size)
  const from = before?.from ?? wanted - (wanted % tileWidth)
  const audited = { origin: trust.origin, from, note, checkpoint }

  for (const earlier of [request.known, before?.note ?? null]) {
    const fault = earlier === null ? null : await compareWithKnown(needs, earlier, checkpoint)
    if (fault !== null) faults.add(fault)
  }
  // What was audited before is gone: nothing of the rest can be compared with it.
  if (faults.faults.some(({ code }) => code === 'log-rolled-back')) return reportOf(audited, faults)

  const rows = upperRows(hasher)
  const unproven = await takePrefix(needs, checkpoint, before?.next ?? from, rows)
  if (unproven !== null) {
    faults.add(unproven)
    return reportOf(audited, faults)
  }
  if (before !== null && encodeHex(rows.root(null)) !== before.root) {
    faults.add(faulty('log-inconsistent', 'state').fault)
    return reportOf(audited, faults)
  }

  const ids = request.resume?.ids ?? new Uint32Array(0)
  const found = await auditEntries(needs, { checkpoint, note, from, before, ids, rows, faults })
  await rows.compare(source, checkpoint.size, faults)
  if (!equalBytes(rows.root(found.partialRoot), checkpoint.root))
    faults.add(faulty('root-mismatch', 'checkpoint').fault)
  for (const { digest, index } of found.missing)
    if (!found.erased.has(digest)) faults.add({ code: 'blob-missing', path: `blob/${digest}`, index })
  const erased = found.missing.filter(({ digest }) => found.erased.has(digest))
  return reportOf(audited, faults, { entries: checkpoint.size - from, blobs: found.blobs, erased })
}

/** Whether the log continues a checkpoint that the auditor has kept. */
async function compareWithKnown(
  { source, trust, acceleration }: AuditNeeds,
  note: string,
  checkpoint: Checkpoint,
): Promise<LogFault | null> {
  const known = verifyCheckpoint(note, trust.origin, trust.keys)
  return known.ok
    ? continues(source, known.checkpoint, checkpoint, treeHasher(acceleration))
    : faulty(known.code, 'state').fault
}

/** Takes the entries before `next` by their tiles, each of which must belong to the root. */
async function takePrefix(
  { source, acceleration }: AuditNeeds,
  checkpoint: Checkpoint,
  next: number,
  rows: UpperRows,
): Promise<LogFault | null> {
  if (next === 0) return null
  const tree = await openLogTree(source, checkpoint, treeHasher(acceleration))
  if (!tree.ok) return tree.fault
  for (let index = 0; index < next / tileWidth; index++) {
    const hash = await tree.value.node(8, index)
    if (!hash.ok) return hash.fault
    rows.push(hash.value)
  }
  return null
}

function reportOf(
  { origin, from, note, checkpoint }: Audited,
  faults: FaultList,
  found: { readonly entries: number; readonly blobs: number; readonly erased: readonly NamedBlob[] } = {
    entries: 0,
    blobs: 0,
    erased: [],
  },
): AuditReport {
  return {
    isGood: faults.count === 0,
    origin,
    size: checkpoint?.size ?? null,
    root: checkpoint === null ? null : encodeHex(checkpoint.root),
    note,
    from,
    ...found,
    faults: faults.faults,
    faultCount: faults.count,
  }
}
