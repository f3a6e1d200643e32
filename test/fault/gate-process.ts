/** The stand-in in this process, and the real server as another one that can be killed at any moment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { createKeystore } from '../../src/adapters/custody/encrypted-file.ts'
import { createGitHub } from '../../src/adapters/github/github.ts'
import { policyFilesPort } from '../../src/adapters/policy-files/policy-files.ts'
import { openSqliteStore } from '../../src/adapters/store/sqlite.ts'
import { nonceKeyName, saltKeyName } from '../../src/compose-names.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { databaseKeyName, dataFiles } from '../../src/compose-deployment.ts'
import type { Config } from '../../src/config/config.ts'
import { asInstant } from '../../src/core/index.ts'
import { enrol, planEnrolment } from '../../src/flows/gate/enrol.ts'
import { planGenesis, recordGenesis } from '../../src/flows/gate/genesis.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { createRecorder, securityKeyName } from '../../src/flows/gate/recorder.ts'
import { systemClock, systemRandom, systemTimers } from '../../src/system.ts'
import { appId, appKeyPem, baseFiles, origin, type Person } from '../e2e/deployment.ts'
import { createFakeGitHub, type FakeGitHub } from '../fakes/github/fake-github.ts'
import { launchFlags } from '../fakes/launch-flags.ts'
import { sampleGovernanceFiles } from '../fixtures/governance-repository.ts'
import { sampleKeyPairs } from '../fixtures/sample-people.ts'

export interface GateProcess {
  readonly fake: FakeGitHub
  readonly directory: string
  readonly databaseKey: Uint8Array
  /** Raw Ed25519 public key of the log. */
  readonly logKey: Uint8Array
  readonly webhookSecret: string
  readonly people: readonly Person[]
  readonly repository: number
  /** Address of the running server; null between a kill and the next start. */
  readonly url: string | null
  readonly pid: number | null
  /** Whether the test has ended. */
  readonly isOver: boolean
  /** Everything the server logged. */
  readonly log: readonly string[]
  /** Starts the server and points the stand-in's webhooks at it. False when it was killed before it listened. */
  start(): Promise<boolean>
  /** SIGKILL, at whatever moment this is; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code once the server has ended. */
  stop(): Promise<number | null>
  /** Resident bytes of the server. */
  memory(): Promise<number>
}

export interface GateProcessOptions {
  /** Where the data lies; a folder of its own by default. */
  readonly directory?: string
  /** Shell limits that the server starts under, for example `ulimit -f 3000`. */
  readonly limit?: () => string
  /** Flags of Node that the server starts with besides. */
  readonly flags?: readonly string[]
}

const entry = join(import.meta.dirname, 'gate-server.ts')

/** Nothing but signatures decides: periods of the tier and the layer that the changes fall under are zero. */
function withoutWaiting(files: Map<string, string>): void {
  const edit = (path: string, from: RegExp, to: string): void => {
    const text = files.get(path) ?? ''
    if (!from.test(text)) throw new Error(`${path} is not as expected`)
    files.set(path, text.replace(from, to))
  }
  edit('config/action-tiers.yml', /(tier_1_routine:[^]*?review_period_days: )7\b/, '$10')
  edit('config/repository-layers.yml', /review_period_days: 14\b/, 'review_period_days: 0')
}

