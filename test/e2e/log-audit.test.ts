import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import {
  decodeBundle,
  entriesJsonSchema,
  formatVerifierKey,
  type LogEntry,
  openSignedNote,
  parseTilePath,
  parseVerifierKey,
  signCheckpoint,
} from '../../src/core/index.ts'
import { fileLog, type LogFileMap, logSeed, sampleEntry, writeLogFiles } from '../fixtures/log-files.ts'
import { type Finished, json, run, scratch, start } from './cli-process.ts'
import { origin } from './deployment.ts'
import { recordLog } from './recorded-log.ts'

interface Served {
  readonly url: string
  files: LogFileMap
  token: string | null
  /** Called with each path; never answers while it returns false. */
  mayAnswer: (path: string) => boolean
}

async function serve(t: TestContext, files: LogFileMap): Promise<Served> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    if (served.token !== null && request.headers.authorization !== `Bearer ${served.token}`)
      response.writeHead(401).end()
    else if (served.mayAnswer(path)) {
      const bytes = served.files.get(path)
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const served: Served = { url, files, token: null, mayAnswer: () => true }
  return served
}

const codesOf = (finished: Finished): readonly string[] => [
  ...new Set((json(finished) as { faults: { code: string }[] }).faults.map(({ code }) => code)),
]

test('the log of a running server is good, from a directory and behind a token, and every entry fits the schema', async (t) => {
  const log = await recordLog(t)
  const files = await log.files()
  const folder = scratch(t)
  writeLogFiles(folder, files)
  const trust = join(folder, 'trust.json')
  writeFileSync(
    trust,
    JSON.stringify({
      genesisPolicy: '0'.repeat(64),
      kind: 'governance-trust',
      logKeys: [log.key],
      origin,
      root: null,
      v: 1,
      witnessPolicy: null,
    }),
  )

  const audited = await run(['verify', 'log', folder, '--trust', trust, '--json'])
  assert.equal(audited.code, 0, audited.stdout)
  const report = json(audited) as { size: number; blobs: number; entries: number }
  assert.ok(report.entries === report.size && report.blobs > 10)

  const validate = new Ajv2020({ strict: true }).compile(entriesJsonSchema())
  const types = new Set<string>()
  for (const [path, bytes] of files) {
    const file = parseTilePath(path)
    if (file?.kind !== 'entries') continue
    for (const entry of decodeBundle(bytes, file.width) ?? []) {
      const value = JSON.parse(Buffer.from(entry).toString()) as LogEntry
      types.add(value.type)
      assert.equal(validate(value), true, `${value.type}: ${JSON.stringify(validate.errors)}`)
    }
  }
  for (const type of [
    'genesis',
    'policy-in-force',
    'repository-enrolled',
    'clock-started',
    'statement-admitted',
    'verdict',
    'landing-matched',
  ])
    assert.ok(types.has(type), type)

  const live = await run(['verify', 'log', `${log.deployment.url}/log/decisions`, '--trust', trust, '--json'])
  assert.equal(live.code, 0, live.stdout)
  assert.ok((json(live) as { size: number }).size >= report.size)

  const security = scratch(t)
  writeLogFiles(security, await log.securityFiles())
  const events = await run(['verify', 'log', security, '--key', log.securityKey, '--json'])
  assert.equal(events.code, 0, events.stdout)
  assert.ok((json(events) as { entries: number }).entries > 5)

  const served = await serve(t, files)
  served.token = 'secret-word'
  const token = join(folder, 'token')
  writeFileSync(token, 'secret-word\n')
  const fetched = await run(['verify', 'log', served.url, '--key', log.key, '--token-file', token])
  assert.equal(fetched.code, 0, fetched.stderr)
  assert.match(fetched.stdout, /^good: /)
  const refused = await run(['verify', 'log', served.url, '--key', log.key, '--json'])
  assert.equal(refused.code, 2)
  assert.equal((json(refused) as { code: string }).code, 'log-files-unavailable')
  assert.equal((await run(['verify', 'log', folder])).code, 64)
})

test('a bundle that the system does not let an audit read is no fault of the log: the audit says so and ends', async (t) => {
  const { files, key } = fileLog(
    origin,
    Array.from({ length: 300 }, (_, i) => sampleEntry(i)),
  )
  const folder = scratch(t)
  writeLogFiles(folder, files)
  rmSync(join(folder, 'tile/entries/000'))
  mkdirSync(join(folder, 'tile/entries/000'))
  const audited = await run(['verify', 'log', folder, '--key', formatVerifierKey(key), '--json'])
  assert.equal(audited.code, 2, audited.stdout)
  const { code, ok } = json(audited) as { code: string; ok?: boolean }
  assert.deepEqual([code, ok], ['log-files-unavailable', false])
})

