/** A recorder over a store, with a log key of its own, as the server composes it. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { acceleration } from '../src/compose-acceleration.ts'
import { asCommitId, asRepositoryId, bytesDigest, canonicalBytes } from '../src/core/index.ts'
import { changeResource, eventOf } from '../src/flows/audit/event-of.ts'
import { serverUser } from '../src/flows/audit/event-of.ts'
import { publishJob, statusJob } from '../src/flows/gate/jobs.ts'
import { createRecorder, type Draft, type Recorder } from '../src/flows/gate/recorder.ts'
import type { StorePorts } from '../src/flows/ports.ts'
import { systemClock, systemRandom } from '../src/system.ts'
import { digestOf, origin, sampleDraft } from './sample-drafts.ts'

export function benchRecorder({ store, log, security }: StorePorts): Recorder {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
  const key = createPrivateKey(pem)
  const publicKey = new Uint8Array(createPublicKey(pem).export({ format: 'der', type: 'spki' }).subarray(-32))
  const custody = {
    sign: async (_name: string, message: Uint8Array) => new Uint8Array(sign(null, message, key)),
    publicKey: async () => publicKey,
  }
  return createRecorder({
    origin,
    store,
    log,
    security,
    custody,
    clock: systemClock,
    random: systemRandom,
    acceleration,
  })
}

export type Group = Pick<Draft<undefined>, 'entries' | 'events' | 'writes'>

export const groupFrom = (from: number, count: number): Group => ({
  entries: Array.from({ length: count }, (_, i) => sampleDraft(from + i)),
  writes: [],
})

/** What one commit of the gate holds for a verdict: the entry, its security event, the verdict itself and the jobs that show it. */
export function verdictGroup(number: number): Group {
  const repository = asRepositoryId(7)
  const head = asCommitId(digestOf(`commit ${number}`).slice(0, 40))
  const bytes = canonicalBytes({ number, outcome: 'pending', text: 'x'.repeat(1_500) })
  const draft = sampleDraft(4 * number + 3)
  return {
    entries: [draft],
    events: [
      eventOf('decision-recorded', {
        userId: serverUser,
        resource: changeResource(repository, 1 + (number % 5_000)),
        action: 'decide',
        details: { outcome: 'pending', code: 'tiers', head, epoch: 1, entry: number },
      }),
    ],
    writes: [
      { kind: 'blob', digest: bytesDigest(bytes, acceleration), bytes },
      publishJob(repository, head, 'main', systemClock.now()),
      statusJob(repository, 1 + (number % 5_000), systemClock.now()),
    ],
  }
}

/** Records a group in one commit. @throws Error when the store says that the log moved */
export async function recordGroup(recorder: Recorder, group: Group): Promise<void> {
  const recorded = await recorder.record(() => ({ ...group, result: undefined }))
  if (!recorded.ok) throw new Error(recorded.conflict)
}
