import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { ed25519PublicKey, noteVerifierKey } from '../../src/core/index.ts'
import type { WitnessState } from '../../src/flows/ports.ts'
import { type SampleWitness, startWitness, temporaryDirectory } from '../fakes/witnessed-log.ts'
import type { startDeployment } from './deployment.ts'

type Options = Required<Pick<NonNullable<Parameters<typeof startDeployment>[1]>, 'origin' | 'logSeed' | 'witness'>>

/** The one witness of a deployment: its server ends, and comes back at the same address with what it remembers. */
export interface LeavingWitness {
  /** What a deployment is started with to be witnessed by it. */
  readonly options: Options
  leave(): Promise<void>
  comeBack(): Promise<void>
}

const origin = 'gov.example.org/decisions'

/** Starts it. `wrap` stands between the witness and its memory. */
export async function startLeavingWitness(
  t: Pick<TestContext, 'after'>,
  wrap?: (state: WitnessState) => WitnessState,
): Promise<LeavingWitness> {
  const logSeed = randomBytes(32)
  const log = { origin, key: noteVerifierKey(origin, ed25519PublicKey(logSeed)) }
  const common = {
    directory: temporaryDirectory(t),
    at: Math.floor(Date.now() / 1_000),
    ...(wrap === undefined ? {} : { wrap }),
  }
  let witness: SampleWitness = await startWitness(t, [log], common)
  const { name, url, vkey } = witness
  const quorum = {
    policy: `witness w ${vkey}\nquorum w\n`,
    urls: { w: url },
    requiredForGreen: false,
    deadlineMs: 5_000,
  }
  return {
    options: {
      origin,
      logSeed,
      witness: { config: { quorum, serve: null }, seed: randomBytes(32), directory: temporaryDirectory(t) },
    },
    leave: () => witness.stop(),
    async comeBack() {
      witness = await startWitness(t, [log], { ...common, again: { name, port: Number(new URL(url).port) } })
    },
  }
}
