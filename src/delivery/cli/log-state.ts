import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AuditProgress } from '../../flows/record/audit-report.ts'
import type { FollowedKeys } from '../../flows/record/follow-log.ts'
import { exitCode } from './exit-code.ts'
import { Refusal } from './refusal.ts'

/** What an auditor remembers of one log between two looks. Its own word to itself: whoever writes it decides what is found. */
export interface LogState {
  readonly v: 1
  readonly kind: 'governance-log-state'
  readonly origin: string
  /** The newest checkpoint that was found good, whole. */
  readonly note: string | null
  /** The keys of the log as they were followed up to `note`; null where nobody did. */
  readonly keys: FollowedKeys | null
  /** An audit that is not finished, and how many bytes of its ids lie in the file beside. */
  readonly progress: (AuditProgress & { readonly idBytes: number }) | null
}

const idsFile = (file: string): string => `${file}.ids`

function unreadable(file: string, why: string): Refusal {
  return new Refusal('state-unreadable', `${file} is no state of a log: ${why}`, {
    exit: exitCode.unknown,
    remedy: 'Name another file; without the one that is lost, what was seen before is not compared.',
  })
}

type Stored = Omit<LogState, 'keys'> & Partial<Pick<LogState, 'keys'>>

/** What an earlier version wrote holds no keys: they are followed from the beginning, and its unfinished audit begins anew. */
function withKeys({ keys = null, progress, ...state }: Stored): LogState {
  return { ...state, keys, progress: Array.isArray(progress?.certificates) ? progress : null }
}

/** Reads a state file; null where there is none yet. @throws Refusal state-unreadable */
export function readLogState(file: string): LogState | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw unreadable(file, code ?? 'unknown')
  }
  try {
    const state = JSON.parse(text) as Partial<LogState>
    const isState = state.v === 1 && state.kind === 'governance-log-state' && typeof state.origin === 'string'
    if (isState && (state.note === null || typeof state.note === 'string') && typeof state.progress === 'object')
      return withKeys(state as Stored)
  } catch {
    // Named below.
  }
  throw unreadable(file, 'its content is another')
}

/** Replaces the state file: after a crash it is the old one or the new one, never half of both. */
export function writeLogState(file: string, state: LogState): void {
  const draft = `${file}.new`
  const fd = openSync(draft, 'w', 0o644)
  try {
    writeSync(fd, `${JSON.stringify(state)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
  if (state.progress === null) rmSync(idsFile(file), { force: true })
}

/** Adds the ids of audited entries to the file beside the state, after the first `before` bytes of them; durable on return. */
export function appendIds(file: string, before: number, ids: readonly Uint32Array[]): void {
  const path = idsFile(file)
  const fd = openSync(path, before === 0 ? 'w' : 'a', 0o644)
  try {
    // What stands behind was written by an audit that ended before its state was kept.
    if (before > 0) truncateSync(path, before)
    for (const words of ids) writeSync(fd, words)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The first `size` bytes of the ids of an unfinished audit. @throws Refusal state-unreadable when some are gone */
export function readIds(file: string, size: number): Uint32Array {
  if (size === 0) return new Uint32Array(0)
  let bytes: Buffer
  try {
    bytes = readFileSync(idsFile(file))
  } catch (error) {
    throw unreadable(idsFile(file), (error as NodeJS.ErrnoException).code ?? 'unknown')
  }
  if (bytes.length < size || size % 4 !== 0) throw unreadable(idsFile(file), 'it is too short')
  return new Uint32Array(new Uint8Array(bytes.subarray(0, size)).buffer)
}
