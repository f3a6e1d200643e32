import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileWitnessState } from '../../src/adapters/witness-state/file-witness-state.ts'
import { formatAddCheckpoint, maxAddCheckpointBytes, verifyCosignatures } from '../../src/core/index.ts'
import type { WitnessState } from '../../src/flows/ports.ts'
import { proveConsistency } from '../../src/flows/record/consistency-proof.ts'
import {
  sampleLog,
  type SampleLog,
  type SampleWitness,
  seedOf,
  startWitness,
  temporaryDirectory,
} from '../fakes/witnessed-log.ts'

const origin = 'gov.example.org/decisions'

async function post(witness: SampleWitness, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body: body as never, headers })
  const text = await response.text()
  const type = response.headers.get('content-type')
  const code = type?.startsWith('application/problem+json') ? (JSON.parse(text) as { code: string }).code : null
  return { status: response.status, type, text, code }
}

const submit = async (witness: SampleWitness, log: SampleLog, oldSize: number) =>
  post(
    witness,
    formatAddCheckpoint({ oldSize, proof: await proveConsistency(log, oldSize, log.size, {}), note: log.head() }),
  )

test('a witness cosigns a log that grows, and says with 409 from where it must be shown', async (t) => {
  const log = sampleLog(origin)
  const witness = await startWitness(t, [log])
  log.append(5)
  const first = await submit(witness, log, 0)
  assert.equal(first.status, 200)
  const cosigned = verifyCosignatures(log.head() + first.text, [witness.key])
  assert.deepEqual(cosigned.ok && cosigned.cosignatures, [{ key: witness.key, time: 1_700_000_000 }])
  log.append(300)
  const stale = await submit(witness, log, 0)
  assert.deepEqual([stale.status, stale.type, stale.text], [409, 'text/x.tlog.size', '5\n'])
  assert.equal((await submit(witness, log, 5)).status, 200)
  // The same head again is cosigned again; nothing moves.
  assert.equal((await submit(witness, log, 305)).status, 200)
  assert.deepEqual((await witness.state.read(origin))?.size, 305)
})

test('every refusal has the status of the protocol, and moves nothing', async (t) => {
  const log = sampleLog(origin)
  const witness = await startWitness(t, [log])
  log.append(4)
  assert.equal((await submit(witness, log, 0)).status, 200)
  log.append(3)
  const note = log.head()
  const proof = await proveConsistency(log, 4, 7, {})
  const good = formatAddCheckpoint({ oldSize: 4, proof, note })
  const stranger = sampleLog(origin, { secret: 'stolen' })
  stranger.append(7)
  const unknown = sampleLog('other.example.org/log')
  unknown.append(1)
  const badKnownLine = note.replace(/.{8}=\n$/, 'AAAAAAAA=\n')
  const cases: [string, string | Uint8Array, number, string | null][] = [
    ['empty', '', 400, 'request-malformed'],
    ['no blank line', good.replace('\n\n', '\n'), 400, 'request-malformed'],
    ['size with a sign', good.replace('old 4', 'old +4'), 400, 'request-malformed'],
    ['hash too short', good.replace('old 4\n', 'old 4\nAAAA\n'), 400, 'request-malformed'],
    ['no text', Uint8Array.of(0xff, 0xfe), 400, 'request-malformed'],
    ['no note', 'old 0\n\nhello\n', 400, 'checkpoint-malformed'],
    ['extension line', good.replace(/\n\n— /, '\nmore\n\n— '), 400, 'checkpoint-malformed'],
    ['old size past the head', good.replace('old 4', 'old 8'), 400, 'old-size-too-large'],
    ['another origin', formatAddCheckpoint({ oldSize: 0, proof: [], note: unknown.head() }), 404, 'log-unknown'],
    ['key of a stranger', formatAddCheckpoint({ oldSize: 4, proof, note: stranger.head() }), 403, 'log-signature'],
    ['bad signature of the log', formatAddCheckpoint({ oldSize: 4, proof, note: badKnownLine }), 403, 'log-signature'],
    ['no proof', formatAddCheckpoint({ oldSize: 4, proof: [], note }), 422, 'proof-invalid'],
    ['proof cut', formatAddCheckpoint({ oldSize: 4, proof: proof.slice(1), note }), 422, 'proof-invalid'],
    ['body too large', 'x'.repeat(maxAddCheckpointBytes + 1), 413, 'body-too-large'],
  ]
  for (const [name, body, status, code] of cases) {
    const answer = await post(witness, body)
    assert.deepEqual([answer.status, answer.code], [status, code], name)
  }
  assert.equal((await witness.state.read(origin))?.size, 4)
  // Other media, and none: the bytes count.
  assert.equal((await post(witness, good, { 'content-type': 'application/octet-stream' })).status, 200)
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 404)
})

