import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { inspect } from 'node:util'
import { loadConfig, parseConfig } from './load-config.ts'
import { renderConfig, type ConfigValues } from './render-config.ts'
import { secret } from './secret.ts'

const genesis = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'
const good = `[http]
listen = "127.0.0.1:8080"
public_url = "https://gov.example.org"
[log]
origin = "gov.example.org/decisions"     # fixed at init, never changes with the host name
[github]
api_url = "https://api.github.com"
app_id = 4242
private_key = { keystore = "github-app" }
webhook_secret = { keystore = "github-webhook" }
[policy]
repository = "acme/governance"
branch = "main"
genesis = "sha256:${genesis}"
[data]
directory = "/var/lib/governance"
`
const problemPaths = (text: string, environment = {}): string[] => {
  const loaded = parseConfig(text, environment)
  assert.equal(loaded.ok, false, text)
  return loaded.ok ? [] : loaded.problems.map(({ path }) => path)
}
const swap = (line: RegExp, by: string): string => {
  assert.match(good, line)
  return good.replace(line, by)
}

test('the documented block is read, completed with what guards nothing, and frozen', () => {
  const loaded = parseConfig(good, { GOVERNANCE_UNLOCK_KEY_FILE: '/run/key', PATH: '/bin' })
  assert.ok(loaded.ok, inspect(loaded, { depth: 9 }))
  assert.deepEqual(loaded.config, {
    http: {
      listen: { host: '127.0.0.1', port: 8080 },
      publicUrl: 'https://gov.example.org',
      trustedProxies: [],
      maxBodyBytes: 26_214_400,
      challenge: { perClientAndMinute: 30, perMinute: 600 },
    },
    log: { origin: 'gov.example.org/decisions' },
    github: {
      apiUrl: 'https://api.github.com',
      appId: 4242,
      privateKey: { keystore: 'github-app' },
      webhookSecrets: [{ keystore: 'github-webhook' }],
    },
    policy: { repository: 'acme/governance', branch: 'main', genesis },
    data: { directory: '/var/lib/governance', payloadDays: 30 },
    anchor: { calendars: [], upgradeFrom: [] },
    telemetry: { level: 'info' },
    unlock: { keyFile: '/run/key' },
  })
  assert.ok(Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.http.listen))
  assert.ok(Object.isFrozen(loaded.config.github.webhookSecrets))
})

test('all problems come at once, each with its path and a remedy', () => {
  const bad = good
    .replace('127.0.0.1:8080', '127.0.0.1')
    .replace('https://gov.example.org', 'http://gov.example.org')
    .replace('app_id = 4242', 'app_id = "4242"')
    .replace('"main"', '"refs..x"')
    .replace('"/var/lib/governance"', '"data"')
    .replace('[log]', '[log]\nverbose = true')
    .replace('origin = "gov.example.org/decisions"', '')
  const loaded = parseConfig(bad, { GOVERNANCE_UNLOCK_KEYFILE: '/x' })
  assert.ok(!loaded.ok)
  assert.deepEqual(loaded.problems.map(({ path }) => path).sort(), [
    'GOVERNANCE_UNLOCK_KEYFILE',
    'data.directory',
    'github.app_id',
    'http.listen',
    'http.public_url',
    'log.origin',
    'log.verbose',
    'policy.branch',
  ])
  for (const { message, remedy } of loaded.problems)
    assert.ok(message.length > 5 && remedy.length > 5 && !message.includes('→'))
  assert.equal(loaded.problems.find(({ path }) => path === 'log.origin')?.message, 'is missing')
})

test('every documented name is needed, and a name or table that is not known is refused', () => {
  const lines = good.split('\n').filter((line) => / = /.test(line))
  assert.equal(lines.length, 11)
  for (const line of lines) {
    const name = line.split(' = ')[0] as string
    assert.ok(
      problemPaths(good.replace(line, '')).some((path) => path.endsWith(name)),
      name,
    )
  }
  assert.deepEqual(problemPaths(`${good}[surprise]\nx = 1\n`), ['surprise'])
  assert.deepEqual(problemPaths(swap(/\[data\]/, '[data]\n__proto__ = 1')), ['data.__proto__'])
})

