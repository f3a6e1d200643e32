import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createFakeGitHub, type FakeGitHub } from '../fakes/github/fake-github.ts'
import { type GovernanceFiles, sampleGovernanceFiles } from '../fixtures/governance-repository.ts'
import { sampleKeyPairs } from '../fixtures/sample-people.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const isMissing = spawnSync('git', ['version']).error !== undefined
const skip = isMissing ? 'real part missing: git' : false

/** Every command line of the README's shell blocks, in order. */
const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) =>
  (block[1] ?? '').split('\n').filter((line) => line.trim() !== ''),
)
const withWord = (word: string): readonly string[] => commands.filter((line) => line.includes(word))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface Stage {
  readonly dir: string
  readonly fake: FakeGitHub
  readonly port: number
  /** Runs a line of the README as it stands, but for the two addresses, which are the stand-in's and the server's. */
  run(line: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }>
  start(line: string): ChildProcess
}

async function prepare(t: TestContext): Promise<Stage> {
  const dir = mkdtempSync(join(tmpdir(), 'readme-'))
  const fake = createFakeGitHub({ clock: { now: () => Date.now() }, settings: { mergeableReads: 0 } })
  const apiUrl = await fake.listen()
  const port = await freePort()
  t.after(async () => {
    await fake.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const env = {
    ...process.env,
    PATH: `${join(root, 'bin')}:${process.env.PATH}`,
    GOVERNANCE_UNLOCK_KEY_FILE: join(dir, 'unlock.key'),
  }
  const placed = (line: string): string =>
    line
      .replaceAll('https://api.github.com', apiUrl)
      .replace('--server https://gov.example.org', `--server http://127.0.0.1:${port}`)
      .replace('governance init ', `governance init --listen 127.0.0.1:${port} `)
  return {
    dir,
    fake,
    port,
    run: (line) =>
      new Promise((resolve) => {
        execFile('sh', ['-c', placed(line)], { cwd: dir, env, timeout: 60_000 }, (error, out, err) => {
          resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err })
        })
      }),
    start: (line) =>
      spawn('sh', ['-c', `exec ${placed(line)}`], { cwd: dir, env, stdio: ['ignore', 'pipe', 'inherit'] }),
  }
}

/** The policy in which alice is the first maintainer of layer 5, with the key that the README's command made. */
function governanceOf(fake: FakeGitHub, aliceKey: string): GovernanceFiles {
  const alice = fake.createUser('alice').id
  const keys: Record<string, string[]> = {}
  const accounts: Record<string, number[]> = {}
  for (const person of sampleKeyPairs()) {
    const isAlice = person.login === 'sdk-1'
    keys[person.set] = [...(keys[person.set] ?? []), isAlice ? aliceKey : person.publicHex]
    accounts[person.set] = [...(accounts[person.set] ?? []), isAlice ? alice : fake.createUser(person.login).id]
  }
  const files = sampleGovernanceFiles({ keys, accounts })
  const path = 'config/maintainers/layer-5.yml'
  files.set(path, (files.get(path) ?? '').replace('github: sdk-1', 'github: alice'))
  return files
}

function writeFiles(stage: Stage, files: GovernanceFiles): void {
  const { dir, fake } = stage
  for (const [path, text] of files) {
    mkdirSync(dirname(join(dir, 'governance', path)), { recursive: true })
    writeFileSync(join(dir, 'governance', path), text)
  }
  const appKey = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey
  const webhookSecret = randomBytes(32).toString('hex')
  fake.createUser('acme', { type: 'Organization' })
  fake.createUser('admin')
  fake.createUser('carol')
  fake.createRepository('acme', 'governance', { files: Object.fromEntries(files) })
  fake.createRepository('acme', 'sdk', { files: { 'README.md': '# sdk\n', 'docs/guide.md': 'hello\n' } })
  for (const name of ['acme/governance', 'acme/sdk']) fake.addCollaborator(name, 'admin', 'admin')
  fake.installApp({
    appId: 4242,
    privateKeyPem: appKey,
    webhookSecret,
    webhookUrl: `http://127.0.0.1:${stage.port}/webhooks/github`,
    account: 'acme',
    ping: false,
  })
  const secrets = { 'app.pem': appKey, 'webhook.secret': webhookSecret, 'admin.token': fake.createToken('admin') }
  for (const [name, text] of Object.entries(secrets)) writeFileSync(join(dir, name), text, { mode: 0o600 })
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`never: ${what}`)
}

