import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Desk, setDesk, until } from '../e2e/cli-deployment.ts'
import { json } from '../e2e/cli-process.ts'

const reason = ['--reason', 'the person asked for it', '--yes']

interface Erased {
  readonly kind: string
  readonly entry: number
  readonly isNew: boolean
  readonly removals: readonly { readonly place: string; readonly code: string | null }[]
}

/** Adds a line to the table of the log in the configuration, as an operator does. */
function configure(desk: Desk, line: string): void {
  const text = readFileSync(desk.config, 'utf8')
  writeFileSync(
    desk.config,
    text.replace(/^origin = .*$/m, (origin) => `${origin}\n${line}`),
  )
}

/** A deployment with an off-host copy, its server, and one decided change. */
async function decided(desk: Desk) {
  const config = ['--config', desk.config]
  const good = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await desk.cli(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  await good(...desk.initArgs())
  const copy = join(desk.folder, 'other-machine')
  mkdirSync(copy)
  configure(desk, `off_host = { directory = ${JSON.stringify(copy)} }`)
  await good('log', 'off-host', 'prepare', ...config)
  const token = ['--apply', '--admin-token-file', join(desk.folder, 'admin-token')]
  await good('repo', 'enrol', 'acme/node', ...config, ...token)
  const server = await desk.serve()
  desk.fake.commit('acme/node', 'feature', { files: { 'docs/guide.md': 'new\n' }, author: 'alice', from: 'main' })
  const place = { repo: 'acme/node', head: 'feature', author: 'alice', title: 'docs: a' }
  const { number, headSha } = desk.fake.openPullRequest(place)
  await until(async () => desk.fake.checkRuns('acme/node', headSha).length > 0)
  const evidence = JSON.parse(await good('evidence', 'export', `acme/node#${number}`, ...config)) as {
    readonly verdict: number
    readonly entries: readonly { readonly index: number; readonly entry: { readonly data: Record<string, string> } }[]
  }
  const entry = evidence.entries.find(({ index }) => index === evidence.verdict)?.entry.data
  assert.ok(entry)
  return { server, config, good, copy, number, headSha, verdictEntry: evidence.verdict, names: entry }
}

test('a value is erased beside the running server: bytes, public files and copy; who audits hears that it is unknown', async (t) => {
  const desk = await setDesk(t)
  const { server, config, good, copy, number, headSha, verdictEntry, names } = await decided(desk)
  const digest = names.verdict ?? ''
  const places = [join(desk.dataDirectory, 'log', 'decisions'), join(copy, 'decisions')]
  const files = () => places.map((place) => existsSync(join(place, 'blob', digest)))
  await until(async () => files().every((isThere) => isThere))
  const address = `${desk.url}/log/decisions`
  assert.equal((await fetch(`${address}/blob/${digest}`)).status, 200)

  const refused = async (...args: string[]) => (await desk.cli('log', 'erase', ...args, ...config)).code
  assert.equal(await refused(digest), 64, 'why is not asked')
  assert.equal(await refused(digest, '--reason', 'short', '--yes'), 64)
  assert.equal(await refused(digest, ...reason.slice(0, 2)), 64, 'nobody is there to confirm')
  assert.equal(await refused('verdict', ...reason), 64)
  assert.equal(await refused('ab'.repeat(32), ...reason), 1)
  const policy = await desk.cli('log', 'erase', names.policy ?? '', ...reason, ...config, '--json')
  assert.equal(policy.code, 1)
  assert.match(policy.stderr + policy.stdout, /blob-not-erasable/)
  assert.deepEqual(files(), [true, true], 'nothing happened')

  const erased = await desk.cli('log', 'erase', `sha256:${digest}`, ...reason, ...config, '--json')
  assert.equal(erased.code, 0, erased.stderr)
  assert.match(erased.stderr, /named by +entry \d+ verdict of \d+#1/)
  const { kind, isNew, entry, removals } = json(erased) as Erased
  assert.deepEqual([kind, isNew], ['verdict', true])
  assert.deepEqual(
    removals.map(({ code }) => code),
    [null, null],
  )
  assert.deepEqual(files(), [false, false])
  assert.equal((await fetch(`${address}/blob/${digest}`)).status, 410)

  const trust = join(desk.folder, 'trust.json')
  await good('trust', 'export', ...config, '--out', trust)
  const size = async () => Number((await (await fetch(`${address}/checkpoint`)).text()).split('\n')[1])
  await until(async () => (await size()) > entry)
  for (const place of [address, ...places]) {
    const audited = await desk.cli('verify', 'log', place, '--trust', trust)
    assert.equal(audited.code, 0, audited.stdout)
    assert.match(
      audited.stdout,
      new RegExp(`^blob-erased: blob/${digest}, named by entry ${verdictEntry}: unknown$`, 'm'),
    )
    assert.match(audited.stdout, /^good: .*, 1 of them erased/m)
  }

  // The change is decided anew, and the old verdict can still be exported, with the word of the log in place of its reasons.
  const newest = async () =>
    json(await desk.cli('explain', `acme/node#${number}`, ...config, '--json')) as { entry: number }
  await until(async () => (await newest()).entry > entry)
  assert.ok(desk.fake.checkRuns('acme/node', headSha).length > 0)
  const file = join(desk.folder, 'evidence.json')
  await good('evidence', 'export', String(verdictEntry), ...config, '--out', file)
  const verified = await desk.cli('verify', 'evidence', file, '--trust', trust)
  assert.equal(verified.code, 1)
  assert.match(verified.stdout, new RegExp(`^skipped +blobs +blob-erased ${digest}$`, 'm'))
  const accepted = await desk.cli('verify', 'evidence', file, '--trust', trust, '--accept-consistent')
  assert.equal(accepted.code, 1, 'what was erased nobody accepts unseen')
  assert.equal(await server.stop(), 0)
})

test('T44 an erasure that was killed after its commit is finished by the next start, the next publishing or the same command', async (t) => {
  const desk = await setDesk(t)
  const { server, config, good, copy, names } = await decided(desk)
  const digest = names.facts ?? ''
  const places = [join(desk.dataDirectory, 'log', 'decisions'), join(copy, 'decisions')]
  const parts = places.flatMap((place) => [join(place, 'checkpoint'), join(place, 'blob', digest)])
  await until(async () => parts.every((part) => existsSync(part)))
  assert.equal(await server.stop(), 0)
  await good('log', 'publish', ...config)
  for (const [i, part] of parts.entries()) copyFileSync(part, join(desk.folder, `kept-${i}`))
  /** The files as they lie there when a process is killed right after the commit. */
  const asKilled = (): void => {
    for (const [i, part] of parts.entries()) copyFileSync(join(desk.folder, `kept-${i}`), part)
  }
  const isGone = () => places.every((place) => !existsSync(join(place, 'blob', digest)))
  const first = json(await desk.cli('log', 'erase', digest, ...reason, ...config, '--json')) as Erased
  assert.equal(first.isNew, true)
  assert.ok(isGone())
  const heads = places.map((place) => readFileSync(join(place, 'checkpoint'), 'utf8'))
  for (const head of heads) assert.ok(Number(head.split('\n')[1]) > first.entry, 'a stopped server cannot publish it')

  asKilled()
  const again = json(await desk.cli('log', 'erase', digest, ...reason, ...config, '--json')) as Erased
  assert.deepEqual([again.isNew, again.entry], [false, first.entry])
  assert.ok(isGone())

  asKilled()
  await good('log', 'publish', ...config)
  assert.ok(isGone())

  asKilled()
  const restarted = await desk.serve()
  assert.equal((await fetch(`${desk.url}/log/decisions/blob/${digest}`)).status, 410)
  await until(async () => isGone())
  assert.equal(await restarted.stop(), 0)
  assert.equal(json(await desk.cli('db', 'check', ...config, '--json')) !== null, true)
})
