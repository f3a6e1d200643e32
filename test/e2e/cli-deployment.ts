/** A stand-in of the forge and everything that `governance init` wants to be told, on disk as an operator has it. */
import type { ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { movableClock } from '../fakes/github/control-http.ts'
import { createFakeGitHub, type FakeGitHub } from '../fakes/github/fake-github.ts'
import { type GovernanceFiles, sampleGovernanceFiles } from '../fixtures/governance-repository.ts'
import { type SamplePerson, sampleKeyPairs } from '../fixtures/sample-people.ts'
import { type Finished, run, scratch, start } from './cli-process.ts'

export const appId = 4242
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs1', format: 'pem' })
  .toString()

const nodeFiles = { 'README.md': '# node\n', 'docs/guide.md': 'hello\n', 'rpc/methods.ts': 'export {}\n' }

/** What an operator has at hand, and what was said so far. */
export interface Desk {
  readonly fake: FakeGitHub
  readonly folder: string
  readonly config: string
  readonly dataDirectory: string
  readonly url: string
  readonly people: readonly SamplePerson[]
  /** Everything that must never be printed. */
  readonly secrets: string[]
  /** Everything that any command printed. */
  readonly said: string[]
  initArgs(changes?: Readonly<Record<string, string | null>>): string[]
  cli(...args: string[]): Promise<Finished>
  /** Starts the server; resolves when it listens. */
  serve(): Promise<{ readonly child: ChildProcess; readonly stop: () => Promise<number | null> }>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function write(path: string, text: string | Uint8Array, mode = 0o600): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode })
  return path
}

/** Sets the desk. Logins resolve to accounts of the stand-in; the policy files name no account ids, as at a genesis. */
export async function setDesk(
  t: TestContext,
  options: { readonly files?: (files: GovernanceFiles) => void; readonly app?: false } = {},
): Promise<Desk> {
  const fake = createFakeGitHub({ clock: movableClock(), settings: { mergeableReads: 0 } })
  const apiUrl = await fake.listen()
  t.after(() => fake.close())
  const folder = scratch(t)
  fake.createUser('acme', { type: 'Organization' })
  for (const login of ['alice', 'admin']) fake.createUser(login)
  const people = sampleKeyPairs()
  const keys: Record<string, string[]> = {}
  for (const { login, set, publicHex } of people) {
    fake.createUser(login)
    keys[set] = [...(keys[set] ?? []), publicHex]
  }
  const files = sampleGovernanceFiles({ keys })
  options.files?.(files)
  fake.createRepository('acme', 'governance', { files: Object.fromEntries(files) })
  fake.createRepository('acme', 'node', { files: nodeFiles })
  for (const name of ['acme/governance', 'acme/node']) fake.addCollaborator(name, 'admin', 'admin')
  const webhookSecret = randomBytes(32).toString('hex')
  if (options.app !== false)
    fake.installApp({
      appId,
      privateKeyPem: pem,
      webhookSecret,
      webhookUrl: 'http://127.0.0.1:9/none',
      account: 'acme',
      ping: false,
    })
  if (options.app !== false) fake.setWebhook(appId, { url: null })
  const adminToken = fake.createToken('admin')
  for (const [path, text] of files) write(join(folder, 'policy', path), text, 0o644)
  write(join(folder, 'app.pem'), pem)
  write(join(folder, 'hook'), `${webhookSecret}\n`)
  write(join(folder, 'admin-token'), adminToken)
  const unlockKey = randomBytes(32)
  const unlock = write(join(folder, 'unlock.key'), unlockKey)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = join(folder, 'governance.toml')
  const dataDirectory = join(folder, 'data')
  const secrets = [
    webhookSecret,
    adminToken,
    unlockKey.toString('hex'),
    unlockKey.toString('base64'),
    ...pem.split('\n').filter((line) => line.length >= 60),
  ]
  const said: string[] = []
  const env = { GOVERNANCE_UNLOCK_KEY_FILE: unlock }
  const flags: Readonly<Record<string, string>> = {
    '--config': config,
    '--data-dir': dataDirectory,
    '--api-url': apiUrl,
    '--app-id': String(appId),
    '--private-key-file': join(folder, 'app.pem'),
    '--webhook-secret-file': join(folder, 'hook'),
    '--governance-repo': 'acme/governance',
    '--policy-dir': join(folder, 'policy'),
    '--public-url': url,
    '--origin': 'gov.example.org/decisions',
    '--listen': `127.0.0.1:${port}`,
  }
  return {
    fake,
    folder,
    config,
    dataDirectory,
    url,
    people,
    secrets,
    said,
    initArgs: (changes = {}) => [
      'init',
      ...Object.entries({ ...flags, ...changes }).flatMap(([name, value]) => (value === null ? [] : [name, value])),
      '--yes',
    ],
    async cli(...args) {
      const finished = await run(args, { env })
      said.push(finished.stdout, finished.stderr)
      return finished
    },
    async serve() {
      const child = start(['serve', '--config', config], { env })
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      child.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString()))
      let err = ''
      const up = await new Promise<boolean>((resolve) => {
        child.stderr?.on('data', (chunk: Buffer) => {
          said.push(chunk.toString())
          err += chunk.toString()
          if (err.includes('listens on')) resolve(true)
        })
        child.once('close', () => resolve(false))
      })
      if (!up) throw new Error(`serve ended: ${err}`)
      const stop = async (): Promise<number | null> => {
        child.kill('SIGTERM')
        return ended
      }
      t.after(async () => {
        if (child.exitCode === null) child.kill('SIGKILL')
        await ended
      })
      fake.setWebhook(appId, { url: `${url}/webhooks/github` })
      return { child, stop }
    },
  }
}

/** Asks until `holds`, for at most `ms`. */
export async function until(holds: () => Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** The command line of a running process as anybody on the machine can read it; null where there is no /proc. */
export const argvOf = (pid: number): string | null =>
  existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : null