test('every command of the README does what it says, for a new operator and a maintainer', { skip }, async (t) => {
  const stage = await prepare(t)
  const { dir, fake, port, run } = stage
  const done = new Set<string>()
  const good = async (line: string | undefined, codes: readonly number[] = [0]): Promise<string> => {
    assert.ok(line !== undefined, 'the README has the command')
    done.add(line)
    const { code, out, err } = await run(line)
    assert.ok(codes.includes(code), `${line}\nended with ${code}\n${out}\n${err}`)
    return out
  }

  writeFileSync(join(dir, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 })
  const [create] = withWord('approval key create')
  const made = await good(create)
  const aliceKey = /\b0[23][0-9a-f]{64}\b/.exec(made)?.[0]
  assert.ok(aliceKey, made)
  writeFiles(stage, governanceOf(fake, aliceKey))

  for (const line of withWord('policy lint')) assert.match(await good(line, [0, 1]), /the policy can take effect/)
  for (const line of withWord('unlock.key')) await good(line)
  for (const line of withWord('governance init')) await good(line)
  for (const line of withWord('repo enrol')) await good(line)

  const [serve] = withWord('governance serve')
  assert.ok(serve)
  done.add(serve)
  const server = stage.start(serve)
  t.after(() => server.kill('SIGKILL'))
  server.stdout?.resume()
  await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, 'the server is ready')

  fake.commit('acme/sdk', 'fix', { author: 'carol', message: 'typo', files: { 'docs/guide.md': 'hello!\n' } })
  const pull = fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'carol', title: 'Fix a typo' })
  const check = () => fake.checkRuns('acme/sdk', pull.headSha).find(({ name }) => name === 'governance/main')
  await until(async () => check()?.conclusion === 'action_required', 'the check is red')

  for (const line of withWord('governance status')) await good(line, [0, 1])
  // The public address of the README is nobody's: that one line is unknown, none fails.
  for (const line of withWord('governance doctor')) {
    const told = await good(line, [2])
    assert.match(told, /the server is ready/)
    assert.ok(!/^fail /m.test(told), told)
  }
  for (const line of withWord('governance explain')) assert.match(await good(line, [1]), /0 of 3 signatures/)
  for (const line of withWord('governance deliveries')) assert.match(await good(line), /pull_request/)

  const bare = join(dir, 'sdk.git')
  fake.exportTo('acme/sdk', bare, { bare: true })
  execFileSync('git', ['clone', '-q', bare, join(dir, 'sdk')])
  for (const line of withWord('approval challenge')) await good(line)
  for (const line of withWord('approval sign')) {
    const comment = (await good(line)).trimEnd().split('\n').at(-1) ?? ''
    assert.match(comment, /^\/governance-sign /)
    fake.comment({ repo: 'acme/sdk', number: pull.number }, 'alice', comment)
  }
  await until(async () => check()?.summary?.includes('1 of 3 signatures') === true, 'the signature counts')

  const closed = new Promise((resolve) => server.once('exit', (code) => resolve(code)))
  server.kill('SIGTERM')
  assert.equal(await closed, 0)
  const left = commands.filter((line) => !done.has(line) && !line.startsWith('npm ci'))
  assert.deepEqual(left, [])
})

test('the README fits on two screens and its two commands are what CI runs', () => {
  assert.ok(readme.split('\n').length <= 110)
  const ci = readFileSync(join(root, '.ci/run'), 'utf8')
  for (const script of ['npm test', 'npm run demo']) assert.ok(ci.includes(script), script)
})
