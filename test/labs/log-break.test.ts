import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  canonicalBytes,
  decodeBundle,
  ed25519PublicKey,
  formatVerifierKey,
  noteVerifierKey,
  readTrustFile,
  type Report,
  rootKeyName,
  signEcdsa,
} from '../../src/core/index.ts'
import { type Desk, setDesk, until } from '../e2e/cli-deployment.ts'
import { json } from '../e2e/cli-process.ts'
import { good, makeRoot, newOrigin, oldOrigin, type Root, signBreak } from '../e2e/log-ending.ts'

const node = 'acme/node'

/** No change of the node has to wait or to be attested: whether a verdict passes is a matter of signatures here. */
const withoutWaiting = (files: Map<string, string>): void => {
  for (const [path, text] of files) files.set(path, text.replace(/(review_period(?:_days)?: )(?:60|30|7)\b/g, '$10'))
  const rules = 'config/cross-layer-rules.yml'
  files.set(rules, (files.get(rules) ?? '').replace(/  - name: node_imports_consensus\n(?: {4}.*\n)+/, ''))
}

interface Scene {
  readonly desk: Desk
  readonly config: readonly string[]
  readonly copy: string
  readonly root: Root
  readonly key: string
  readonly trust: string
  /** The data directory as it was before anything below happened. */
  readonly snapshot: string
  restore(from: string): void
  save(name: string): string
  approve(number: number, login: string): Promise<void>
  open(branch: string): Promise<{ readonly number: number; readonly headSha: string }>
  shown(headSha: string): { readonly conclusion: string | null; readonly title: string | null } | undefined
}

/** A certified log with a copy elsewhere, one approval that the backup holds, and one that only the copy holds. */
async function setScene(t: TestContext): Promise<Scene & { readonly first: number; readonly headSha: string }> {
  const desk = await setDesk(t, { files: withoutWaiting })
  await good(desk, ...desk.initArgs())
  const config = ['--config', desk.config]
  const copy = join(desk.folder, 'other-machine')
  mkdirSync(copy)
  const text = readFileSync(desk.config, 'utf8')
  const offHost = `off_host = { directory = ${JSON.stringify(copy)} }`
  writeFileSync(
    desk.config,
    text.replace(/^origin = .*$/m, (line) => `${line}\n${offHost}`),
  )
  await good(desk, 'log', 'off-host', 'prepare', ...config)
  const root = await makeRoot(desk, 'root')
  const request = join(desk.folder, 'one.request')
  writeFileSync(request, await good(desk, 'log', 'key', 'request', ...config))
  const certificate = join(desk.folder, 'one.certificate')
  writeFileSync(certificate, await good(desk, 'log', 'root', 'certify', request, '--root-file', root.file, '--yes'))
  await good(desk, 'log', 'key', 'apply', certificate, ...config, '--root', root.root)
  const { key } = JSON.parse(await good(desk, 'log', 'key', 'show', ...config, '--json')) as { key: string }
  const enrol = ['repo', 'enrol', node, ...config, '--apply', '--admin-token-file', join(desk.folder, 'admin-token')]
  await good(desk, ...enrol)
  const trust = join(desk.folder, 'trust.json')
  await good(desk, 'trust', 'export', ...config, '--out', trust)

  const shown: Scene['shown'] = (headSha) => desk.fake.checkRuns(node, headSha).at(-1)
  const save = (name: string): string => {
    const place = join(desk.folder, name)
    cpSync(desk.dataDirectory, place, { recursive: true, preserveTimestamps: true })
    return place
  }
  const scene: Omit<Scene, 'snapshot'> = {
    desk,
    config,
    copy,
    root,
    key,
    trust,
    shown,
    save,
    restore(from) {
      rmSync(desk.dataDirectory, { recursive: true })
      cpSync(from, desk.dataDirectory, { recursive: true, preserveTimestamps: true })
    },
    async approve(number, login) {
      const person = desk.people.find((one) => one.login === login)
      assert.ok(person)
      const answer = await fetch(`${desk.url}/challenge/${node}/${number}?maintainer=${login}`)
      assert.equal(answer.status, 200)
      const { payload, pae } = (await answer.json()) as { payload: string; pae: string }
      const made = Buffer.from(signEcdsa(Buffer.from(person.secretHex, 'hex'), Buffer.from(pae, 'base64')))
      const comment = `/governance-sign ${payload} ${made.toString('base64')}`
      const before = desk.fake.comments({ repo: node, number }).length
      desk.fake.comment({ repo: node, number }, login, comment)
      await until(async () => desk.fake.comments({ repo: node, number }).length > before + 1)
    },
    async open(branch) {
      const files = { [`docs/${branch}.md`]: `${branch}\n` }
      desk.fake.commit(node, branch, { author: 'alice', message: branch, files, from: 'main' })
      const pull = desk.fake.openPullRequest({ repo: node, head: branch, author: 'alice', title: branch })
      await until(async () => shown(pull.headSha) !== undefined)
      return pull
    },
  }
  const before = await desk.serve()
  const { number, headSha } = await scene.open('early')
  await scene.approve(number, 'node-1')
  assert.equal(await before.stop(), 0)
  const snapshot = save('snapshot')
  const after = await desk.serve()
  await scene.approve(number, 'node-2')
  assert.equal(await after.stop(), 0)
  return { ...scene, snapshot, first: number, headSha }
}

