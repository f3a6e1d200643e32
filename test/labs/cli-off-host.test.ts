import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { lacksSshd, startSshd } from '../contract/sshd.ts'
import { setDesk } from '../e2e/cli-deployment.ts'
import { json } from '../e2e/cli-process.ts'

type Desk = Awaited<ReturnType<typeof setDesk>>

/** Adds a line to the table of the log in the configuration, as an operator does. */
function configure(desk: Desk, line: string): void {
  const text = readFileSync(desk.config, 'utf8')
  assert.match(text, /^origin = .*$/m)
  writeFileSync(
    desk.config,
    text.replace(/^origin = .*$/m, (origin) => `${origin}\n${line}`),
  )
}

const unavailable = /\(log-files-unavailable\)/
const ahead = /\(log-ahead\)/

const refusal = async (desk: Desk, ...args: string[]): Promise<string> => {
  const { code, stderr, stdout } = await desk.cli(...args, '--config', desk.config)
  assert.notEqual(code, 0, stdout)
  return stderr
}

const offHostLine = async (desk: Desk) => {
  const { checks } = json(await desk.cli('doctor', '--config', desk.config, '--json')) as {
    checks: { name: string; outcome: string; remedy: string | null }[]
  }
  const outcomes = checks.filter(({ name }) => name === 'off-host copy').map(({ outcome }) => outcome)
  return ['fail', 'warn', 'ok'].find((outcome) => outcomes.includes(outcome))
}

/** What `log status` says of every place. */
async function status(desk: Desk) {
  const told = await desk.cli('log', 'status', '--config', desk.config, '--json')
  const { ok, places } = json(told) as {
    ok: boolean
    places: {
      log: string
      reachable: boolean
      size: number | null
      behind: number
      since: string | null
      problem: string | null
    }[]
  }
  return { code: told.code, ok, places }
}

const enrol = (desk: Desk, name: string): string[] => [
  'repo',
  'enrol',
  name,
  '--apply',
  '--admin-token-file',
  join(desk.folder, 'admin-token'),
  '--yes',
]

test('T47 database and tiles rolled back together: neither the server nor a command signs, nor while the copy is away', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const copy = join(desk.folder, 'other-machine')
  mkdirSync(copy)
  assert.equal(await offHostLine(desk), 'warn')
  configure(desk, `off_host = { directory = ${JSON.stringify(copy)} }`)
  // An empty place may be one that is not mounted: only a command takes it for a new one.
  assert.match(await refusal(desk, 'serve'), unavailable)
  assert.equal(await offHostLine(desk), 'fail')
  const prepared = await desk.cli('log', 'off-host', 'prepare', '--config', desk.config, '--json')
  assert.equal(prepared.code, 0, prepared.stderr)
  assert.equal((json(prepared) as { size: number }).size > 0, true)
  assert.equal(await offHostLine(desk), 'ok')

  const first = await desk.serve()
  await first.stop()
  const snapshot = join(desk.folder, 'snapshot')
  cpSync(desk.dataDirectory, snapshot, { recursive: true, preserveTimestamps: true })
  const enrolled = await desk.cli(...enrol(desk, 'acme/node'), '--config', desk.config)
  assert.equal(enrolled.code, 0, enrolled.stderr)
  const second = await desk.serve()
  await second.stop()

  const restore = (): void => {
    rmSync(desk.dataDirectory, { recursive: true })
    cpSync(snapshot, desk.dataDirectory, { recursive: true, preserveTimestamps: true })
  }
  restore()
  const before = readFileSync(join(copy, 'decisions/checkpoint'), 'utf8')
  assert.match(await refusal(desk, 'serve'), ahead)
  assert.match(await refusal(desk, ...enrol(desk, 'acme/node')), ahead)
  assert.match(await refusal(desk, 'log', 'off-host', 'prepare'), ahead)
  assert.equal(await offHostLine(desk), 'fail')
  assert.equal(readFileSync(join(copy, 'decisions/checkpoint'), 'utf8'), before)

  renameSync(copy, `${copy}-away`)
  assert.match(await refusal(desk, 'serve'), unavailable)
  assert.match(await refusal(desk, ...enrol(desk, 'acme/node')), unavailable)
  mkdirSync(copy)
  assert.match(await refusal(desk, 'serve'), unavailable)
  assert.deepEqual(readdirSync(copy), [])
})

/** Modes of everything below a folder, itself included. */
const modesBelow = (folder: string): readonly string[] => [
  ...new Set(
    ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].map((name) => {
      const stat = statSync(join(folder, name))
      return `${stat.isDirectory() ? 'directory' : 'file'} ${(stat.mode & 0o777).toString(8)}`
    }),
  ),
]

