import {
  type Checkpoint,
  decodeUtf8,
  encodeHex,
  equalBytes,
  type LogKeyCertificate,
  parseCheckpoint,
  tileWidth,
  treeHasher,
} from '../../core/index.ts'
import { auditEntries } from './audit-entries.ts'
import type { AuditNeeds } from './audit-needs.ts'
import { type AuditProgress, type AuditReport, type FaultList, faultList } from './audit-report.ts'
import { upperRows, type UpperRows } from './audit-rows.ts'
import { type FollowedKeys, followKeys, judgeHead, readClaimedHead } from './follow-log.ts'
import { continues } from './known-head.ts'
import { faulty, type LogFault, type Read } from './log-fault.ts'
import { logEnded } from './log-ended.ts'
import { openLogTree } from './log-tree.ts'

export interface AuditRequest {
  /** First entry whose bytes are looked at; rounded down to a bundle. What stands before is taken by its tiles. */
  readonly from: number
  /** The checkpoint of an earlier audit, which this log must continue. */
  readonly known: string | null
  /** The keys as the earlier audit followed them. */
  readonly followed: FollowedKeys | null
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
 * Checks: that the key of its size signed the checkpoint, following keys where the trust has a root; that the log continues the checkpoint known before; every bundle, tile and entry
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
  const head = await readClaimedHead(source, trust)
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
  const earlier: { readonly note: string; readonly fault: LogFault | null }[] = []
  for (const one of [request.known, before?.note ?? null])
    if (one !== null) earlier.push({ note: one, fault: await compareWithKnown(needs, one, checkpoint) })
  /** Who may sign is known when all certificates are: those of the entries before and of the audited ones. */
  const judgeNotes = (certificates: readonly LogKeyCertificate[]): void => {
    const signed = judgeHead(trust, note, certificates)
    if (!signed.ok) faults.add(signed.fault)
    for (const { note: other, fault } of earlier) {
      const judged = judgeHead(trust, other, certificates, 'state')
      // A difference to what the log never signed is none.
      if (!judged.ok) faults.add(judged.fault)
      else if (fault !== null) faults.add(fault)
    }
  }
  const giveUp = (fault: LogFault | null): AuditReport => {
    judgeNotes(request.followed?.certificates ?? before?.certificates ?? [])
    if (fault !== null) faults.add(fault)
    return reportOf(audited, faults)
  }
  // What was audited before is gone: nothing of the rest can be compared with it.
  if (earlier.some(({ fault }) => fault?.code === 'log-rolled-back')) return giveUp(null)

  const rows = upperRows(hasher)
  const unproven = await takePrefix(needs, checkpoint, before?.next ?? from, rows)
  if (unproven !== null) return giveUp(unproven)
  if (before !== null && encodeHex(rows.root(null)) !== before.root)
    return giveUp(faulty('log-inconsistent', 'state').fault)

  const followed = await keysBefore(needs, checkpoint, from, request)
  if (!followed.ok) return giveUp(followed.fault)
  const ids = request.resume?.ids ?? new Uint32Array(0)
  const { certificates } = followed.value
  const found = await auditEntries(needs, { checkpoint, note, from, before, ids, rows, faults, certificates })
  judgeNotes(found.certificates)
  await rows.compare(source, checkpoint.size, faults)
  if (!equalBytes(rows.root(found.partialRoot), checkpoint.root))
    faults.add(faulty('root-mismatch', 'checkpoint').fault)
  for (const { digest, index } of found.missing)
    if (!found.erased.has(digest)) faults.add({ code: 'blob-missing', path: `blob/${digest}`, index })
  const erased = found.missing.filter(({ digest }) => found.erased.has(digest))
  const { blobs } = found
  return reportOf(audited, faults, {
    entries: checkpoint.size - from,
    blobs,
    erased,
    certificates: found.certificates,
  })
}

/** The certificates before the audited entries: as an earlier audit found them, or read from those entries alone. */
async function keysBefore(
  { source, trust, acceleration }: AuditNeeds,
  checkpoint: Checkpoint,
  from: number,
  { followed, resume }: AuditRequest,
): Promise<Read<FollowedKeys>> {
  if (resume !== null)
    return { ok: true, value: { size: resume.progress.next, certificates: resume.progress.certificates } }
  // Without a root nothing is followed, and nothing has to be read for it.
  if (trust.root === null) return { ok: true, value: { size: from, certificates: [] } }
  return followKeys(source, checkpoint, { known: followed, to: from, acceleration })
}

/** Whether the log continues a checkpoint that the auditor has kept. */
async function compareWithKnown(
  { source, acceleration }: AuditNeeds,
  note: string,
  checkpoint: Checkpoint,
): Promise<LogFault | null> {
  const known = parseCheckpoint(note)
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
  found: Pick<AuditReport, 'entries' | 'blobs' | 'erased' | 'certificates'> = {
    entries: 0,
    blobs: 0,
    erased: [],
    certificates: [],
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
