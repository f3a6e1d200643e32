/** Readers who hold the trust file of before a succession, behind a token: what they follow, and what they refuse. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { composeCli } from '../../src/compose-cli.ts'
import { openCustody } from '../../src/compose-deployment.ts'
import {
  decodeBundle,
  decodeHex,
  ed25519PublicKey,
  encodeEntry,
  encodeUtf8,
  formatCheckpointBody,
  formatLogKeyClaim,
  formatNoteSignature,
  formatSignedNote,
  formatVerifierKey,
  type LogEntry,
  noteVerifierKey,
  parseCheckpoint,
  parseTilePath,
  type Report,
  rootKeyName,
  signEd25519,
  tileWidth,
} from '../../src/core/index.ts'
import { runCommandLine } from '../../src/delivery/cli/program.ts'
import { fileLog, type LogFileMap, writeLogFiles } from '../fixtures/log-files.ts'
import { type Desk, setDesk, until } from './cli-deployment.ts'
import { type Finished, json } from './cli-process.ts'

const origin = 'gov.example.org/decisions'

/** A verifier's command in this process: what it ends with and says. */
async function reader(...words: readonly string[]): Promise<Finished> {
  let [stdout, stderr] = ['', '']
  const needs = composeCli({
    out: (text) => {
      stdout += text
    },
    err: (text) => {
      stderr += text
    },
    isInteractive: false,
    readInput: async () => new Uint8Array(0),
  })
  return { code: await runCommandLine(words, needs), stdout, stderr }
}

