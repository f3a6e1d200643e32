import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Desk, setDesk, until } from './cli-deployment.ts'

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.test', ...args], { cwd, encoding: 'utf8' })

/** A deployment with the server running, `acme/node` enrolled, and one pull request on it. */
async function runningGate(t: TestContext) {
  const desk = await setDesk(t)
  const made = await desk.cli(...desk.initArgs())
  assert.equal(made.code, 0, made.stderr)
  const enrolled = await desk.cli(
    ...[
      'repo',
      'enrol',
      'acme/node',
      '--config',
      desk.config,
      '--apply',
      '--admin-token-file',
      join(desk.folder, 'admin-token'),
    ],
  )
  assert.equal(enrolled.code, 0, enrolled.stderr)
  const server = await desk.serve()
  desk.fake.commit('acme/node', 'feature', {
    files: { 'rpc/methods.ts': 'export const a = 1\n' },
    author: 'alice',
    from: 'main',
  })
  const { number, headSha } = desk.fake.openPullRequest({
    repo: 'acme/node',
    head: 'feature',
    author: 'alice',
    title: 'feat: a',
  })
  const explain = () => desk.cli('explain', `acme/node#${number}`, '--config', desk.config)
  /** What the forge shows; asking it costs no process. */
  const shown = (): string => {
    const run = desk.fake.checkRuns('acme/node', headSha).at(-1)
    return `${run?.title ?? ''}\n${run?.summary ?? ''}`
  }
  await until(async () => shown().length > 1)
  return { desk, server, number, headSha, explain, shown }
}

/** Puts the person's own key, as openssl keeps it, into an encrypted key file. */
async function keyFileOf(
  desk: Desk,
  login: string,
): Promise<{ readonly args: string[]; readonly pem: string; readonly publicHex: string }> {
  const person = desk.people.find((one) => one.login === login)
  assert.ok(person)
  const der = Buffer.concat([
    Buffer.from('302e0201010420', 'hex'),
    Buffer.from(person.secretHex, 'hex'),
    Buffer.from('a00706052b8104000a', 'hex'),
  ])
  const pem = join(desk.folder, `${login}.pem`)
  const text = `-----BEGIN EC PRIVATE KEY-----\n${der.toString('base64')}\n-----END EC PRIVATE KEY-----\n`
  writeFileSync(pem, text, { mode: 0o600 })
  const file = join(desk.folder, `${login}.key.json`)
  const passphraseFile = join(desk.folder, `${login}.pass`)
  writeFileSync(passphraseFile, 'a long enough passphrase\n', { mode: 0o600 })
  desk.secrets.push('a long enough passphrase', person.secretHex)
  const made = await desk.cli(
    'approval',
    'key',
    'import',
    file,
    '--pem',
    pem,
    '--passphrase-file',
    passphraseFile,
    '--json',
  )
  assert.equal(made.code, 0, made.stderr)
  assert.equal((JSON.parse(made.stdout) as { publicKey: string }).publicKey, person.publicHex)
  return { args: ['--key', file, '--passphrase-file', passphraseFile], pem, publicHex: person.publicHex }
}

/** The signer's own clone, with the stand-in's repository as its remote. */
function cloneOf(desk: Desk, name: string, number: number, head: string): string {
  const remote = join(desk.folder, `remote-${name}`)
  desk.fake.exportTo(`acme/${name}`, remote)
  const ref = join(remote, `refs/pull/${number}/head`)
  mkdirSync(dirname(ref), { recursive: true })
  writeFileSync(ref, `${head}\n`)
  const clone = join(desk.folder, `clone-${name}`)
  git(desk.folder, 'clone', '-q', remote, clone)
  return clone
}

