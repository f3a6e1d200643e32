/** A whole deployment for tests: the stand-in with a governance repository, and the real server on loopback before it. */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { TestContext } from 'node:test'
import { createGitHub } from '../../src/adapters/github/github.ts'
import { policyFilesPort } from '../../src/adapters/policy-files/policy-files.ts'
import { openMemoryStore } from '../../src/adapters/store/memory.ts'
import { createTelemetry, type ProcessTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { composeServer, type Server } from '../../src/compose.ts'
import { nonceKeyName, saltKeyName } from '../../src/compose-names.ts'
import { acceleration } from '../../src/compose-acceleration.ts'
import { outsideCopies, prepareCopies } from '../../src/compose-off-host.ts'
import { witnessKeyName } from '../../src/compose-witness.ts'
import type { Config, WitnessingConfig } from '../../src/config/config.ts'
import { asInstant, ed25519PublicKey, type RepositoryId, signEcdsa } from '../../src/core/index.ts'
import { enrol, planEnrolment } from '../../src/flows/gate/enrol.ts'
import { planGenesis, recordGenesis } from '../../src/flows/gate/genesis.ts'
import { logKeyName } from '../../src/flows/gate/log-key-name.ts'
import { createRecorder, securityKeyName } from '../../src/flows/gate/recorder.ts'
import type { Clock, Custody, Journal, JobData, LogFiles, LogName, StorePorts } from '../../src/flows/ports.ts'
import { memoryLogFiles } from '../fakes/log-files.ts'
import { systemRandom, systemTimers } from '../../src/system.ts'
import { createFakeGitHub, type FakeGitHub } from '../fakes/github/fake-github.ts'
import { type GovernanceFiles, sampleGovernanceFiles } from '../fixtures/governance-repository.ts'
import { sampleKeyPairs, type SamplePerson } from '../fixtures/sample-people.ts'

export const appId = 4242
export const origin = 'gov.example.org/decisions'
export const appKeyPem: string = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey

/** A clock that can be moved: the machine's (or one that stands still), plus what the test added. */
export interface MovingClock extends Clock {
  advance(ms: number): void
}

function movingClock(isFrozen: boolean): MovingClock {
  let offset = 0
  const start = Math.floor(Date.now() / 1000) * 1000
  return {
    now: () => asInstant((isFrozen ? start : Date.now()) + offset),
    advance: (ms) => {
      offset += ms
    },
  }
}

/** PKCS #8 of an Ed25519 seed (RFC 8410 section 7). */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Custody in memory with real keys; the platform signs, as it does in production. */
function memoryCustody(
  secrets: Readonly<Record<string, Uint8Array>>,
  witnessSeed: Uint8Array | null,
  seed: Uint8Array = randomBytes(32),
): Custody {
  const seedOf = (name: string): Uint8Array => (name === witnessKeyName && witnessSeed !== null ? witnessSeed : seed)
  return {
    reveal: async (name) => {
      const secret = secrets[name]
      if (secret === undefined) throw new Error(`no secret ${name}`)
      return secret
    },
    sign: async (name, message) => {
      const key = Buffer.concat([ed25519Prefix, seedOf(name)])
      return new Uint8Array(sign(null, message, createPrivateKey({ key, format: 'der', type: 'pkcs8' })))
    },
    publicKey: async (name) => ed25519PublicKey(seedOf(name)),
    names: async () => [
      ...Object.keys(secrets),
      logKeyName,
      securityKeyName,
      ...(witnessSeed === null ? [] : [witnessKeyName]),
    ],
  }
}

function memoryJournal(): Journal {
  const records: JobData[] = []
  return {
    append: async (record) => void records.push(record),
    read: async () => [...records],
    drop: async (count) => void records.splice(0, count),
  }
}

export interface Person extends SamplePerson {
  readonly id: number
}

export interface Deployment {
  readonly fake: FakeGitHub
  readonly server: Server
  readonly url: string
  readonly store: StorePorts
  readonly clock: MovingClock
  readonly telemetry: ProcessTelemetry
  readonly config: Config
  readonly custody: Custody
  /** Publishes everything that is signed. */
  published(): Promise<void>
  readonly logFiles: LogFiles
  readonly journal: Journal
  readonly logLines: string[]
  readonly people: readonly Person[]
  readonly webhookSecret: Uint8Array
  /** Enrols a repository with these branches (the default one where none is named), rulesets included. */
  enrol(name: string, branches?: readonly string[]): Promise<void>
  /** Persons of one registry. */
  of(set: string): readonly Person[]
  repositoryId(name: string): RepositoryId
  /** Sets the server's clock apart from the forge's by so much from now on. */
  skew(ms: number): void
  /** Moves the clock and lets everything that became due run. */
  pass(ms: number): Promise<void>
  /** Resolves when no webhook is on its way and no job is due. */
  settled(): Promise<void>
  /** Takes the person's challenge from the public listener and signs it with the person's own key. */
  signature(
    name: string,
    number: number,
    person: Person,
  ): Promise<{ payload: string; signature: string; comment: string }>
  /** Signs and comments, as the person. */
  approve(name: string, number: number, person: Person): Promise<void>
  /** The newest run of the check of a base, by name. */
  check(
    name: string,
    head: string,
    base?: string,
  ): { conclusion: string | null; title: string | null; summary: string | null } | null
  /** Restarts the server over the same store; the stand-in lives on. */
  restart(): Promise<void>
}

export const baseFiles = {
  'README.md': '# node\n',
  'docs/guide.md': 'hello\n',
  'rpc/methods.ts': 'export const methods = []\n',
  'consensus/rules.ts': 'export const rules = 1\n',
  'src/other.ts': 'export const other = 1\n',
}

/** The public sample's own layout with our people in it, and every account known to the stand-in. */
export async function startDeployment(
  t: Pick<TestContext, 'after'>,
  options: {
    /** The clock stands still but for `pass`: moments are exact to the millisecond. */
    readonly frozen?: boolean
    readonly origin?: string
    readonly files?: (files: GovernanceFiles) => void
    /** Another governance repository than the own sample, with these people in it. */
    readonly governance?: (people: readonly Person[]) => GovernanceFiles
    readonly repositories?: readonly string[]
    readonly settings?: Parameters<typeof createFakeGitHub>[0]['settings']
    readonly store?: StorePorts
    readonly journal?: Journal
    readonly logFiles?: LogFiles
    readonly log?: Pick<Config['log'], 'access' | 'token'>
    readonly secrets?: Readonly<Record<string, Uint8Array>>
    /** Prepared as `governance log off-host prepare` does before the server starts. */
    readonly offHost?: LogFiles
    /** The same place for the security log; one in memory where none is given. */
    readonly offHostSecurity?: LogFiles
    readonly enrol?: boolean
    /** The seed of the log's key, where somebody outside has to know the key before. */
    readonly logSeed?: Uint8Array
    /** Witnesses of the log, and the one that runs inside; `directory` holds its memory. */
    readonly witness?: { readonly config: WitnessingConfig; readonly seed: Uint8Array; readonly directory: string }
  } = {},
): Promise<Deployment> {
  const clock = movingClock(options.frozen === true)
  const logOrigin = options.origin ?? origin
  let skewMs = 0
  const serverClock: Clock = { now: () => asInstant(clock.now() + skewMs) }
  const fake = createFakeGitHub({ clock, settings: { mergeableReads: 0, ...options.settings } })
  const apiUrl = await fake.listen()
  fake.createUser('acme', { type: 'Organization' })
  for (const login of ['alice', 'mallory', 'admin']) fake.createUser(login)
  const people: Person[] = sampleKeyPairs().map((person) => ({ ...person, id: fake.createUser(person.login).id }))
  const keys: Record<string, string[]> = {}
  const accounts: Record<string, number[]> = {}
  for (const person of people) {
    keys[person.set] = [...(keys[person.set] ?? []), person.publicHex]
    accounts[person.set] = [...(accounts[person.set] ?? []), person.id]
  }
  const governance = options.governance?.(people) ?? sampleGovernanceFiles({ keys, accounts })
  options.files?.(governance)
  const repositories = options.repositories ?? ['node']
  const ids = new Map<string, RepositoryId>()
  ids.set(
    'acme/governance',
    fake.createRepository('acme', 'governance', { files: Object.fromEntries(governance) }).id as RepositoryId,
  )
  for (const name of repositories)
    ids.set(`acme/${name}`, fake.createRepository('acme', name, { files: baseFiles }).id as RepositoryId)
  for (const name of ids.keys()) fake.addCollaborator(name, 'admin', 'admin')

  const webhookSecret = Buffer.from(randomBytes(32).toString('hex'))
  fake.installApp({
    appId,
    privateKeyPem: appKeyPem,
    webhookSecret: webhookSecret.toString(),
    webhookUrl: 'http://127.0.0.1:9/none',
    account: 'acme',
    ping: false,
  })
  fake.setWebhook(appId, { url: null })

  const custody = memoryCustody(
    {
      'github-app': Buffer.from(appKeyPem),
      'github-webhook': webhookSecret,
      [nonceKeyName]: randomBytes(32),
      [saltKeyName]: randomBytes(32),
      ...options.secrets,
    },
    options.witness?.seed ?? null,
    options.logSeed,
  )
  const logLines: string[] = []
  const telemetry = createTelemetry({ level: 'debug', destination: { write: (line) => void logLines.push(line) } })
  const store = options.store ?? openMemoryStore()
  const journal = options.journal ?? memoryJournal()
  const refusals = memoryJournal()
  const logFiles = options.logFiles ?? memoryLogFiles()
  const places = options.offHost && {
    decisions: options.offHost,
    security: options.offHostSecurity ?? memoryLogFiles(),
  }
  const offHost = places === undefined ? null : { name: 'off-host', files: (log: LogName) => places[log] }
  const github = createGitHub({
    apiUrl,
    appId,
    privateKey: async () => appKeyPem,
    clock: serverClock,
    timers: systemTimers,
    random: systemRandom,
  })
  const recorder = createRecorder({
    origin: logOrigin,
    store: store.store,
    log: store.log,
    security: store.security,
    custody,
    clock: serverClock,
    random: systemRandom,
    acceleration,
  })
  const planned = await planGenesis(
    { ...github, policyFiles: policyFilesPort, acceleration },
    { governanceRepository: 'acme/governance', branch: 'main', expected: null, at: clock.now() },
  )
  if (!planned.ok) {
    await fake.close()
    throw new Error(JSON.stringify(planned.faults))
  }
  await recordGenesis(
    { recorder, log: store.log, registry: store.registry, custody, origin: logOrigin, acceleration },
    planned.plan,
  )
  const enrolNeeds = { ...github, registry: store.registry, recorder, clock: serverClock, appId }
  const enrolRepository: Deployment['enrol'] = async (name, branches = []) => {
    const plan = await planEnrolment(enrolNeeds, { name, branches })
    ids.set(name, plan.id)
    await enrol(enrolNeeds, plan, fake.createToken('admin'))
  }
  if (options.enrol !== false) for (const name of [...ids.keys()]) await enrolRepository(name)

  const config: Config = {
    http: {
      listen: { host: '127.0.0.1', port: 0 },
      publicUrl: 'https://gov.example.org',
      trustedProxies: [],
      maxBodyBytes: 26_214_400,
      challenge: { perClientAndMinute: 1000, perMinute: 10_000 },
    },
    log: {
      origin: logOrigin,
      ...options.log,
      ...(options.witness === undefined ? {} : { witness: options.witness.config }),
    },
    github: {
      apiUrl,
      appId,
      privateKey: { keystore: 'github-app' },
      webhookSecrets: [{ keystore: 'github-webhook' }],
    },
    policy: { repository: 'acme/governance', branch: 'main', genesis: planned.plan.digest },
    data: { directory: options.witness?.directory ?? '/nowhere', payloadDays: 30 },
    telemetry: { level: 'debug' },
    unlock: { keyFile: null },
  }
  // A restart ends the server and keeps the store: in memory nothing else survives.
  const kept: StorePorts = { ...store, store: { ...store.store, close: async () => {} } }
  const compose = (): Promise<Server> =>
    composeServer({
      config,
      custody,
      store: kept,
      logFiles,
      offHost,
      journal,
      refusals,
      clock: serverClock,
      timers: systemTimers,
      random: systemRandom,
      telemetry,
    })

  if (offHost !== null)
    await prepareCopies(
      { ...offHost, prepare: async () => {}, close() {} },
      outsideCopies(offHost, logOrigin, store, custody, acceleration),
      logOrigin,
      store,
      { memory: store.memory, telemetry, timers: systemTimers, acceleration },
    )

  let server = await compose()
  const address = await server.start()
  let url = `http://127.0.0.1:${address.port}`
  fake.setWebhook(appId, { url: `${url}/webhooks/github` })
  t.after(async () => {
    await server.stop(2_000)
    await store.store.close()
    await fake.close()
  })

  const settled = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      await fake.settled()
      await server.runner.idle()
    }
  }
  const signature: Deployment['signature'] = async (name, number, person) => {
    const answer = await fetch(`${url}/challenge/${name}/${number}?maintainer=${person.login}`)
    if (answer.status !== 200) throw new Error(`no challenge for ${person.login}: ${answer.status}`)
    const { payload, pae } = (await answer.json()) as { payload: string; pae: string }
    const made = signEcdsa(Buffer.from(person.secretHex, 'hex'), Buffer.from(pae, 'base64'))
    const text = Buffer.from(made).toString('base64')
    return { payload, signature: text, comment: `/governance-sign ${payload} ${text}` }
  }
  return {
    fake,
    get server() {
      return server
    },
    get url() {
      return url
    },
    store,
    clock,
    telemetry,
    config,
    custody,
    logFiles,
    journal,
    logLines,
    people,
    webhookSecret,
    enrol: enrolRepository,
    of: (set) => people.filter((person) => person.set === set),
    repositoryId: (name) => {
      const id = ids.get(name)
      if (id === undefined) throw new Error(`no repository ${name}`)
      return id
    },
    skew: (ms) => {
      skewMs = ms
    },
    async pass(ms) {
      clock.advance(ms)
      server.runner.wake()
      await settled()
    },
    settled,
    published: () => server.publisher.publish(),
    signature,
    async approve(name, number, person) {
      const { comment } = await signature(name, number, person)
      fake.comment({ repo: name, number }, person.login, comment)
      await settled()
    },
    check(name, head, base = 'main') {
      const runs = fake.checkRuns(name, head).filter((run) => run.appId === appId && run.name === `governance/${base}`)
      return runs.at(-1) ?? null
    },
    async restart() {
      await server.stop(2_000)
      server = await compose()
      const next = await server.start()
      url = `http://127.0.0.1:${next.port}`
      fake.setWebhook(appId, { url: `${url}/webhooks/github` })
    },
  }
}