test('an empty log has one head only, and its proof is empty', async (t) => {
  const log = sampleLog(origin)
  const witness = await startWitness(t, [log])
  const fake = log.head().replace('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', Buffer.alloc(32).toString('base64'))
  assert.equal((await post(witness, `old 0\n\n${fake}`)).status, 403)
  assert.equal((await submit(witness, log, 0)).status, 200)
  log.append(1)
  const withProof = formatAddCheckpoint({ oldSize: 0, proof: [seedOf('x')], note: log.head() })
  assert.equal((await post(witness, withProof)).status, 422)
  assert.equal((await submit(witness, log, 0)).status, 200)
})

test('T41 of two heads of one size, submitted at once, the witness signs one only', async (t) => {
  const [left, right] = [sampleLog(origin, { entries: 'left' }), sampleLog(origin, { entries: 'right' })]
  const witness = await startWitness(t, [left])
  left.append(9)
  right.append(9)
  const answers = await Promise.all([submit(witness, left, 0), submit(witness, right, 0), submit(witness, right, 0)])
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409, 409],
  )
  const split = await submit(witness, right, 9)
  assert.deepEqual([split.status, split.code], [409, 'split-view'])
  right.append(1)
  assert.equal((await submit(witness, right, 9)).status, 422)
})

test('T41 two processes over one memory cosign one of two heads: the second finds the turn taken', async (t) => {
  const directory = temporaryDirectory(t)
  const [left, right] = [sampleLog(origin, { entries: 'left' }), sampleLog(origin, { entries: 'right' })]
  left.append(2)
  right.append(2)
  // Both have read the same state before either moves it, and one has moved it when the other does.
  const { promise: bothRead, resolve } = Promise.withResolvers<void>()
  let reads = 0
  let moved: Promise<unknown> = Promise.resolve()
  const wrap = (state: WitnessState): WitnessState => ({
    ...state,
    read: async (name) => {
      const head = await state.read(name)
      if (++reads === 2) resolve()
      await bothRead
      return head
    },
    advance: (...move) => {
      moved = moved.then(() => state.advance(...move))
      return moved as Promise<boolean>
    },
  })
  const one = await startWitness(t, [left], { directory, wrap })
  const two = await startWitness(t, [left], { directory, wrap })
  const answers = await Promise.all([submit(one, left, 0), submit(two, right, 0)])
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  )
})

test('the head is durable before the cosignature exists: a witness that dies between refuses the other head afterwards', async (t) => {
  const directory = temporaryDirectory(t)
  const [left, right] = [sampleLog(origin, { entries: 'left' }), sampleLog(origin, { entries: 'right' })]
  left.append(3)
  right.append(3)
  const wrap = (state: WitnessState): WitnessState => ({
    ...state,
    advance: async (name, from, to) => {
      await state.advance(name, from, to)
      throw new Error('power is gone')
    },
  })
  const dying = await startWitness(t, [left], { directory, wrap })
  assert.equal((await submit(dying, left, 0)).status, 500)
  await dying.stop()
  const reborn = await startWitness(t, [left], { directory })
  assert.deepEqual(
    [(await submit(reborn, right, 0)).text, (await submit(reborn, right, 3)).code],
    ['3\n', 'split-view'],
  )
  assert.equal((await submit(reborn, left, 3)).status, 200)
})

test('the memory of a witness: one small file per log, a torn one is an error and never a fresh start', async (t) => {
  const directory = temporaryDirectory(t)
  const state = await openFileWitnessState(directory)
  const [a, b, c] = [1, 2, 3].map((size) => ({ size, root: seedOf(`root ${size}`) })) as [never, never, never]
  assert.equal(await state.read(origin), null)
  assert.equal(await state.advance(origin, null, a), true)
  assert.equal(await state.advance(origin, null, b), false)
  assert.equal(await state.advance(origin, b, c), false)
  assert.equal(await state.advance(origin, a, b), true)
  assert.equal(await state.advance('other.example.org/log', null, a), true)
  assert.deepEqual(await state.read(origin), b)
  assert.deepEqual(await (await openFileWitnessState(directory)).read(origin), b)
  const files = readdirSync(directory)
  assert.equal(files.length, 2)
  for (const file of files) writeFileSync(join(directory, file), 'torn')
  await assert.rejects(state.read(origin), { code: 'store-corrupt' })
  await assert.rejects(state.advance(origin, b, c), { code: 'store-corrupt' })
})

test('fifty advances at once from one head: one of them happens', async (t) => {
  const directory = temporaryDirectory(t)
  const states = await Promise.all([1, 2, 3, 4, 5].map(() => openFileWitnessState(directory)))
  let from: { size: number; root: Uint8Array } | null = null
  for (let round = 1; round <= 3; round++) {
    const heads = Array.from({ length: 50 }, (_, i) => ({ size: round * 100 + i, root: seedOf(`${round} ${i}`) }))
    const done = await Promise.all(heads.map((to, i) => (states[i % 5] as WitnessState).advance(origin, from, to)))
    const winners = heads.filter((_, i) => done[i])
    assert.equal(winners.length, 1)
    assert.deepEqual(await states[0]?.read(origin), winners[0])
    from = winners[0] ?? null
  }
})