const sizeOf = (checkpoint: string): number => Number(readFileSync(checkpoint, 'utf8').split('\n')[1])

interface ExportedEvidence {
  readonly entries: readonly {
    readonly index: number
    readonly entry: { readonly type: string; readonly at: number }
  }[]
}

async function exported({ desk, config }: Scene, name: string, file: string): Promise<ExportedEvidence> {
  const place = join(desk.folder, file)
  await good(desk, 'evidence', 'export', name, ...config, '--out', place)
  return JSON.parse(readFileSync(place, 'utf8')) as ExportedEvidence
}

/** The entries in the files of a log of that size. */
function entriesIn(folder: string, size: number): readonly { type: string; data: Record<string, string> }[] {
  const bytes = readFileSync(join(folder, `tile/entries/000.p/${size}`))
  const entries = decodeBundle(new Uint8Array(bytes), size)
  assert.ok(entries)
  return entries.map((entry) => JSON.parse(Buffer.from(entry).toString()))
}

/** Index of the newest verdict. */
const verdictBefore = (folder: string, size: number): number =>
  entriesIn(folder, size).findLastIndex(({ type }) => type === 'verdict')

/** Digest of the oldest verdict. */
const firstVerdict = (folder: string, size: number): string =>
  entriesIn(folder, size).find(({ type }) => type === 'verdict')?.data.verdict ?? ''

/** The files of another history of the same log, from the same backup: what a server without a copy would have signed. */
async function forkOf({ desk, config }: Scene): Promise<string> {
  const text = readFileSync(desk.config, 'utf8')
  writeFileSync(desk.config, text.replace(/^off_host = .*\n/m, ''))
  const token = ['--apply', '--admin-token-file', join(desk.folder, 'admin-token')]
  await good(desk, 'repo', 'enrol', 'acme/governance', ...config, ...token)
  await good(desk, 'log', 'publish', ...config)
  const forked = join(desk.folder, 'forked')
  cpSync(join(desk.dataDirectory, 'log/decisions'), forked, { recursive: true })
  writeFileSync(desk.config, text)
  return forked
}

