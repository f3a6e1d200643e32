import { openLogDirectory } from './adapters/log-files/directory.ts'
import { createTelemetry } from './adapters/telemetry/telemetry.ts'
import { decisionsFolder } from './compose-deployment.ts'
import { eraFolder, openOffHost } from './compose-off-host.ts'
import { askWitnesses } from './compose-witness.ts'
import { readPublishedHead } from './compose-witness-cli.ts'
import type { Config } from './config/config.ts'
import { blobPath, breakPath, encodeUtf8, parseCheckpoint, type Sha256 } from './core/index.ts'
import { AppError } from './flows/app-error.ts'
import { currentEra } from './flows/gate/log-era.ts'
import type { Custody, LogFiles, LogName, OffHost, StorePorts } from './flows/ports.ts'
import { compareCopy, type OutsideCopyNeeds } from './flows/record/outside-copy.ts'
import { type Removal, removeEverywhere } from './flows/record/remove-everywhere.ts'
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
  const head = note === null ? null : parseCheckpoint(note)
  return head?.ok === true && head.checkpoint.origin === origin ? head.checkpoint.size : 0
}

/**
 * Asks everybody who was told heads of a log for the largest one: the public files, the off-host copy, the witnesses.
 *
 * Errs: whoever does not answer is named and not waited for, since a log whose copy or witnesses are gone for good must be able
 * to end too; the offline root then vouches alone.
 */
export async function newestOutside(
  config: Config,
  custody: Custody,
  store: Pick<StorePorts, 'log'>,
  copies: readonly (OutsideCopyNeeds & { readonly name: LogName })[],
): Promise<NewestOutside> {
  const silent: string[] = []
  const { number } = await currentEra(store.log)
  let size = sizeOf(readPublishedHead(config.data.directory, number), config.log.origin)
  for (const copy of copies.filter(({ name }) => name === 'decisions')) {
    const state = await compareCopy(copy).catch((error: unknown) => ({ kind: codeOf(error) }))
    if ('size' in state) size = Math.max(size, state.size)
    else silent.push(`${copy.place} (${state.kind})`)
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

/** Removes a value from every place of the log, and from those of the logs before it: they hold the same entries. */
export async function removeBlob(
  config: Config,
  custody: Custody,
  store: Pick<StorePorts, 'log'>,
  digest: Sha256,
): Promise<readonly Removal[]> {
  const { number } = await currentEra(store.log)
  const { offHost } = config.log
  const eras = Array.from({ length: number + 1 }, (_, era) => era).reverse()
  const elsewhere = eras.flatMap((era) =>
    offHost === undefined ? [] : [openOffHost(offHost, custody, systemTimers, era)],
  )
  const named = (place: string, era: number): string =>
    number === 0 ? place : `${place} (${eraFolder('decisions', era)})`
  try {
    return await removeEverywhere(blobPath(digest), [
      ...eras.map((era) => ({
        place: named('here', era),
        open: () =>
          openLogDirectory({ directory: decisionsFolder(config.data.directory, era), create: era === number }),
      })),
      ...elsewhere.map((place, i) => ({
        place: named(place.name, number - i),
        open: async () => place.files('decisions'),
      })),
    ])
  } finally {
    for (const place of elsewhere) place.close()
  }
}
