import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { webUrlOf } from './adapters/github/api-address.ts'
import { createCalendars } from './adapters/calendar/calendars.ts'
import { createSignerKey, openSignerKey, readSignerPublicKey } from './adapters/custody/signer-key.ts'
import { readKeyFile } from './adapters/custody/key-file.ts'
import type { Unlock } from './adapters/custody/unlock.ts'
import { openLogDirectory } from './adapters/log-files/directory.ts'
import { appManifest, appPermissions, exchangeManifestCode, wantedPermissions } from './adapters/github/manifest.ts'
import { createWebhooks } from './adapters/github/webhook.ts'
import { directorySource } from './adapters/log-source/directory-source.ts'
import { httpSource } from './adapters/log-source/http-source.ts'
import { policyFilesPort } from './adapters/policy-files/policy-files.ts'
import { readPolicyFiles } from './adapters/policy-files/read-policy-files.ts'
import { openJournal, sharedJournal } from './adapters/store/journal.ts'
import { makeSshKey, readSshKey } from './adapters/log-files/ssh-key.ts'
import { migrateSqlite } from './adapters/store/sqlite.ts'
import { createTelemetry } from './adapters/telemetry/telemetry.ts'
import { acceleration } from './compose-acceleration.ts'
import {
  commandRecorder,
  connectForge,
  currentOperator,
  databaseKeyName,
  dataFiles,
  openCustody,
  openStore,
  requireGenesis,
  unlockOf,
} from './compose-deployment.ts'
import {
  commandGate,
  commandPublisher,
  copyParts,
  eraOf,
  localFiles,
  offHostOf,
  refusalsOf,
} from './compose-command-log.ts'
import { outsideCopies, prepareCopies, securityCopy } from './compose-off-host.ts'
import { examineFiles } from './compose-examine.ts'
import { draftDeployment } from './compose-init.ts'
import { newestOutside, publishBreak, removeBlob } from './compose-restart.ts'
import { verifierFile, verifierRelease } from './compose-verifier.ts'
import { rosterOf } from './compose-witness.ts'
import { readPublishedHead, witnessCli } from './compose-witness-cli.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load-config.ts'
import { pinGenesis, pinOrigin } from './config/pin-line.ts'
import { searchPath } from './config/search-path.ts'
import { decodeHex, keyIdOf, signEcdsa } from './core/index.ts'
import { AppError } from './flows/app-error.ts'
import { eventOf, keyCreated } from './flows/audit/event-of.ts'
import { recordEvents } from './flows/audit/record-events.ts'
import type { SecurityEvent } from './flows/audit/security-event.ts'
import { type Recorder, securityKeyName } from './flows/gate/recorder.ts'
import { startAuditThreads } from './delivery/cli/audit-threads.ts'
import { openClone } from './delivery/cli/git-reader.ts'
import { contradictionsInClone } from './delivery/cli/clone-facts.ts'
import { configRefusal } from './delivery/cli/config-refusal.ts'
import type { CliNeeds, Deployment, RunningServer, SchemaState } from './delivery/cli/needs.ts'
import { askNewPassphrase, askSecret } from './delivery/cli/prompts.ts'
import { Refusal } from './delivery/cli/refusal.ts'
import type { KeyUnlock, SignerKeys } from './delivery/cli/signer-key.ts'
import type { Terminal } from './delivery/cli/terminal.ts'
import { standingOf } from './flows/record/copy-standing.ts'
import { holdProcess, systemClock, systemRandom, systemTimers } from './system.ts'

/** How long one file of a log may take. */
const logTimeoutMs = 30_000

const isAddress = (place: string): boolean => /^[a-z]+:\/\//i.test(place)

