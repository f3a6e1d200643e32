/** Everything that the demo plays in: the stand-in, a deployment made by the real commands, and the real server. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readKeyFile } from '../../src/adapters/custody/key-file.ts'
import { openLogDirectory } from '../../src/adapters/log-files/directory.ts'
import { openJournal, sharedJournal } from '../../src/adapters/store/journal.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { composeServer } from '../../src/compose.ts'
import { dataFiles, openCustody, openStore } from '../../src/compose-deployment.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { asInstant, type RepositoryId } from '../../src/core/index.ts'
import type { Clock, StorePorts } from '../../src/flows/ports.ts'
import { systemClock, systemRandom, systemTimers } from '../../src/system.ts'
import { createFakeGitHub, type FakeGitHub } from '../fakes/github/fake-github.ts'
import { administrator, attacker, author, castOf, governanceFiles, type Person, sdkFiles, signers } from './cast.ts'
import { type CommandLine, openCommandLine } from './command-line.ts'
import { StepFailure, type Telling } from './steps.ts'

export const sdk = 'acme/sdk'
export const governance = 'acme/governance'
export const origin = 'gov.acme.example/decisions'
const appId = 4242
const retryWithinMs = 10_000
const mostRetries = 20

/** What has to end, newest first, whatever happens. */
export interface Ends {
  add(end: () => unknown): void
  run(): Promise<void>
}

/** Collects ends. Each runs once, a failing one stops no other, and whoever asks twice waits for the same end. */
export function createEnds(): Ends {
  const ends: (() => unknown)[] = []
  const runAll = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop())
      try {
        await end()
      } catch {
        // The next one still has to end.
      }
  }
  let running: Promise<void> | null = null
  return {
    add: (end) => void ends.push(end),
    run: () => {
      running ??= runAll()
      return running
    },
  }
}

export interface World {
  readonly forge: FakeGitHub
  readonly url: string
  readonly store: StorePorts
  readonly commands: CommandLine
  readonly people: readonly Person[]
  readonly appId: number
  /** The line by which anybody verifies the log's checkpoints. */
  readonly logKey: string
  readonly webhookSecret: string
  readonly clock: Clock
  repositoryId(name: string): RepositoryId
  /** Resolves when no webhook is on its way and no job is due. */
  settled(): Promise<void>
  /** Moves the clock of server and stand-in, and lets everything that became due run. */
  pass(ms: number): Promise<void>
}

/** The machine's clock plus what the demo added. Production has none of this: the server is handed its clock. */
function movableClock(): Clock & { advance(ms: number): void } {
  let added = 0
  return {
    now: () => asInstant(systemClock.now() + added),
    advance: (ms) => {
      added += ms
    },
  }
}

