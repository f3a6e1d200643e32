import { userInfo } from 'node:os'
import { join } from 'node:path'
import { openKeystore, type Keystore } from './adapters/custody/encrypted-file.ts'
import { readKeyFile } from './adapters/custody/key-file.ts'
import type { Unlock } from './adapters/custody/unlock.ts'
import { createGitHub, type GitHub } from './adapters/github/github.ts'
import { openSqliteReader, openSqliteStore, type SqliteStore } from './adapters/store/sqlite.ts'
import { acceleration } from './compose-acceleration.ts'
import { eraFolder } from './compose-off-host.ts'
import type { Config } from './config/config.ts'
import { AppError } from './flows/app-error.ts'
import { operatorUser } from './flows/audit/event-of.ts'
import { currentEra } from './flows/gate/log-era.ts'
import { createRecorder, type Recorder, securityKeyName } from './flows/gate/recorder.ts'
import type { Custody, StorePorts } from './flows/ports.ts'
import { gatedRecorder, type StartGate } from './flows/record/start-gate.ts'
import { systemClock, systemRandom, systemTimers } from './system.ts'

/** Name of the database's key in custody. */
export const databaseKeyName = 'database'

/** @throws AppError custody-not-found for a deployment that was made before there was a security log */
export async function requireSecurityKey(custody: Pick<Custody, 'names'>): Promise<void> {
  if ((await custody.names()).includes(securityKeyName)) return
  throw new AppError(
    'custody-not-found',
    'the keystore holds no key for the security log; run: governance db migrate',
    {
      data: { name: securityKeyName },
    },
  )
}

/** The person at this command line, by the login of the machine. */
export function currentOperator(): string {
  try {
    return operatorUser(userInfo().username)
  } catch {
    // A container may run under a number that has no name.
    return operatorUser(null)
  }
}

/** Where the files of a deployment lie. */
export const dataFiles = (directory: string) => ({
  database: join(directory, 'governance.db'),
  keystore: join(directory, 'keystore.json'),
  journal: join(directory, 'lowering.journal'),
  refusals: join(directory, 'refusals.journal'),
  decisions: join(directory, 'log', 'decisions'),
})

/** Where the public files of the decision log lie: each break begins another folder, and leaves the old one as it is. */
export const decisionsFolder = (directory: string, era: number): string =>
  era === 0 ? dataFiles(directory).decisions : join(directory, 'log', eraFolder('decisions', era))

/** What opens the keystore: the configured key file, or whatever the caller asks a person for. */
export async function unlockOf(
  { keyFile, credentialsDirectory }: Config['unlock'],
  askPassphrase: () => Promise<string>,
): Promise<Unlock> {
  return keyFile === null
    ? { kind: 'passphrase', text: await askPassphrase() }
    : { kind: 'key', bytes: readKeyFile(keyFile, credentialsDirectory === undefined ? {} : { credentialsDirectory }) }
}

/** Opens the keystore of a deployment. @throws AppError custody-refused, custody-not-found */
export const openCustody = (config: Pick<Config, 'data'>, unlock: Unlock): Promise<Keystore> =>
  openKeystore({ file: dataFiles(config.data.directory).keystore, unlock })

/**
 * Opens the store of a deployment. `alone` holds the writer's lock; `write` does so when nobody else does and writes
 * beside the running server otherwise.
 */
export async function openStore(
  config: Pick<Config, 'data'>,
  custody: Custody,
  mode: 'read' | 'write' | 'alone',
): Promise<SqliteStore> {
  const key = await custody.reveal(databaseKeyName)
  const location = { file: dataFiles(config.data.directory).database, key }
  try {
    if (mode === 'read') return openSqliteReader(location)
    try {
      return await openSqliteStore({ ...location, create: false })
    } catch (error) {
      if (mode === 'alone' || !(error instanceof AppError) || error.code !== 'store-locked') throw error
      return await openSqliteStore({ ...location, create: false, beside: true })
    }
  } finally {
    key.fill(0)
  }
}

/** The forge as the configured App. Sends nothing yet. */
export const connectForge = (
  github: Pick<Config['github'], 'apiUrl' | 'appId'>,
  privateKey: () => Promise<string>,
): GitHub =>
  createGitHub({
    apiUrl: github.apiUrl,
    appId: github.appId,
    privateKey,
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
  })

/** The writer of the decision log, for commands. It signs nothing before the gate let it. */
export const commandRecorder = (
  origin: string,
  { store, log, security }: StorePorts,
  custody: Custody,
  gate: StartGate,
): Recorder =>
  gatedRecorder(
    createRecorder({ origin, store, log, security, custody, clock: systemClock, random: systemRandom, acceleration }),
    gate,
  )

/** The digests that a configuration may pin: of the genesis entry, or of the newest regenesis. */
async function pinnedGenesis({ log }: Pick<StorePorts, 'log'>): Promise<string | null> {
  const [newest] = [
    ...(await log.find({ type: 'policy-regenesis', limit: 1 })),
    ...(await log.find({ type: 'genesis', limit: 1 })),
  ]
  if (newest === undefined) return null
  const entry = JSON.parse(new TextDecoder().decode(newest.bytes)) as { readonly data?: { readonly policy?: unknown } }
  return typeof entry.data?.policy === 'string' ? entry.data.policy : null
}

/**
 * Compares the genesis that the configuration pins with the log's, and the origin with the one in force.
 *
 * @throws AppError config-invalid: another log than the one that was confirmed lies in the data directory, or it was broken
 */
export async function requireGenesis(
  config: Pick<Config, 'policy' | 'log'>,
  store: Pick<StorePorts, 'log'>,
): Promise<void> {
  const { origin } = await currentEra(store.log)
  if (origin !== null && origin !== config.log.origin)
    throw new AppError('config-invalid', `the log goes on under the origin ${origin}; log.origin is another`, {
      data: { reason: 'origin', configured: config.log.origin, found: origin },
    })
  const found = await pinnedGenesis(store)
  if (found === config.policy.genesis) return
  throw new AppError('config-invalid', 'policy.genesis is not the genesis of the log in the data directory', {
    data: { reason: 'genesis', configured: config.policy.genesis, found },
  })
}
