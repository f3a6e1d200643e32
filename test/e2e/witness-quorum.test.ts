import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createWitnessClient } from '../../src/adapters/witness/client.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import {
  compareCheckpoints,
  parseWitnessPolicy,
  verifyCheckpoint,
  verifyCosignatures,
  type WitnessPolicy,
} from '../../src/core/index.ts'
import { type Cosigner, createCosigner, type WitnessRoster } from '../../src/flows/record/cosign.ts'
import { newestWitnessed } from '../../src/flows/record/newest-known.ts'
import type { WitnessState } from '../../src/flows/ports.ts'
import { systemTimers } from '../../src/system.ts'
import { sampleLog, type SampleLog, type SampleWitness, startWitness } from '../fakes/witnessed-log.ts'

const origin = 'gov.example.org/decisions'
const client = createWitnessClient({ timeoutMs: 5_000 })

function rosterOf(
  witnesses: readonly SampleWitness[],
  rule: string,
  own: readonly SampleWitness[] = [],
): WitnessRoster {
  const lines = witnesses.map(({ vkey, url }, i) => `witness w${i} ${vkey} ${url}\n`)
  const text = `${lines.join('')}group g ${rule} ${witnesses.map((_, i) => `w${i}`).join(' ')}\nquorum g\n`
  const parsed = parseWitnessPolicy(text)
  assert.ok(parsed.ok)
  const policy: WitnessPolicy = parsed.policy
  const urls = new Map(policy.witnesses.map(({ name, url }) => [name, url as string]))
  return { policy, urls, ownKeys: own.map(({ key }) => key.publicKey) }
}

