import { chmod, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openLogDirectory } from './adapters/log-files/directory.ts'
import { openSftpFiles } from './adapters/log-files/sftp.ts'
import { nameOfPlace } from './adapters/log-files/sftp-connection.ts'
import type { OffHostPlace } from './config/config.ts'
import { type Acceleration, noteVerifierKey } from './core/index.ts'
import { AppError } from './flows/app-error.ts'
import { currentEra } from './flows/gate/log-era.ts'
import { logKeyNames } from './flows/gate/log-key-name.ts'
import { securityKeyName, securityOrigin } from './flows/gate/recorder.ts'
import type {
  Custody,
  DecisionLog,
  LogFiles,
  LogName,
  OffHost,
  SecurityLog,
  StorePorts,
  Timers,
} from './flows/ports.ts'
import { compareCopy, copySource, type OutsideCopyNeeds } from './flows/record/outside-copy.ts'
import { createLogPublisher, type LogPublisher, type PublisherParts } from './flows/record/publisher.ts'
import { createStartGate, type GateParts, type OutsideSource, type StartGate } from './flows/record/start-gate.ts'

/** Security events are nobody's but the operator's, wherever their copy lies. */
const isPrivate = (log: LogName): boolean => log === 'security'

/** The folder of a log. Each break begins other ones: files are written once, and never over. */
export const eraFolder = (log: LogName, era: number): string => (era === 0 ? log : `${log}-after-${era}`)

/**
 * Opens the place that the configuration names, with the folders that the logs have after so many breaks. Reaches for nothing
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
      opened.get(log) ??
      openLogDirectory({ directory: join(directory, eraFolder(log, era)), create: false, isPrivate: isPrivate(log) })
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
      remove: async (path) => (await open(log)).remove(path),
      partials: async (path) => (await open(log)).partials(path),
    }),
    async prepare(log) {
      try {
        // The place itself is never made: where a mount should be, it would be a folder of this machine.
        await lstat(join(directory, '.'))
        await mkdir(join(directory, eraFolder(log, era)), { recursive: true, mode: 0o755 })
        if (isPrivate(log)) await chmod(join(directory, eraFolder(log, era)), 0o700)
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
      {
        ...place,
        directory: `${place.directory.replace(/\/+$/, '')}/${eraFolder(log, era)}`,
        privateKey,
        isPrivate: isPrivate(log),
      },
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

/** What there is of one log: its name, its origin, what is stored of it. */
interface StoredLog {
  readonly name: LogName
  readonly origin: string
  readonly log: DecisionLog
}

const logsOf = (origin: string, { log, security }: Pick<StorePorts, 'log' | 'security'>): readonly StoredLog[] => [
  { name: 'decisions', origin, log },
  { name: 'security', origin: securityOrigin(origin), log: security },
]

/** The off-host copies of both logs, as they are compared with the logs. */
export function outsideCopies(
  offHost: Pick<OffHost, 'name' | 'files'>,
  origin: string,
  store: Pick<StorePorts, 'log' | 'security'>,
  custody: Pick<Custody, 'names' | 'publicKey'>,
  acceleration: Acceleration,
): readonly (OutsideCopyNeeds & StoredLog)[] {
  const keyNames = async (log: LogName): Promise<readonly string[]> =>
    log === 'decisions' ? logKeyNames(await custody.names(), (await currentEra(store.log)).number) : [securityKeyName]
  return logsOf(origin, store).map((one) => ({
    ...one,
    place: one.name === 'decisions' ? offHost.name : `${offHost.name} (security log)`,
    files: offHost.files(one.name),
    keys: async () =>
      Promise.all(
        (await keyNames(one.name)).map(async (key) => noteVerifierKey(one.origin, await custody.publicKey(key))),
      ),
    acceleration,
  }))
}

/**
 * What is asked before a log is signed: the off-host copies and the witnesses, where they are configured, and the files that
 * were published here.
 */
export const signingGate = (
  copies: readonly OutsideCopyNeeds[],
  witnesses: OutsideSource | null,
  parts: GateParts,
): StartGate => createStartGate([...copies.map(copySource), ...(witnesses === null ? [] : [witnesses])], parts)

/** What a publisher of a copy needs besides the log and the place. */
type CopyParts = Pick<PublisherParts, 'memory' | 'telemetry' | 'timers' | 'acceleration' | 'onTurn' | 'onPublished'>

/** Keeps the off-host copy of one log. The security log is shown nowhere else. */
const copyPublisher = (offHost: Pick<OffHost, 'files'>, log: StoredLog, parts: CopyParts): LogPublisher =>
  createLogPublisher({ ...log, ...parts, local: null, offHost: offHost.files(log.name), cosigner: null })

/** Keeps the off-host copy of the security log. */
export const securityCopy = (
  offHost: Pick<OffHost, 'files'>,
  origin: string,
  security: SecurityLog,
  parts: CopyParts,
): LogPublisher => copyPublisher(offHost, { name: 'security', origin: securityOrigin(origin), log: security }, parts)

/**
 * Fills a new place with both logs as they are, files first, head last. A place that holds a head of a log is filled up.
 *
 * @throws AppError log-ahead, log-file-differs when it holds anything that a log has not; log-files-unavailable
 */
export async function prepareCopies(
  offHost: OffHost,
  copies: readonly OutsideCopyNeeds[],
  origin: string,
  store: Pick<StorePorts, 'log' | 'security'>,
  parts: CopyParts,
): Promise<{ readonly [log in LogName]: number }> {
  // Both before either: a place that is refused is left as it is.
  for (const copy of copies) {
    await offHost.prepare(copy.name)
    if ((await compareCopy(copy)).kind !== 'empty') await copySource(copy).ask()
  }
  const sizes = { decisions: 0, security: 0 }
  for (const log of logsOf(origin, store)) {
    const publisher = copyPublisher(offHost, log, parts)
    await publisher.publish()
    sizes[log.name] = publisher.published().offHostSize ?? 0
  }
  return sizes
}