test('init, enrol, serve, sign with --clone, explain: a signature made by the command line counts', async (t) => {
  const { desk, server, number, headSha, explain, shown } = await runningGate(t)
  const pending = await explain()
  assert.equal(pending.code, 1)
  assert.match(pending.stdout, /acme\/node#1: /)
  const rulesets = await desk.cli('repo', 'list', '--config', desk.config)
  assert.match(rulesets.stdout, /acme\/node@main +L4 +active +ruleset \d+/)
  const status = await desk.cli('status', '--config', desk.config, '--json')
  assert.equal(status.code, 0, status.stdout)

  const key = await keyFileOf(desk, 'node-1')
  const challenge = join(desk.folder, 'challenge.json')
  const asked = await desk.cli(
    ...[
      'approval',
      'challenge',
      `acme/node#${number}`,
      '--server',
      desk.url,
      '--maintainer',
      'node-1',
      '--out',
      challenge,
    ],
  )
  assert.equal(asked.code, 0, asked.stderr)
  assert.match(asked.stdout, /decision +approve\n/)

  const clone = cloneOf(desk, 'node', number, headSha)
  const sign = ['approval', 'sign', '--challenge', challenge, ...key.args, '--clone', clone]
  const nobody = await desk.cli(...sign)
  assert.equal(nobody.code, 64, 'nobody confirmed')
  const signed = await desk.cli(...sign, '--yes')
  assert.equal(signed.code, 0, signed.stderr)
  for (const fact of [
    'decision +approve',
    'acme/node',
    `#${number} onto main`,
    headSha,
    'Same content in .*: 1 file from',
  ])
    assert.match(signed.stderr, new RegExp(fact))
  const [, payload = '', signature = ''] = /^\/governance-sign (\S+) (\S+)\n$/.exec(signed.stdout) ?? []
  const verify = ['approval', 'verify', '--payload', payload, '--public-key', key.publicHex]
  assert.equal((await desk.cli(...verify, '--signature', signature)).code, 0)
  const changed = Buffer.from(payload, 'base64url').toString().replace('"number":1', '"number":2')
  const moved = [
    'approval',
    'verify',
    '--payload',
    Buffer.from(changed).toString('base64url'),
    '--public-key',
    key.publicHex,
  ]
  assert.equal((await desk.cli(...moved, '--signature', signature)).code, 1)

  desk.fake.comment({ repo: 'acme/node', number }, 'node-1', signed.stdout.trim())
  await until(async () => /^1 of /.test(shown()))

  // The same, with openssl alone and exactly the commands that were printed (but for the fetch from a network).
  const printed = await desk.cli(
    'approval',
    'challenge',
    `acme/node#${number}`,
    '--server',
    desk.url,
    '--maintainer',
    'node-2',
    '--json',
  )
  const second = await keyFileOf(desk, 'node-2')
  const { commands } = JSON.parse(printed.stdout) as { commands: string[] }
  const script = commands.join('\n').replaceAll('maintainer-key.pem', second.pem)
  const comment = execFileSync('sh', ['-ec', script], { cwd: clone, encoding: 'utf8' }).trim().split('\n').at(-1) ?? ''
  const [, opensslPayload = '', opensslSignature = ''] = /^\/governance-sign (\S+) (\S+)$/.exec(comment) ?? []
  const good = await desk.cli(
    'approval',
    'verify',
    '--payload',
    opensslPayload,
    '--signature',
    opensslSignature,
    '--public-key',
    second.publicHex,
  )
  assert.equal(good.code, 0, good.stdout + good.stderr)
  desk.fake.comment({ repo: 'acme/node', number }, 'node-2', comment)
  await until(async () => /^2 of /.test(shown()))

  const veto = await desk.cli(
    ...['approval', 'challenge', `acme/node#${number}`, '--server', desk.url, '--maintainer', 'node-1', '--json'],
    ...['--decision', 'veto', '--reason', 'the method leaks its arguments'],
  )
  writeFileSync(`${challenge}.veto`, veto.stdout)
  const vetoed = await desk.cli(
    'approval',
    'sign',
    '--challenge',
    `${challenge}.veto`,
    ...key.args,
    '--clone',
    clone,
    '--yes',
  )
  assert.match(vetoed.stdout, /^\/governance-veto /)
  assert.match(vetoed.stderr, /reason +the method leaks its arguments/)
  desk.fake.comment({ repo: 'acme/node', number }, 'node-1', vetoed.stdout.trim())
  await until(async () => /^Vetoed/.test(shown()))
  assert.match((await explain()).stdout, /veto/i)

  assert.equal(await server.stop(), 0)
  for (const secret of desk.secrets) assert.ok(!desk.said.some((text) => text.includes(secret)), 'T59')
})

/** Takes node-1's challenge on a pull request into a file, as a maintainer does. */
async function challengeFile(desk: Desk, number: number): Promise<string> {
  const file = join(desk.folder, 'challenge.json')
  const change = `acme/node#${number}`
  await desk.cli('approval', 'challenge', change, '--server', desk.url, '--maintainer', 'node-1', '--out', file)
  return file
}

test('T49 approval sign --clone refuses another content, another tree and a base that is on no branch', async (t) => {
  const { desk, number, headSha } = await runningGate(t)
  const key = await keyFileOf(desk, 'node-1')
  const challenge = await challengeFile(desk, number)
  const clone = cloneOf(desk, 'node', number, headSha)
  const told = JSON.parse(readFileSync(challenge, 'utf8')) as { payload: string }
  const honest = Buffer.from(told.payload, 'base64url').toString()
  const { pae: prefix } = { pae: 'DSSEv1 28 application/vnd.in-toto+json' }
  const base = git(clone, 'rev-parse', 'HEAD').trim()
  const made = git(clone, 'commit-tree', `${headSha}^{tree}`, '-p', base, '-m', 'made up').trim()

  const attempt = async (payload: string) => {
    assert.notEqual(payload, honest)
    const file = join(desk.folder, 'lie.json')
    const pae = Buffer.from(`${prefix} ${Buffer.byteLength(payload)} ${payload}`).toString('base64')
    writeFileSync(file, JSON.stringify({ ...told, payload: Buffer.from(payload).toString('base64url'), pae }))
    return desk.cli('approval', 'sign', '--challenge', file, ...key.args, '--clone', clone, '--yes', '--json')
  }
  for (const [name, lie] of [
    ['digest', honest.replace(/"changeDigest":"[0-9a-f]{8}/, '"changeDigest":"00000000')],
    ['tree', honest.replace(/"gitTree":"[0-9a-f]{8}/, '"gitTree":"00000000')],
    ['base', honest.replace(/"baseSha":"[0-9a-f]{40}"/, `"baseSha":"${made}"`)],
  ] as const) {
    const refused = await attempt(lie)
    assert.equal(refused.code, 1, `${name}: ${refused.stderr}`)
    assert.equal((JSON.parse(refused.stdout) as { code: string }).code, 'facts-contradict-git', name)
    assert.ok(!refused.stdout.includes('/governance-sign'))
  }
  // A server that says one thing and has another one signed.
  writeFileSync(
    join(desk.folder, 'lie.json'),
    JSON.stringify({ ...told, payload: Buffer.from(honest.replace('"number":1', '"number":2')).toString('base64url') }),
  )
  const contradicts = await desk.cli(
    'approval',
    'sign',
    '--challenge',
    join(desk.folder, 'lie.json'),
    ...key.args,
    '--yes',
    '--json',
  )
  assert.equal(contradicts.code, 1)
  assert.equal((JSON.parse(contradicts.stdout) as { code: string }).code, 'challenge-contradicts-itself')
})

test('T49 a policy change is compared from the policy in force to the merge, in the signer’s own clone', async (t) => {
  const { desk } = await runningGate(t)
  assert.equal((await desk.cli('repo', 'enrol', 'acme/governance', '--config', desk.config)).code, 0)
  const path = 'config/action-tiers.yml'
  const text = desk.fake.file('acme/governance', 'main', path)?.text ?? ''
  desk.fake.commit('acme/governance', 'longer', {
    files: { [path]: text.replace('review_period_days: 30', 'review_period_days: 31') },
    author: 'alice',
    from: 'main',
  })
  const { number, headSha } = desk.fake.openPullRequest({
    repo: 'acme/governance',
    head: 'longer',
    author: 'alice',
    title: 'a longer review',
  })
  await until(async () => desk.fake.checkRuns('acme/governance', headSha).length > 0, 90_000)
  const key = await keyFileOf(desk, 'constitution-1')
  const challenge = join(desk.folder, 'challenge.json')
  const name = `acme/governance#${number}`
  await desk.cli(
    'approval',
    'challenge',
    name,
    '--server',
    desk.url,
    '--maintainer',
    'constitution-1',
    '--out',
    challenge,
  )
  const clone = cloneOf(desk, 'governance', number, headSha)
  const sign = ['approval', 'sign', '--challenge', challenge, ...key.args, '--clone', clone, '--yes']
  const signed = await desk.cli(...sign)
  assert.equal(signed.code, 0, signed.stderr)
  assert.match(signed.stderr, /Same content in .*: 1 file from/)
  // The server names another commit as the one in force, so that the difference hides what came between.
  const told = JSON.parse(readFileSync(challenge, 'utf8')) as { diff: { from: string } }
  assert.match(told.diff.from, /^[0-9a-f]{40}$/)
  writeFileSync(`${challenge}.lie`, JSON.stringify({ ...told, diff: { from: headSha } }))
  const lied = await desk.cli(...sign.map((arg) => (arg === challenge ? `${challenge}.lie` : arg)), '--json')
  assert.equal(lied.code, 1)
  assert.equal((JSON.parse(lied.stdout) as { code: string }).code, 'facts-contradict-git')
})

test('T56 approval sign refuses a key file that others can read, a passphrase that is wrong, and the key of somebody else', async (t) => {
  const { desk, number } = await runningGate(t)
  const key = await keyFileOf(desk, 'node-1')
  const other = await keyFileOf(desk, 'node-3')
  const challenge = await challengeFile(desk, number)
  const sign = (...args: string[]) => desk.cli('approval', 'sign', '--challenge', challenge, '--yes', ...args)
  assert.match((await sign(...other.args)).stderr, /wrong-key/)
  const [, file = '', , passphrase = ''] = key.args
  const wrong = join(desk.folder, 'wrong')
  writeFileSync(wrong, 'another passphrase', { mode: 0o600 })
  assert.match((await sign('--key', file, '--passphrase-file', wrong)).stderr, /custody-refused/)
  writeFileSync(join(desk.folder, 'open'), readFileSync(passphrase), { mode: 0o644 })
  assert.match(
    (await sign('--key', file, '--passphrase-file', join(desk.folder, 'open'))).stderr,
    /can be read by others/,
  )
  execFileSync('chmod', ['644', file])
  const open = await sign(...key.args)
  assert.equal(open.code, 2)
  assert.match(open.stderr, /open to others/)
  const unknown = await desk.cli(
    'approval',
    'challenge',
    `acme/node#${number}`,
    '--server',
    desk.url,
    '--maintainer',
    'mallory',
  )
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /no-challenge/)
})

test('commands of the operator work while the server runs; regenesis and migrate ask to stop it', async (t) => {
  const { desk, server, number } = await runningGate(t)
  const config = ['--config', desk.config]
  const listed = await desk.cli('deliveries', 'list', ...config, '--json')
  const { deliveries } = JSON.parse(listed.stdout) as { deliveries: { guid: string; event: string; state: string }[] }
  const opened = deliveries.find(({ event, state }) => event === 'pull_request' && state === 'done')
  assert.ok(opened, listed.stdout)
  const show = await desk.cli('deliveries', 'show', opened.guid, ...config)
  assert.match(show.stdout, new RegExp(`event +pull_request.opened\\nsubject +\\d+#${number}\\n`))
  const replayed = await desk.cli('deliveries', 'replay', opened.guid, ...config, '--json')
  assert.deepEqual(JSON.parse(replayed.stdout), { replayed: 1 })
  assert.equal((await desk.cli('deliveries', 'show', '00000000-0000-0000-0000-000000000000', ...config)).code, 1)
  assert.equal((await desk.cli('db', 'check', ...config)).code, 0)
  const enrolled = await desk.cli('repo', 'enrol', 'acme/governance', ...config)
  assert.equal(enrolled.code, 0, enrolled.stderr)
  assert.match(enrolled.stdout, /NO RULESET/)
  const unmapped = await desk.cli('repo', 'enrol', 'acme/evil-node', ...config)
  assert.equal(unmapped.code, 2)
  assert.match(unmapped.stderr, /does not name acme\/evil-node/)
  const doctor = await desk.cli('doctor', ...config, '--json')
  const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; outcome: string; message: string }[] }
  assert.equal(doctor.code, 1, 'acme/governance has no ruleset')
  assert.deepEqual(
    checks.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name),
    ['rulesets'],
    doctor.stdout,
  )
  assert.equal((await desk.cli('db', 'migrate', ...config)).code, 2)
  const reason = 'five of seven keyholders are gone for good'
  const locked = await desk.cli('policy', 'regenesis', ...config, '--reason', reason, '--yes')
  assert.equal(locked.code, 2)
  assert.match(locked.stderr, /store-locked/)
  assert.equal(await server.stop(), 0)
})

test('policy regenesis: reason needed, new epoch, approvals void, clocks kept, configuration pins it', async (t) => {
  const { desk, server, number, explain, shown } = await runningGate(t)
  const config = ['--config', desk.config]
  const key = await keyFileOf(desk, 'node-1')
  const challenge = await challengeFile(desk, number)
  const signed = await desk.cli('approval', 'sign', '--challenge', challenge, ...key.args, '--yes')
  desk.fake.comment({ repo: 'acme/node', number }, 'node-1', signed.stdout.trim())
  const verdict = async () => {
    const told = await desk.cli('explain', `acme/node#${number}`, ...config, '--json')
    return (
      JSON.parse(told.stdout) as {
        verdict: { counted: { persons: number[] }[]; inputs: { epoch: number }; earliestMergeAt: number | null }
      }
    ).verdict
  }
  const votes = async () => (await verdict()).counted.flatMap(({ persons }) => persons).length
  await until(async () => /^1 of /.test(shown()))
  assert.equal(await server.stop(), 0)

  const path = 'config/action-tiers.yml'
  const text = desk.fake.file('acme/governance', 'main', path)?.text ?? ''
  desk.fake.commit('acme/governance', 'main', {
    files: { [path]: `${text}\n# regenesis\n` },
    author: 'admin',
    bypass: true,
  })
  const same = await desk.cli(
    'policy',
    'regenesis',
    ...config,
    '--reason',
    'five of seven keyholders are gone',
    '--yes',
  )
  assert.equal(same.code, 1, 'a comment changes no policy')
  const layer = text.replace(/review_period_days: 30/, 'review_period_days: 31')
  assert.notEqual(layer, text)
  desk.fake.commit('acme/governance', 'main', { files: { [path]: layer }, author: 'admin', bypass: true })
  assert.equal((await desk.cli('policy', 'regenesis', ...config, '--yes')).code, 64)
  assert.equal(
    (await desk.cli('policy', 'regenesis', ...config, '--reason', 'five of seven keyholders are gone')).code,
    64,
    'nobody typed the origin',
  )
  const done = await desk.cli(
    'policy',
    'regenesis',
    ...config,
    '--reason',
    'five of seven keyholders are gone',
    '--yes',
    '--json',
  )
  assert.equal(done.code, 0, done.stderr)
  assert.equal((JSON.parse(done.stdout) as { epoch: number }).epoch, 2)
  await desk.serve()
  await until(async () => /^0 of /.test(shown()))
  assert.equal((await verdict()).inputs.epoch, 2)
  assert.equal(await votes(), 0)
  assert.equal((await explain()).code, 1)
})
