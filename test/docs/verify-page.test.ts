/** Every command of the page for auditors, as it stands there, against a real deployment. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setDesk, until } from '../e2e/cli-deployment.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/verify.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) =>
  (block[1] ?? '').split('\n').filter((line) => line.trim() !== ''),
)

/** What a line ends with, and what it says, where that is not 0 and nothing. */
const expected: readonly (readonly [RegExp, readonly number[], RegExp])[] = [
  [/^governance trust show/, [0], /\d{5}( \d{5}){7}/],
  [/^governance verify evidence/, [0], /verified/],
  [/^node verifier\/verify\.mjs/, [0], /consistent/],
  [/sha256sum/, [0], /verify\.html: OK/],
  [/^governance verify repo/, [0], /policies compared with git: 1/],
  // The server of this test has told of no head of its security log yet: it does so every ten minutes.
  [/^governance verify export/, [1], /consistent[\s\S]*not-yet-vouched/],
]

test('every command of the page for auditors does what it says', async (t) => {
  const desk = await setDesk(t)
  const { fake, folder, config } = desk
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const token = join(folder, 'admin-token')
  const enrolled = await desk.cli(
    'repo',
    'enrol',
    'acme/node',
    '--config',
    config,
    '--apply',
    '--admin-token-file',
    token,
  )
  assert.equal(enrolled.code, 0, enrolled.stderr)
  await desk.serve()
  fake.commit('acme/node', 'feature', { files: { 'docs/guide.md': 'more\n' }, author: 'alice', from: 'main' })
  const { number, headSha } = fake.openPullRequest({
    repo: 'acme/node',
    head: 'feature',
    author: 'alice',
    title: 'More',
  })
  await until(async () => fake.checkRuns('acme/node', headSha).length > 0)
  await until(async () => (await fetch(`${desk.url}/log/decisions/checkpoint`)).status === 200)
  const bare = join(folder, 'node.git')
  fake.exportTo('acme/node', bare, { bare: true })
  execFileSync('git', ['clone', '-q', bare, join(folder, 'sdk')])
  fake.exportTo('acme/governance', join(folder, 'governance'))
  execFileSync('git', ['-C', join(folder, 'sdk'), 'fetch', '-q', 'origin', '+refs/*:refs/remotes/all/*'])

  const env = {
    ...process.env,
    PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
    GOVERNANCE_UNLOCK_KEY_FILE: join(folder, 'unlock.key'),
  }
  const run = (line: string): Promise<{ readonly code: number; readonly said: string }> =>
    new Promise((resolve) => {
      const placed = line
        .replaceAll('https://gov.example.org', desk.url)
        .replaceAll('acme/sdk#1', `acme/node#${number}`)
        .replaceAll('acme/sdk', 'acme/node')
        .replace('node scripts/build-verifier.ts', `node ${join(root, 'scripts/build-verifier.ts')}`)
      execFile('sh', ['-c', placed], { cwd: folder, env, timeout: 120_000 }, (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, said: out + err }),
      )
    })
  for (const line of commands) {
    const [, codes = [0], said = /./s] = expected.find(([pattern]) => pattern.test(line)) ?? []
    const done = await run(line)
    assert.ok(codes.includes(done.code) && said.test(done.said), `${line}\nended with ${done.code}\n${done.said}`)
  }
  assert.ok(commands.length >= 10)
})
