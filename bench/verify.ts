/** `verify.mjs` over real evidence, beside the checks of its signatures alone. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeVerifier } from '../scripts/build-verifier.ts'
import {
  type Acceleration,
  cosignCheckpoint,
  ed25519PublicKey,
  encodeEvidence,
  encodeTrustFile,
  type Evidence,
  formatWitnessKey,
  openSignedNote,
  parseVerifierKey,
  readEvidence,
  sha256,
  type TrustFile,
  type VerifierKey,
  verifyEcdsa,
  witnessKey,
} from '../src/core/index.ts'
import { encodeEcdsaDer } from '../src/core/crypto/ecdsa-encoding.ts'
import { judge } from '../src/delivery/verify/judge.ts'
import { platformAcceleration } from '../src/delivery/cli/platform-acceleration.ts'
import { evidenceOf, trustOf, verdictsOf } from '../test/e2e/evidence-scene.ts'
import { approveAll, open } from '../test/e2e/threat-scene.ts'
import { type Deployment, startDeployment } from '../test/e2e/deployment.ts'
import { startProcess } from './child.ts'
import { type Bench, median, type Outcome } from './outcome.ts'
import { checkSignatures, type SignedMaterial } from './signed-material.ts'

const bar = 10
const witnesses = ['a', 'b', 'c'].map((name) => ({
  name: `witness.example/${name}`,
  seed: sha256(Buffer.from(`witness ${name}`)),
}))

/** The newest verdict of a change that three maintainers have approved, with the keys to trust. */
async function approvedChange(d: Deployment): Promise<{ evidence: Uint8Array; trust: TrustFile }> {
  const { number } = await open(d, 'acme/sdk')
  await approveAll(d, 'acme/sdk', number, d.of('layer-5').slice(0, 3))
  const newest = (await verdictsOf(d)).at(-1)
  if (newest === undefined) throw new Error('the log holds no verdict')
  return { evidence: await evidenceOf(d, newest), trust: await trustOf(d) }
}

/** The same evidence under a head that all of the witnesses cosigned, and the trust that asks for two of them. */
function witnessed(evidence: Evidence, trust: TrustFile, time: number): { evidence: Evidence; trust: TrustFile } {
  const opened = openSignedNote(evidence.checkpoint, trust.logKeys.map(keyOf))
  if (!opened.ok) throw new Error(opened.code)
  const lines = witnesses.map(({ name, seed }) => cosignCheckpoint(opened.text, name, seed, time))
  const rows = witnesses.map(
    ({ name, seed }, i) => `witness w${i} ${formatWitnessKey(witnessKey(name, ed25519PublicKey(seed)))}\n`,
  )
  const policy = `${rows.join('')}group g 2 ${witnesses.map((_, i) => `w${i}`).join(' ')}\nquorum g\n`
  return {
    evidence: { ...evidence, checkpoint: evidence.checkpoint + lines.join('') },
    trust: { ...trust, witnessPolicy: policy },
  }
}

function keyOf(line: string): VerifierKey {
  const key = parseVerifierKey(line)
  if (key === undefined) throw new Error('not a verifier key')
  return key
}

/** What the verifier checks signatures of, each signature once. @throws Error unless the evidence is good */
function signedMaterial(evidence: Uint8Array, trust: Uint8Array, notes: Evidence, { logKeys }: TrustFile) {
  const ecdsa = new Map<string, SignedMaterial['ecdsa'][number]>()
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const recording: Acceleration = {
    ...platformAcceleration,
    verifyEcdsa(key, message, compact) {
      const one = { key: hex(key), message: hex(message), compact: hex(compact) }
      ecdsa.set(JSON.stringify(one), one)
      return verifyEcdsa(key, message, encodeEcdsaDer(compact)).ok
    },
  }
  const { verdict, checks } = judge(evidence, trust, recording)
  if (verdict !== 'consistent') throw new Error(`the evidence is ${verdict}: ${JSON.stringify(checks)}`)
  const material: SignedMaterial = {
    ecdsa: [...ecdsa.values()],
    notes: [notes.checkpoint, ...notes.earlier.map(({ checkpoint }) => checkpoint)],
    logKeys,
    witnessKeys: witnesses.map(({ name, seed }) => formatWitnessKey(witnessKey(name, ed25519PublicKey(seed)))),
  }
  return material
}

const milliseconds = (run: () => unknown): number => {
  const startedAt = performance.now()
  run()
  return performance.now() - startedAt
}

/** Runs the verifier as a stranger does. @throws Error unless it finds the evidence good */
function runVerifier(args: readonly string[]): void {
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`verify.mjs ended with ${status}: ${stdout}`)
}

/** The time of the signatures alone in a process that has just begun, as the verifier has, without that beginning. */
async function coldSignatures(file: string): Promise<number> {
  const child = startProcess('processes/signatures.ts', [file])
  try {
    return (await child.next('checked')).ms
  } finally {
    await child.stop()
  }
}

function outcomeOf(name: string, ours: readonly number[], alone: readonly number[], count: number): Outcome {
  const ratio = median(ours.map((ms, i) => ms / (alone[i] as number)))
  return {
    name,
    ours: `${median(ours).toFixed(1)} ms`,
    against: `its ${count} signatures ${median(alone).toFixed(1)} ms`,
    ratio: `${ratio.toFixed(2)} ×`,
    bar: `< ${bar} ×`,
    isMet: ratio < bar,
  }
}

export const benchVerify: Bench = async ({ isQuick, progress }) => {
  const folder = mkdtempSync(join(tmpdir(), 'governance-bench-'))
  const endings: (() => unknown)[] = []
  try {
    const d = await startDeployment(
      { after: (end) => void endings.push(end as () => unknown) },
      { repositories: ['sdk'] },
    )
    const approved = await approvedChange(d)
    const read = readEvidence(approved.evidence)
    if (!read.ok) throw new Error('the evidence cannot be read')
    const { evidence, trust } = witnessed(read.evidence, approved.trust, Math.ceil(d.clock.now() / 1_000))
    const [evidenceBytes, trustBytes] = [encodeEvidence(evidence), encodeTrustFile(trust)]
    const material = signedMaterial(evidenceBytes, trustBytes, evidence, trust)
    const count = checkSignatures(material)
    const file = (name: string, bytes: string | Uint8Array): string => {
      writeFileSync(join(folder, name), bytes)
      return join(folder, name)
    }
    const materialFile = file('signed.json', JSON.stringify(material))
    const files = [file('evidence.json', evidenceBytes), '--trust', file('trust.json', trustBytes)]
    await writeVerifier(folder)
    progress(`verify: ${evidenceBytes.length} bytes of evidence, ${count} signatures`)

    const whole: number[] = []
    const cold: number[] = []
    const warm: [number[], number[]] = [[], []]
    for (let round = 0; round < (isQuick ? 3 : 15); round++) {
      whole.push(milliseconds(() => runVerifier([join(folder, 'verify.mjs'), ...files])))
      cold.push(await coldSignatures(materialFile))
      warm[0].push(milliseconds(() => judge(evidenceBytes, trustBytes, platformAcceleration)))
      warm[1].push(milliseconds(() => checkSignatures(material)))
    }
    return [
      outcomeOf('verify.mjs, the whole process', whole, cold, count),
      outcomeOf('the same judgement in a warm process', warm[0], warm[1], count),
    ]
  } finally {
    for (const end of endings) await end()
    rmSync(folder, { recursive: true, force: true })
  }
}
