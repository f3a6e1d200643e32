/** Archives of security events: written, interrupted, continued, proved complete, and found out when they are not. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { ed25519PublicKey, formatVerifierKey, noteVerifierKey } from '../../src/core/index.ts'
import { AppError } from '../../src/flows/app-error.ts'
import type { ExportManifest } from '../../src/flows/audit/export-manifest.ts'
import type { StorePorts } from '../../src/flows/ports.ts'
import { begin, securityLogStand } from '../fixtures/security-log.ts'
import { scratch } from './cli-process.ts'

const stand = securityLogStand()
/** Two files of the archive, and saves in the midst of them. */
const total = 25_500
const config = ['--config', 'x']
const since = ['--since', '2026-01-01']

before(() => stand.fill(total))

const manifestOf = (folder: string): ExportManifest =>
  JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as ExportManifest

const exported = (folder: string, format = 'entries', more: readonly string[] = since, changes?: Partial<StorePorts>) =>
  stand.cli(['audit', 'export', ...config, '--format', format, '--out', folder, ...more, '--json'], changes)

async function verified(folder: string, keys: readonly string[] = [stand.key]) {
  const ended = await stand.cli(['verify', 'export', folder, ...keys.flatMap((key) => ['--key', key]), '--json'])
  const { verdict, checks } = JSON.parse(ended.out) as {
    verdict: string
    checks: { check: string; outcome: string; code: string | null }[]
  }
  return { code: ended.code, verdict, codes: [...new Set(checks.flatMap(({ code }) => (code === null ? [] : [code])))] }
}

const contentOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))

/** A log that refuses after some reads, as one whose disk or process goes away. */
function breaking(reads: number): Partial<StorePorts> {
  let left = reads
  const { security } = stand.store
  return {
    security: {
      ...security,
      async entries(from, to) {
        // Looking for a moment reads single entries; those are not counted.
        if (to - from > 1 && left-- <= 0) throw new AppError('store-unavailable', 'the disk is gone')
        return security.entries(from, to)
      },
    },
  }
}

test('an archive of entries is proved complete with the key of the log, and with nothing less', async (t) => {
  const folder = scratch(t)
  const ended = await exported(folder)
  assert.equal(ended.code, 0, ended.err)
  assert.deepEqual(await verified(folder), { code: 0, verdict: 'verified', codes: [] })
  assert.deepEqual(await verified(folder, []), { code: 1, verdict: 'untrusted', codes: ['no-trust'] })
  const { first, next, files } = manifestOf(folder)
  assert.deepEqual([first, next], [0, total])
  assert.deepEqual(
    files.map(({ events }) => events),
    [20_000, 5_500],
  )
  const other = securityLogStand()
  const stranger = `${other.key.split('+')[0]}+00000000+${other.key.split('+')[2]}`
  assert.equal((await stand.cli(['verify', 'export', folder, '--key', stranger])).code, 64)
  for (const { name, bytes } of files) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, `${bytes}`)
})

test('an export that is interrupted anywhere continues, and ends as one that never was', async (t) => {
  const [whole, broken] = [scratch(t), scratch(t)]
  await exported(whole)
  for (const reads of [3, 7, 12, 1, 6]) {
    const ended = await exported(broken, 'entries', since, breaking(reads))
    assert.equal(ended.code, 2)
    const { next, proof, files } = manifestOf(broken)
    assert.equal(proof, null)
    assert.equal((await verified(broken)).verdict, 'consistent')
    // A process that dies leaves half a line after what the manifest vouches for.
    const last = files.at(-1)
    if (last !== undefined) appendFileSync(join(broken, last.name), '{"half a li')
    assert.equal((await verified(broken)).verdict, 'consistent', `at ${next}`)
  }
  assert.equal((await exported(broken)).code, 0)
  assert.deepEqual(contentOf(broken), contentOf(whole))
  assert.equal((await verified(broken)).verdict, 'verified')
})