/** Makes a deployment with genesis and one enrolled repository, `acme/sdk`. The server is not running yet. */
export async function prepareGate(
  t: Pick<TestContext, 'after'>,
  options: GateProcessOptions = {},
): Promise<GateProcess> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'governance-gate-'))
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const fake = createFakeGitHub({
    clock: systemClock,
    settings: { mergeableReads: 0, rateLimit: 10_000_000, deliveriesKept: 1_000_000, deliveryTimeoutMs: 5_000 },
  })
  const apiUrl = await fake.listen()
  fake.createUser('acme', { type: 'Organization' })
  for (const login of ['alice', 'admin']) fake.createUser(login)
  const people: Person[] = sampleKeyPairs().map((person) => ({ ...person, id: fake.createUser(person.login).id }))
  const keys: Record<string, string[]> = {}
  const accounts: Record<string, number[]> = {}
  for (const person of people) {
    keys[person.set] = [...(keys[person.set] ?? []), person.publicHex]
    accounts[person.set] = [...(accounts[person.set] ?? []), person.id]
  }
  const governance = sampleGovernanceFiles({ keys, accounts })
  withoutWaiting(governance)
  fake.createRepository('acme', 'governance', { files: Object.fromEntries(governance) })
  const { id: repository } = fake.createRepository('acme', 'sdk', { files: baseFiles })
  for (const name of ['acme/governance', 'acme/sdk']) fake.addCollaborator(name, 'admin', 'admin')
  const webhookSecret = randomBytes(32).toString('hex')
  fake.installApp({
    appId,
    privateKeyPem: appKeyPem,
    webhookSecret,
    webhookUrl: 'http://127.0.0.1:9/none',
    account: 'acme',
    ping: false,
  })
  fake.setWebhook(appId, { url: null })

  const files = dataFiles(directory)
  const unlockKey = randomBytes(32)
  const databaseKey = randomBytes(32)
  const custody = await createKeystore({ file: files.keystore, unlock: { kind: 'key', bytes: unlockKey } })
  await custody.put(databaseKeyName, 'secret', databaseKey)
  const logKey = await custody.generateEd25519(logKeyName)
  await custody.generateEd25519(securityKeyName)
  for (const name of [nonceKeyName, saltKeyName]) await custody.put(name, 'secret', randomBytes(32))
  await custody.put('github-app', 'secret', Buffer.from(appKeyPem))
  await custody.put('github-webhook', 'secret', Buffer.from(webhookSecret))
  const store = await openSqliteStore({ file: files.database, key: new Uint8Array(databaseKey), create: true })
  const parts = { clock: systemClock, timers: systemTimers, random: systemRandom }
  const github = createGitHub({ apiUrl, appId, privateKey: async () => appKeyPem, ...parts })
  const recorder = createRecorder({
    origin,
    store: store.store,
    log: store.log,
    security: store.security,
    custody,
    ...parts,
    acceleration,
  })
  const planned = await planGenesis(
    { ...github, policyFiles: policyFilesPort, acceleration },
    { governanceRepository: 'acme/governance', branch: 'main', expected: null, at: asInstant(Date.now()) },
  )
  if (!planned.ok) throw new Error(JSON.stringify(planned.faults))
  await recordGenesis(
    { recorder, log: store.log, registry: store.registry, custody, origin, acceleration },
    planned.plan,
  )
  const needs = { ...github, registry: store.registry, recorder, clock: systemClock, appId }
  const plan = await planEnrolment(needs, { name: 'acme/sdk', branches: [] })
  await enrol(needs, plan, fake.createToken('admin'))
  await store.store.close()

  const config: Config = {
    http: {
      listen: { host: '127.0.0.1', port: 0 },
      publicUrl: 'https://gov.example.org',
      trustedProxies: [],
      maxBodyBytes: 26_214_400,
      challenge: { perClientAndMinute: 100_000, perMinute: 100_000 },
    },
    log: { origin },
    github: {
      apiUrl,
      appId,
      privateKey: { keystore: 'github-app' },
      webhookSecrets: [{ keystore: 'github-webhook' }],
    },
    policy: { repository: 'acme/governance', branch: 'main', genesis: planned.plan.digest },
    data: { directory, payloadDays: 30 },
    telemetry: { level: 'info' },
    unlock: { keyFile: null },
  }
  const configFile = join(directory, 'config.json')
  writeFileSync(configFile, JSON.stringify({ config, unlockKeyHex: unlockKey.toString('hex') }), { mode: 0o600 })

  let child: ChildProcess | null = null
  let gone: Promise<void> = Promise.resolve()
  let url: string | null = null
  const log: string[] = []
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL')
    await gone
  }
  let isOver = false
  t.after(async () => {
    isOver = true
    await kill()
    await fake.close()
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  })
  return {
    fake,
    directory,
    databaseKey,
    logKey,
    webhookSecret,
    people,
    repository,
    log,
    get url() {
      return url
    },
    get isOver() {
      return isOver
    },
    get pid() {
      return child?.pid ?? null
    },
    async start() {
      const limit = options.limit?.() ?? ''
      const started = spawn(
        '/bin/sh',
        [
          '-c',
          `${limit}${limit && '; '}exec "$0" "$@"`,
          process.execPath,
          ...launchFlags,
          ...(options.flags ?? []),
          entry,
          configFile,
        ],
        {
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
          env: { ...process.env, MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: join(tmpdir(), 'governance-compiled') },
        },
      )
      child = started
      gone = new Promise((resolve) =>
        started.once('exit', () => {
          url = null
          resolve()
        }),
      )
      if (started.stderr !== null) createInterface({ input: started.stderr }).on('line', (line) => void log.push(line))
      for await (const line of createInterface({ input: started.stdout ?? process.stdin })) {
        if (!line.startsWith('listening ')) continue
        url = line.slice('listening '.length)
        fake.setWebhook(appId, { url: `${url}/webhooks/github` })
        return true
      }
      return false
    },
    kill,
    async stop() {
      child?.kill('SIGTERM')
      await gone
      return child?.exitCode ?? null
    },
    memory: () =>
      new Promise((resolve) => {
        child?.once('message', (message) => resolve((message as { rss: number }).rss))
        child?.send('memory')
      }),
  }
}
