import assert from 'node:assert/strict'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openKeystore } from '../../src/adapters/custody/encrypted-file.ts'
import { parseConfig } from '../../src/config/load-config.ts'
import { dataFiles } from '../../src/compose-deployment.ts'
import { run, start } from './cli-process.ts'
import { appId, argvOf, type Desk, setDesk, until } from './cli-deployment.ts'

const list = (desk: Desk): string[] => readdirSync(desk.folder, { recursive: true }).map(String).sort()

function neverSaid({ said, secrets }: Desk): void {
  for (const secret of secrets) assert.ok(!said.some((text) => text.includes(secret)), 'a secret was printed')
}

test('T59 init makes a deployment of private files, pins genesis, prints no secret, and never touches what is there', async (t) => {
  const desk = await setDesk(t)
  const made = await desk.cli(...desk.initArgs(), '--json')
  assert.equal(made.code, 0, made.stderr)
  const told = JSON.parse(made.stdout) as { genesis: string; logKey: string }
  const loaded = parseConfig(readFileSync(desk.config, 'utf8'), {})
  assert.ok(loaded.ok)
  assert.equal(`sha256:${loaded.config.policy.genesis}`, told.genesis)
  assert.match(told.logKey, /^gov\.example\.org\/decisions\+[0-9a-f]{8}\+/)
  assert.equal(lstatSync(desk.dataDirectory).mode & 0o777, 0o700)
  for (const file of Object.values(dataFiles(desk.dataDirectory)))
    if (existsSync(file)) assert.equal(lstatSync(file).mode & 0o777, 0o600, file)
  assert.ok(!readFileSync(dataFiles(desk.dataDirectory).database).toString('latin1').startsWith('SQLite format'))
  for (const { login } of desk.people) assert.match(made.stderr, new RegExp(`${login} +\\d+`), 'accounts are shown')

  const before = list(desk)
  const again = await desk.cli(...desk.initArgs())
  assert.equal(again.code, 2)
  assert.match(again.stderr, /exists and is left as it is/)
  assert.deepEqual(list(desk), before)

  const shown = await desk.cli('policy', 'show', '--config', desk.config, '--json')
  assert.equal(`sha256:${(JSON.parse(shown.stdout) as { digest: string }).digest}`, told.genesis)
  neverSaid(desk)
})

test('T02 init refuses a webhook secret that is missing, short or a default, says why, and creates nothing', async (t) => {
  const desk = await setDesk(t)
  const before = list(desk)
  for (const [secret, why] of [
    ['', /empty/],
    ['correct-horse-battery', /shorter than 32 bytes/],
    ['your-webhook-secret-goes-here-please-change-me', /default or example/],
    ['a'.repeat(64), /repeats/],
  ] as const) {
    writeFileSync(join(desk.folder, 'hook'), `${secret}\n`)
    const refused = await desk.cli(...desk.initArgs())
    assert.equal(refused.code, 2, secret)
    assert.match(refused.stderr, why)
    if (secret !== '') assert.ok(!refused.stderr.includes(secret), 'T59')
  }
  const absent = await desk.cli(...desk.initArgs({ '--webhook-secret-file': null }))
  assert.equal(absent.code, 64)
  assert.match(absent.stderr, /--webhook-secret-file .*is missing/)
  assert.deepEqual(list(desk), before)
})

test('T02 T56 serve refuses a weak webhook secret, open or swapped files, and another genesis', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const files = dataFiles(desk.dataDirectory)
  const unlockFile = join(desk.folder, 'unlock.key')
  const refuses = async (why: RegExp, code = 2): Promise<void> => {
    const refused = await desk.cli('serve', '--config', desk.config)
    assert.equal(refused.code, code, refused.stderr)
    assert.match(refused.stderr, why)
  }
  chmodSync(unlockFile, 0o640)
  await refuses(/unlock\.key is open to others/)
  chmodSync(unlockFile, 0o600)

  renameSync(unlockFile, `${unlockFile}.real`)
  symlinkSync(`${unlockFile}.real`, unlockFile)
  await refuses(/symbolic link/)
  const key = readFileSync(`${unlockFile}.real`)
  renameSync(`${unlockFile}.real`, unlockFile)

  chmodSync(files.keystore, 0o644)
  await refuses(/keystore\.json is open to others/)
  chmodSync(files.keystore, 0o600)
  chmodSync(files.database, 0o644)
  await refuses(/governance\.db.*open to others/)
  chmodSync(files.database, 0o600)

  writeFileSync(unlockFile, Buffer.from(key.map((byte) => byte ^ 1)))
  await refuses(/does not open|unlock/)
  writeFileSync(unlockFile, key)

  const text = readFileSync(desk.config, 'utf8')
  writeFileSync(desk.config, text.replace(/sha256:[0-9a-f]{4}/, 'sha256:beef'))
  await refuses(/not the genesis of the log/)
  writeFileSync(desk.config, text)

  cpSync(files.keystore, `${files.keystore}.good`)
  const keystore = await openKeystore({ file: files.keystore, unlock: { kind: 'key', bytes: key } })
  await keystore.put('github-webhook', 'secret', Buffer.from('development'))
  await refuses(/shorter than 32 bytes|default or example/)
  neverSaid(desk)
})