test('T40 a stored row changed, deleted, swapped or cut in the files of a running server is found', async (t) => {
  const log = await recordLog(t)
  const good = await log.files()
  const bundle = [...good.keys()].findLast((path) => path.startsWith('tile/entries/')) ?? ''
  const bytes = good.get(bundle) ?? new Uint8Array(0)
  const change = async (edit: (files: LogFileMap) => void): Promise<readonly string[]> => {
    const folder = scratch(t)
    const files = new Map(good)
    edit(files)
    writeLogFiles(folder, files)
    const audited = await run(['verify', 'log', folder, '--key', log.key, '--json'])
    assert.equal(audited.code, 1)
    return codesOf(audited)
  }
  const at = Buffer.from(bytes).indexOf('"outcome":"pass"')
  assert.ok(at > 0)
  assert.deepEqual(
    await change((files) =>
      files.set(
        bundle,
        Buffer.from(Buffer.from(bytes).toString('latin1').replace('"outcome":"pass"', '"outcome":"fail"'), 'latin1'),
      ),
    ),
    ['entry-mismatch'],
  )
  assert.deepEqual(await change((files) => files.set(bundle, bytes.slice(0, -1))), ['bundle-truncated'])
  const blob = [...good.keys()].find((path) => path.startsWith('blob/')) ?? ''
  assert.deepEqual(await change((files) => files.delete(blob)), ['blob-missing'])
})

/** Two heads of one size, both signed by the log's key over different entries. */
function splitLog() {
  const entries = [sampleEntry(0, { type: 'genesis' }), ...Array.from({ length: 300 }, (_, i) => sampleEntry(i + 1))]
  return {
    entries,
    ours: fileLog(origin, entries),
    theirs: fileLog(origin, entries.with(17, sampleEntry(9_999))),
    key: formatVerifierKey(fileLog(origin, []).key),
  }
}

const watch = async (place: string, key: string, state: string, ...more: readonly string[]): Promise<Finished> =>
  run(['log', 'watch', place, '--key', key, '--state', state, '--once', ...more])

test('T41 two watchers who are served two heads of one size find the split view, and hold both notes as proof', async (t) => {
  const { ours, theirs, key } = splitLog()
  const [a, b] = [await serve(t, ours.files), await serve(t, theirs.files)]
  const folder = scratch(t)
  const [stateA, stateB] = [join(folder, 'a.json'), join(folder, 'b.json')]
  assert.equal((await watch(a.url, key, stateA)).code, 0)
  const alone = await watch(b.url, key, stateB)
  assert.equal(alone.code, 0, 'either alone sees nothing')
  assert.equal(alone.stdout.trimEnd().split('\n').length, 1)

  for (const more of [
    ['--peer-state', stateA],
    ['--compare', a.url],
  ]) {
    const found = await watch(b.url, key, stateB, ...more, '--json')
    assert.equal(found.code, 1)
    const { faults } = JSON.parse(found.stdout) as { faults: { code: string; proof: [string, string] }[] }
    assert.deepEqual(
      faults.map(({ code }) => code),
      ['split-view'],
    )
    const trusted = parseVerifierKey(key)
    assert.ok(trusted)
    const texts = faults[0]?.proof.map((note) => openSignedNote(note, [trusted])) ?? []
    assert.ok(texts.length === 2 && texts.every(({ ok }) => ok))
    const printed = await watch(b.url, key, stateB, ...more)
    for (const { files } of [ours, theirs])
      assert.ok(printed.stdout.includes(Buffer.from(files.get('checkpoint') ?? []).toString()))
  }
})

