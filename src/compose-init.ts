import { createPrivateKey } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
  chmodSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createKeystore } from './adapters/custody/encrypted-file.ts'
import { readKeyFile } from './adapters/custody/key-file.ts'
import { createPrivateFile } from './adapters/custody/private-file.ts'
import type { Unlock } from './adapters/custody/unlock.ts'
import { assertUsableSecret } from './adapters/github/webhook-secret.ts'
import { openSqliteStore } from './adapters/store/sqlite.ts'
import { nonceKeyName, saltKeyName } from './compose-names.ts'
import { acceleration } from './compose-acceleration.ts'
import { commandRecorder, connectForge, currentOperator, databaseKeyName, dataFiles } from './compose-deployment.ts'
import { parseConfig, readEnvironment } from './config/load-config.ts'
import { type ConfigValues, renderConfig } from './config/render-config.ts'
import { formatVerifierKey, noteVerifierKey, sha256Hex } from './core/index.ts'
import { configRefusal } from './delivery/cli/config-refusal.ts'
import type { Draft, NewDeployment } from './delivery/cli/needs.ts'
import { Refusal } from './delivery/cli/refusal.ts'
import { exitCode } from './delivery/cli/exit-code.ts'
import { keyCreated } from './flows/audit/event-of.ts'
import { type GenesisPlan, recordGenesis } from './flows/gate/genesis.ts'
import { logKeyName } from './flows/gate/log-key-name.ts'
import { securityKeyName } from './flows/gate/recorder.ts'
import { createStartGate } from './flows/record/start-gate.ts'
import { systemRandom } from './system.ts'

const appKeyName = 'github-app'
const webhookKeyName = 'github-webhook'

/** Removes what this run created, newest first; nothing else. */
class Created {
  private readonly paths: string[] = []

  add(path: string): void {
    this.paths.push(path)
  }

  undo(): void {
    for (const path of this.paths.reverse()) rmSync(path, { recursive: true, force: true })
  }
}

const refuseExisting = (path: string): never => {
  throw new Refusal('exists', `${path} exists and is left as it is`, {
    exit: exitCode.unknown,
    remedy: 'A deployment is made once. Name another place, or move the old one away yourself.',
  })
}

/** @throws Refusal exists: nothing that is there is touched */
function requireNothingThere(configFile: string, directory: string): void {
  if (existsSync(configFile)) refuseExisting(configFile)
  const stat = lstatSync(directory, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isDirectory()) refuseExisting(directory)
  for (const path of Object.values(dataFiles(directory))) if (existsSync(path)) refuseExisting(path)
  if (stat.uid !== process.geteuid?.())
    throw new Refusal('not-owner', `${directory} belongs to another user`, { exit: exitCode.unknown })
}

const placeholderDigest = sha256Hex(new TextEncoder().encode('not pinned yet'))

function valuesOf(request: NewDeployment, branch: string, repository: string, genesis: string): ConfigValues {
  const { listen, publicUrl, origin, apiUrl, appId, dataDirectory } = request
  const names = { privateKey: appKeyName, webhookSecret: webhookKeyName }
  return { listen, publicUrl, origin, apiUrl, appId, ...names, repository, branch, genesis, directory: dataDirectory }
}

/** What will open the keystore: an existing key file, one to be made, or words that a person types. */
async function unlockFor(
  keyFile: string | null,
  askNew: () => Promise<string>,
): Promise<{ readonly unlock: Unlock; readonly toCreate: string | null }> {
  if (keyFile === null) return { unlock: { kind: 'passphrase', text: await askNew() }, toCreate: null }
  if (existsSync(keyFile)) return { unlock: { kind: 'key', bytes: readKeyFile(keyFile) }, toCreate: null }
  return { unlock: { kind: 'key', bytes: systemRandom.bytes(32) }, toCreate: keyFile }
}

function requireAppKey(pem: string): void {
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'rsa') return
  } catch {
    // The cause may quote the key.
  }
  throw new Refusal('app-key', 'the App private key is not an RSA private key in PEM', { exit: exitCode.unknown })
}

/**
 * Checks everything about a new deployment that can be known before it exists.
 *
 * Checks: nothing is there yet; the configuration that would be written is valid; webhook secret and App key are usable.
 */
