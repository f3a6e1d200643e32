/** Evidence of a real verdict with its trust file, and what an attacker makes of it. */
import { after } from 'node:test'
import {
  decodeUtf8,
  ed25519PublicKey,
  encodeTrustFile,
  formatVerifierKey,
  noteVerifierKey,
} from '../../src/core/index.ts'
import { startDeployment } from '../e2e/deployment.ts'
import { evidenceOf, trustOf } from '../e2e/evidence-scene.ts'
import { approveAll, days, open } from '../e2e/threat-scene.ts'

export interface EvidenceStory {
  readonly files: Readonly<Record<string, Uint8Array>>
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A change that three maintainers approved, as it turned green; no attacker has a key. */
export async function tellEvidenceStory(): Promise<EvidenceStory> {
  const ends: (() => unknown)[] = []
  after(async () => {
    for (const end of ends.reverse()) await end()
  })
  const d = await startDeployment(
    { after: (end) => void ends.push(end as () => unknown) },
    { frozen: true, repositories: ['sdk'] },
  )
  const pull = await open(d, 'acme/sdk')
  await approveAll(d, 'acme/sdk', pull.number, d.of('layer-5').slice(0, 3))
  await d.pass(days(14))
  const entry = (await d.store.changes.find(d.repositoryId('acme/sdk'), pull.number))?.verdict?.entry
  if (entry === undefined) throw new Error('the story has no verdict')
  const evidence = await evidenceOf(d, entry)
  const trust = await trustOf(d)
  const text = decodeUtf8(evidence) ?? ''
  const stranger = noteVerifierKey(trust.origin, ed25519PublicKey(new Uint8Array(32).fill(7)))
  return {
    files: {
      'evidence.json': evidence,
      'trust.json': encodeTrustFile(trust),
      'foreign-trust.json': encodeTrustFile({ ...trust, logKeys: [formatVerifierKey(stranger)] }),
      'tampered.json': utf8(text.replace('"outcome":"pass"', '"outcome":"fail"')),
      'cut.json': evidence.subarray(0, evidence.length - 1),
      'spaced.json': utf8(`${text}\n`),
    },
  }
}