test('the same command later adds what happened since; another one is refused', async (t) => {
  const folder = scratch(t)
  const later = securityLogStand()
  await later.fill(700)
  const run = (...more: readonly string[]) =>
    later.cli(['audit', 'export', ...config, '--format', 'entries', '--out', folder, ...since, ...more, '--json'])
  assert.equal((await run()).code, 0)
  const [first] = manifestOf(folder).files
  const before = readFileSync(join(folder, first?.name ?? ''))
  await later.fill(300)
  assert.equal((JSON.parse((await run()).out) as { events: number }).events, 300)
  const after = readFileSync(join(folder, first?.name ?? ''))
  assert.deepEqual(after.subarray(0, before.length), before)
  const judged = await later.cli(['verify', 'export', folder, '--key', later.key])
  assert.equal(judged.code, 0, judged.out)
  const refused = await run('--until', '2026-02-01')
  assert.equal((JSON.parse(refused.out) as { code: string }).code, 'export-differs')
  assert.deepEqual(
    later.noted.map(({ eventType, details }) => [eventType, details['first'], details['last'], details['events']]),
    [
      ['audit-exported', 0, 699, 700],
      ['audit-exported', 700, 999, 300],
    ],
  )
})

test('a span of time is a piece of the log that is proved to be one', async (t) => {
  const folder = scratch(t)
  const span = ['--since', '2026-01-01T00:00:10Z', '--until', '2026-01-01T00:00:45.500Z']
  assert.equal((await exported(folder, 'entries', span)).code, 0)
  const { first, next, files } = manifestOf(folder)
  assert.deepEqual([first, next], [5_000, 23_000])
  const text = files.flatMap(({ name }) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
  assert.equal(text.length, 18_000)
  const times = text.map((line) => (JSON.parse(line) as { at: number }).at)
  assert.equal(times[0], begin + 10_000)
  assert.equal(times.at(-1), begin + 45_000)
  assert.deepEqual(await verified(folder), { code: 0, verdict: 'verified', codes: [] })
  const empty = scratch(t)
  assert.equal((await exported(empty, 'entries', ['--since', '2027-01-01'])).code, 0)
  assert.deepEqual(await verified(empty), { code: 0, verdict: 'verified', codes: [] })
})

test('whatever is changed in an archive has its code', async (t) => {
  const good = scratch(t)
  const small = securityLogStand()
  await small.fill(1_500)
  const args = ['audit', 'export', ...config, '--format', 'entries', '--out', good, '--since', '2026-01-01T00:00:01Z']
  assert.equal((await small.cli(args)).code, 0)
  const name = manifestOf(good).files[0]?.name ?? ''
  const lines = readFileSync(join(good, name), 'utf8').split('\n').slice(0, -1)
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const changed = async (change: (folder: string) => void) => {
    const folder = scratch(t)
    cpSync(good, folder, { recursive: true })
    change(folder)
    const ended = await small.cli(['verify', 'export', folder, '--key', small.key, '--json'])
    const { verdict, checks } = JSON.parse(ended.out) as { verdict: string; checks: { code: string | null }[] }
    assert.equal(ended.code, 1)
    assert.equal(verdict, 'invalid')
    return checks.flatMap(({ code }) => (code === null ? [] : [code]))
  }
  const edit = (folder: string, how: (manifest: Record<string, unknown>) => object): void =>
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(how(manifestOf(folder) as never)))
  /** An operator without the log's key repairs every digest and count that the files have. */
  const rewrite = (folder: string, altered: readonly string[]): void => {
    const text = altered.map((line) => `${line}\n`).join('')
    writeFileSync(join(folder, name), text)
    edit(folder, (manifest) => ({
      ...manifest,
      next: Number(manifest['first']) + altered.length,
      files: [
        { ...manifestOf(good).files[0], events: altered.length, bytes: Buffer.byteLength(text), sha256: sha256(text) },
      ],
    }))
  }
  assert.deepEqual((await changed((folder) => rmSync(join(folder, name))))[0], 'export-file-missing')
  assert.deepEqual(
    (await changed((folder) => writeFileSync(join(folder, name), lines.join('\n'))))[0],
    'export-file-differs',
  )
  const [one = '', two = '', ...rest] = lines
  for (const altered of [
    [two, one, ...rest],
    [one, ...rest],
    lines.slice(0, -1),
    [one, one, two, ...rest],
    [one.replace('"result":"', '"result":"x'), two, ...rest],
  ])
    assert.deepEqual(await changed((folder) => rewrite(folder, altered)), ['export-root-differs'])
  const proofOf = (manifest: Record<string, unknown>) => manifest['proof'] as Record<string, unknown>
  assert.deepEqual(await changed((folder) => edit(folder, (m) => ({ ...m, proof: { ...proofOf(m), before: [] } }))), [
    'export-root-differs',
  ])
  assert.deepEqual(await changed((folder) => edit(folder, (m) => ({ ...m, proof: { ...proofOf(m), size: 1_499 } }))), [
    'export-root-differs',
    'export-root-differs',
  ])
  assert.deepEqual(await changed((folder) => edit(folder, (m) => ({ ...m, first: 501 }))), [
    'export-gap',
    'export-gap',
    'export-root-differs',
  ])
  assert.deepEqual(await changed((folder) => edit(folder, (m) => ({ ...m, origin: 'other.example.org/security' }))), [
    'checkpoint-wrong-origin',
  ])
  const forged = String(proofOf(manifestOf(good) as never)['checkpoint']).replace(/\n1500\n/, '\n1501\n')
  assert.ok(
    (await changed((folder) => edit(folder, (m) => ({ ...m, proof: { ...proofOf(m), checkpoint: forged } })))).includes(
      'note-bad-signature',
    ),
  )
  const escaping = await small.cli(['verify', 'export', good.replace(/$/, '/..'), '--json'])
  assert.equal((JSON.parse(escaping.out) as { code: string }).code, 'export-manifest')
})

