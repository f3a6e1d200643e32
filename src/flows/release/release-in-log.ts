import {
  type Acceleration,
  canonicalBytes,
  equalBytes,
  isJsonObject,
  type Json,
  type JsonObject,
  parseJsonStrict,
  readReleaseFile,
  type Sha256,
} from '../../core/index.ts'
import type { LogSource } from '../ports.ts'
import type { Read } from '../record/log-fault.ts'
import type { LogTrust } from '../record/log-source.ts'
import { readDecisions } from '../record/read-decisions.ts'

/** How a release stands in the whole log. `entry` is the one that says otherwise. */
export type ReleaseInLog =
  | { readonly outcome: 'pass'; readonly code: null; readonly entry: null }
  /** The log that was read ends before the release: it is published a little later. */
  | { readonly outcome: 'skipped'; readonly code: 'log-older'; readonly entry: number }
  | {
      readonly outcome: 'fail'
      readonly code:
        | 'release-not-in-log'
        | 'release-statement-left-out'
        | 'release-signed-again'
        | 'release-vetoed-later'
      readonly entry: number | null
    }

const wantedTypes: ReadonlySet<string> = new Set(['release-signed', 'statement-admitted'])
const failed = (code: Extract<ReleaseInLog, { outcome: 'fail' }>['code'], entry: number | null): ReleaseInLog => ({
  outcome: 'fail',
  code,
  entry,
})

/** What a statement decides; null where its payload is gone or none. */
function decisionOf(payload: Uint8Array | null): Json {
  const parsed = payload === null ? null : parseJsonStrict(payload, { maxBytes: 1_048_576, maxDepth: 64 })
  const value = parsed?.ok === true ? parsed.value : null
  return isJsonObject(value) && isJsonObject(value.predicate ?? null)
    ? ((value.predicate as JsonObject).decision ?? null)
    : null
}

/**
 * Compares the file of a release with the whole log: what the file leaves out nobody can tell from the file.
 *
 * Trust: every file is an attacker's; `trust` is the caller's.
 * Checks: as `readDecisions`; the log holds the very entry of the release; every statement about the tag before it is in the file;
 * the tag was signed once, and no veto of afterwards stands.
 * Does not check: the release itself; `verifyRelease` does, and comes first.
 * @throws AppError log-files-unavailable
 */
export async function judgeReleaseInLog(
  source: LogSource,
  trust: LogTrust,
  bytes: Uint8Array,
  acceleration: Acceleration,
): Promise<Read<ReleaseInLog>> {
  const file = readReleaseFile(bytes)
  if (!file.ok) return { ok: true, value: failed('release-not-in-log', null) }
  const { signed, entries } = file.file
  const own = entries.find(({ index }) => index === signed)?.entry
  const read = await readDecisions(source, trust, { isWanted: (type) => wantedTypes.has(type), acceleration })
  if (!read.ok) return read
  if (read.value.checkpoint.size <= signed)
    return { ok: true, value: { outcome: 'skipped', code: 'log-older', entry: signed } }
  const inLog = read.value.entries.find(({ index }) => index === signed)?.entry
  const isSame = own !== undefined && inLog !== undefined && equalBytes(canonicalBytes(own), canonicalBytes(inLog))
  if (!isSame) return { ok: true, value: failed('release-not-in-log', signed) }
  const isAbout = ({ kind, repository, tag }: JsonObject): boolean =>
    kind === 'release' && repository === own.subject.repository && tag === own.subject.tag
  const vetoes = new Map<string, number>()
  const held = new Set<number>(entries.map(({ index }) => index))
  for (const { index, entry } of read.value.entries) {
    if (!isAbout(entry.subject) || index === signed) continue
    if (entry.type === 'release-signed') return { ok: true, value: failed('release-signed-again', index) }
    if (index < signed && !held.has(index)) return { ok: true, value: failed('release-statement-left-out', index) }
    if (index < signed) continue
    const decision = decisionOf(await read.value.blob(entry.data.payloadDigest as Sha256))
    const person = JSON.stringify(entry.actor.account ?? null)
    if (decision === 'veto') vetoes.set(person, index)
    if (decision === 'withdraw') vetoes.delete(person)
  }
  const [veto] = vetoes.values()
  if (veto !== undefined) return { ok: true, value: failed('release-vetoed-later', veto) }
  return { ok: true, value: { outcome: 'pass', code: null, entry: null } }
}
