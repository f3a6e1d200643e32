/** Every command of the page about releases, as it stands there, in its order. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readReleaseRequest } from '../../src/core/index.ts'
import { until } from '../e2e/cli-deployment.ts'
import { node, pemOf, setReleaseDesk } from '../e2e/release-desk.ts'
import { signedAnswer } from '../e2e/release-scene.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/release.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) =>
  (block[1] ?? '').split('\n').filter((line) => line.trim() !== ''),
)

test('every command of the page about releases does what it says', async (t) => {
  const { desk, people, dist, say } = await setReleaseDesk(t)
  const { fake, folder, config, url } = desk
  const [one, ...others] = people
  assert.ok(one)
  for (const kind of ['tgz', 'zip']) renameSync(join(dist, `node-1.0.0.${kind}`), join(dist, `sdk-1.0.0.${kind}`))
  const bare = join(folder, 'node.git')
  fake.exportTo(node, bare, { bare: true })
  execFileSync('git', ['clone', '-q', bare, join(folder, 'sdk')])
  writeFileSync(join(folder, 'passphrase'), 'correct horse battery staple', { mode: 0o600 })
  writeFileSync(join(folder, 'one.pem'), pemOf(one), { mode: 0o600 })
  const key = ['--pem', join(folder, 'one.pem'), '--passphrase-file', join(folder, 'passphrase')]
  assert.equal((await desk.cli('approval', 'key', 'import', join(folder, 'maintainer.key'), ...key)).code, 0)
  assert.equal((await desk.cli('trust', 'export', '--config', config, '--out', join(folder, 'trust.json'))).code, 0)

  const env = {
    ...process.env,
    PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
    GOVERNANCE_UNLOCK_KEY_FILE: join(folder, 'unlock.key'),
  }
  const run = (line: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise((resolve) => {
      const placed = line
        .replaceAll('https://gov.example.org', url)
        .replaceAll('acme/sdk', node)
        .replaceAll('sdk-1 ', `${one.login} `)
      execFile('sh', ['-c', placed], { cwd: folder, env, timeout: 120_000 }, (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err }),
      )
    })

  /** What people do between the commands: paste their lines. */
  async function paste(line: string): Promise<void> {
    await say(one as NonNullable<typeof one>, line)
    const read = readReleaseRequest(readFileSync(join(dist, 'release-request.json')))
    assert.ok(read.ok)
    for (const person of others.slice(0, 2)) {
      const { comment } = await signedAnswer(url, node, { ...person, id: 0 }, read.request)
      assert.match(await say(person, comment), /is recorded/)
    }
  }

  /** The server publishes what a command recorded with what it records next. */
  async function published(folder: string): Promise<void> {
    const { signed } = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8')) as { readonly signed: number }
    fake.commit(node, 'next', { author: 'alice', message: 'next', files: { 'docs/next.md': 'next\n' }, from: 'main' })
    fake.openPullRequest({ repo: node, head: 'next', author: 'alice', title: 'next' })
    await until(async () => {
      const head = await (await fetch(`${url}/log/decisions/checkpoint`)).text()
      return Number(head.split('\n')[1]) > signed
    })
  }

  const said: string[] = []
  for (const line of commands) {
    if (line.includes(' --log ')) await published(dist)
    const done = await run(line)
    assert.equal(done.code, 0, `${line}\nended with ${done.code}\n${done.out}${done.err}`)
    said.push(done.out)
    if (line.startsWith('governance approval sign')) await paste(done.out.trim())
  }
  assert.equal(commands.length, 7)
  // A log that holds releases is audited and followed like any other.
  const trust = ['--trust', join(folder, 'trust.json')]
  const log = `${url}/log/decisions`
  execFileSync('git', ['-C', join(folder, 'sdk'), 'fetch', '-q', 'origin', '+refs/*:refs/remotes/all/*'])
  const followed = await desk.cli(
    'verify',
    'repo',
    join(folder, 'sdk'),
    '--log',
    log,
    ...trust,
    '--repo',
    node,
    '--accept-consistent',
  )
  assert.equal(followed.code, 0, followed.stdout + followed.stderr)
  assert.match(said.at(-3) ?? '', /sdk-1\.0\.0\.tgz: OK/)
  assert.match(said.at(-2) ?? '', /good: the quorum approved exactly these files/)
  assert.match(said.at(-1) ?? '', /^pass +log$[\s\S]*good: the quorum approved exactly these files/m)
})