test('a rendered archive has no gap, and says that only entries prove more', async (t) => {
  const small = securityLogStand()
  await small.fill(800)
  for (const format of ['ocsf', 'ecs', 'rfc5424', 'cef']) {
    const folder = scratch(t)
    const ended = await small.cli(['audit', 'export', ...config, '--format', format, '--out', folder, ...since])
    assert.equal(ended.code, 0, ended.err)
    const judge = async () => {
      const { out } = await small.cli(['verify', 'export', folder, '--key', small.key, '--json'])
      const { verdict, checks } = JSON.parse(out) as { verdict: string; checks: { code: string | null }[] }
      return [verdict, ...checks.flatMap(({ code }) => (code === null ? [] : [code]))]
    }
    assert.deepEqual(await judge(), ['consistent', 'export-format-not-provable'], format)
    const [file] = manifestOf(folder).files
    const path = join(folder, file?.name ?? '')
    const [one = '', two = '', ...rest] = readFileSync(path, 'utf8').split('\n')
    const text = [two, one, ...rest].join('\n')
    writeFileSync(path, text)
    const manifest = {
      ...manifestOf(folder),
      files: [{ ...file, sha256: createHash('sha256').update(text).digest('hex') }],
    }
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
    assert.equal((await judge())[1], 'export-gap', format)
  }
})

test('a search finds by each of its words, and pages', async () => {
  const search = async (...words: readonly string[]) => {
    const ended = await stand.cli(['audit', 'search', ...config, ...words, '--json'])
    assert.equal(ended.code, 0, ended.err)
    return JSON.parse(ended.out) as {
      index: number
      at: number
      eventType: string
      userId: string
      resource: string
      result: string
    }[]
  }
  assert.ok((await search('--type', 'webhook-refused')).every(({ eventType }) => eventType === 'webhook-refused'))
  assert.ok((await search('--actor', 'account:1001')).every(({ userId }) => userId === 'account:1001'))
  assert.ok((await search('--resource', 'change:101/7')).every(({ resource }) => resource === 'change:101/7'))
  assert.ok((await search('--result', 'denied')).every(({ result }) => result === 'denied'))
  const day = await search('--from', '2026-01-01T00:00:02Z', '--to', '2026-01-01T00:00:03Z', '--limit', '1000')
  assert.deepEqual([day.length, day[0]?.index, day.at(-1)?.index], [500, 1_499, 1_000])
  const page = await search('--limit', '10')
  const next = await search('--limit', '10', '--before', String(page.at(-1)?.index))
  assert.deepEqual(
    [...page, ...next].map(({ index }) => index),
    Array.from({ length: 20 }, (_, i) => total - 1 - i),
  )
  for (const wrong of [
    ['--type', 'x'],
    ['--result', 'x'],
    ['--limit', '0'],
    ['--from', 'today'],
    ['--before', '-1'],
  ])
    assert.equal((await stand.cli(['audit', 'search', ...config, ...wrong])).code, 64)
})

