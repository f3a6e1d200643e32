import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openLogDirectory } from './adapters/log-files/directory.ts'
import { openSftpFiles } from './adapters/log-files/sftp.ts'
import { nameOfPlace } from './adapters/log-files/sftp-connection.ts'
import type { OffHostPlace } from './config/config.ts'
import { type Acceleration, noteVerifierKey } from './core/index.ts'
import { AppError } from './flows/app-error.ts'
import { currentEra } from './flows/gate/log-era.ts'
import { logKeyNames } from './flows/gate/log-key-name.ts'
import type { Custody, LogFiles, LogName, OffHost, StorePorts, Telemetry, Timers } from './flows/ports.ts'
import { compareCopy, copySource, type OutsideCopyNeeds } from './flows/record/outside-copy.ts'
import { createLogPublisher } from './flows/record/publisher.ts'
import { createStartGate, type OutsideSource, type StartGate } from './flows/record/start-gate.ts'

/** The folder of a log. The decision log has another one after each break: files are written once, and never over. */
export const eraFolder = (log: LogName, era: number): string =>
  era === 0 || log === 'security' ? log : `${log}-after-${era}`

/**
 * Opens the place that the configuration names, with the folders that the log has after so many breaks. Reaches for nothing
 * yet: who uses it hears that it is not there.
 */
export function openOffHost(
  place: OffHostPlace,
  custody: Pick<Custody, 'reveal'>,
  timers: Timers,
  era: number,
): OffHost {
  return place.kind === 'directory' ? openElsewhere(place.directory, era) : openSftp(place, custody, timers, era)
}

function openElsewhere(directory: string, era: number): OffHost {
  const opened = new Map<LogName, Promise<LogFiles>>()
  const open = async (log: LogName): Promise<LogFiles> => {
    const opening =
      opened.get(log) ?? openLogDirectory({ directory: join(directory, eraFolder(log, era)), create: false })
    opened.set(log, opening)
    try {
      return await opening
    } catch (error) {
      opened.delete(log)
      throw error
    }
  }
  return {
    name: directory,
    files: (log) => ({
      read: async (path) => (await open(log)).read(path),
      write: async (path, bytes) => (await open(log)).write(path, bytes),
      replaceCheckpoint: async (note) => (await open(log)).replaceCheckpoint(note),
      removeBlob: async (path) => (await open(log)).removeBlob(path),
    }),
    async prepare(log) {
      try {
        // The place itself is never made: where a mount should be, it would be a folder of this machine.
        await lstat(join(directory, '.'))
        await mkdir(join(directory, eraFolder(log, era)), { recursive: true, mode: 0o755 })
      } catch (cause) {
        throw new AppError('log-files-unavailable', `${directory} is not there or takes no folder; mount it first`, {
          cause,
          data: { place: directory, reason: 'no-directory' },
        })
      }
    },
    close() {},
  }
}

function openSftp(
  place: Extract<OffHostPlace, { readonly kind: 'sftp' }>,
  custody: Pick<Custody, 'reveal'>,
  timers: Timers,
  era: number,
): OffHost {
  const privateKey = (): Promise<Uint8Array> => custody.reveal(place.privateKey.keystore)
  const open = (log: LogName) =>
    openSftpFiles(
      { ...place, directory: `${place.directory.replace(/\/+$/, '')}/${eraFolder(log, era)}`, privateKey },
      timers,
    )
  const files = { decisions: open('decisions'), security: open('security') }
  return {
    name: nameOfPlace(place),
    files: (log) => files[log],
    prepare: (log) => files[log].makeDirectory(),
    close() {
      for (const one of Object.values(files)) one.close()
    },
  }
}

/** The off-host copy of the decision log, as it is compared with the log. */
export const decisionCopy = (
  offHost: Pick<OffHost, 'name' | 'files'>,
  origin: string,
  { log }: Pick<StorePorts, 'log'>,
  custody: Pick<Custody, 'names' | 'publicKey'>,
  acceleration: Acceleration,
): OutsideCopyNeeds => ({
  name: offHost.name,
  files: offHost.files('decisions'),
  origin,
  log,
  keys: async () => {
    const names = logKeyNames(await custody.names(), (await currentEra(log)).number)
    return Promise.all(names.map(async (name) => noteVerifierKey(origin, await custody.publicKey(name))))
  },
  acceleration,
})

/** What is asked before the decision log is signed: the off-host copy and the witnesses, where they are configured. */
export const decisionGate = (copy: OutsideCopyNeeds | null, witnesses: OutsideSource | null): StartGate =>
  createStartGate([...(copy === null ? [] : [copySource(copy)]), ...(witnesses === null ? [] : [witnesses])])

/**
 * Fills a new place with the log as it is, files first, head last. A place that holds a head of this log is filled up.
 *
 * @throws AppError log-ahead, log-file-differs when it holds anything that this log has not; log-files-unavailable
 */
export async function prepareCopy(
  offHost: OffHost,
  copy: OutsideCopyNeeds,
  { log, memory }: Pick<StorePorts, 'log' | 'memory'>,
  origin: string,
  parts: { readonly timers: Timers; readonly telemetry: Telemetry },
): Promise<number> {
  await offHost.prepare('decisions')
  if ((await compareCopy(copy)).kind !== 'empty') await copySource(copy).ask()
  const files = offHost.files('decisions')
  const { acceleration } = copy
  const publisher = createLogPublisher({
    origin,
    log,
    memory,
    local: files,
    offHost: null,
    cosigner: null,
    acceleration,
    ...parts,
  })
  await publisher.publish()
  return publisher.published().size
}