test('T02 a webhook secret that is absent, empty, written into the file or named twice is refused', () => {
  const line = /webhook_secret = .*/
  const at = 'github.webhook_secret'
  assert.deepEqual(problemPaths(swap(line, '')), [at])
  assert.deepEqual(problemPaths(swap(line, 'webhook_secret = []')), [at])
  assert.deepEqual(problemPaths(swap(line, 'webhook_secret = ""')), [`${at}.0`])
  assert.deepEqual(problemPaths(swap(line, 'webhook_secret = { keystore = "" }')), [`${at}.0.keystore`])
  assert.deepEqual(problemPaths(swap(line, 'webhook_secret = { keystore = "../key" }')), [`${at}.0.keystore`])
  assert.deepEqual(problemPaths(swap(line, 'webhook_secret = [{ keystore = "a" }, { keystore = "a" }]')), [at])
  const three = 'webhook_secret = [{ keystore = "a" }, { keystore = "b" }, { keystore = "c" }]'
  assert.deepEqual(problemPaths(swap(line, three)), [at])
  const two = parseConfig(swap(line, 'webhook_secret = [{ keystore = "new" }, { keystore = "old" }]'), {})
  assert.ok(two.ok)
  assert.deepEqual(
    two.config.github.webhookSecrets.map(({ keystore }) => keystore),
    ['new', 'old'],
  )
})

test('T59 a secret written into the file is never repeated in a problem', () => {
  const hunter = 'hunter2-hunter2-hunter2-hunter2-hunter2'
  for (const text of [
    swap(/webhook_secret = .*/, `webhook_secret = "${hunter}"`),
    swap(/webhook_secret = .*/, `webhook_secret = "${hunter}`),
    swap(/webhook_secret = .*/, `webhook_secret = { keystore = "${hunter} ${hunter}" }`),
    swap(/private_key = .*/, `private_key = "-----BEGIN RSA PRIVATE KEY-----${hunter}"`),
    swap(/public_url = .*/, `public_url = "https://admin:${hunter}@gov.example.org"`),
  ]) {
    const loaded = parseConfig(text, {})
    assert.ok(!loaded.ok)
    assert.doesNotMatch(JSON.stringify(loaded), /hunter2/)
  }
})

test('addresses, networks, names and numbers outside of their bounds are refused', () => {
  const refusedAt = (line: RegExp, by: string, path: string): void =>
    assert.deepEqual(problemPaths(swap(line, by)), [path])
  for (const value of ['8080', ':8080', 'a:b', '127.0.0.1:70000', '[::1:8080', '[127.0.0.1]:80', 'h:1\\nx'])
    refusedAt(/listen = .*/, `listen = "${value}"`, 'http.listen')
  for (const value of [
    'gov.example.org',
    'ftp://x',
    'http://example.org',
    'https://x/?a=1',
    'https://x/#a',
    'http://127.evil.org',
  ])
    refusedAt(/public_url = .*/, `public_url = "${value}"`, 'http.public_url')
  for (const value of ['0.0.0.0/0', '::/0', '10.0.0.0/33', 'proxy', '10.0.0.1/24/2'])
    refusedAt(/listen/, `trusted_proxies = ["${value}"]\nlisten`, 'http.trusted_proxies.0')
  for (const value of ['https://gov.example.org/x', 'gov.example.org', 'gov.example.org/', 'a b/c', 'a/b\\nc', 'a+b/c'])
    refusedAt(/origin = .*/, `origin = "${value}"`, 'log.origin')
  for (const value of ['acme', 'acme/..', 'acme/a/b', '-a/b', 'acme/a b'])
    refusedAt(/repository = .*/, `repository = "${value}"`, 'policy.repository')
  for (const value of [genesis, `sha256:${genesis.toUpperCase()}`, `sha256:${'0'.repeat(64)}`, 'sha256:…'])
    refusedAt(/genesis = .*/, `genesis = "${value}"`, 'policy.genesis')
  for (const value of ['0', '-1', '1.5']) refusedAt(/app_id = .*/, `app_id = ${value}`, 'github.app_id')
  refusedAt(/directory = .*/, 'directory = "/d"\npayload_days = 0', 'data.payload_days')
  refusedAt(/listen/, 'max_body_bytes = 99999999\nlisten', 'http.max_body_bytes')
  const loopback = parseConfig(
    swap(/api_url = .*/, 'api_url = "http://127.0.0.1:3000/"').replace('127.0.0.1:8080', '[::1]:0'),
    {},
  )
  assert.ok(loopback.ok)
  assert.equal(loopback.config.github.apiUrl, 'http://127.0.0.1:3000')
  assert.deepEqual(loopback.config.http.listen, { host: '::1', port: 0 })
})

