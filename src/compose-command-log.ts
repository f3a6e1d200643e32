import { type LogDirectoryOptions, openLogDirectory } from './adapters/log-files/directory.ts'
import { sharedJournal } from './adapters/store/journal.ts'
import { createTelemetry } from './adapters/telemetry/telemetry.ts'
import { acceleration } from './compose-acceleration.ts'
import { currentOperator, dataFiles, decisionsFolder } from './compose-deployment.ts'
import { openOffHost, outsideCopies, signingGate } from './compose-off-host.ts'
import { outsideWitnesses } from './compose-witness.ts'
import type { Config } from './config/config.ts'
import { createSigningRefusals, type SigningRefusals } from './flows/audit/signing-refusals.ts'
import { currentEra } from './flows/gate/log-era.ts'
import type { Custody, LogFiles, OffHost, StorePorts } from './flows/ports.ts'
import { createLogPublisher, type LogPublisher } from './flows/record/publisher.ts'
import type { OutsideSource, StartGate } from './flows/record/start-gate.ts'
import { systemClock, systemRandom, systemTimers } from './system.ts'

/** Beside what a command prints: its output may be read by a machine. */
const commandTelemetry = createTelemetry({ level: 'error', destination: process.stderr })

/** How often the log was broken. */
export const eraOf = async ({ log }: Pick<StorePorts, 'log'>): Promise<number> => (await currentEra(log)).number

/** The second place of the logs' files; null where none is configured. */
export const offHostOf = async (
  { log }: Config,
  custody: Custody,
  store: Pick<StorePorts, 'log'>,
): Promise<OffHost | null> =>
  log.offHost === undefined ? null : openOffHost(log.offHost, custody, systemTimers, await eraOf(store))

/** Witnesses as a command asks them: once. */
const witnessesOf = ({ log }: Config, custody: Custody, store: Pick<StorePorts, 'log'>): OutsideSource | null =>
  outsideWitnesses(
    log.witness?.quorum ?? null,
    { custody, log: store.log, timers: systemTimers, telemetry: commandTelemetry },
    0,
  )

/** What keeps an off-host copy needs of a command. */
export const copyParts = ({ memory }: Pick<StorePorts, 'memory'>) => ({
  memory,
  telemetry: commandTelemetry,
  timers: systemTimers,
  acceleration,
})

/** Where the public files of the decision log lie on this machine. */
export const localFiles = ({ data }: Config, era: number): LogDirectoryOptions => ({
  directory: decisionsFolder(data.directory, era),
  create: true,
})

/** The publisher that `serve` runs all the time, for one command. */
export const commandPublisher = async (
  config: Config,
  { log, memory }: Pick<StorePorts, 'log' | 'memory'>,
  offHost: LogFiles | null,
): Promise<LogPublisher> =>
  createLogPublisher({
    name: 'decisions',
    origin: config.log.origin,
    log,
    memory,
    local: await openLogDirectory(localFiles(config, await eraOf({ log }))),
    offHost,
    // The server, when it runs again, has cosigned what lacks its quorum.
    cosigner: null,
    telemetry: commandTelemetry,
    timers: systemTimers,
    acceleration,
  })

/** What a command asks before it signs: the files that were published here, and whoever outside is configured. */
export function commandGate(config: Config, custody: Custody, store: StorePorts, offHost: OffHost | null): StartGate {
  const copies = offHost === null ? [] : outsideCopies(offHost, config.log.origin, store, custody, acceleration)
  return signingGate(copies, witnessesOf(config, custody, store), {
    ownFiles: async () => (await commandPublisher(config, store, null)).check(),
    onRefused: (error) => refusalsOf(config, store).keep(error),
  })
}

/** Refusals to sign, as a command keeps them and finds them. */
export const refusalsOf = (config: Config, { log, security }: Pick<StorePorts, 'log' | 'security'>): SigningRefusals =>
  createSigningRefusals({
    journal: sharedJournal(dataFiles(config.data.directory).refusals, systemTimers),
    log,
    security,
    userId: currentOperator(),
    clock: systemClock,
    random: systemRandom,
    telemetry: commandTelemetry,
  })