test('T47 a rolled-back log goes on after a break of its root: entries, approvals and clocks that the copy proves stand', async (t) => {
  const scene = await setScene(t)
  const { desk, config, copy, root, key, trust, first, headSha } = scene
  const decisions = join(copy, 'decisions')
  const checkpoint = join(decisions, 'checkpoint')
  const erased = firstVerdict(decisions, sizeOf(checkpoint))
  await good(desk, 'log', 'erase', erased, ...config, '--reason', 'a court asked for it', '--yes')
  await good(desk, 'log', 'publish', ...config)
  const whole = scene.save('whole')
  const size = sizeOf(checkpoint)
  scene.restore(scene.snapshot)
  await assert.rejects(desk.serve(), /\(log-ahead\)/)

  assert.equal((await desk.cli('log', 'key', 'prepare', ...config, '--origin', oldOrigin)).code, 64)
  const prepare = async () => (await good(desk, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).trim()
  const next = await prepare()
  assert.equal(await prepare(), next)
  const note = await signBreak(desk, 'break.note', { checkpoint, key, next, rootFile: root.file })
  const restart = ['log', 'restart', note, ...config, '--from', decisions]
  assert.equal((await desk.cli(...restart)).code, 64, 'nobody confirmed')
  const done = json(await desk.cli(...restart, '--yes', '--json')) as Readonly<Record<string, unknown>>
  assert.deepEqual(
    [done.entry, done.lost, done.configured, done.origin],
    [size, 0, true, newOrigin],
    JSON.stringify(done),
  )
  assert.ok(Number(done.recovered) > 0)
  const again = json(await desk.cli(...restart, '--yes', '--json')) as Readonly<Record<string, unknown>>
  assert.deepEqual([again.repeated, again.entry], [true, size])
  assert.equal(readFileSync(join(decisions, 'break'), 'utf8'), readFileSync(note, 'utf8'))
  assert.equal(sizeOf(checkpoint), size, 'the old copy is left as it is')

  await assert.rejects(desk.serve(), /decisions-after-1: .*\(log-files-unavailable\)/)
  await good(desk, 'log', 'off-host', 'prepare', ...config)
  const server = await desk.serve()
  assert.equal((await fetch(`${desk.url}/readyz`)).status, 200)
  // The backup held a value that was erased after it was made.
  assert.ok(existsSync(join(scene.snapshot, 'log/decisions/blob', erased)))
  assert.ok(!existsSync(join(copy, 'decisions-after-1/blob', erased)), 'what was erased does not come back')
  // One approval was in the backup, one only in the copy; the third is signed for the new log.
  await scene.approve(first, 'node-3')
  await until(async () => scene.shown(headSha)?.conclusion === 'success')

  const newTrust = join(desk.folder, 'new-trust.json')
  await good(desk, 'trust', 'export', ...config, '--out', newTrust)
  const passed = await exported(scene, `${node}#${first}`, 'passed.json')
  const clock = passed.entries.find(({ entry }) => entry.type === 'clock-started')
  assert.ok(clock !== undefined && clock.index < size, 'the review clock runs since it started in the old log')
  assert.equal(passed.entries.filter(({ entry }) => entry.type === 'statement-admitted').length, 3)
  const before = verdictBefore(decisions, size)
  await exported(scene, String(before), 'before.json')
  for (const file of ['passed.json', 'before.json']) {
    const args = [join(desk.folder, file), '--trust', newTrust, '--accept-consistent', '--json']
    const judged = await desk.cli('verify', 'evidence', ...args)
    assert.equal(judged.code, 0, judged.stdout)
  }
  const codeUnder = async (file: string): Promise<string | null | undefined> => {
    const judged = await desk.cli('verify', 'evidence', join(desk.folder, 'passed.json'), '--trust', file, '--json')
    assert.equal(judged.code, 1)
    return (json(judged) as Report).checks.find(({ check }) => check === 'checkpoint')?.code
  }
  assert.equal(await codeUnder(trust), 'log-broken', 'who has the old trust file needs the new one')
  const stranger = await makeRoot(desk, 'stranger')
  const other = join(desk.folder, 'other-trust.json')
  writeFileSync(other, readFileSync(newTrust, 'utf8').replace(root.root, stranger.root))
  assert.equal(await codeUnder(other), 'log-key-not-signed-by-root')

  const address = `${desk.url}/log/decisions`
  const watch = (place: string, by: string, state: string) =>
    desk.cli('log', 'watch', place, '--once', '--trust', by, '--state', join(desk.folder, state))
  for (const [place, state] of [
    [address, 'one.json'],
    [decisions, 'two.json'],
  ] as const) {
    const watched = await watch(place, trust, state)
    assert.equal(watched.code, 1, watched.stdout)
    assert.match(watched.stdout, /log-broken: break: .*get the new trust file/)
  }
  const followed = await watch(address, newTrust, 'three.json')
  assert.equal(followed.code, 0, followed.stdout)
  const ended = await desk.cli('verify', 'log', decisions, '--trust', trust)
  assert.equal(ended.code, 1)
  assert.match(ended.stdout, /log-broken/)
  assert.equal(await server.stop(), 0)
  const now = join(desk.dataDirectory, 'log/decisions-after-1')
  const audited = await desk.cli('verify', 'log', now, '--trust', newTrust)
  assert.equal(audited.code, 0, audited.stdout)
  const forged = readTrustFile(readFileSync(newTrust))
  assert.ok(forged.ok && forged.trust.before !== undefined)
  const strange = formatVerifierKey(noteVerifierKey(rootKeyName(oldOrigin), ed25519PublicKey(randomBytes(32))))
  const ends = forged.trust.before.map((one) => ({ ...one, root: strange }))
  writeFileSync(other, canonicalBytes({ ...forged.trust, before: ends }))
  const doubted = await desk.cli('verify', 'log', now, '--trust', other)
  assert.deepEqual([doubted.code, /log-[a-z-]+-not-signed-by-root/.test(doubted.stdout)], [1, true], doubted.stdout)
  const listed = await good(desk, 'audit', 'list', '--json', '--limit', '1000', ...config)
  const events = JSON.parse(listed) as readonly { readonly eventType: string }[]
  assert.equal(events.filter(({ eventType }) => eventType === 'log-broken').length, 1)

  // The old database, found later, does not sign under the old origin: the configuration names the new one.
  scene.restore(whole)
  await assert.rejects(desk.serve(), /\(config-invalid\)/)
})

test('T47 a log is ended by its own root, for the key of this server, over the newest head, and with its own entries', async (t) => {
  const scene = await setScene(t)
  const { desk, config, copy, root, key } = scene
  const whole = scene.save('whole')
  const decisions = join(copy, 'decisions')
  const checkpoint = join(decisions, 'checkpoint')
  scene.restore(scene.snapshot)
  const forked = await forkOf(scene)
  scene.restore(scene.snapshot)
  const older = join(desk.folder, 'older.checkpoint')
  cpSync(join(desk.dataDirectory, 'log/decisions/checkpoint'), older)
  const next = (await good(desk, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).trim()
  const sizes = async () => {
    const { size, signed } = json(await desk.cli('log', 'status', ...config, '--json')) as Record<string, number>
    return [size, signed]
  }
  const before = await sizes()

  const stranger = await makeRoot(desk, 'stranger')
  const signed = { checkpoint, key, next, rootFile: root.file }
  const note = await signBreak(desk, 'break.note', signed)
  const forged = await signBreak(desk, 'forged.note', { ...signed, rootFile: stranger.file })
  const made = await good(desk, 'log', 'root', 'create', '--origin', 'gov.example.org/else', '--json')
  const foreign = (JSON.parse(made) as { root: string }).root
  const elsewhere = await signBreak(desk, 'elsewhere.note', { ...signed, next: foreign })
  const early = await signBreak(desk, 'early.note', { ...signed, checkpoint: older })
  const refused = async (code: string, file: string, ...more: readonly string[]): Promise<void> => {
    const { code: exit, stderr, stdout } = await desk.cli('log', 'restart', file, ...config, '--yes', ...more)
    assert.equal(exit, 1, `${stdout}${stderr}`)
    assert.match(stderr, new RegExp(`\\(${code}\\)`))
  }
  await refused('log-break-not-signed-by-root', forged, '--from', decisions)
  await refused('log-break-another-root', forged, '--from', decisions, '--root', stranger.root)
  await refused('log-break-for-another-key', elsewhere, '--from', decisions)
  await refused('log-break-not-newest', early)
  await refused('log-break-malformed', checkpoint)
  const hollow = join(desk.folder, 'hollow')
  cpSync(decisions, hollow, { recursive: true })
  rmSync(join(hollow, 'blob'), { recursive: true })
  await refused('recovery-values-missing', note, '--from', hollow)
  // What the database lacks is named by the break alone, so its head must be shown too.
  await refused('log-break-wrong-checkpoint', note)
  assert.deepEqual(await sizes(), before, 'nothing was recorded')
  scene.restore(whole)
  assert.equal((await good(desk, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).includes(newOrigin), true)
  await refused('log-inconsistent', note, '--from', forked)
})

test('a log of which the copy holds less than the witnesses know goes on with what is left, and says what is lost', async (t) => {
  const scene = await setScene(t)
  const { desk, config, copy, root, key, first, headSha } = scene
  const checkpoint = join(desk.folder, 'newest.checkpoint')
  cpSync(join(copy, 'decisions/checkpoint'), checkpoint)
  const size = sizeOf(checkpoint)
  scene.restore(scene.snapshot)
  rmSync(join(copy, 'decisions'), { recursive: true })
  const next = (await good(desk, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).trim()
  const note = await signBreak(desk, 'break.note', { checkpoint, key, next, rootFile: root.file })
  const args = ['log', 'restart', note, ...config, '--checkpoint', checkpoint, '--yes']
  const done = await desk.cli(...args)
  assert.equal(done.code, 0, done.stderr)
  const kept = sizeOf(join(desk.dataDirectory, 'log/decisions/checkpoint'))
  assert.match(done.stdout, new RegExp(`0 entries taken back into the database, ${size - kept} lost`))
  assert.match(done.stderr, /does not say which head is the newest/)
  assert.match(done.stderr, /Vetoes, withdrawals and suspensions may be among the lost entries/)
  await good(desk, 'log', 'off-host', 'prepare', ...config)
  await desk.serve()
  await scene.approve(first, 'node-3')
  const title = () => scene.shown(headSha)?.title ?? ''
  await until(async () => /2 of 3/.test(title()))
  await exported(scene, `${node}#${first}`, 'left.json')
  const trust = join(desk.folder, 'new-trust.json')
  await good(desk, 'trust', 'export', ...config, '--out', trust)
  const file = join(desk.folder, 'left.json')
  const judged = await desk.cli('verify', 'evidence', file, '--trust', trust, '--accept-consistent')
  assert.equal(judged.code, 0, judged.stdout)
})

test('T47 a statement that only the copy has and that was erased is passed over when the operator says so, and not before', async (t) => {
  const scene = await setScene(t)
  const { desk, config, copy, root, key } = scene
  const decisions = join(copy, 'decisions')
  const checkpoint = join(decisions, 'checkpoint')
  const admitted = entriesIn(decisions, sizeOf(checkpoint)).filter(({ type }) => type === 'statement-admitted')
  const payload = admitted.at(-1)?.data.payloadDigest
  assert.ok(admitted.length === 2 && payload !== undefined)
  await good(desk, 'log', 'erase', payload, ...config, '--reason', 'its author asked for it', '--yes')
  await good(desk, 'log', 'publish', ...config)
  const size = sizeOf(checkpoint)
  scene.restore(scene.snapshot)
  const next = (await good(desk, 'log', 'key', 'prepare', ...config, '--origin', newOrigin)).trim()
  const note = await signBreak(desk, 'break.note', { checkpoint, key, next, rootFile: root.file })
  const restart = ['log', 'restart', note, ...config, '--from', decisions, '--yes']
  const refused = await desk.cli(...restart)
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /--accept-erased/)
  const head = readFileSync(join(desk.dataDirectory, 'log/decisions/checkpoint'), 'utf8')
  assert.ok(head.startsWith(`${oldOrigin}\n`), 'nothing has begun')
  const done = json(await desk.cli(...restart, '--accept-erased', '--json')) as Readonly<Record<string, unknown>>
  assert.deepEqual([done.entry, done.lost, done.origin], [size, 0, newOrigin], JSON.stringify(done))
  await good(desk, 'log', 'off-host', 'prepare', ...config)
  const server = await desk.serve()
  assert.equal((await fetch(`${desk.url}/readyz`)).status, 200)
  // Of three approvals one is left: what nobody can read any more counts for nothing.
  await scene.approve(scene.first, 'node-3')
  await until(async () => /2 of|1 of/.test(scene.shown(scene.headSha)?.title ?? ''))
  assert.notEqual(scene.shown(scene.headSha)?.conclusion, 'success')
  assert.equal(await server.stop(), 0)
})
