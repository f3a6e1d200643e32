/** Programs of others that must agree with our cosignatures and proof files: sigsum's witness and litetlog's spicy. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createWitnessClient } from '../../src/adapters/witness/client.ts'
import { createTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import {
  ed25519PublicKey,
  encodeLogProof,
  encodeUtf8,
  parseWitnessPolicy,
  treeHasher,
  verifyLogProof,
} from '../../src/core/index.ts'
import { proveInclusion } from '../../src/flows/record/consistency-proof.ts'
import { createCosigner } from '../../src/flows/record/cosign.ts'
import { newestWitnessed } from '../../src/flows/record/newest-known.ts'
import { systemTimers } from '../../src/system.ts'
import { sampleLog, type SampleLog, seedOf, startWitness, temporaryDirectory } from '../fakes/witnessed-log.ts'

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0
const telemetry = createTelemetry({ level: 'error', destination: { write: () => {} } })
const client = createWitnessClient({ timeoutMs: 10_000 })

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** An Ed25519 public key as OpenSSH writes it (RFC 4253 section 6.6, RFC 8709). */
function opensshKey(publicKey: Uint8Array): string {
  const part = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(publicKey)])
  return `ssh-ed25519 ${blob.toString('base64')} log\n`
}

/** Sigsum's witness knows logs under this origin only. */
function sigsumLog(): SampleLog {
  const secret = seedOf('a log of sigsum')
  const hash = createHash('sha256').update(ed25519PublicKey(secret)).digest('hex')
  return sampleLog(`sigsum.org/v1/tree/${hash}`, { secret })
}

async function until(holds: () => Promise<boolean>, child: ChildProcess): Promise<void> {
  while (!(await holds())) {
    if (child.exitCode !== null) throw new Error('sigsum-witness ended')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Starts sigsum's witness for one log; its state lives in `folder`. */
async function startSigsum(t: TestContext, folder: string, log: SampleLog) {
  writeFileSync(join(folder, 'log.pub'), opensshKey(log.key.publicKey))
  const generated = spawnSync('sigsum-key', ['generate', '-o', join(folder, 'witness')])
  assert.equal(generated.status, 0, generated.stderr.toString())
  const port = await freePort()
  const files = { '-k': 'witness', '--log-key': 'log.pub', '--state-file': 'state' }
  const child = spawn(
    'sigsum-witness',
    [...Object.entries(files).flatMap(([flag, name]) => [flag, join(folder, name)]), `127.0.0.1:${port}`],
    // Its routes hold methods, which an older Go's router must not take for hosts.
    { env: { ...process.env, GODEBUG: 'httpmuxgo121=0' }, stdio: 'ignore' },
  )
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const url = `http://127.0.0.1:${port}`
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    child,
  )
  return url
}

/** Why a test goes without a package of Debian: CI says which ones cannot be had where it runs. */
const lacking = (name: string): string =>
  process.env['CI_UNOBTAINABLE']?.split(' ').includes(name) === true
    ? `the Debian package ${name} cannot be had here`
    : `real part missing: the Debian package ${name}`

test("sigsum's witness cosigns the heads of our log through our client, and refuses it rolled back (T40, T47)", async (t) => {
  if (!isThere('sigsum-witness') || !isThere('sigsum-key')) return t.skip(lacking('sigsum-go'))
  const log = sigsumLog()
  const folder = temporaryDirectory(t)
  const url = await startSigsum(t, folder, log)
  log.append(5)
  const answer = await client.addCheckpoint(url, { oldSize: 0, proof: [], note: log.head() })
  assert.equal(answer.kind, 'cosigned')
  // The name that it signs under stands in its line; its key is written with its own tool.
  const name = answer.kind === 'cosigned' ? (answer.lines.split(' ')[1] ?? '') : ''
  const vkey = spawnSync('sigsum-key', [
    'to-vkey',
    '-k',
    join(folder, 'witness.pub'),
    '-n',
    name,
    '-t',
    'cosignature/v1',
  ])
  const parsed = parseWitnessPolicy(`witness sigsum ${vkey.stdout.toString().trim()} ${url}\nquorum sigsum\n`)
  assert.ok(parsed.ok, vkey.stderr.toString())
  const roster = { policy: parsed.policy, urls: new Map([['sigsum', url]]), ownKeys: [] }
  const parts = { roster, client, timers: systemTimers, telemetry, acceleration: {}, deadlineMs: 10_000 }
  const cosigner = createCosigner({ ...parts, log })
  for (const count of [0, 1, 250, 300]) {
    log.append(count)
    assert.deepEqual(cosigner.quorum(await cosigner.cosign(log.head())).by, ['sigsum'], `size ${log.size}`)
  }
  assert.deepEqual(await newestWitnessed({ roster, client, telemetry }, log.head()), { kind: 'known', size: 556 })
  const restored = sigsumLog()
  restored.append(100)
  const late = createCosigner({ ...parts, log: restored })
  assert.equal(late.quorum(await late.cosign(restored.head())).met, false)
  assert.deepEqual(await newestWitnessed({ roster, client, telemetry }, restored.head()), {
    kind: 'ahead',
    size: 556,
    by: 'sigsum',
  })
})

test('spicy verifies the proof file that we wrote, and not for another file', async (t) => {
  if (!isThere('spicy-litetlog')) return t.skip(lacking('litetlog'))
  const folder = temporaryDirectory(t)
  const log = sampleLog('gov.example.org/decisions')
  const witness = await startWitness(t, [log])
  log.append(9)
  const index = 6
  const entry = ` ${index}`
  const policy = parseWitnessPolicy(`witness w ${witness.vkey} ${witness.url}\nquorum w\n`)
  assert.ok(policy.ok)
  const roster = { policy: policy.policy, urls: new Map([['w', witness.url]]), ownKeys: [] }
  const cosigner = createCosigner({
    roster,
    client,
    log,
    timers: systemTimers,
    telemetry,
    acceleration: {},
    deadlineMs: 10_000,
  })
  const proof = encodeLogProof({
    index,
    hashes: await proveInclusion(log, index, log.size, {}),
    checkpoint: await cosigner.cosign(log.head()),
    extra: null,
  })
  const hasher = treeHasher()
  const trust = { origin: log.origin, logKeys: [log.key], witnessPolicy: policy.policy }
  assert.equal(verifyLogProof(proof, hasher.leaf(encodeUtf8(entry)), trust, hasher).ok, true)
  const verify = (text: string, content: string): number | null => {
    writeFileSync(join(folder, 'entry'), content)
    writeFileSync(join(folder, 'entry.spicy'), text)
    return spawnSync('spicy-litetlog', ['-verify', log.vkey, join(folder, 'entry')]).status
  }
  // The packaged version is older than the first line of the format and knows the rest of it.
  const headless = proof.replace('c2sp.org/tlog-proof@v1\n', '')
  assert.notEqual(headless, proof)
  const spicy = verify(proof, entry) === 0 ? proof : headless
  assert.equal(verify(spicy, entry), 0)
  assert.notEqual(verify(spicy, ' 7'), 0)
  assert.notEqual(verify(spicy.replace('index 6', 'index 5'), entry), 0)
  assert.notEqual(verify(spicy.replace('\n9\n', '\n8\n'), entry), 0)
})
