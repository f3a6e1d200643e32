/** A recorder over a store, with a log key of its own, as the server composes it. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { acceleration } from '../src/compose-acceleration.ts'
import type { EntryDraft } from '../src/flows/gate/entries.ts'
import { createRecorder, type Recorder } from '../src/flows/gate/recorder.ts'
import type { StorePorts } from '../src/flows/ports.ts'
import { systemClock, systemRandom } from '../src/system.ts'
import { origin, sampleDraft } from './sample-drafts.ts'

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

export const draftsFrom = (from: number, count: number): readonly EntryDraft[] =>
  Array.from({ length: count }, (_, i) => sampleDraft(from + i))

/** Records entries in one commit. @throws Error when the store says that the log moved */
export async function recordGroup(recorder: Recorder, entries: readonly EntryDraft[]): Promise<void> {
  const recorded = await recorder.record(() => ({ entries, writes: [], result: undefined }))
  if (!recorded.ok) throw new Error(recorded.conflict)
}