const auditThreadFile = new URL(
  `./compose-audit-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
  import.meta.url,
)

const unlockVariable = 'GOVERNANCE_UNLOCK_KEY_FILE'

/** The version that package.json states. It lies one folder above, in a clone and in the compiled package alike. */
function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

function configOf(file: string): Config {
  const loaded = loadConfig({ file })
  if (!loaded.ok) throw configRefusal(loaded.problems)
  return loaded.config
}

const secretText = async (custody: { reveal(name: string): Promise<Uint8Array> }, name: string): Promise<string> =>
  new TextDecoder().decode(await custody.reveal(name))

function keyIdOfHex(publicKey: string) {
  const bytes = decodeHex(publicKey)
  if (bytes === undefined) throw new AppError('custody-refused', 'the public key of the file is not hex')
  return keyIdOf(bytes)
}

const keyUnlock = (unlock: KeyUnlock): Unlock =>
  unlock.kind === 'key-file'
    ? { kind: 'key', bytes: readKeyFile(unlock.file) }
    : { kind: 'passphrase', text: new TextDecoder().decode(unlock.passphrase) }

/** The 32 bytes of a secp256k1 key in PEM (SEC 1 or PKCS#8, not encrypted). */
function secretOfPem(pem: string): Uint8Array {
  try {
    const key = createPrivateKey(pem)
    const { d } = key.export({ format: 'jwk' }) as { readonly d?: string }
    if (key.asymmetricKeyDetails?.namedCurve === 'secp256k1' && d !== undefined) {
      const bytes = Buffer.from(d, 'base64url')
      return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes])
    }
  } catch {
    // The cause may quote the key.
  }
  throw new Refusal('key-pem', 'the PEM file holds no secp256k1 private key in clear', {
    remedy: 'openssl ecparam -name secp256k1 -genkey -noout -out maintainer-key.pem makes one.',
  })
}

const signerKeys: SignerKeys = {
  async create(file, unlock) {
    const { scheme, publicKey } = await createSignerKey({ file, unlock: keyUnlock(unlock) })
    return { scheme, publicKey, keyid: keyIdOfHex(publicKey) }
  },
  async importPem(file, pem, unlock) {
    const { scheme, publicKey } = await createSignerKey({
      file,
      unlock: keyUnlock(unlock),
      privateKey: secretOfPem(pem),
    })
    return { scheme, publicKey, keyid: keyIdOfHex(publicKey) }
  },
  async show(file) {
    const { publicKey } = readSignerPublicKey(file)
    return { scheme: 'ecdsa-secp256k1-v1', publicKey, keyid: keyIdOfHex(publicKey) }
  },
  async open(file, unlock) {
    const key = await openSignerKey({ file, unlock: keyUnlock(unlock) })
    return {
      scheme: key.scheme,
      publicKey: key.publicKey,
      keyid: keyIdOfHex(key.publicKey),
      sign: async (message) => key.withPrivateKey((secret) => signEcdsa(secret, message)),
    }
  },
}

/** A refusal to start, as the security log keeps it; a mistake of ours has no code. */
const serverRefused = (error: unknown): SecurityEvent =>
  eventOf('server-refused', {
    userId: currentOperator(),
    resource: 'deployment',
    action: 'start',
    details: { code: error instanceof AppError ? error.code : 'internal' },
  })

/** Makes the key that a deployment of an older version lacks, and records what the migration did. */
async function recordMigration(
  config: Config,
  custody: Awaited<ReturnType<typeof openCustody>>,
  { current, newest, pending }: SchemaState,
): Promise<readonly string[]> {
  const operator = currentOperator()
  const events: SecurityEvent[] = []
  if (!(await custody.names()).includes(securityKeyName))
    events.push(keyCreated(operator, 'create', securityKeyName, await custody.generateEd25519(securityKeyName)))
  const createdKeys = events.map(() => securityKeyName)
  const details = { from: current, to: newest }
  if (pending.length > 0)
    events.push(eventOf('db-migrated', { userId: operator, resource: 'deployment', action: 'migrate', details }))
  if (events.length === 0) return []
  const store = await openStore(config, custody, 'alone')
  const offHost = await offHostOf(config, custody, store)
  const gate = commandGate(config, custody, store, offHost)
  try {
    await recordEvents(commandRecorder(config.log.origin, store, custody, gate), events)
  } finally {
    offHost?.close()
    await store.store.close()
  }
  return createdKeys
}

/** Gives the commands what they need: adapters as typed functions, opened only when a command asks. */
export function composeCli(terminal: Terminal): CliNeeds {
  const unlock = (config: Config): Promise<Unlock> =>
    unlockOf(config.unlock, () => askSecret(terminal, 'Passphrase of the keystore', unlockVariable))

  return {
    version: packageVersion(),
    terminal,
    clock: systemClock,
    acceleration,
    signerKeys,
    policyFiles: policyFilesPort,
    readPolicy({ governanceRepository, files, isGenesis }) {
      const owner = governanceRepository.split('/')[0] ?? ''
      const lint = { at: systemClock.now(), genesis: isGenesis }
      const { policy, faults, findings } = readPolicyFiles({ owner, governanceRepository, files, lint })
      return { policy, faults, findings }
    },
    async openDeployment(configFile, mode): Promise<Deployment> {
      const config = configOf(configFile)
      const custody = await openCustody(config, await unlock(config))
      const store = await openStore(config, custody, mode)
      const { origin } = config.log
      const offHost = await offHostOf(config, custody, store)
      const copies = offHost === null ? [] : outsideCopies(offHost, origin, store, custody, acceleration)
      const gate = commandGate(config, custody, store, offHost)
      const recorder = commandRecorder(origin, store, custody, gate)
      const refusals = refusalsOf(config, store)
      const noteWith = async (writer: Recorder, events: readonly SecurityEvent[]): Promise<void> => {
        await refusals.record(writer)
        await recordEvents(writer, events)
      }
      const note = async (events: readonly SecurityEvent[]): Promise<void> => {
        if (mode !== 'read') return noteWith(recorder, events)
        const writing = await openStore(config, custody, 'write')
        try {
          await noteWith(commandRecorder(origin, writing, custody, gate), events)
        } finally {
          await writing.store.close()
        }
      }
      return {
        settings: config,
        custody,
        store,
        recorder,
        operator: currentOperator(),
        note,
        refusals: () => refusals.waiting(),
        offHost: offHost && {
          name: offHost.name,
          standings: () => Promise.all(copies.map(standingOf)),
          prepare: () => prepareCopies(offHost, copies, origin, store, copyParts(store)),
        },
        async keepSshKey(name, given) {
          if ((await custody.names()).includes(name))
            throw new AppError('custody-refused', `the keystore holds ${name} already`, {
              data: { reason: 'name-taken' },
            })
          const key = given ?? makeSshKey()
          const { authorizedKey } = readSshKey(key)
          await note([keyCreated(currentOperator(), given === null ? 'create' : 'import', name, null)])
          await custody.put(name, 'secret', key)
          return authorizedKey
        },
        sshKey: async (name) => readSshKey(await custody.reveal(name)).authorizedKey,
        forge: connectForge(config.github, () => secretText(custody, config.github.privateKey.keystore)),
        async publishLog(options) {
          // An off-host place that is not mounted would be filled as if it were new.
          await gate.pass()
          const publisher = await commandPublisher(config, store, offHost?.files('decisions') ?? null)
          await publisher.publish(options)
          if (offHost !== null) await securityCopy(offHost, origin, store.security, copyParts(store)).publish(options)
          return publisher.published()
        },
        removeBlob: (digest) => removeBlob(config, custody, store, digest),
        keepToken: (name, token) => custody.put(name, 'secret', new TextEncoder().encode(token)),
        makeLogKey: (name) => custody.generateEd25519(name),
        publishedHead: async () => readPublishedHead(config.data.directory, await eraOf(store)),
        newestOutside: () => newestOutside(config, custody, store, copies),
        publishBreak: (signed) => publishBreak(config, custody, store, signed),
        roster: async () => (config.log.witness?.quorum ? rosterOf(config.log.witness.quorum, custody) : null),
        webhooks: async () =>
          createWebhooks({
            secrets: await Promise.all(config.github.webhookSecrets.map(({ keystore }) => custody.reveal(keystore))),
          }),
        async close() {
          offHost?.close()
          await store.store.close()
        },
      }
    },
    async serve(configFile): Promise<RunningServer> {
      const config = configOf(configFile)
      const custody = await openCustody(config, await unlock(config))
      const store = await openStore(config, custody, 'alone')
      const release = holdProcess()
      const offHost = await offHostOf(config, custody, store)
      const gate = commandGate(config, custody, store, offHost)
      try {
        await requireGenesis(config, store)
        // Loaded where it is needed: the other commands are several times as many, and end sooner without it.
        const { composeServer } = await import('./compose.ts')
        const server = await composeServer({
          config,
          custody,
          store,
          logFiles: await openLogDirectory(localFiles(config, await eraOf(store))),
          offHost,
          journal: await openJournal(dataFiles(config.data.directory).journal),
          refusals: sharedJournal(dataFiles(config.data.directory).refusals, systemTimers),
          clock: systemClock,
          timers: systemTimers,
          random: systemRandom,
          telemetry: createTelemetry({ level: config.telemetry.level }),
          verifier: verifierRelease(),
        })
        return {
          ...(await server.start()),
          stop: (deadlineMs) => server.stop(deadlineMs).finally(() => offHost?.close()),
        }
      } catch (error) {
        await recordEvents(commandRecorder(config.log.origin, store, custody, gate), [serverRefused(error)]).catch(
          () => {},
        )
        offHost?.close()
        await store.store.close()
        throw error
      } finally {
        release()
      }
    },
    witness: witnessCli(
      () => askNewPassphrase(terminal, unlockVariable),
      () => askSecret(terminal, 'Passphrase of the keystore', unlockVariable),
    ),
    async migrate(configFile, check) {
      const config = configOf(configFile)
      const custody = await openCustody(config, await unlock(config))
      const key = await custody.reveal(databaseKeyName)
      const state = await migrateSqlite({ file: dataFiles(config.data.directory).database, key, check })
      return { ...state, createdKeys: check ? [] : await recordMigration(config, custody, state) }
    },
    draftDeployment: (request) => draftDeployment(request, () => askNewPassphrase(terminal, unlockVariable)),
    pinGenesis,
    pinOrigin,
    examineFiles,
    manifest: {
      make: appManifest,
      exchange: (apiUrl, code) =>
        exchangeManifestCode(apiUrl, code, { clock: systemClock, timers: systemTimers, random: systemRandom }),
      permissions: appPermissions,
      wanted: wantedPermissions,
    },
    contradictionsInClone: (directory, facts) =>
      contradictionsInClone(directory, facts, {
        isPolicyPath: (path) => policyFilesPort.isPolicyPath(path),
        searchPath: searchPath(),
      }),
    openClone: (directory) => openClone(directory, searchPath()),
    webUrlOf,
    openLogSource: (place, token = null) =>
      isAddress(place)
        ? httpSource({ url: place, token, timeoutMs: logTimeoutMs, timers: systemTimers })
        : directorySource(place),
    startAuditThreads: (place) => startAuditThreads(auditThreadFile, isAddress(place) ? null : place),
    random: systemRandom,
    verifier: { release: verifierRelease, file: verifierFile },
    calendars: createCalendars({ timers: systemTimers }),
    anchorSettings: (configFile) => configOf(configFile).anchor ?? { calendars: [], upgradeFrom: [] },
    keyIdOf: keyIdOfHex,
  }
}