function cosignerOf(
  log: SampleLog,
  roster: WitnessRoster,
  deadlineMs = 5_000,
): Cosigner & { readonly lines: string[] } {
  const lines: string[] = []
  const telemetry = createTelemetry({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const parts = { roster, client, log, timers: systemTimers, telemetry, acceleration: {}, deadlineMs }
  return { ...createCosigner(parts), lines }
}

const telemetry = createTelemetry({ level: 'error', destination: { write: () => {} } })
const newest = (roster: WitnessRoster, log: SampleLog) => newestWitnessed({ roster, client, telemetry }, log.head())

/** A server that answers everything alike, or never. */
async function stub(t: TestContext, answer: { status: number; type?: string; body?: string } | null): Promise<string> {
  const server = createServer((_request, response) => {
    if (answer === null) return
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'text/plain' }).end(answer.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('heads are cosigned by a quorum, as the log grows, and verify under log and witness keys', async (t) => {
  const log = sampleLog(origin)
  const witnesses = await Promise.all([1, 2, 3].map(() => startWitness(t, [log])))
  const cosigner = cosignerOf(log, rosterOf(witnesses, 'all'))
  for (const count of [7, 1, 300]) {
    log.append(count)
    const note = await cosigner.cosign(log.head())
    const cosigned = verifyCosignatures(
      note,
      witnesses.map(({ key }) => key),
    )
    assert.equal(cosigned.ok && cosigned.cosignatures.length, 3)
    assert.ok(verifyCheckpoint(note, origin, [log.key]).ok)
    assert.deepEqual(cosigner.quorum(note), { met: true, size: log.size, by: ['w0', 'w1', 'w2'], missing: [] })
    assert.equal(await cosigner.cosign(note), note)
  }
})

test('two of three are enough; the third is named as missing and asked again when the quorum needs it', async (t) => {
  const log = sampleLog(origin)
  log.append(3)
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => startWitness(t, [log])))
  assert.ok(a && b && c)
  await c.stop()
  const cosigner = cosignerOf(log, rosterOf([a, b, c], '2'))
  const note = await cosigner.cosign(log.head())
  assert.deepEqual(cosigner.quorum(note), { met: true, size: 3, by: ['w0', 'w1'], missing: ['w2'] })
  await b.stop()
  log.append(1)
  const lonely = await cosigner.cosign(log.head())
  assert.deepEqual(cosigner.quorum(lonely), { met: false, size: 4, by: ['w0'], missing: ['w1', 'w2'] })
  assert.ok(cosigner.lines.some((line) => line.includes('witness-silent') && line.includes('w1')))
})

test('a witness that never answers does not hold publishing back; its late line is in the next note', async (t) => {
  const log = sampleLog(origin)
  log.append(3)
  const gate = Promise.withResolvers<void>()
  const wrap = (state: WitnessState): WitnessState => ({
    ...state,
    read: async (name) => {
      await gate.promise
      return state.read(name)
    },
  })
  const quick = await startWitness(t, [log])
  const slow = await startWitness(t, [log], { wrap })
  const cosigner = cosignerOf(log, rosterOf([quick, slow], 'all'), 50)
  const note = await cosigner.cosign(log.head())
  assert.equal(cosigner.quorum(note).met, false)
  gate.resolve()
  let later = note
  while (!cosigner.quorum(later).met) later = await cosigner.cosign(later)
  assert.deepEqual(cosigner.quorum(later).by, ['w0', 'w1'])
})

test('what a witness answers is believed only as far as it verifies', async (t) => {
  const log = sampleLog(origin)
  log.append(3)
  const honest = await startWitness(t, [log])
  const other = await startWitness(t, [log])
  const note = log.head()
  const foreign = await cosignerOf(log, rosterOf([other], 'all')).cosign(note)
  const line = foreign.slice(note.length)
  for (const answer of [
    { status: 200, body: line },
    { status: 200, body: 'hello' },
    { status: 200, body: `${line.slice(0, -20)}AAAAAAAAAAAAAAAAAAA=\n` },
    { status: 200, body: 'x'.repeat(100_000) },
    { status: 409, type: 'text/x.tlog.size', body: '99\n' },
    { status: 409, type: 'text/x.tlog.size', body: '01\n' },
    { status: 409, type: 'text/plain', body: '2\n' },
    { status: 302, body: '' },
    { status: 500, body: '' },
    null,
  ]) {
    const url = await stub(t, answer)
    const roster = rosterOf([honest], 'all')
    const lying = { ...roster, urls: new Map([['w0', url]]) }
    const cosigned = await cosignerOf(log, lying, 500).cosign(note)
    assert.equal(cosigned, note, JSON.stringify(answer))
  }
})

test('a witness that this deployment runs itself never counts to its quorum', async (t) => {
  const log = sampleLog(origin)
  log.append(1)
  const [own, other] = await Promise.all([1, 2].map(() => startWitness(t, [log])))
  assert.ok(own && other)
  const roster = rosterOf([own, other], 'any', [own])
  await other.stop()
  const cosigner = cosignerOf(log, roster)
  const note = await cosigner.cosign(log.head())
  assert.deepEqual(cosigner.quorum(note), { met: false, size: 1, by: [], missing: ['w1'] })
  // Nor does it answer for the outside at a start.
  assert.deepEqual(await newest(roster, log), { kind: 'unreachable', missing: ['w1'] })
  assert.deepEqual(await newest(rosterOf([own], 'any', [own]), log), { kind: 'unwitnessed' })
})

test('T40 a log that was rolled back is refused by its witness, however it grows again', async (t) => {
  const log = sampleLog(origin)
  const witness = await startWitness(t, [log])
  const roster = rosterOf([witness], 'all')
  log.append(20)
  assert.ok(cosignerOf(log, roster).quorum(await cosignerOf(log, roster).cosign(log.head())).met)
  const restored = sampleLog(origin)
  restored.append(12)
  const cosigner = cosignerOf(restored, roster)
  assert.equal(cosigner.quorum(await cosigner.cosign(restored.head())).met, false)
  assert.ok(cosigner.lines.some((line) => line.includes('witness-ahead') && line.includes('"witnessed":20')))
  // The same size with another history, and a larger one on top of it.
  const forked = sampleLog(origin, { entries: 'rewritten' })
  for (const count of [20, 9]) {
    forked.append(count)
    const forkCosigner = cosignerOf(forked, roster)
    assert.equal(forkCosigner.quorum(await forkCosigner.cosign(forked.head())).met, false)
  }
  assert.equal((await witness.state.read(origin))?.size, 20)
})

test('T41 the witness signs one of two heads of one size; watchers who were shown both convict the log', async (t) => {
  const [left, right] = [sampleLog(origin, { entries: 'left' }), sampleLog(origin, { entries: 'right' })]
  const witness = await startWitness(t, [left])
  left.append(6)
  right.append(6)
  const cosigners = [cosignerOf(left, rosterOf([witness], 'all')), cosignerOf(right, rosterOf([witness], 'all'))]
  const notes = await Promise.all([left, right].map((log, i) => (cosigners[i] as Cosigner).cosign(log.head())))
  assert.deepEqual(
    notes.map((note, i) => Number(cosigners[i]?.quorum(note).met)).sort((a, b) => a - b),
    [0, 1],
  )
  const seen = notes.map((note) => verifyCheckpoint(note, origin, [left.key]))
  assert.ok(seen[0]?.ok && seen[1]?.ok)
  assert.equal(compareCheckpoints(seen[0].checkpoint, seen[1].checkpoint), 'split-view')
})

test('T47 the newest size is asked of n - k + 1 witnesses: known, ahead, split, or too few who answer', async (t) => {
  const log = sampleLog(origin)
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => startWitness(t, [log])))
  assert.ok(a && b && c)
  const roster = rosterOf([a, b, c], '2')
  log.append(10)
  assert.deepEqual(await newest(roster, log), { kind: 'known', size: 0 })
  const cosigner = cosignerOf(log, rosterOf([a, b, c], 'all'))
  assert.ok(cosigner.quorum(await cosigner.cosign(log.head())).met)
  assert.deepEqual(await newest(roster, log), { kind: 'known', size: 10 })
  // A head that was signed and never cosigned is no reason to refuse.
  log.append(1)
  assert.deepEqual(await newest(roster, log), { kind: 'known', size: 10 })
  const restored = sampleLog(origin)
  restored.append(9)
  assert.deepEqual(await newest(roster, restored), { kind: 'ahead', size: 10, by: 'w0' })
  const forked = sampleLog(origin, { entries: 'fork' })
  forked.append(10)
  assert.deepEqual(await newest(roster, forked), { kind: 'ahead', size: 10, by: 'w0' })
  // Two of three must answer, since a quorum of two may hold the one that is silent.
  await a.stop()
  assert.deepEqual(await newest(roster, log), { kind: 'known', size: 10 })
  assert.deepEqual(await newest(roster, restored), { kind: 'ahead', size: 10, by: 'w1' })
  await b.stop()
  assert.deepEqual(await newest(roster, log), { kind: 'unreachable', missing: ['w0', 'w1'] })
})

test('T47 a witness that forgot the log, does not know it or signs wrongly has not answered', async (t) => {
  const log = sampleLog(origin)
  log.append(2)
  const stranger = await startWitness(t, [sampleLog('other.example.org/log')])
  assert.deepEqual(await newest(rosterOf([stranger], 'all'), log), { kind: 'unreachable', missing: ['w0'] })
  const roster = rosterOf([stranger], 'all')
  const url = await stub(t, { status: 200, body: '— x AAAA\n' })
  const lying = { ...roster, urls: new Map([['w0', url]]) }
  assert.deepEqual(await newest(lying, log), { kind: 'unreachable', missing: ['w0'] })
  const none = parseWitnessPolicy('quorum none\n')
  assert.ok(none.ok)
  assert.deepEqual(await newest({ policy: none.policy, urls: new Map(), ownKeys: [] }, log), { kind: 'unwitnessed' })
})