export async function draftDeployment(given: NewDeployment, askNewPassphrase: () => Promise<string>): Promise<Draft> {
  const request = { ...given, configFile: resolve(given.configFile), dataDirectory: resolve(given.dataDirectory) }
  requireNothingThere(request.configFile, request.dataDirectory)
  const environment = readEnvironment()
  const trial = parseConfig(renderConfig(valuesOf(request, 'main', 'a/b', placeholderDigest)), {})
  const problems = [...(trial.ok ? [] : trial.problems), ...environment.problems]
  if (problems.length > 0) throw configRefusal(problems)
  assertUsableSecret(request.webhookSecret)
  requireAppKey(request.privateKeyPem)
  const { unlock, toCreate } = await unlockFor(environment.keyFile, askNewPassphrase)
  return {
    forge: connectForge(request, async () => request.privateKeyPem),
    async create(plan) {
      requireNothingThere(request.configFile, request.dataDirectory)
      const created = new Created()
      try {
        const logKey = await create(request, plan, unlock, toCreate, created)
        return { logKey, createdKeyFile: toCreate }
      } catch (error) {
        created.undo()
        throw error
      }
    },
  }
}

function makeDirectory(path: string, created: Created): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first !== undefined) created.add(first)
}

async function create(
  request: NewDeployment,
  plan: GenesisPlan,
  unlock: Unlock,
  keyFile: string | null,
  created: Created,
): Promise<string> {
  const { dataDirectory: directory, configFile, origin } = request
  makeDirectory(directory, created)
  if (readdirSync(directory).length === 0) chmodSync(directory, 0o700)
  if (keyFile !== null && unlock.kind === 'key') {
    makeDirectory(dirname(keyFile), created)
    createPrivateFile(keyFile, unlock.bytes)
    created.add(keyFile)
  }
  const files = dataFiles(directory)
  for (const suffix of ['', '-wal', '-shm', '.lock', '.lock-journal']) created.add(`${files.database}${suffix}`)
  created.add(files.keystore)
  const custody = await createKeystore({ file: files.keystore, unlock })
  const databaseKey = systemRandom.bytes(32)
  await custody.put(databaseKeyName, 'secret', databaseKey)
  const publicKey = await custody.generateEd25519(logKeyName)
  const securityKey = await custody.generateEd25519(securityKeyName)
  await custody.put(nonceKeyName, 'secret', systemRandom.bytes(32))
  await custody.put(saltKeyName, 'secret', systemRandom.bytes(32))
  await custody.put(appKeyName, 'secret', Buffer.from(request.privateKeyPem))
  await custody.put(webhookKeyName, 'secret', request.webhookSecret)
  const store = await openSqliteStore({ file: files.database, key: databaseKey, create: true })
  databaseKey.fill(0)
  try {
    const recorder = commandRecorder(origin, store, custody, createStartGate([]))
    const operator = currentOperator()
    const events = [
      ...[databaseKeyName, nonceKeyName, saltKeyName].map((name) => keyCreated(operator, 'create', name, null)),
      ...[appKeyName, webhookKeyName].map((name) => keyCreated(operator, 'import', name, null)),
      keyCreated(operator, 'create', logKeyName, publicKey),
      keyCreated(operator, 'create', securityKeyName, securityKey),
    ]
    const needed = { recorder, log: store.log, registry: store.registry, custody, origin, acceleration }
    await recordGenesis({ ...needed, operator, events }, plan)
  } finally {
    await store.store.close()
  }
  makeDirectory(dirname(configFile), created)
  const text = renderConfig(valuesOf(request, plan.branch, plan.governanceRepository, plan.digest))
  const written = parseConfig(text, {})
  if (!written.ok) throw configRefusal(written.problems)
  writeNewFile(configFile, text, created)
  return formatVerifierKey(noteVerifierKey(origin, publicKey))
}

/** The last step: with the configuration in place the deployment exists. */
function writeNewFile(path: string, text: string, created: Created): void {
  const fd = openSync(path, 'wx', 0o644)
  created.add(path)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  const directory = openSync(join(path, '..'), 'r')
  fsyncSync(directory)
  closeSync(directory)
}
