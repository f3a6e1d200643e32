import {
  type Acceleration,
  type Checkpoint,
  decodeEntry,
  decodeHex,
  decodeUtf8,
  equalBytes,
  followLogKeys,
  type LogKeyCertificate,
  type LogKeySpan,
  noteVerifierKey,
  parseCheckpoint,
  parseVerifierKey,
  treeHasher,
  type VerifierKey,
  verifyHead,
} from '../../core/index.ts'
import { entryData, textIn } from '../gate/entry-data.ts'
import type { DecisionLog, LogHead, LogSource } from '../ports.ts'
import { certificateOf } from './follow-log.ts'
import { readCertificates } from './log-keys.ts'
import { entriesOf } from './log-source.ts'
import { openLogTree } from './log-tree.ts'
import { hadHead } from './outside-copy.ts'

/** The beginning of a log that is left of it: what the store lacks, under a head that the log signed over exactly that. */
export interface Beginning {
  readonly checkpoint: Checkpoint
  /** The head as it was signed, with its cosignatures. */
  readonly note: string
  /** The entries that follow those of the store. */
  readonly entries: readonly Uint8Array[]
  /** The offline root that the log names; null where it names none. */
  readonly root: VerifierKey | null
  readonly spans: readonly LogKeySpan[]
}

export type ReadBeginning =
  | { readonly ok: true; readonly beginning: Beginning }
  | { readonly ok: false; readonly code: string; readonly place: string | null }

interface Needs {
  readonly origin: string
  readonly log: Pick<DecisionLog, 'head' | 'entries' | 'find' | 'checkpoint' | 'node'>
  readonly acceleration: Acceleration
  /** The root that the operator names, for a log that names none. */
  readonly root: VerifierKey | null
}

const refused = (code: string, place: string | null = null): ReadBeginning => ({ ok: false, code, place })

interface Found {
  readonly checkpoint: Checkpoint
  readonly note: string
  readonly entries: readonly Uint8Array[]
}

/** The head that the store has itself. */
async function fromStore({ log }: Needs): Promise<Found | null> {
  const stored = await log.checkpoint()
  const body = stored === null ? null : bodyOf(stored.note)
  return stored === null || body === null ? null : { checkpoint: body, note: stored.note, entries: [] }
}

function bodyOf(note: string): Checkpoint | null {
  const head = parseCheckpoint(note)
  return head.ok ? head.checkpoint : null
}

/** What a place holds beyond the store; null where it holds no more. Its head's signature is the caller's to check. */
async function fromSource(
  { origin, log, acceleration }: Needs,
  source: LogSource,
  own: LogHead,
): Promise<{ readonly found: Found | null } | { readonly code: string; readonly place: string | null }> {
  const bytes = await source.read('checkpoint')
  if (bytes === null) return { code: 'checkpoint-missing', place: 'checkpoint' }
  const note = decodeUtf8(bytes) ?? ''
  const checkpoint = bodyOf(note)
  if (checkpoint === null) return { code: 'checkpoint-malformed', place: 'checkpoint' }
  if (checkpoint.origin !== origin) return { code: 'checkpoint-wrong-origin', place: 'checkpoint' }
  if (checkpoint.size < own.size)
    return (await hadHead({ log, acceleration }, checkpoint))
      ? { found: null }
      : { code: 'log-inconsistent', place: 'checkpoint' }
  const tree = await openLogTree(source, checkpoint, treeHasher(acceleration))
  if (!tree.ok) return { code: tree.fault.code, place: tree.fault.path }
  const root = await tree.value.rootAt(own.size)
  if (!root.ok) return { code: root.fault.code, place: root.fault.path }
  if (!equalBytes(root.value, own.root)) return { code: 'log-inconsistent', place: 'checkpoint' }
  const entries: Uint8Array[] = []
  for await (const range of entriesOf(source, checkpoint, { from: own.size, to: checkpoint.size }, acceleration)) {
    if (!range.ok) return { code: range.fault.code, place: range.fault.path }
    entries.push(...range.entries)
  }
  return { found: { checkpoint, note, entries } }
}

/** The certificates and the root that entries beyond the store name. */
function certifiedBy(entries: readonly Uint8Array[], from: number) {
  const certificates: LogKeyCertificate[] = []
  const roots: string[] = []
  for (const [i, bytes] of entries.entries()) {
    const decoded = decodeEntry(bytes)
    const certificate = decoded.ok ? certificateOf(decoded.entry, from + i) : null
    if (!decoded.ok || certificate === null) continue
    certificates.push(certificate)
    const { root } = decoded.entry.data
    if (typeof root === 'string') roots.push(root)
  }
  return { certificates, roots }
}

async function firstKey({ log, origin }: Needs): Promise<readonly VerifierKey[]> {
  const [genesis] = await log.entries(0, 1)
  const key = genesis?.type === 'genesis' ? decodeHex(textIn(entryData(genesis), 'logKey')) : undefined
  return key === undefined ? [] : [noteVerifierKey(origin, key)]
}

/**
 * Reads what is left of a log at a place beyond what the store holds; without a place, what the store holds.
 *
 * Trust: every file of the place is an attacker's.
 * Checks: the head is signed by a key that the log's certificates lead to, the new ones included; the store's entries are its
 * beginning; every entry is included in it.
 * @throws AppError log-files-unavailable, store-corrupt
 */
export async function readBeginning(
  needs: Needs,
  first: readonly VerifierKey[],
  source: LogSource | null,
): Promise<ReadBeginning> {
  const { log, origin } = needs
  const own = await log.head()
  const stored = await fromStore(needs)
  if (stored === null || stored.checkpoint.size !== own.size) return refused('log-empty')
  const there = source === null ? { found: null } : await fromSource(needs, source, own)
  if ('code' in there) return refused(there.code, there.place)
  const found = there.found ?? stored
  const [certified] = await log.find({ type: 'log-key', limit: 1 })
  const before = await readCertificates(log)
  const more = certifiedBy(found.entries, own.size)
  const line =
    (before.length > 0 && certified !== undefined ? textIn(entryData(certified), 'root') : more.roots[0]) ?? null
  const named = line === null ? null : (parseVerifierKey(line) ?? null)
  const keys = first.length > 0 ? first : await firstKey(needs)
  const chain = followLogKeys(origin, keys, named ?? needs.root, [...before, ...more.certificates])
  if (!chain.ok) return refused(chain.code)
  const signed = verifyHead(found.note, origin, chain.spans)
  if (!signed.ok) return refused(signed.code, 'checkpoint')
  return { ok: true, beginning: { ...found, root: named, spans: chain.spans } }
}
