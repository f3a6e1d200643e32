import { canonicalBytes, equalBytes, isJsonObject, type Json, type JsonObject, type Sha256 } from '../../core/index.ts'
import { AppError } from '../app-error.ts'
import { entryData } from '../gate/entry-data.ts'
import { serverActor } from '../gate/entries.ts'
import type { Recorder } from '../gate/recorder.ts'
import type { DecisionLog, Telemetry } from '../ports.ts'
import type { IndexedEntry } from './read-decisions.ts'

/** The offline verifier that belongs to one version of the software: its files by name, as anybody builds them from the source. */
export interface VerifierRelease {
  readonly version: string
  readonly files: Readonly<Record<string, Sha256>>
}

/** The type of the entries that hold the digests of the verifier. */
export const verifierEntryType = 'verifier-published'

const isSame = (data: JsonObject, release: VerifierRelease): boolean =>
  equalBytes(canonicalBytes(data), canonicalBytes(release as unknown as Json))

/**
 * Records which verifier this software carries, where the newest such entry says something else: strangers compare the file
 * that they were handed with the log.
 *
 * Errs: never throws for the log; what could not be recorded is recorded by a later start.
 */
export async function recordVerifier(
  needs: {
    readonly recorder: Recorder
    readonly log: Pick<DecisionLog, 'find'>
    readonly telemetry: Telemetry
  },
  release: VerifierRelease,
): Promise<void> {
  const { version, files } = release
  try {
    const [newest] = await needs.log.find({ type: verifierEntryType, limit: 1 })
    if (newest !== undefined && isSame(entryData(newest), { version, files })) return
    await needs.recorder.record(() => ({
      entries: [
        {
          type: verifierEntryType,
          actor: serverActor,
          subject: { kind: 'deployment' as const },
          data: { version, files },
        },
      ],
      writes: [],
      result: undefined,
      keepsTime: true,
    }))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    needs.telemetry.event('verifier-not-recorded', 'warn', { error })
  }
}

/** The newest verifier that a log tells of, and the entry that does; null where it tells of none. */
export function newestVerifier(
  entries: readonly IndexedEntry[],
): { readonly index: number; readonly release: VerifierRelease } | null {
  const newest = entries.findLast(({ entry }) => entry.type === verifierEntryType)
  if (newest === undefined || !isJsonObject(newest.entry.data.files)) return null
  return { index: newest.index, release: newest.entry.data as unknown as VerifierRelease }
}