/** The files below a directory. */
function filesBelow(directory: string): LogFileMap {
  const files: LogFileMap = new Map()
  for (const path of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    if (statSync(join(directory, path)).isFile()) files.set(relative('.', path), readFileSync(join(directory, path)))
  return files
}

/** All entries of a log, out of its bundles. */
function entriesIn(files: LogFileMap, size: number): readonly Uint8Array[] {
  const bundles = new Map<number, readonly Uint8Array[]>()
  for (const [path, bytes] of files) {
    const file = parseTilePath(path)
    const entries = file?.kind === 'entries' ? decodeBundle(bytes, file.width) : undefined
    if (file === undefined || entries === undefined || entries.length < (bundles.get(file.index)?.length ?? 0)) continue
    bundles.set(file.index, entries)
  }
  return Array.from({ length: Math.ceil(size / tileWidth) }, (_, i) => bundles.get(i) ?? [])
    .flat()
    .slice(0, size)
}

/** A root, kept by the test as its owner keeps it: on paper. */
async function rootOf(desk: Desk) {
  const { root, secret } = json(await desk.cli('log', 'root', 'create', '--origin', origin, '--json')) as {
    root: string
    secret: string
  }
  const file = join(desk.folder, 'root.secret')
  writeFileSync(file, secret, { mode: 0o600 })
  return { root, file, seed: decodeHex(secret.replaceAll(/\s/g, '').slice(0, 64)) as Uint8Array }
}

/** Has the next key of the log certified and applies it. */
async function succeed(desk: Desk, root: { readonly root: string; readonly file: string }): Promise<void> {
  const config = ['--config', desk.config]
  const put = (name: string, { stdout, stderr, code }: Finished): string => {
    assert.equal(code, 0, stderr)
    const file = join(desk.folder, name)
    writeFileSync(file, stdout)
    return file
  }
  const request = put('key.request', await desk.cli('log', 'key', 'request', ...config))
  const signed = await desk.cli('log', 'root', 'certify', request, '--root-file', root.file, '--yes')
  const applied = await desk.cli('log', 'key', 'apply', put('key.cert', signed), ...config, '--root', root.root)
  assert.equal(applied.code, 0, applied.stderr)
}

test('T46 the trust file of before a succession follows it: audit, watch, landings and evidence, and no forged one', async (t) => {
  const desk = await setDesk(t)
  const { config, folder, fake, dataDirectory } = desk
  const file = (name: string): string => join(folder, name)
  assert.equal((await desk.cli(...desk.initArgs())).code, 0)
  const enrolment = ['--config', config, '--apply', '--admin-token-file', file('admin-token')]
  assert.equal((await desk.cli('repo', 'enrol', 'acme/node', ...enrolment)).code, 0)
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace(/^\[log\]$/m, '[log]\naccess = "token"\ntoken = { keystore = "log-token" }'))
  const { token } = json(await desk.cli('log', 'token', '--config', config, '--json')) as { token: string }
  writeFileSync(file('token'), `${token}\n`)
  const root = await rootOf(desk)
  await succeed(desk, root)
  const trust = file('trust.json')
  assert.equal((await desk.cli('trust', 'export', '--config', config, '--out', trust)).code, 0)

  const place = `${desk.url}/log/decisions`
  const believing = ['--trust', trust, '--token-file', file('token'), '--json']
  const watch = (from: string, state: string, ...more: readonly string[]) =>
    reader('log', 'watch', from, '--once', '--state', file(state), ...believing, ...more)
  const audit = (from: string, ...more: readonly string[]) => reader('verify', 'log', from, ...believing, ...more)
  const clone = file('clone')
  const landings = (from: string) =>
    reader('verify', 'repo', clone, '--log', from, '--repo', 'acme/node', '--accept-consistent', ...believing)
  const open = async (branch: string): Promise<string> => {
    fake.commit('acme/node', branch, { files: { [`docs/${branch}.md`]: 'new\n' }, author: 'alice', from: 'main' })
    const pull = fake.openPullRequest({ repo: 'acme/node', head: branch, author: 'alice', title: `docs: ${branch}` })
    await until(async () => fake.checkRuns('acme/node', pull.headSha).length > 0)
    const evidence = file(`${branch}.json`)
    const made = await desk.cli('evidence', 'export', `acme/node#${pull.number}`, '--config', config, '--out', evidence)
    assert.equal(made.code, 0, made.stderr)
    return evidence
  }

  const before = await desk.serve()
  const first = await open('first')
  assert.equal((await watch(place, 'state')).code, 0)
  assert.equal((await audit(place, '--state', file('audited'))).code, 0)
  const closed = await reader('log', 'watch', place, '--once', '--state', file('none'), '--trust', trust, '--json')
  assert.notEqual(closed.code, 0, 'without the token there is nothing to see')
  assert.equal(await before.stop(), 0)
  await succeed(desk, root)
  await desk.serve()
  const second = await open('second')
  fake.exportTo('acme/node', clone)

  const watched = await watch(place, 'state', '--compare', place, '--compare-token-file', file('token'))
  assert.equal(watched.code, 0, watched.stdout)
  const { size, previousSize } = JSON.parse(watched.stdout) as { size: number; previousSize: number }
  assert.ok(size > previousSize && previousSize > 0)
  assert.equal((await watch(place, 'fresh')).code, 0, 'who begins after the succession follows from the beginning')
  const audited = await audit(place, '--state', file('audited'))
  assert.equal(audited.code, 0, audited.stdout)
  assert.equal((await audit(place, '--from', String(size - 1))).code, 0)
  const explained = await landings(place)
  assert.equal(explained.code, 0, explained.stdout)
  for (const evidence of [first, second]) {
    const judged = await reader('verify', 'evidence', evidence, '--trust', trust, '--clone', clone, '--json')
    assert.equal((json(judged) as Report).verdict, 'verified', judged.stdout)
  }

  // What an operator with some of the keys could show instead, each to readers who remember the honest log.
  const honest = filesBelow(join(dataDirectory, 'log/decisions'))
  const shown = parseCheckpoint(honest.get('checkpoint') ?? new Uint8Array(0))
  assert.ok(shown.ok)
  const { checkpoint } = shown
  const entries = entriesIn(honest, checkpoint.size)
  const custody = await openCustody(
    { data: { directory: dataDirectory, payloadDays: 30 } },
    { kind: 'key', bytes: readFileSync(file('unlock.key')) },
  )
  const lineOf = async (name: string, body: string): Promise<string> =>
    formatNoteSignature(
      noteVerifierKey(origin, await custody.publicKey(name)),
      await custody.sign(name, encodeUtf8(body)),
    )
  const refusedEverywhere = async (name: string, files: LogFileMap, code: string): Promise<void> => {
    const directory = file(name)
    writeLogFiles(directory, new Map([...honest, ...files]))
    const kept = readFileSync(file('state'), 'utf8')
    const codes = (finished: Finished): readonly string[] => {
      assert.equal(finished.code, 1, `${name}: ${finished.stdout}`)
      const { faults = [], code: own } = json(finished) as { faults?: { code: string }[]; code?: string }
      return own === undefined ? [...new Set(faults.map((fault) => fault.code))] : [own]
    }
    for (const finished of [
      await watch(directory, 'state'),
      await watch(directory, `${name}-fresh`),
      await audit(directory),
      await landings(directory),
    ])
      assert.deepEqual(codes(finished), [code], name)
    assert.equal(readFileSync(file('state'), 'utf8'), kept, 'a watcher remembers nothing that is wrong')
  }

  const body = formatCheckpointBody(checkpoint)
  const oldKey = formatSignedNote(body, [await lineOf('decision-log', body)])
  await refusedEverywhere('old-key', new Map([['checkpoint', encodeUtf8(oldKey)]]), 'log-key-wrong-size')

  const seed = new Uint8Array(32).fill(7)
  const key = noteVerifierKey(origin, ed25519PublicKey(seed))
  const claim = formatLogKeyClaim({ origin, generation: 3, key, fromSize: checkpoint.size })
  const byRoot = formatNoteSignature(
    noteVerifierKey(rootKeyName(origin), ed25519PublicKey(root.seed)),
    signEd25519(root.seed, encodeUtf8(claim)),
  )
  const newKeyLog = (lines: readonly string[]): LogFileMap => {
    const newest = JSON.parse(new TextDecoder().decode(entries.at(-1))) as LogEntry
    const encoded = encodeEntry({
      ...newest,
      id: '7'.repeat(32),
      type: 'log-key',
      actor: { kind: 'operator' },
      subject: { kind: 'deployment' },
      data: {
        generation: 3,
        key: formatVerifierKey(key),
        root: root.root,
        certificate: formatSignedNote(claim, lines),
      },
    })
    assert.ok(encoded.ok)
    return fileLog(origin, [...entries, encoded.bytes], seed).files
  }
  await refusedEverywhere('no-certificate', fileLog(origin, entries, seed).files, 'note-no-known-key')
  const predecessor = await lineOf('decision-log-2', claim)
  await refusedEverywhere('no-root', newKeyLog([predecessor]), 'log-key-not-signed-by-root')
  await refusedEverywhere('root-alone', newKeyLog([byRoot]), 'log-key-not-signed-by-predecessor')
  const superseded = newKeyLog([await lineOf('decision-log', claim), byRoot])
  await refusedEverywhere('skipped-key', superseded, 'log-key-not-signed-by-predecessor')
  writeLogFiles(file('right'), new Map([...honest, ...newKeyLog([predecessor, byRoot])]))
  assert.equal((await watch(file('right'), 'state')).code, 0, 'with both signatures the same head is good')

  const rootless = file('rootless.json')
  writeFileSync(rootless, JSON.stringify({ ...JSON.parse(readFileSync(trust, 'utf8')), root: null }))
  // A reader without a root takes its own key, and says why it stops at the first certificate.
  for (const words of [
    ['verify', 'log', file('old-key')],
    ['log', 'watch', file('old-key'), '--once', '--state', file('rootless-state')],
  ]) {
    const ended = await reader(...words, '--trust', rootless, '--json')
    assert.deepEqual(
      (json(ended) as { faults: { code: string }[] }).faults.map((fault) => fault.code),
      ['log-key-root-missing'],
    )
  }
})