test('init refuses a policy that blocks, differs from the branch, or names nobody, and a key of another App', async (t) => {
  const broken = await setDesk(t, {
    files: (files) => {
      const path = 'config/maintainers/layer-3.yml'
      files.set(path, (files.get(path) ?? '').replace(/public_key: .*/, 'public_key: 0x02[PLACEHOLDER_64_CHAR_HEX]'))
    },
  })
  const before = list(broken)
  const placeholder = await broken.cli(...broken.initArgs())
  assert.equal(placeholder.code, 1)
  assert.match(placeholder.stderr, /config\/maintainers\/layer-3\.yml:\d+ +placeholder-key/)
  assert.deepEqual(list(broken), before, 'T20: nothing is created')

  const desk = await setDesk(t)
  const readme = join(desk.folder, 'policy', 'config', 'repos', 'spec.yml')
  writeFileSync(readme, `${readFileSync(readme, 'utf8')}\n# changed\n`)
  const differs = await desk.cli(...desk.initArgs())
  assert.equal(differs.code, 1)
  assert.match(differs.stderr, /config\/repos\/spec\.yml +policy-differs/)
  const other = await desk.cli(...desk.initArgs({ '--policy-dir': null, '--app-id': '4243' }))
  assert.equal(other.code, 2)
  assert.equal(existsSync(desk.dataDirectory), false)
  assert.equal((await desk.cli(...desk.initArgs({ '--policy-dir': null }))).code, 0, 'the branch alone is enough')
})

test('init asks for every wrong part of the configuration at once', async (t) => {
  const desk = await setDesk(t)
  const wrong = await desk.cli(
    ...desk.initArgs({ '--public-url': 'http://gov.example.org', '--origin': 'x y', '--listen': 'z' }),
  )
  assert.equal(wrong.code, 2)
  for (const name of ['http.public_url', 'log.origin', 'http.listen']) assert.match(wrong.stderr, new RegExp(name))
  assert.equal(existsSync(desk.config), false)
})

test('T59 T60 init --github makes the App by manifest: state checked, secrets straight into the keystore', async (t) => {
  const desk = await setDesk(t, { app: false })
  const env = { GOVERNANCE_UNLOCK_KEY_FILE: join(desk.folder, 'unlock.key') }
  const withoutApp = { '--app-id': null, '--private-key-file': null, '--webhook-secret-file': null }
  const child = start([...desk.initArgs(withoutApp), '--github', '--app-name', 'gate'], { env })
  let err = ''
  let out = ''
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.after(() => child.kill('SIGKILL'))
  await until(async () => /http:\/\/127\.0\.0\.1:\d+\//.test(err))
  const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(err)?.[0] ?? ''
  const page = await (await fetch(address)).text()
  const unescape = (text: string): string =>
    text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)))
  const action = unescape(/action="([^"]*)"/.exec(page)?.[1] ?? '')
  const manifest = unescape(/name="manifest" value="([^"]*)"/.exec(page)?.[1] ?? '')
  assert.equal((await fetch(`${address}made?code=evil&state=wrong`)).status, 403, 'another state is not ours')
  const posted = await fetch(action, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'user-agent': 'browser', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ manifest }),
  })
  assert.equal(posted.status, 302)
  assert.equal((await fetch(posted.headers.get('location') ?? '')).status, 200)
  await until(async () => /App \S+ \((\d+)\) exists/.test(err))
  const made = Number(/App \S+ \((\d+)\) exists/.exec(err)?.[1])
  desk.fake.installExisting(made, 'acme', ['acme/governance', 'acme/node'])
  assert.equal(await ended, 0, err)
  const keystore = await openKeystore({
    file: dataFiles(desk.dataDirectory).keystore,
    unlock: { kind: 'key', bytes: readFileSync(env.GOVERNANCE_UNLOCK_KEY_FILE) },
  })
  const [pem, secret] = await Promise.all([keystore.reveal('github-app'), keystore.reveal('github-webhook')])
  for (const text of [Buffer.from(pem).toString().split('\n')[1] ?? '', Buffer.from(secret).toString()]) {
    assert.ok(text.length > 30)
    assert.ok(!out.includes(text) && !err.includes(text), 'T59')
  }
  const loaded = parseConfig(readFileSync(desk.config, 'utf8'), {})
  assert.equal(loaded.ok && loaded.config.github.appId, made)
})

test('a key file that does not exist is made; without one and without a person init says what to set', async (t) => {
  const desk = await setDesk(t)
  const fresh = join(desk.folder, 'keys', 'new.key')
  const made = await run(desk.initArgs(), { env: { GOVERNANCE_UNLOCK_KEY_FILE: fresh } })
  assert.equal(made.code, 0, made.stderr)
  assert.equal(lstatSync(fresh).mode & 0o777, 0o600)
  const nobody = await run(['status', '--config', desk.config])
  assert.equal(nobody.code, 64)
  assert.match(nobody.stderr, /GOVERNANCE_UNLOCK_KEY_FILE/)
})

test('T59 no secret stands in the arguments of a running server', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const { child, stop } = await desk.serve()
  const argv = argvOf(child.pid ?? 0)
  for (const secret of desk.secrets) assert.ok(argv === null || !argv.includes(secret))
  assert.equal(await stop(), 0)
  neverSaid(desk)
  assert.equal(appId, 4242)
})
