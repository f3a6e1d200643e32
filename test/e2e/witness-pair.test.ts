import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { WitnessingConfig } from '../../src/config/config.ts'
import {
  ed25519PublicKey,
  formatVerifierKey,
  formatWitnessKey,
  noteVerifierKey,
  verifyCosignatures,
  witnessKey,
} from '../../src/core/index.ts'
import type { NewestKnown } from '../../src/flows/record/newest-known.ts'
import { witnessSource } from '../../src/flows/record/witness-source.ts'
import { temporaryDirectory } from '../fakes/witnessed-log.ts'
import { type Deployment, startDeployment } from './deployment.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** What one of the pair is before it runs: names, keys and the address of its witness. */
async function partner(name: string) {
  const [logSeed, witnessSeed] = [randomBytes(32), randomBytes(32)]
  const origin = `${name}.example.org/decisions`
  const witnessName = `${name}.example.org/witness`
  return {
    origin,
    logSeed,
    witnessSeed,
    witnessName,
    port: await freePort(),
    logKey: formatVerifierKey(noteVerifierKey(origin, ed25519PublicKey(logSeed))),
    witnessKey: witnessKey(witnessName, ed25519PublicKey(witnessSeed)),
  }
}
type Partner = Awaited<ReturnType<typeof partner>>

/** `self` has its heads cosigned by `other`, and cosigns those of `other`. */
function configOf(self: Partner, other: Partner): WitnessingConfig {
  return {
    quorum: {
      policy: `witness other ${formatWitnessKey(other.witnessKey)}\nquorum other\n`,
      urls: { other: `http://127.0.0.1:${other.port}` },
      requiredForGreen: true,
      deadlineMs: 5_000,
    },
    serve: { name: self.witnessName, listen: { host: '127.0.0.1', port: self.port }, logs: [other.logKey] },
  }
}

const startPartner = (t: TestContext, self: Partner, other: Partner): Promise<Deployment> =>
  startDeployment(t, {
    origin: self.origin,
    logSeed: self.logSeed,
    witness: { config: configOf(self, other), seed: self.witnessSeed, directory: temporaryDirectory(t) },
    enrol: false,
  })

const readyOf = async (d: Deployment) =>
  (await (await fetch(`${d.url}/readyz`)).json()) as { ready: boolean; unwitnessed: boolean; quorum: boolean | null }

test('two deployments that are started together witness each other, and after a restart of both as well', async (t) => {
  const [a, b] = await Promise.all([partner('a'), partner('b')])
  const [left, right] = await Promise.all([startPartner(t, a, b), startPartner(t, b, a)])
  const requireCosigned = async (): Promise<void> => {
    for (const [d, other] of [
      [left, b],
      [right, a],
    ] as const) {
      await d.server.publisher.publish()
      const shown = await (await fetch(`${d.url}/log/decisions/checkpoint`)).text()
      const head = await d.store.log.checkpoint()
      assert.ok(shown.startsWith(head?.note ?? 'none'))
      const cosigned = verifyCosignatures(shown, [other.witnessKey])
      assert.equal(cosigned.ok && cosigned.cosignatures.length, 1)
      assert.equal(d.server.witnessing.cosigner?.witnessedSize(), head?.size)
      assert.deepEqual(await readyOf(d).then(({ ready, unwitnessed, quorum }) => [ready, unwitnessed, quorum]), [
        true,
        false,
        true,
      ])
    }
  }
  await requireCosigned()
  await left.enrol('acme/node')
  await requireCosigned()
  await Promise.all([left.restart(), right.restart()])
  await requireCosigned()
})

test('T47 a deployment without witnesses starts and says that it is unwitnessed', async (t) => {
  const d = await startDeployment(t, { enrol: false })
  assert.deepEqual(await readyOf(d).then(({ ready, unwitnessed, quorum }) => [ready, unwitnessed, quorum]), [
    true,
    true,
    null,
  ])
  assert.equal(d.server.witnessing.source, null)
})

test('T47 the gate lets a log sign only when enough answer and nobody is ahead; it waits for a pair to come up', async () => {
  const gate = (answers: readonly NewestKnown[], patienceMs = 3_000) => {
    let asked = 0
    const newest = async () => answers[Math.min(asked++, answers.length - 1)] as NewestKnown
    const timers = {
      after: (_ms: number, run: () => void) => {
        queueMicrotask(run)
        return () => {}
      },
    }
    const log = { checkpoint: async () => ({ size: 3, note: 'a head' }) }
    const source = witnessSource({ log, newest, timers, retryMs: 1_000, patienceMs })
    return source.ask().then(
      () => ['passed', asked],
      (error: { code: string }) => [error.code, asked],
    )
  }
  const silent: NewestKnown = { kind: 'unreachable', missing: ['w0'] }
  assert.deepEqual(await gate([{ kind: 'unwitnessed' }]), ['passed', 1])
  assert.deepEqual(await gate([{ kind: 'known', size: 3 }]), ['passed', 1])
  assert.deepEqual(await gate([silent, silent, { kind: 'known', size: 3 }]), ['passed', 3])
  assert.deepEqual(await gate([silent, { kind: 'ahead', size: 9, by: 'w0' }]), ['log-ahead', 2])
  assert.deepEqual(await gate([silent]), ['witness-unreachable', 4])
})