/** Makes the empty folder of this run, which ends with it. */
export function openFolder(ends: Ends): string {
  const folder = mkdtempSync(join(tmpdir(), 'governance-demo-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  ends.add(remove)
  return folder
}

const privateFile = (path: string, text: string): string => {
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  return path
}

/** The maintainers who sign with the command line make their keys with it. */
async function makeKeys(commands: CommandLine, folder: string): Promise<ReadonlyMap<string, string>> {
  const made = await Promise.all(
    signers.map(async (login) => {
      privateFile(join(folder, `${login}.passphrase`), `${randomBytes(24).toString('base64url')}\n`)
      const create = ['approval', 'key', 'create', `${login}.key`, '--passphrase-file', `${login}.passphrase`, '--json']
      const { publicKey } = JSON.parse(await commands.run(create)) as { publicKey: string }
      return [login, publicKey] as const
    }),
  )
  return new Map(made)
}

function fillForge(forge: FakeGitHub, brought: ReadonlyMap<string, string>) {
  forge.createUser('acme', { type: 'Organization' })
  for (const login of [author, attacker, administrator]) forge.createUser(login)
  const accounts = new Map<string, number>()
  const people = castOf(brought)
  for (const { login } of people) accounts.set(login, forge.createUser(login).id)
  const files = governanceFiles(people, (login) => accounts.get(login) ?? 0)
  const ids = new Map([
    [governance, forge.createRepository('acme', 'governance', { files }).id as RepositoryId],
    [sdk, forge.createRepository('acme', 'sdk', { files: sdkFiles }).id as RepositoryId],
  ])
  for (const name of ids.keys()) forge.addCollaborator(name, administrator, 'admin')
  for (const login of signers) forge.addCollaborator(sdk, login, 'write')
  return { people, ids }
}

/** Starts everything. @throws StepFailure when a command of the setup does not do what it should */
export async function startWorld(
  ends: Ends,
  folder: string,
  log: (line: string) => void,
  { say }: Pick<Telling, 'say'>,
): Promise<World> {
  const unlockFile = join(folder, 'unlock.key')
  const commands = openCommandLine(folder, {
    GOVERNANCE_UNLOCK_KEY_FILE: unlockFile,
    // Node keeps what it compiled, so that the commands start faster.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  })
  ends.add(() => commands.stop())
  const clock = movableClock()
  const forge = createFakeGitHub({ clock, settings: { mergeableReads: 0 } })
  const apiUrl = await forge.listen()
  ends.add(() => forge.close())

  const brought = await makeKeys(commands, folder)
  say(`${signers.join(', ')} made encrypted key files: governance approval key create`)
  const { people, ids } = fillForge(forge, brought)
  say(
    `the stand-in for GitHub serves ${[...ids.keys()].join(' and ')} (a registry of ${people.length} people) on ${apiUrl}`,
  )

  const privateKeyPem = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
  const webhookSecret = randomBytes(32).toString('hex')
  const webhookUrl = 'http://127.0.0.1:9/not-yet'
  forge.installApp({ appId, privateKeyPem, webhookSecret, webhookUrl, account: 'acme', ping: false })
  forge.setWebhook(appId, { url: null })

  const config = join(folder, 'governance.toml')
  const initialised = await commands.run([
    ...['init', '--yes', '--json', '--config', config, '--data-dir', join(folder, 'data')],
    ...['--api-url', apiUrl, '--app-id', String(appId), '--governance-repo', governance],
    ...['--private-key-file', privateFile(join(folder, 'app.pem'), privateKeyPem)],
    ...['--webhook-secret-file', privateFile(join(folder, 'webhook.secret'), webhookSecret)],
    ...['--public-url', 'https://gov.acme.example', '--origin', origin, '--listen', '127.0.0.1:0'],
  ])
  const { genesis, logKey } = JSON.parse(initialised) as { genesis: string; logKey: string }
  say(`governance init pinned the first policy, ${genesis.slice(0, 23)}…, as the beginning of the log`)
  const token = privateFile(join(folder, 'admin.token'), forge.createToken(administrator))
  for (const name of ids.keys())
    await commands.run(['repo', 'enrol', name, '--config', config, '--apply', '--admin-token-file', token, '--yes'])
  say('governance repo enrol made rulesets: nothing reaches main without our check, from our App')

  const loaded = loadConfig({ file: config, environment: { GOVERNANCE_UNLOCK_KEY_FILE: unlockFile } })
  if (!loaded.ok) throw new StepFailure('governance.toml', 'a valid configuration', JSON.stringify(loaded.problems))
  const custody = await openCustody(loaded.config, { kind: 'key', bytes: readKeyFile(unlockFile) })
  const store = await openStore(loaded.config, custody, 'alone')
  const server = await composeServer({
    config: loaded.config,
    custody,
    store,
    logFiles: await openLogDirectory({ directory: dataFiles(loaded.config.data.directory).decisions, create: true }),
    offHost: null,
    journal: await openJournal(dataFiles(loaded.config.data.directory).journal),
    refusals: sharedJournal(dataFiles(loaded.config.data.directory).refusals, systemTimers),
    clock,
    timers: systemTimers,
    random: systemRandom,
    telemetry: createTelemetry({ level: 'debug', destination: { write: log } }),
  })
  ends.add(() => server.stop(2_000))
  const { port } = await server.start()
  const url = `http://127.0.0.1:${port}`
  forge.setWebhook(appId, { url: `${url}/webhooks/github` })
  say(`the server takes webhooks on ${url}, its database encrypted in ${folder}`)

  const quiet = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      await forge.settled()
      await server.runner.idle()
    }
    // What the security log has waiting becomes entries, so that whoever counts entries next finds all of them.
    await server.events.flush()
  }
  const settled = async (): Promise<void> => {
    await quiet()
    // Work that met other work is tried again a moment later; what only waits for its time is not waited for.
    for (let round = 0; round < mostRetries; round++) {
      const soon = await store.jobs.due(asInstant(clock.now() + retryWithinMs), new Set(), 100)
      const retries = soon.filter(({ attempts }) => attempts > 0)
      if (retries.length === 0) return
      await sleep(Math.max(10, Math.min(...retries.map(({ dueAt }) => dueAt)) - clock.now()))
      server.runner.wake()
      await quiet()
    }
  }
  await settled()
  return {
    forge,
    url,
    store,
    commands,
    people,
    appId,
    logKey,
    webhookSecret,
    clock,
    repositoryId(name) {
      const id = ids.get(name)
      if (id === undefined) throw new Error(`no repository ${name}`)
      return id
    },
    settled,
    async pass(ms) {
      clock.advance(ms)
      server.runner.wake()
      await settled()
    },
  }
}
