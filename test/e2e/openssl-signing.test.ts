import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type Deployment, type Person, startDeployment } from './deployment.ts'

const isThere = (program: string): boolean => spawnSync(program, ['version']).error === undefined
const missing = ['openssl', 'git'].filter((program) => !isThere(program))
const skip = missing.length === 0 ? false : `real part missing: ${missing.join(', ')}`

/** The person's key as `openssl ecparam -name secp256k1 -genkey` would have written it. */
function pemOf(person: Person): string {
  const point = Buffer.from(person.secretHex, 'hex')
  const ecPrivateKey = Buffer.concat([
    Buffer.from('302e0201010420', 'hex'),
    point,
    Buffer.from('a00706052b8104000a', 'hex'),
  ])
  return createPrivateKey({ key: ecPrivateKey, format: 'der', type: 'sec1' })
    .export({ format: 'pem', type: 'sec1' })
    .toString()
}

/** Every shell block of a comment, in order. */
const shellBlocks = (comment: string): readonly string[] =>
  [...comment.matchAll(/```sh\n([\s\S]*?)\n```/g)].map((match) => match[1] ?? '')

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'openssl-signing-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function openChange(d: Deployment, repo = 'acme/sdk', branch = 'fix', base = 'main') {
  d.fake.commit(repo, branch, {
    author: 'alice',
    message: 'change',
    files: { 'docs/guide.md': 'hello!\n', 'docs/new.md': 'new\n', 'README.md': null },
  })
  const pull = d.fake.openPullRequest({ repo, head: branch, base, author: 'alice', title: 'Change the guide' })
  await d.settled()
  return pull
}

const statusOf = (d: Deployment, number: number, repo = 'acme/sdk'): string =>
  d.fake.comments({ repo, number }).find((comment) => comment.body.includes('<!-- governance-status -->'))?.body ?? ''

/** Runs the commands that the status comment prints for one person and returns the line that they end with. */
function runPrinted(t: TestContext, status: string, person: Person): string {
  const section = status.split('<details>').find((part) => part.includes(`<code>${person.login}</code>`)) ?? ''
  const [commands = ''] = shellBlocks(section)
  const dir = folder(t)
  writeFileSync(join(dir, 'maintainer-key.pem'), pemOf(person))
  const printed = execFileSync('sh', ['-e', '-c', commands], { cwd: dir, encoding: 'utf8' })
  return printed.trimEnd().split('\n').at(-1) ?? ''
}

test('a maintainer signs with nothing but the printed openssl commands, and it counts', { skip }, async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk'] })
  const pull = await openChange(d)
  const status = statusOf(d, pull.number)
  const [person] = d.of('layer-5')
  assert.ok(person)

  await t.test('the printed clone commands say that the content is the same, and refuse another', () => {
    const bare = join(folder(t), 'origin')
    d.fake.exportTo('acme/sdk', bare, { bare: true })
    const clone = join(folder(t), 'clone')
    execFileSync('git', ['clone', '-q', bare, clone])
    const [commands = ''] = shellBlocks(status)
    assert.match(execFileSync('sh', ['-e', '-c', commands], { cwd: clone, encoding: 'utf8' }), /same content/)
    const other = commands.replace(
      /\^([0-9a-f]{64}) /,
      (_whole, digest: string) => `^${digest.replace(/^./, (c) => (c === '0' ? '1' : '0'))} `,
    )
    const refused = spawnSync('sh', ['-e', '-c', other], { cwd: clone, encoding: 'utf8' })
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /DIFFERENT CONTENT/)
  })

  const line = runPrinted(t, status, person)
  assert.match(line, /^\/governance-sign [A-Za-z0-9_-]+ [A-Za-z0-9+/=]+$/)
  d.fake.comment({ repo: 'acme/sdk', number: pull.number }, 'mallory', line)
  await d.settled()
  assert.match(d.check('acme/sdk', pull.headSha)?.summary ?? '', /1 of 3 signatures/)
  const [entry] = await d.store.log.find({ type: 'statement-admitted', limit: 1 })
  assert.ok(entry)
})

test('T12 the same openssl signature on another number, repository, base, deployment or head is refused, each by its own code', {
  skip,
}, async (t) => {
  const d = await startDeployment(t, { repositories: ['sdk', 'wallet'] })
  const pull = await openChange(d)
  const [person] = d.of('layer-5')
  assert.ok(person)
  const line = runPrinted(t, statusOf(d, pull.number), person)
  const answerTo = async (repo: string, number: number, deployment = d): Promise<string> => {
    const before = deployment.fake.comments({ repo, number }).length
    deployment.fake.comment({ repo, number }, person.login, line)
    await deployment.settled()
    const replies = deployment.fake.comments({ repo, number }).slice(before)
    return replies.find((comment) => comment.isApp)?.body ?? ''
  }

  const second = d.fake.openPullRequest({ repo: 'acme/sdk', head: 'fix', author: 'alice', title: 'Again' })
  await d.settled()
  assert.match(await answerTo('acme/sdk', second.number), /`wrong-number`/)

  const elsewhere = await openChange(d, 'acme/wallet')
  assert.match(await answerTo('acme/wallet', elsewhere.number), /`wrong-repository`/)

  const other = await startDeployment(t, { repositories: ['sdk'], origin: 'other.example.org/decisions' })
  const there = await openChange(other)
  assert.match(await answerTo('acme/sdk', there.number, other), /`wrong-audience`/)

  d.fake.createBranch('acme/sdk', 'next', 'main', 'admin')
  d.fake.retargetPullRequest({ repo: 'acme/sdk', number: pull.number }, 'next', 'alice')
  await d.settled()
  assert.match(await answerTo('acme/sdk', pull.number), /`wrong-base`/)
  d.fake.retargetPullRequest({ repo: 'acme/sdk', number: pull.number }, 'main', 'alice')
  d.fake.pushToPullRequest(
    { repo: 'acme/sdk', number: pull.number },
    { author: 'alice', message: 'more', files: { 'docs/guide.md': 'other\n' } },
  )
  await d.settled()
  assert.match(await answerTo('acme/sdk', pull.number), /`wrong-head`/)
  assert.equal((await d.store.log.find({ type: 'statement-admitted', limit: 9 })).length, 0)
})