test('T47 security events that only the copy remembers: the database is refused though the decisions are all there', async (t) => {
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const copy = join(desk.folder, 'other-machine')
  mkdirSync(copy)
  configure(desk, `off_host = { directory = ${JSON.stringify(copy)} }`)
  const prepared = await desk.cli('log', 'off-host', 'prepare', '--config', desk.config, '--json')
  const { size, securitySize } = json(prepared) as { size: number; securitySize: number }
  assert.ok(size > 0 && securitySize > 0)
  assert.deepEqual(modesBelow(join(copy, 'security')).toSorted(), ['directory 700', 'file 600'])
  assert.deepEqual(modesBelow(join(copy, 'decisions')).toSorted(), ['directory 755', 'file 644'])

  const complete = await status(desk)
  assert.deepEqual(
    complete.places.map(({ log, reachable, behind }) => [log, reachable, behind > 0]),
    // Nothing was published here yet; that the place was asked for is no event.
    [
      ['decisions', true, true],
      ['decisions', true, false],
      ['security', true, false],
    ],
  )
  const snapshot = join(desk.folder, 'snapshot')
  cpSync(desk.dataDirectory, snapshot, { recursive: true, preserveTimestamps: true })
  // An event and no decision: only the security log grows.
  const exported = await desk.cli('trust', 'export', '--config', desk.config, '--out', join(desk.folder, 'trust.json'))
  assert.equal(exported.code, 0, exported.stderr)
  const late = (await status(desk)).places.find(({ log }) => log === 'security')
  assert.deepEqual([late?.size, (late?.behind ?? 0) > 0, late?.problem], [securitySize, true, null])
  assert.match(late?.since ?? '', /^\d{4}-\d\d-\d\dT/)
  assert.equal((await desk.cli('log', 'publish', '--config', desk.config)).code, 0)
  assert.equal(
    (await status(desk)).places.every(({ behind, since }) => behind === 0 && since === null),
    true,
  )
  rmSync(desk.dataDirectory, { recursive: true })
  cpSync(snapshot, desk.dataDirectory, { recursive: true, preserveTimestamps: true })
  assert.match(await refusal(desk, 'serve'), ahead)
  assert.match(await refusal(desk, ...enrol(desk, 'acme/node')), ahead)
  assert.equal(await offHostLine(desk), 'fail')
  const rolledBack = await status(desk)
  assert.deepEqual([rolledBack.code, rolledBack.ok, rolledBack.places.at(-1)?.problem], [1, false, 'log-ahead'])

  chmodSync(join(copy, 'security'), 0o755)
  assert.match(await refusal(desk, 'serve'), /open-to-others.*\(log-files-unavailable\)/)
  const closed = await status(desk)
  assert.deepEqual([closed.code, closed.places.at(-1)?.reachable], [1, false])
  const told = await desk.cli('log', 'status', '--config', desk.config)
  assert.match(told.stdout, /^security +.*NOT REACHABLE \(log-files-unavailable\)/m)
})

test('a copy on another machine over SFTP: a key that never leaves the keystore, a pinned host, a start that asks it', async (t) => {
  if (lacksSshd !== null && process.env.CI === undefined) return t.skip(lacksSshd)
  const sshd = await startSshd(t)
  const { host, port, user, directory, hostKey } = sshd.place
  const desk = await setDesk(t)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const place = (pinned: string): string =>
    `off_host = { sftp = { host = "${host}", port = ${port}, user = "${user}", directory = "${directory}", ` +
    `host_key = "${pinned}", private_key = { keystore = "off-host" } } }`
  assert.match(await refusal(desk, 'log', 'off-host', 'prepare'), /\(not-configured\)/)
  const made = await desk.cli('log', 'off-host', 'key', '--config', desk.config)
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stdout, /^ssh-ed25519 [A-Za-z0-9+/=]+ governance\n$/)
  assert.match(await refusal(desk, 'log', 'off-host', 'key'), /\(custody-refused\)/)
  configure(desk, place(hostKey))
  assert.match(await refusal(desk, 'log', 'off-host', 'key', 'second'), /\(place-first\)/)
  assert.match(await refusal(desk, 'log', 'off-host', 'key', 'second', '--show'), /\(custody-not-found\)/)
  const shown = await desk.cli('log', 'off-host', 'key', '--show', '--config', desk.config)
  assert.equal(shown.stdout, made.stdout)
  assert.match(
    await refusal(desk, 'log', 'off-host', 'prepare'),
    /authorized_keys of that user \(log-files-unavailable\)/,
  )
  appendFileSync(sshd.authorizedKeys, made.stdout)
  assert.equal((await desk.cli('log', 'off-host', 'prepare', '--config', desk.config)).code, 0)
  assert.deepEqual(modesBelow(join(directory, 'security')).toSorted(), ['directory 700', 'file 400', 'file 600'])
  const server = await desk.serve()
  await server.stop()
  assert.match(readFileSync(join(directory, 'decisions/checkpoint'), 'utf8'), /^gov\.example\.org\/decisions\n/)
  assert.equal(await offHostLine(desk), 'ok')

  await sshd.kill()
  assert.match(await refusal(desk, 'serve'), /cannot be reached .*\(log-files-unavailable\)/)
  await sshd.start()
  const text = readFileSync(desk.config, 'utf8')
  writeFileSync(desk.config, text.replace(hostKey, `SHA256:${'Ab'.repeat(21)}c`))
  assert.match(await refusal(desk, 'serve'), /not the pinned .*\(log-files-unavailable\)/)
})
