/** Anchors as an operator and a stranger handle them: the command line, calendars over HTTP, and Debian's reader of the format. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import {
  attestationsOf,
  encodeHex,
  formatCheckpointBody,
  mergeStamps,
  readOtsFile,
  sha256,
  signCheckpoint,
  writeOtsFile,
} from '../../src/core/index.ts'
import { type CalendarStandIn, startCalendar } from '../fakes/calendar.ts'
import { json, root, run, scratch } from './cli-process.ts'

/** Debian's own Python, where its packages are. */
const python = '/usr/bin/python3'
const script = join(root, 'test/fixtures/ots.py')
let reason: string | null = null

before(() => {
  const found = spawnSync(python, ['-c', 'import opentimestamps'])
  if (found.status !== 0) reason = 'python3-opentimestamps (Debian) is not installed'
})

/** CI has the package; elsewhere the test says why it did not run. */
function needsPython(t: TestContext): boolean {
  if (reason === null) return true
  assert.equal(process.env['CI'], undefined, reason)
  t.skip(reason)
  return false
}

interface PythonReading {
  readonly digest: string
  readonly attestations: readonly (readonly [string, string, string | number])[]
  readonly bytes: string
}

function ask<T>(...args: readonly string[]): T {
  const answer = spawnSync(python, [script, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  assert.equal(answer.status, 0, answer.stderr)
  return JSON.parse(answer.stdout) as T
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

function ourReading(bytes: Uint8Array): PythonReading {
  const read = readOtsFile(bytes)
  assert.ok(read.ok)
  const { digest, stamp } = read.file
  const attestations = attestationsOf(stamp, digest).map(({ message, attestation }) => {
    const what =
      attestation.kind === 'pending'
        ? attestation.uri
        : attestation.kind === 'bitcoin'
          ? attestation.height
          : attestation.tag
    return [encodeHex(message), attestation.kind, what] as const
  })
  return {
    digest: encodeHex(digest),
    attestations: attestations.toSorted(byText),
    bytes: encodeHex(writeOtsFile(read.file)),
  }
}

async function calendar(t: TestContext): Promise<CalendarStandIn> {
  const stand = await startCalendar({ time: 1_766_000_000 })
  t.after(() => stand.close())
  return stand
}

const checkpoint = { origin: 'gov.example.org/decisions', size: 7, root: sha256(Uint8Array.of(7)) }
const body = formatCheckpointBody(checkpoint)

function desk(t: TestContext) {
  const folder = scratch(t)
  const note = join(folder, 'checkpoint')
  writeFileSync(note, signCheckpoint(checkpoint, new Uint8Array(32).fill(3)))
  const headers = join(folder, 'headers')
  return { folder, note, headers, ots: `${note}.body.ots` }
}

const headerLine = ({ height, headerHex }: { height: number; headerHex: string }): string => `${height} ${headerHex}\n`

test('a checkpoint is stamped, upgraded when a block was mined, and verified by that block’s header only', async (t) => {
  const [first, second] = [await calendar(t), await calendar(t)]
  const { note, headers, ots } = desk(t)
  const stamped = await run([
    'anchor',
    'stamp',
    note,
    '--calendar',
    first.url,
    '--calendar',
    `${second.url}/`,
    '--json',
  ])
  assert.equal(stamped.code, 0, stamped.stderr)
  assert.equal(readFileSync(`${note}.body`, 'utf8'), body)
  // A calendar sees a digest that it cannot guess back to the checkpoint.
  assert.notEqual(first.digests[0], encodeHex(sha256(Buffer.from(body))))
  assert.deepEqual(first.digests, second.digests)

  const pending = await run(['anchor', 'verify', ots, '--json'])
  assert.equal(pending.code, 1)
  // In which order the two promises stand in the file is up to their random bytes.
  const promises = json(pending) as { state: string; checks: { check: string }[] }
  assert.equal(promises.state, 'unverified')
  assert.deepEqual(promises.checks.toSorted(byText), [
    ...[first.url, second.url]
      .toSorted()
      .map((url) => ({ check: `pending at ${url}`, outcome: 'skipped', code: 'ots-pending' })),
    { check: 'target', outcome: 'pass', code: null },
  ])

  const tooEarly = await run(['anchor', 'upgrade', ots, '--calendar', first.url, '--json'])
  assert.equal(tooEarly.code, 1)
  assert.deepEqual((json(tooEarly) as { answers: { code: string }[] }).answers.map(({ code }) => code).toSorted(), [
    'calendar-knows-nothing',
    'calendar-not-allowed',
  ])

  const block = first.mine(870_000)
  const upgraded = await run(['anchor', 'upgrade', ots, '--calendar', first.url, '--json'])
  assert.equal(upgraded.code, 0, upgraded.stderr)
  assert.equal((json(upgraded) as { complete: boolean }).complete, true)

  const headerless = await run(['anchor', 'verify', ots, '--json'])
  assert.equal(headerless.code, 1)
  assert.equal((json(headerless) as { state: string }).state, 'unverified')

  writeFileSync(headers, headerLine(block))
  for (const target of [`${note}.body`, note]) {
    const verified = await run(['anchor', 'verify', ots, '--target', target, '--headers', headers, '--json'])
    assert.equal(verified.code, 0, verified.stdout)
    const { state, checks } = json(verified) as {
      state: string
      checks: { check: string; outcome: string; at?: string }[]
    }
    assert.equal(state, 'verified')
    assert.deepEqual(
      checks.filter(({ outcome }) => outcome === 'pass').map(({ check, at }) => [check, at]),
      [
        ['target', undefined],
        ['Bitcoin block 870000', '2025-12-17T19:43:20.000Z'],
      ],
    )
  }

  const otherBlock = second.mine(870_000)
  writeFileSync(headers, headerLine(otherBlock))
  const other = await run(['anchor', 'verify', ots, '--headers', headers, '--json'])
  assert.equal(other.code, 1)
  assert.equal((json(other) as { state: string }).state, 'invalid')

  writeFileSync(headers, headerLine(block))
  writeFileSync(`${note}.body`, body.replace('\n7\n', '\n8\n'))
  const forged = await run(['anchor', 'verify', ots, '--headers', headers, '--json'])
  assert.equal(forged.code, 1)
  const { state, checks } = json(forged) as { state: string; checks: unknown[] }
  assert.equal(state, 'invalid')
  assert.deepEqual(checks[0], { check: 'target', outcome: 'fail', code: 'ots-other-digest' })
})

test('calendars that answer with anything else do no harm, and a stamp needs only one of them', async (t) => {
  const good = await calendar(t)
  const { note, folder } = desk(t)
  const answers: readonly (readonly [number, Uint8Array, string])[] = [
    [200, new Uint8Array(10_001), 'calendar-unavailable'],
    [200, new Uint8Array(0), 'ots-truncated'],
    [200, Buffer.from('<html>'), 'ots-operation-unknown'],
    [302, new Uint8Array(0), 'calendar-unavailable'],
    [500, new Uint8Array(0), 'calendar-unavailable'],
  ]
  for (const [i, [status, bytes, code]] of answers.entries()) {
    const bad = await calendar(t)
    bad.answerWith(status, bytes)
    const alone = await run([
      'anchor',
      'stamp',
      note,
      '--calendar',
      bad.url,
      '--out',
      join(folder, `${i}.ots`),
      '--json',
    ])
    assert.equal(alone.code, 2)
    assert.equal((json(alone) as { code: string }).code, 'calendar-unavailable')
    assert.equal(existsSync(join(folder, `${i}.ots`)), false)
    const together = await run([
      'anchor',
      'stamp',
      note,
      '--calendar',
      bad.url,
      '--calendar',
      good.url,
      '--out',
      join(folder, `${i}.ots`),
      '--json',
    ])
    assert.equal(together.code, 0)
    assert.deepEqual((json(together) as { answers: unknown }).answers, [
      { calendar: bad.url, code },
      { calendar: good.url, code: null },
    ])
  }
})

test('nothing is overwritten, and what is no checkpoint is stamped only when that is said', async (t) => {
  const stand = await calendar(t)
  const { folder, note } = desk(t)
  const file = join(folder, 'report.pdf')
  writeFileSync(file, 'a report')
  const args = ['--calendar', stand.url, '--json']
  const refused = await run(['anchor', 'stamp', file, ...args])
  assert.equal((json(refused) as { code: string }).code, 'not-a-checkpoint')
  assert.equal((await run(['anchor', 'stamp', file, '--data', ...args])).code, 0)
  assert.equal(
    (json(await run(['anchor', 'verify', `${file}.ots`, '--json'])) as { state: string }).state,
    'unverified',
  )
  const again = await run(['anchor', 'stamp', file, '--data', ...args])
  assert.equal((json(again) as { code: string }).code, 'file-exists')
  assert.equal((await run(['anchor', 'stamp', note])).code, 64)
})

test("Debian's python3-opentimestamps reads our files as we do, and writes the same bytes", async (t) => {
  if (!needsPython(t)) return
  const [first, second] = [await calendar(t), await calendar(t)]
  const { note, ots } = desk(t)
  assert.equal((await run(['anchor', 'stamp', note, '--calendar', first.url, '--calendar', second.url])).code, 0)
  const stamped = readFileSync(ots)
  assert.deepEqual(ask<PythonReading>('read', stamped.toString('hex')), ourReading(stamped))
  assert.equal(ourReading(stamped).digest, encodeHex(sha256(Buffer.from(body))))
  first.mine(870_000)
  second.mine(870_001)
  const both = ['--calendar', first.url, '--calendar', second.url]
  assert.equal((await run(['anchor', 'upgrade', ots, ...both])).code, 0)
  const upgraded = readFileSync(ots)
  const theirs = ask<PythonReading>('read', upgraded.toString('hex'))
  assert.deepEqual(theirs, ourReading(upgraded))
  assert.equal(theirs.bytes, upgraded.toString('hex'))
  assert.deepEqual(
    theirs.attestations
      .filter(([, kind]) => kind === 'bitcoin')
      .map(([, , height]) => Number(height))
      .toSorted((a, b) => a - b),
    [870_000, 870_001],
  )
})

test("we read the files of Debian's python3-opentimestamps as it does, write their bytes, and merge as it merges", (t) => {
  if (!needsPython(t)) return
  const examples = ask<readonly PythonReading[]>('examples')
  assert.ok(examples.length > 5)
  for (const example of examples) {
    const ours = ourReading(Buffer.from(example.bytes, 'hex'))
    assert.deepEqual(
      { ...ours, attestations: ours.attestations },
      { ...example, attestations: example.attestations.toSorted(byText) },
    )
  }
  const [every] = examples
  assert.ok(every !== undefined)
  const read = readOtsFile(Buffer.from(every.bytes, 'hex'))
  assert.ok(read.ok)
  // Each half of what a file says, merged with the other half in reverse order.
  const { digest, stamp } = read.file
  const halves = [stamp.filter((_, i) => i % 2 === 0), stamp.filter((_, i) => i % 2 === 1)] as const
  const merged = ask<PythonReading>('merge', ...halves.map((half) => encodeHex(writeOtsFile({ digest, stamp: half }))))
  assert.equal(merged.bytes, every.bytes)
  assert.equal(encodeHex(writeOtsFile({ digest, stamp: mergeStamps(halves[1], halves[0]) })), every.bytes)
})