test('a file that is missing, no text, or no TOML is one clear problem', () => {
  const folder = mkdtempSync(join(tmpdir(), 'governance-config-'))
  try {
    const file = join(folder, 'governance.toml')
    const load = () => loadConfig({ file, environment: {} })
    const missing = load()
    assert.ok(!missing.ok)
    assert.deepEqual([missing.problems[0]?.path, missing.problems[0]?.message], [file, 'cannot be read: ENOENT'])
    writeFileSync(file, Buffer.from([0xff, 0xfe]))
    assert.ok(!load().ok)
    writeFileSync(file, `${good}\n[http]\n`)
    const twice = load()
    assert.ok(!twice.ok)
    assert.match(twice.problems[0]?.message ?? '', /^is not TOML: line \d+/)
    writeFileSync(file, good)
    assert.ok(load().ok)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what init writes is read back to the same values, whatever they hold', () => {
  const values: ConfigValues = {
    listen: '[::1]:8080',
    publicUrl: 'https://gov.example.org',
    origin: 'gov.example.org/decisions',
    apiUrl: 'https://api.github.com',
    appId: 4242,
    privateKey: 'github-app',
    webhookSecret: 'github-webhook',
    repository: 'acme/governance',
    branch: 'main',
    genesis,
    directory: '/srv/a "quoted" \\ name\u007f\n[http]\nlisten = "0.0.0.0:1"',
  }
  const loaded = parseConfig(renderConfig(values), {})
  assert.ok(loaded.ok, inspect(loaded, { depth: 9 }))
  assert.equal(loaded.config.data.directory, values.directory)
  assert.deepEqual(loaded.config.http.listen, { host: '::1', port: 8080 })
  assert.equal(loaded.config.policy.genesis, genesis)
  // The defaults that the comments show are the defaults.
  const shown = renderConfig(values).replace(/^# ([a-z_]+ = .*)$/gm, '$1')
  assert.deepEqual(parseConfig(shown, {}), loaded)
})

test('T59 a wrapped secret prints as [secret] however it is printed', () => {
  const wrapped = secret('hunter2')
  const all = [
    `${String(wrapped)}`,
    JSON.stringify({ wrapped }),
    inspect(wrapped),
    inspect({ a: [wrapped] }, { depth: 9, showHidden: true }),
  ]
  for (const text of all) {
    assert.doesNotMatch(text, /hunter2/)
    assert.match(text, /\[secret\]/)
  }
  assert.equal(wrapped.reveal(), 'hunter2')
  assert.deepEqual(Object.keys(wrapped), [])
})

const withOffHost = (line: string): string => good.replace('[github]', `${line}\n[github]`)
const sftp = (changes: Readonly<Record<string, string | null>> = {}): string => {
  const fields: Readonly<Record<string, string | null>> = {
    host: '"log.example.net"',
    user: '"governance"',
    directory: '"/srv/log"',
    host_key: `"SHA256:${'Ab'.repeat(21)}c"`,
    private_key: '{ keystore = "off-host" }',
    ...changes,
  }
  const text = Object.entries(fields).flatMap(([name, value]) => (value === null ? [] : [`${name} = ${value}`]))
  return `off_host = { sftp = { ${text.join(', ')} } }`
}

test('a copy elsewhere is a directory or a machine', () => {
  const directory = parseConfig(withOffHost('off_host = { directory = "/mnt/other" }'), {})
  assert.ok(directory.ok, inspect(directory, { depth: 9 }))
  assert.deepEqual(directory.config.log.offHost, { kind: 'directory', directory: '/mnt/other' })
  const machine = parseConfig(withOffHost(sftp()), {})
  assert.ok(machine.ok, inspect(machine, { depth: 9 }))
  assert.deepEqual(machine.config.log.offHost, {
    kind: 'sftp',
    host: 'log.example.net',
    port: 22,
    user: 'governance',
    directory: '/srv/log',
    hostKey: `SHA256:${'Ab'.repeat(21)}c`,
    privateKey: { keystore: 'off-host' },
  })
})

test('a copy that names no place, two, a place inside the data, no pinned key or a secret in clear is refused', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['off_host = {}', ['log.off_host']],
    ['off_host = { directory = "relative" }', ['log.off_host.directory']],
    ['off_host = { directory = "/mnt/other", mode = 1 }', ['log.off_host.mode']],
    ['off_host = { directory = "/var/lib/governance/copy" }', ['log.off_host.directory']],
    ['off_host = { directory = "/var/lib" }', ['log.off_host.directory']],
    [sftp({ host_key: null }), ['log.off_host.sftp.host_key']],
    [sftp({ host_key: `"SHA256:${'A'.repeat(43)}"` }), ['log.off_host.sftp.host_key']],
    [sftp({ host_key: '"ssh-ed25519 AAAA"' }), ['log.off_host.sftp.host_key']],
    [sftp({ private_key: '"-----BEGIN"' }), ['log.off_host.sftp.private_key']],
    [
      sftp({ host: '"user@host"', port: '0', user: '"-oProxyCommand"', directory: '"log"' }),
      ['log.off_host.sftp.directory', 'log.off_host.sftp.host', 'log.off_host.sftp.port', 'log.off_host.sftp.user'],
    ],
    [
      sftp({ host: '"-x"' }).replace('{ sftp', '{ directory = "/mnt/other", sftp'),
      ['log.off_host', 'log.off_host.sftp.host'],
    ],
  ]
  for (const [line, paths] of cases) assert.deepEqual(problemPaths(withOffHost(line)).sort(), paths, line)
})
