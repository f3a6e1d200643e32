import { openLogDirectory } from './adapters/log-files/directory.ts'
import { createTelemetry } from './adapters/telemetry/telemetry.ts'
import { decisionsFolder } from './compose-deployment.ts'
import { openOffHost } from './compose-off-host.ts'
import { askWitnesses } from './compose-witness.ts'
import type { Config } from './config/config.ts'
import { breakPath, encodeUtf8, parseCheckpointBody, parseSignedNote } from './core/index.ts'
import { AppError } from './flows/app-error.ts'
import { currentEra } from './flows/gate/log-era.ts'
import type { Custody, LogFiles, OffHost, StorePorts } from './flows/ports.ts'
import { compareCopy, type OutsideCopyNeeds } from './flows/record/outside-copy.ts'
import { systemTimers } from './system.ts'

/** The largest head of a log that anybody outside of its database holds, and who could not say. */
export interface NewestOutside {
  readonly size: number
  readonly silent: readonly string[]
}

/** Where the note that ends a log was put, and where it could not be. */
export interface PlacedBreak {
  readonly place: string
  /** Null: it lies there. */
  readonly code: string | null
}

const codeOf = (error: unknown): string => {
  if (error instanceof AppError) return error.code
  throw error
}

function sizeOf(note: string | null, origin: string): number {
  const parsed = note === null ? null : parseSignedNote(note)
  const body = parsed?.ok === true ? parseCheckpointBody(parsed.text) : null
  return body?.ok === true && body.checkpoint.origin === origin ? body.checkpoint.size : 0
}

/**
 * Asks everybody who was told heads of a log for the largest one: the public files, the off-host copy, the witnesses.
 *
 * Errs: whoever does not answer is named and not waited for, since a log whose copy or witnesses are gone for good must be able
 * to end too; the offline root then vouches alone.
 */
export async function newestOutside(
  config: Config,
  parts: {
    readonly custody: Custody
    readonly store: Pick<StorePorts, 'log'>
    readonly published: string | null
    readonly copy: OutsideCopyNeeds | null
  },
): Promise<NewestOutside> {
  const { custody, store, published, copy } = parts
  const silent: string[] = []
  let size = sizeOf(published, config.log.origin)
  if (copy !== null) {
    const state = await compareCopy(copy).catch((error: unknown) => ({ kind: codeOf(error) }))
    if ('size' in state) size = Math.max(size, state.size)
    else silent.push(`${copy.name} (${state.kind})`)
  }
  const quorum = config.log.witness?.quorum ?? null
  const head = await store.log.checkpoint()
  if (quorum !== null && head !== null) {
    const known = await askWitnesses(quorum, { custody, telemetry: createTelemetry({ level: 'error' }) }, head.note)
    if (known.kind === 'known' || known.kind === 'ahead') size = Math.max(size, known.size)
    if (known.kind === 'unreachable') silent.push(...known.missing)
  }
  return { size, silent }
}

/**
 * Puts the break beside the last head of the old log, at home and off-host, and where the new log will lie, so that whoever
 * still reads the old one hears that it ended. What cannot be written is named; watchers stop at the new origin anyway.
 */
export async function publishBreak(
  config: Config,
  custody: Custody,
  store: Pick<StorePorts, 'log'>,
  note: string,
): Promise<readonly PlacedBreak[]> {
  const { number } = await currentEra(store.log)
  const folder = (era: number): string => decisionsFolder(config.data.directory, era)
  const bytes = encodeUtf8(note)
  const put = async (place: string, open: () => Promise<Pick<LogFiles, 'write'>>): Promise<PlacedBreak> => {
    try {
      await (await open()).write(breakPath, bytes)
      return { place, code: null }
    } catch (error) {
      return { place, code: codeOf(error) }
    }
  }
  const before = folder(number - 1)
  const placed = [
    await put(folder(number), () => openLogDirectory({ directory: folder(number), create: true })),
    await put(before, () => openLogDirectory({ directory: before, create: false })),
  ]
  if (config.log.offHost === undefined) return placed
  const offHost: OffHost = openOffHost(config.log.offHost, custody, systemTimers, number - 1)
  try {
    return [...placed, await put(offHost.name, async () => offHost.files('decisions'))]
  } finally {
    offHost.close()
  }
}