test('an export that cannot be recorded does not happen', async (t) => {
  const folder = join(scratch(t), 'archive')
  const refusing = securityLogStand()
  await refusing.fill(10)
  refusing.noted.push = () => {
    throw new AppError('store-unavailable', 'the log takes nothing')
  }
  const ended = await refusing.cli(['audit', 'export', ...config, '--format', 'ocsf', '--out', folder, ...since])
  assert.equal(ended.code, 2)
  assert.throws(() => readdirSync(folder))
})

test('an archive is vouched for by the decision log alone, as far as that holds the security log, and says where it ends', async (t) => {
  const later = securityLogStand()
  await later.fill(1_500)
  await later.anchor()
  await later.fill(700)
  const [whole, span, log] = [scratch(t), scratch(t), scratch(t)]
  const trust = await later.publish(log)
  const export_ = (folder: string, ...more: readonly string[]) =>
    later.cli(['audit', 'export', ...config, '--format', 'entries', '--out', folder, ...since, ...more, '--json'])
  const judged = async (folder: string, place = log, believed = trust) => {
    const ended = await later.cli(['verify', 'export', folder, '--trust', believed, '--log', place, '--json'])
    const { verdict, checks } = JSON.parse(ended.out) as {
      verdict: string
      checks: { check: string; outcome: string; code: string | null; detail?: string }[]
    }
    const vouched = checks.find(({ check }) => check === 'vouched')
    return [ended.code, verdict, vouched?.code ?? vouched?.outcome, vouched?.detail ?? null]
  }
  assert.equal((await export_(whole)).code, 0)
  assert.deepEqual(await judged(whole), [1, 'consistent', 'not-yet-vouched', 'from 1500 on'])
  // The clock of the stand ticks once for every 500 events: these are the first thousand.
  assert.equal((await export_(span, '--until', '2026-01-01T00:00:02Z')).code, 0)
  assert.equal(manifestOf(span).proof?.size, 1_500, 'proved under the head that the decision log holds')
  assert.deepEqual(await judged(span), [0, 'verified', 'pass', null])
  assert.equal((await later.cli(['verify', 'export', span, '--key', later.key])).code, 0, 'and by the key as before')
  await later.anchor()
  const grown = scratch(t)
  await later.publish(grown)
  assert.deepEqual(await judged(whole, grown), [0, 'verified', 'pass', null])

  // Another security log, whole in itself and signed by the same key, is not the one that was vouched for.
  const other = securityLogStand()
  await other.fill(1_600)
  const replaced = scratch(t)
  await other.cli(['audit', 'export', ...config, '--format', 'entries', '--out', replaced, ...since])
  assert.deepEqual(await judged(replaced), [1, 'invalid', 'export-contradicts-log', 'entry 0'])
  const stranger = formatVerifierKey(noteVerifierKey('gov.example.org/decisions', ed25519PublicKey(new Uint8Array(32))))
  const foreign = join(scratch(t), 'trust.json')
  const named = JSON.parse(readFileSync(trust, 'utf8')) as object
  writeFileSync(foreign, JSON.stringify({ ...named, logKeys: [stranger] }))
  const unbelieved = await later.cli(['verify', 'export', span, '--trust', foreign, '--log', log, '--json'])
  assert.deepEqual([unbelieved.code, (JSON.parse(unbelieved.out) as { code: string }).code], [1, 'note-no-known-key'])
  assert.equal((await later.cli(['verify', 'export', span, '--trust', trust])).code, 64)
})