test('T40 a watcher finds a server that was rolled back, one that was rewritten, and another key', async (t) => {
  const { entries, ours, theirs, key } = splitLog()
  const served = await serve(t, fileLog(origin, entries.slice(0, 280)).files)
  const state = join(scratch(t), 'state.json')
  const codes = async (files: LogFileMap): Promise<readonly string[]> => {
    served.files = files
    const found = await watch(served.url, key, state, '--json')
    const { ok, faults } = JSON.parse(found.stdout) as { ok: boolean; faults: { code: string }[] }
    assert.equal(found.code, ok ? 0 : 1)
    return faults.map(({ code }) => code)
  }
  assert.deepEqual(await codes(served.files), [])
  assert.deepEqual(await codes(fileLog(origin, entries.slice(0, 279)).files), ['log-rolled-back'])
  assert.deepEqual(await codes(theirs.files), ['log-inconsistent'])
  assert.deepEqual(await codes(ours.files), [])
  assert.deepEqual(await codes(fileLog(origin, entries.slice(0, 280)).files), ['log-rolled-back'])
  assert.deepEqual(await codes(fileLog(origin, entries, new Uint8Array(32).fill(9)).files), ['note-no-known-key'])
  assert.deepEqual(await codes(new Map()), ['checkpoint-missing'])
  const moved = signCheckpoint({ origin: 'gov.example.org/other', size: 301, root: ours.root }, logSeed)
  assert.deepEqual(await codes(new Map(ours.files).set('checkpoint', Buffer.from(moved))), ['note-no-known-key'])
  served.files = ours.files
  assert.equal((await watch(served.url, formatVerifierKey(fileLog('gov.example.org/other', []).key), state)).code, 1)
  assert.equal((await watch('http://127.0.0.1:1', key, state)).code, 2)
})

test('a watcher that looks again and again ends when something is wrong', async (t) => {
  const { entries, ours, theirs, key } = splitLog()
  const served = await serve(t, fileLog(origin, entries.slice(0, 280)).files)
  const watching = start([
    'log',
    'watch',
    served.url,
    '--key',
    key,
    '--state',
    join(scratch(t), 's'),
    '--every',
    '1s',
    '--json',
  ])
  const lines: string[] = []
  watching.stdout?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().trimEnd().split('\n'))
    served.files = lines.length === 1 ? ours.files : theirs.files
  })
  const [code] = (await once(watching, 'close')) as [number]
  assert.equal(code, 1)
  const seen = lines.map((text) => JSON.parse(text) as { ok: boolean; size: number })
  assert.deepEqual(
    seen.map(({ ok, size }) => [ok, size]),
    [
      [true, 280],
      [true, 301],
      [false, 301],
    ],
  )
})

test('an audit that is killed goes on where it was, and its state is what the next one must be consistent with', async (t) => {
  const hex = (text: string): string => createHash('sha256').update(text).digest('hex')
  const policy = Buffer.from('policy')
  const genesis = sampleEntry(0, {
    type: 'genesis',
    actor: { kind: 'operator' },
    subject: { kind: 'deployment' },
    data: {
      origin,
      governanceRepository: 'acme/governance',
      policy: hex('policy'),
      commit: '1'.repeat(40),
      logKey: 'b'.repeat(64),
      accounts: [],
    },
  })
  const entries = [genesis, ...Array.from({ length: 75 * 256 }, (_, i) => sampleEntry(i + 1))]
  const log = fileLog(origin, entries)
  log.files.set(`blob/${hex('policy')}`, policy)
  const served = await serve(t, log.files)
  const key = formatVerifierKey(log.key)
  const state = join(scratch(t), 'state.json')
  const args = ['verify', 'log', served.url, '--key', key, '--state', state, '--json']
  let isAtEnd = (): void => {}
  const reachedEnd = new Promise<void>((resolve) => {
    isAtEnd = resolve
  })
  // The last bundles never come, so that the process can be ended in the middle of its work.
  served.mayAnswer = (path) => !path.startsWith('tile/entries/07') || (isAtEnd(), false)
  const killed = start(args)
  const closed = once(killed, 'close')
  await reachedEnd
  while (!existsSync(state)) await new Promise((resolve) => setImmediate(resolve))
  killed.kill('SIGKILL')
  await closed

  const asked: string[] = []
  served.mayAnswer = (path) => (asked.push(path), true)
  const resumed = await run(args)
  assert.equal(resumed.code, 0, resumed.stdout)
  assert.equal((json(resumed) as { entries: number }).entries, entries.length)
  assert.ok(!asked.includes('tile/entries/000') && asked.includes('tile/entries/064'))
  assert.ok(!existsSync(`${state}.ids`))

  served.files = fileLog(origin, entries.slice(0, 500)).files
  assert.deepEqual(codesOf(await run(args)), ['log-rolled-back'])
  rmSync(state)
})
